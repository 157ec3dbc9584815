"""A finished run that tests spoil."""

import shutil
from pathlib import Path

import command_line
import pytest

from ntgbench.testing import example_traffic

GRID = ("-d", "example.parquet", "-s", "copy", "-s", "real", "--seeds", 1, "--suite", "fidelity")


@pytest.fixture(scope="session")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("first") / "folder"
    folder.mkdir()
    example_traffic().to_parquet(folder / "example.parquet")
    with pytest.MonkeyPatch.context() as patch:
        command_line.start_cells_quickly(patch)
        done = command_line.run(folder, "run", *GRID)
    command_line.forget_plugins(Path())
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def finished(first_run: Path, tmp_path: Path) -> tuple[object, ...]:
    """Put a finished run of `copy` and `real` into the test's folder; the arguments that it was made with."""
    shutil.copytree(first_run, tmp_path, dirs_exist_ok=True)
    return GRID
