"""Fixtures for all tests: plugins installed for one test only, small traffic, the command line as a process."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest
from real_traffic import REAL_TRAFFIC, VARIABLE

from ntgbench.testing import example_traffic

# Tests run in a process a processor, where torch with as many threads in each would have them wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# The first example of a test may import what the others find imported, so time limits on examples mean nothing.
hypothesis.settings.register_profile("ntgbench", deadline=None)
hypothesis.settings.load_profile("ntgbench")

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def flows(tmp_path: Path) -> Path:
    """A flow table with four small classes."""
    path = tmp_path / "example.parquet"
    example_traffic().to_parquet(path)
    return path


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Install a plugin as pip would, for this test's child processes: a module, and a distribution that declares it."""
    site = tmp_path / "site"
    monkeypatch.setenv("PYTHONPATH", str(site))

    def do(distribution: str, source: str, entry_point: str | None = None, module: str | None = None) -> None:
        module = module or distribution.replace("-", "_")
        declared = site / f"{distribution.replace('-', '_')}-1.0.dist-info"
        declared.mkdir(parents=True)
        (site / f"{module}.py").write_text(textwrap.dedent(source))
        (declared / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (declared / "entry_points.txt").write_text(f"[ntgbench]\n{entry_point or distribution} = {module}\n")

    return do


@pytest.fixture
def ntgbench(tmp_path: Path) -> Command:
    """Run the command line in a process of its own, in an empty folder; give its output and exit status."""

    def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ntgbench", *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=300,
        )

    return run


@pytest.fixture(scope="session")
def real_flows() -> Path:
    """The folder of real flow tables, which is not part of the repository."""
    if not REAL_TRAFFIC.is_dir():
        pytest.skip(f"{VARIABLE} names no folder of real traffic")
    return REAL_TRAFFIC / "flows"
