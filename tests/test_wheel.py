"""The one wheel: what `pip install .` and a published wheel put into an environment."""

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from ntgbench.protocol import bundled
from ntgbench.tracks.headers.example import example_trace
from ntgbench.traffic.trace_files import write_trace_file

ROOT = Path(__file__).parent.parent


def ask(program: str, site: Path | None) -> str:
    """What a new interpreter prints, with the packages in `site` before all others, from a folder without any."""
    environment = {**os.environ, **({"PYTHONPATH": str(site)} if site else {})}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT.anchor, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


PLUGINS = """
import json
from ntgbench.plugins import registry
found = registry().plugins
print(json.dumps([(p.name, p.distribution, p.version, p.refused, [s.name for s in p.specs]) for p in found]))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """A folder into which pip has installed the wheel of this source tree, and nothing else."""
    tree, wheels, site = (tmp_path_factory.mktemp("wheel") / name for name in ("tree", "wheels", "site"))
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip(f"not a git checkout: {listed.stderr.strip()}")
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tree / name)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", wheels, tree], check=True)
    (wheel,) = wheels.glob("ntgbench-*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", site, wheel], check=True)
    return site


@pytest.mark.slow
def test_a_built_wheel_has_the_plugins_of_the_source_tree(site: Path, tmp_path: Path) -> None:
    assert ask("import ntgbench; print(ntgbench.__file__)", site).startswith(str(site))
    installed, here = (json.loads(ask(PLUGINS, where)) for where in (site, None))
    assert installed == here
    assert len(installed) >= 6
    # Files that are no modules travel too.
    assert ask("from ntgbench.protocol import bundled; print(*bundled())", site).split() == list(bundled())
    assert "6150" in ask("from ntgbench import load_dataset; print(len(load_dataset('simulated').traffic))", site)
    program = (
        "import pathlib; from ntgbench.scaffold import new_plugin; print(new_plugin({!r}, pathlib.Path({!r}), {!r}))"
    )
    for name, track in (("a-b", "biflows"), ("a-c", "headers")):
        made = ask(program.format(name, str(tmp_path), track), site)
        assert (Path(made.strip()) / "src" / name.replace("-", "_") / "generator.py").is_file()


def needed_by(site: Path) -> set[str]:
    """Names of all distributions that pip installs with the wheel, when no extra is asked for."""
    (own,) = site.glob("ntgbench-*.dist-info")
    found: set[str] = set()
    left = importlib.metadata.Distribution.at(own).requires or []
    while left:
        one = Requirement(left.pop())
        if one.name not in found and (one.marker is None or one.marker.evaluate({"extra": ""})):
            found.add(one.name)
            left += importlib.metadata.requires(one.name) or []
    return found


@pytest.fixture(scope="module")
def light(site: Path, tmp_path_factory) -> Path:
    """The interpreter of an environment with the wheel and what it needs, which is linked from this environment."""
    home = tmp_path_factory.mktemp("light")
    venv.create(home, symlinks=True)
    (packages,) = home.glob("lib/python3.*/site-packages")
    for path in site.iterdir():
        (packages / path.name).symlink_to(path)
    for name in needed_by(site):
        for top in {file.parts[0] for file in importlib.metadata.files(name) or []} - {"..", "__pycache__"}:
            link = packages / top
            if not link.exists():
                link.symlink_to(importlib.metadata.distribution(name).locate_file(top))
    return home / "bin" / "python"


def ntgbench(light: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run([light, "-m", "ntgbench", *arguments], cwd=folder, env=alone, capture_output=True, text=True)


@pytest.mark.slow
def test_without_the_packages_of_models_the_rest_works(light: Path, flows: Path) -> None:
    folder = flows.parent
    listed = json.loads(ntgbench(light, folder, "list", "systems", "--json").stdout)
    lacking = {one["name"]: one["missing"] for one in listed if one["missing"]}
    assert lacking.keys() >= {"llama", "mamba", "cvae", "netdiffus-nr", "llama-onnx", "llama-int8-wo", "cascadenet"}
    assert lacking["llama"] == "torch"
    assert lacking["netdiffusion"] == "diffusers, peft"
    commands = {one["name"]: one["install"] for one in listed if one["missing"]}
    assert commands.pop("netdiffusion") == "pip install 'ntgbench[netdiffusion]'"
    assert commands.pop("realtabformer") == "pip install 'ntgbench[realtabformer]'"
    assert set(commands.values()) == {"pip install 'ntgbench[models]'"}
    checked = json.loads(ntgbench(light, folder, "doctor", "--json").stdout)["checks"]
    assert [
        one for one in checked if one["check"] in ("ntgbench", "dependencies", "torch") and one["state"] != "ok"
    ] == []

    chosen = ["-s", "real", "-s", "markov", "-s", "smote", "--seeds", "1", "--suite", "fidelity", "--suite", "utility"]
    done = ntgbench(light, folder, "run", "-d", flows.name, *chosen)
    assert done.returncode == 0, done.stderr
    rows = map(json.loads, (folder / "leaderboards" / "rows.jsonl").read_text().splitlines())
    assert sorted((row["system"], row["status"]) for row in rows) == [("markov", "ok"), ("real", "ok"), ("smote", "ok")]


@pytest.mark.slow
def test_metrics_without_the_packages_of_models(light: Path, tmp_path: Path) -> None:
    listed = json.loads(ntgbench(light, tmp_path, "list", "metrics", "--json").stdout)
    assert {one["name"]: one["missing"] for one in listed if one["missing"]} == {
        **{f"{kind}_{model}": "statsmodels" for kind in ("throughput", "packet_rate") for model in ("ar", "arma")},
        **{f"f1_{rows}_ae": "torch" for rows in ("iat", "size", "iat_size", "stats", "samp_num", "samp_size")},
    }
    write_trace_file(example_trace(), tmp_path / "trace.parquet")
    done = ntgbench(light, tmp_path, "measure", "trace.parquet", "trace.parquet", "--suite", "statistics")
    assert done.returncode == 0, done.stderr


MOST_MIB = 450
"""What an installation without extras may take on disk."""


def test_the_installation_without_extras_is_small(site: Path) -> None:
    """Bytes of all files that pip has written; `make light` looks at a real installation."""
    sizes = {
        name: sum(
            file.locate().stat().st_size for file in importlib.metadata.files(name) or [] if file.locate().is_file()
        )
        for name in needed_by(site)
    }
    sizes["ntgbench"] = sum(path.stat().st_size for path in site.rglob("*") if path.is_file())
    assert sum(sizes.values()) / 2**20 <= MOST_MIB, sizes
