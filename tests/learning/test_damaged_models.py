"""Models that were tampered with: the short form of `python -m benchmarks.fuzz_models`."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def fuzz(*arguments: object) -> None:
    # In a process of its own, whose memory is limited.
    command = [sys.executable, "-m", "benchmarks.fuzz_models", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 escaped" in done.stdout


def test_mutants_of_references_and_augmenters_make_traffic_or_are_refused() -> None:
    fuzz(140)


@pytest.mark.slow
def test_mutants_of_models_that_learn_make_traffic_or_are_refused() -> None:
    fuzz(24, "--systems", "cvae", "llama", "mamba", "netdiffus-nr", "llama-int8-wo", "mamba-int8-da")
