"""`ntgbench new` writes a plugin that can be imported, or nothing."""

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
    ],
)
def test_names_that_are_taken_are_refused(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(NtgbenchError, match=f"cannot be called '{name}': {why}; choose another name"):
        new_plugin(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_plugin_has_its_own_name_everywhere(tmp_path: Path) -> None:
    folder = new_plugin("tiny-gan", tmp_path)
    assert (folder / "src" / "tiny_gan" / "generator.py").is_file()
    for path in folder.rglob("*"):
        if path.is_file():
            text = path.read_text()
            assert not any(old in text for old in ("my-generator", "my_generator", "MyGenerator"))
            if path.suffix == ".py":
                compile(text, path, "exec")
    with pytest.raises(NtgbenchError, match="is there already"):
        new_plugin("tiny-gan", tmp_path)
