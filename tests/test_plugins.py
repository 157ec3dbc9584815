"""Discovery, with plugins as pip would install them, in processes of their own."""

import json

import pytest

from ntgbench.errors import PluginError
from ntgbench.plugins import resolve

GOOD = """
    from ntgbench import GeneratorSpec, hookimpl

    @hookimpl
    def ntgbench_generators():
        return [GeneratorSpec("good", "good:Good", "a good one")]
"""


def rows(ntgbench, **environment):
    done = ntgbench("plugins", "--json", **environment)
    assert "Traceback" not in done.stderr
    return {row["plugin"]: row for row in json.loads(done.stdout)}, done.returncode


def test_bundled_plugins_are_found(ntgbench) -> None:
    found, status = rows(ntgbench)
    assert status == 0
    assert {"baselines", "datasets", "fast-retransmit", "fidelity", "smote", "utility"} <= found.keys()
    assert {row["distribution"] for row in found.values()} == {"ntgbench"}


def test_a_good_plugin_joins_them(install, ntgbench) -> None:
    install("good", GOOD)
    found, status = rows(ntgbench)
    assert status == 0
    assert found["good"] == {
        "plugin": "good",
        "distribution": "good",
        "version": "1.0",
        "state": "loaded",
        "brings": "good",
    }
    assert "a good one" in ntgbench("list", "systems").stdout


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import not_there_at_all", "ModuleNotFoundError: No module named 'not_there_at_all'"),
        ("raise RuntimeError('boom')", "RuntimeError: boom"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("def broken(:", "SyntaxError"),
        ("", "implements no hook"),
        (GOOD.replace("ntgbench_generators", "ntgbench_generator"), "unknown hook 'ntgbench_generator'"),
        (GOOD.replace("def ntgbench_generators()", "def ntgbench_generators(x)"), "hook"),
        (
            GOOD.replace("return [", "return (s for s in [").replace('one")]', 'one")])'),
            "must return a list, not generator",
        ),
        (GOOD.replace("GeneratorSpec(", "dict(name="), "SyntaxError"),
        (
            GOOD.replace('[GeneratorSpec("good", "good:Good", "a good one")]', '["good"]'),
            "GeneratorSpec objects, not str",
        ),
        (GOOD.replace('"good",', '"Good One",'), "is no name"),
        (GOOD.replace("good:Good", "good.Good"), "must look like 'package.module:Name'"),
        (GOOD.replace('a good one"', 'x", parameters=int'), "must be a frozen dataclass"),
        (GOOD.replace('"good",', '"copy",'), "the name 'copy' is already taken by ntgbench"),
    ],
)
def test_a_bad_plugin_is_a_row_with_a_reason(install, ntgbench, source: str, reason: str) -> None:
    install("bad", source)
    found, status = rows(ntgbench)
    assert status == 1
    assert found["bad"]["state"] == "refused"
    assert reason in found["bad"]["brings"]
    assert found["baselines"]["state"] == "loaded"


def test_a_taken_entry_point_name_is_refused(install, ntgbench) -> None:
    install("first", GOOD.replace('"good"', '"first"'), entry_point="same", module="first")
    install("second", GOOD.replace('"good"', '"second"'), entry_point="same", module="second")
    states = {r["distribution"]: r for r in json.loads(ntgbench("plugins", "--json").stdout) if r["plugin"] == "same"}
    assert states["first"]["state"] == "loaded"
    assert "already taken by first" in states["second"]["brings"]


def test_the_environment_restricts_what_is_loaded(install, ntgbench) -> None:
    install("good", GOOD)
    found, _ = rows(ntgbench, NTGBENCH_PLUGINS="good, fidelity")
    assert found.keys() == {"good", "fidelity"}


def test_no_plugin_at_all_says_why(ntgbench) -> None:
    done = ntgbench("plugins", NTGBENCH_PLUGINS="none-such")
    assert done.returncode == 1
    assert "NTGBENCH_PLUGINS='none-such'" in done.stderr


def test_a_tree_that_was_never_installed_says_so(tmp_path) -> None:
    """The source tree on the import path, without the installed distribution beside it."""
    from ntgbench.plugins import Registry

    with pytest.raises(PluginError, match="pip install -e"):
        Registry(()).system("copy")


def test_unknown_systems_get_a_suggestion(ntgbench, flows) -> None:
    done = ntgbench("run", "-d", flows, "-s", "markow")
    assert done.returncode == 1
    assert "did you mean markov" in done.stderr


def test_targets_are_imported_late_and_fail_clearly() -> None:
    assert resolve("json:dumps") is json.dumps
    with pytest.raises(PluginError, match="needs no_such_library, which is not installed"):
        resolve("json:dumps", ("no_such_library",))
    with pytest.raises(PluginError, match=r"cannot import json:nothing: AttributeError"):
        resolve("json:nothing")
