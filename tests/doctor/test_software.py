"""Each check of the installation says when something is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ntgbench.doctor import Finding, software

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

LATIN = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "latin-1"}


def states(found: Iterable[Finding]) -> list[str]:
    return [one.state for one in found]


@pytest.fixture
def declare(tmp_path: Path, monkeypatch):
    """Install a distribution called needy that declares these lines in its metadata."""

    def do(*lines: str) -> None:
        folder = tmp_path / "needy-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text("\n".join(["Metadata-Version: 2.1", "Name: needy", "Version: 1.0", *lines]))
        monkeypatch.syspath_prepend(tmp_path)

    return do


@pytest.fixture
def program(tmp_path: Path, monkeypatch):
    """Put a program on the PATH, and take off all others."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def do(name: str, script: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)

    return do


def test_pythons() -> None:
    assert [states(software.python(version)) for version in ((3, 10), (3, 12), (3, 99))] == [
        ["problem"],
        ["ok"],
        ["warning"],
    ]


def test_what_is_installed_is_what_the_source_tree_declares(tmp_path) -> None:
    assert states(software.own_version()) == ["ok"]
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "ntgbench"\nentry-points.ntgbench.newer = "newer"\n')
    (found,) = software.own_version(tmp_path)
    assert found.state == "problem"
    assert "newer" in found.what
    assert "pip install -e" in found.advice


def test_libraries_that_are_missing_or_too_old(declare) -> None:
    assert states(software.dependencies()) == ["ok"]
    declare("Requires-Dist: numpy>=999", "Requires-Dist: no-such-thing>=1", "Requires-Dist: click>=1")
    (found,) = software.dependencies("needy")
    assert found.state == "problem"
    assert "numpy>=999 needed, " in found.what
    assert "no-such-thing>=1 needed, missing" in found.what
    assert "click" not in found.what
    assert found.advice == "pip install 'numpy>=999' 'no-such-thing>=1'"


def test_versions_that_were_not_tested(tmp_path) -> None:
    assert not states(software.constraints(tmp_path))
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "ntgbench"\n')
    (tmp_path / "constraints.txt").write_text("# Tested.\nnumpy==0.1\nno-such-thing==2\n")
    (found,) = software.constraints(tmp_path)
    assert found.state == "warning"
    assert "numpy" in found.what
    assert "(tested 0.1)" in found.what
    assert "no-such-thing" not in found.what


def test_extras_that_are_whole_absent_or_there_in_part(declare) -> None:
    declare(
        *("Provides-Extra: cuda", "Provides-Extra: dask", "Provides-Extra: slurm"),
        'Requires-Dist: no-such-thing; extra == "cuda"',
        'Requires-Dist: click>=1; extra == "dask"',
        'Requires-Dist: click>=1; extra == "slurm"',
        'Requires-Dist: numpy>=999; extra == "slurm"',
        "Requires-Dist: no-such-thing-either",
    )
    assert {one.check: (one.state, "not installed" in one.what) for one in software.extras("needy")} == {
        "extra cuda": ("ok", True),
        "extra dask": ("ok", False),
        "extra slurm": ("warning", False),
    }


def test_a_refused_plugin_and_a_limited_choice(install, monkeypatch) -> None:
    assert states(software.plugins()) == ["ok"]
    install("broken", "raise ValueError('not today')")
    loaded, refused = software.plugins()
    assert (loaded.state, refused.state, refused.check) == ("ok", "problem", "plugin broken")
    assert "not today" in refused.what


def test_plugins_that_are_left_out(install, monkeypatch) -> None:
    install("unwanted", "raise ValueError('not today')")
    monkeypatch.setenv("NTGBENCH_PLUGINS", "baselines")
    assert states(software.plugins()) == ["warning"]


def test_variables_of_the_environment(monkeypatch) -> None:
    for name in [name for name in os.environ if name.startswith("NTGBENCH_")]:
        monkeypatch.delenv(name)
    assert states(software.environment()) == ["ok"]
    monkeypatch.setenv("NTGBENCH_SIZE_LIMIT", "much")
    monkeypatch.setenv("NTGBENCH_PLUGIN", "a")
    monkeypatch.setenv("NTGBENCH_PROBED", "1")
    assert states(software.environment()) == ["problem", "warning", "warning", "ok"]


@pytest.mark.parametrize(("variables", "state"), [({"PYTHONUTF8": "1"}, "ok"), (LATIN, "warning")])
def test_encodings(variables, state) -> None:
    command = "from ntgbench.doctor.software import text; print(*(one.state for one in text()))"
    done = subprocess.run(
        [sys.executable, "-c", command], env={**os.environ, **variables}, capture_output=True, check=True
    )
    assert done.stdout.decode().split() == [state]


def test_tshark(program) -> None:
    (absent,) = software.tools()
    assert absent.state == "ok"
    assert "not here" in absent.what
    program("tshark", "echo TShark 4")
    assert [(one.state, one.what) for one in software.tools()] == [("ok", "TShark 4")]
    program("tshark", "echo a library is missing >&2; exit 3")
    (broken,) = software.tools()
    assert broken.state == "warning"
    assert "a library is missing" in broken.what


def test_a_cluster(program) -> None:
    def slurm() -> Finding:
        return next(one for one in software.engines() if one.check == "engine slurm")

    assert "no sbatch" in slurm().what
    program("sbatch", "")
    program("sinfo", "echo no controller >&2; exit 1")
    assert (slurm().state, "no controller" in slurm().what) == ("warning", True)
    program("sinfo", "echo debug up 1")
    assert (slurm().state, "the cluster answers" in slurm().what) == ("ok", True)


def test_a_program_that_does_not_answer(program, monkeypatch) -> None:
    monkeypatch.setattr(software, "WAIT", 0.05)
    program("tshark", "exec /bin/sleep 100")
    (found,) = software.tools()
    assert found.state == "warning"
    assert "no answer" in found.what
