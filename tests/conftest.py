"""Fixtures for all tests: plugins installed for one test only, small traffic, the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import command_line
import hypothesis
import pytest
from real_traffic import REAL_TRAFFIC, VARIABLE

from ntgbench.plugins import RESTRICT
from ntgbench.testing import example_traffic

# There is one test process for each processor, so one thread is enough for each of them.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# The first example may import what later ones use, so a time limit for each example says nothing.
hypothesis.settings.register_profile("ntgbench", deadline=None, max_examples=50)
hypothesis.settings.load_profile("ntgbench")

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def flows(tmp_path: Path) -> Path:
    """A flow table with four small classes."""
    path = tmp_path / "example.parquet"
    example_traffic().to_parquet(path)
    return path


@pytest.fixture
def quick_cells() -> Iterator[None]:
    """See `start_cells_quickly`; plugins that a test installs are there too."""
    with pytest.MonkeyPatch.context() as patch:
        command_line.start_cells_quickly(patch)
        yield
    command_line.forget_plugins(Path())


@pytest.fixture
def install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Callable[..., None]]:
    """Install a plugin as pip would, for this test: a module, and a distribution that declares it."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.syspath_prepend(site)
    # A module that is rewritten within a second would otherwise be read from its old byte code.
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def do(distribution: str, source: str, entry_point: str | None = None, module: str | None = None) -> None:
        command_line.install(site, distribution, source, entry_point, module)
        if "quick_cells" in request.fixturenames:
            monkeypatch.setenv(RESTRICT, f"{os.environ[RESTRICT]},{entry_point or distribution}")
        command_line.forget_plugins(tmp_path)

    yield do
    command_line.forget_plugins(tmp_path)


@pytest.fixture
def misbehaving(install: Callable[..., None], tmp_path: Path) -> None:
    """Install the plugin of systems that misbehave."""
    here = Path(__file__).parent
    (tmp_path / "site" / "harmful.py").write_text((here / "made_harmful.py").read_text())
    install("misbehaving", (here / "made_misbehaving.py").read_text())


@pytest.fixture
def command(tmp_path: Path, request: pytest.FixtureRequest) -> Command:
    """Run the command line in this process, in an empty folder; give its output and exit status."""

    def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        if "install" in request.fixturenames:
            command_line.forget_plugins(tmp_path)
        return command_line.run(tmp_path, *arguments, **environment)

    return run


@pytest.fixture
def ntgbench(tmp_path: Path) -> Command:
    """As `command`, in a process of its own: for plugins that end it, and for what it logs and inherits."""

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
