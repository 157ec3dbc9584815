"""What listing and looking must not cost: no heavy library, no waiting."""

import subprocess
import sys

import pytest

from ntgbench.testing import HEAVY


def loaded_by(program: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "program",
    [
        "import ntgbench",
        "from ntgbench import Biflows, Context, GeneratorSpec, hookimpl",
        "from ntgbench.cli import cli; cli.main(['--help'], standalone_mode=False)",
        "from ntgbench.cli import cli; cli.main(['list'], standalone_mode=False)",
        "from ntgbench.cli import cli; cli.main(['plugins'], standalone_mode=False)",
        "from ntgbench.cli import cli; cli.main(['doctor', '--help'], standalone_mode=False)",
        "from ntgbench.cli import cli; cli.main(['info', 'markov'], standalone_mode=False)",
    ],
)
def test_nothing_heavy_is_imported(program: str) -> None:
    assert not loaded_by(program) & {*HEAVY, "pyarrow"}


def test_importing_the_package_loads_nothing_of_it() -> None:
    assert {name for name in loaded_by("import ntgbench") if name.startswith("ntgbench")} == {"ntgbench"}


def test_every_public_name_is_there() -> None:
    import ntgbench

    for name in ntgbench.__all__:
        assert getattr(ntgbench, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        ntgbench.nothing  # noqa: B018
