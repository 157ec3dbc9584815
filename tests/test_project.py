"""The repository keeps its own rules."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PLUGINS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))


def read(path: Path) -> dict:
    return tomllib.loads(path.read_text())


def requirement(text: str) -> tuple[str, str]:
    name = re.match(r"[A-Za-z0-9_.-]+", text).group()
    return name.lower(), text[len(name) :].strip()


PROJECT = read(ROOT / "pyproject.toml")


@pytest.mark.parametrize("folder", PLUGINS, ids=lambda path: path.name)
def test_the_wheel_declares_what_each_plugin_folder_declares(folder: Path) -> None:
    own = read(folder / "pyproject.toml")
    entry_points = PROJECT["project"]["entry-points"]["ntgbench"]
    assert own["project"]["entry-points"]["ntgbench"].items() <= entry_points.items()
    (package,) = own["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    path = folder.relative_to(ROOT) / package
    assert str(path) in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert str(path.parent) in PROJECT["tool"]["hatch"]["build"]["dev-mode-dirs"]
    assert f"$MYPY_CONFIG_FILE_DIR/{path.parent}" in PROJECT["tool"]["mypy"]["mypy_path"]
    needed = dict(map(requirement, own["project"]["dependencies"]))
    assert needed.pop("ntgbench") == ""
    # A plugin may build on another one of the wheel.
    for sibling in needed.keys() & {plugin.name for plugin in PLUGINS}:
        del needed[sibling]
    project = PROJECT["project"]
    everything = [*project["dependencies"], *project["optional-dependencies"]["models"]]
    assert needed.items() <= dict(map(requirement, everything)).items()


@pytest.mark.parametrize("folder", PLUGINS, ids=lambda path: path.name)
def test_the_wheel_has_the_extras_of_each_plugin(folder: Path) -> None:
    extras = read(folder / "pyproject.toml")["project"].get("optional-dependencies", {})
    assert extras.items() <= PROJECT["project"]["optional-dependencies"].items()


def test_the_wheel_declares_nothing_else() -> None:
    declared = set(PROJECT["project"]["entry-points"]["ntgbench"].values())
    own = {
        value
        for folder in PLUGINS
        for value in read(folder / "pyproject.toml")["project"]["entry-points"]["ntgbench"].values()
    }
    host = {"ntgbench.datasets.catalogue", "ntgbench.tracks.biflows", "ntgbench.tracks.headers"}
    assert declared == own | host


def test_every_dependency_has_a_tested_version() -> None:
    tested = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, version = line.split("==")
            tested[name.lower().replace("_", "-")] = version
    project = PROJECT["project"]
    extras = project["optional-dependencies"]
    # What is built for a GPU cannot be tried where the tests run.
    wanted = [*project["dependencies"], *(text for name in extras.keys() - {"cuda"} for text in extras[name])]
    assert {requirement(text)[0] for text in wanted} <= tested.keys()


def test_no_file_is_longer_than_it_should_be() -> None:
    files = [*ROOT.glob("ntgbench/**/*.py"), *ROOT.glob("plugins/*/src/**/*.py")]
    assert {str(p.relative_to(ROOT)): n for p in files if (n := len(p.read_text().splitlines())) > 300} == {}


WORKFLOWS = "\n".join(path.read_text() for path in sorted(ROOT.glob(".github/workflows/*.y*ml")))


def test_every_action_is_pinned_by_its_digest() -> None:
    used = re.findall(r"\buses:\s*(.+)", WORKFLOWS)
    assert used
    assert [one for one in used if not re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one)] == []


def test_the_workflow_runs_the_gate_on_every_python_that_the_project_names() -> None:
    (matrix,) = re.findall(r"^ +python: \[(.+)\]$", WORKFLOWS, re.MULTILINE)
    classifiers = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["project"]["classifiers"]))
    assert re.findall(r'"(.+?)"', matrix) == classifiers
    assert PROJECT["project"]["requires-python"] == f">={classifiers[0]}"
    assert "run: bash .ci/run\n" in WORKFLOWS


def test_the_workflow_of_checks_may_only_read() -> None:
    text = (ROOT / ".github/workflows/ci.yml").read_text()
    assert re.findall(r"^ *permissions:.*\n((?: +.*\n)+?)(?=\S)", text, re.MULTILINE) == ["  contents: read\n"]
    assert "write" not in text


def test_the_top_level_is_as_agreed() -> None:
    visible = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    left_by_tools = {"build", "dist", "runs"}
    assert visible - left_by_tools == {
        "CONTRIBUTING.md",
        "LICENSE",
        "Makefile",
        "README.md",
        "SECURITY.md",
        "benchmarks",
        "constraints.txt",
        "docs",
        "leaderboards",
        "ntgbench",
        "plugins",
        "pyproject.toml",
        "tests",
    }
