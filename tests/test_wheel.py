"""The one wheel: what `pip install .` and a published wheel put into an environment."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ntgbench.protocol import bundled

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


@pytest.mark.slow
def test_a_built_wheel_has_the_plugins_of_the_source_tree(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip(f"not a git checkout: {listed.stderr.strip()}")
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tree / name)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", tmp_path, tree], check=True)
    (wheel,) = tmp_path.glob("ntgbench-*.whl")
    site = tmp_path / "site"
    subprocess.run([*pip, "install", "--no-deps", "--target", site, wheel], check=True)

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
