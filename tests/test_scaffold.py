"""`ntgbench new` writes a plugin that can be imported, or nothing."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from ntgbench.errors import NtgbenchError
from ntgbench.scaffold import new_plugin


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("class", "class is a keyword of Python"),
        ("none", "None is a keyword of Python"),
        ("json", "json is a module of Python itself"),
        ("copy", "a system of ntgbench.* has that name"),
        ("markov", "a system of ntgbench.* has that name"),
        ("fidelity", "an installed plugin has that name"),
        ("ntgbench", "a module ntgbench can be imported already"),
        ("ntgbench-smote", "a module ntgbench_smote can be imported already"),
        ("labels", "its class Labels would hide the one of ntgbench"),
        ("packet-trace", "its class PacketTrace would hide the one of ntgbench"),
    ],
)
def test_names_that_are_taken_are_refused(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(NtgbenchError, match=f"cannot be called '{name}': {why}; choose another name"):
        new_plugin(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("track", ["biflows", "headers"])
def test_a_plugin_has_its_own_name_everywhere(tmp_path: Path, track: str) -> None:
    folder = new_plugin("tiny-gan", tmp_path, track)
    assert (folder / "src" / "tiny_gan" / "generator.py").is_file()
    for path in folder.rglob("*"):
        if path.is_file():
            text = path.read_text()
            assert not any(old in text for old in ("my-generator", "my_generator", "MyGenerator"))
            if path.suffix == ".py":
                compile(text, path, "exec")
    with pytest.raises(NtgbenchError, match="is there already"):
        new_plugin("tiny-gan", tmp_path, track)


def test_a_track_without_template_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NtgbenchError, match="no template of a plugin for the track 'heders'; did you mean headers"):
        new_plugin("tiny-gan", tmp_path, "heders")
    assert list(tmp_path.iterdir()) == []


def test_a_new_generator_of_traces_passes_its_tests_and_all_checks(tmp_path: Path) -> None:
    folder = new_plugin("tiny-gan", tmp_path, "headers")
    declared = folder / "src" / "tiny_gan-0.1.0.dist-info"
    declared.mkdir()
    (declared / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-gan\nVersion: 0.1.0\n")
    entry_points = tomllib.loads((folder / "pyproject.toml").read_text())["project"]["entry-points"]["ntgbench"]
    (declared / "entry_points.txt").write_text(
        "[ntgbench]\n" + "".join(f"{k} = {v}\n" for k, v in entry_points.items())
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "0", folder],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / "src")},
        capture_output=True,
        text=True,
    )
    # The eleven checks of `ntgbench check` are among them.
    assert "13 passed" in done.stdout, done.stdout + done.stderr
