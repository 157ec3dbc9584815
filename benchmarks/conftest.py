"""What benchmarks can be asked for on the command line."""

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the folder of a fitted system."""
    parser.addoption(
        "--fitted",
        type=Path,
        metavar="FOLDER",
        help="measure the fitted token model that `ntgbench run` left there (runs/…/fitted), not one hardly trained",
    )
