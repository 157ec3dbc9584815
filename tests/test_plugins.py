"""Discovery, with plugins as pip would install them."""

import json
from importlib.metadata import EntryPoint

import command_line
import pytest

from ntgbench.errors import PluginError
from ntgbench.plugins import code_digest, resolve
from ntgbench.probing import find_fatal

GOOD = """
    from ntgbench import GeneratorSpec, hookimpl

    @hookimpl
    def ntgbench_generators():
        return [GeneratorSpec("good", "good:Good", "a good one")]
"""


PARAMETERS = """
    from dataclasses import dataclass
    from typing import Optional
    from ntgbench import GeneratorSpec, hookimpl

    @dataclass(frozen=True)
    class Parameters:
        {}

    @hookimpl
    def ntgbench_generators():
        return [GeneratorSpec("good", "good:Good", "a good one", parameters=Parameters)]
"""

METRIC = """
    from ntgbench import MetricSpec, hookimpl

    @hookimpl
    def ntgbench_metrics():
        named = dict(name="odd", target="odd:measure", summary="x", suite="fidelity")
        return [MetricSpec(**{{**named, **dict({})}})]
"""


def rows(ntgbench, **environment):
    done = ntgbench("plugins", "--json", **environment)
    assert "Traceback" not in done.stderr
    return {row["plugin"]: row for row in json.loads(done.stdout)}, done.returncode


def test_bundled_plugins_are_found(command) -> None:
    found, status = rows(command)
    assert status == 0
    assert {"baselines", "datasets", "fast-retransmit", "fidelity", "smote", "utility"} <= found.keys()
    assert {row["distribution"] for row in found.values()} == {"ntgbench"}


def test_a_good_plugin_joins_them(install, command) -> None:
    install("good", GOOD)
    found, status = rows(command)
    assert status == 0
    assert found["good"] == {
        "plugin": "good",
        "distribution": "good",
        "version": "1.0",
        "state": "loaded",
        "brings": "good",
    }
    assert "a good one" in command("list", "systems").stdout


BAD = [
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
    (GOOD.replace('"good",', '"my_gen",'), "is no name: lower-case letters, digits and hyphens only"),
    (GOOD.replace("a good one", "two\\nlines"), "must be one line"),
    (GOOD.replace('"a good one"', "None"), "summary of good must not be None"),
    (GOOD.replace('a good one"', 'x", needs="numpy"'), "needs of good must not be 'numpy'"),
    (GOOD.replace('a good one"', 'x", reference="no"'), "reference of good must not be 'no'"),
    (
        GOOD.replace('a good one"', 'x", base="good"'),
        "the base 'good' of good is no generator, or starts from good",
    ),
    (GOOD.replace('"good",', '"other",').replace('a good one"', 'x", base="smote"'), "the base 'smote' of other is"),
    (PARAMETERS.format("order: int"), "parameter 'order' of good needs a default"),
    (PARAMETERS.format("x: list = None"), "must be int, float, bool, str, Literal or None"),
    (PARAMETERS.format("x: int = 'seven'"), "break their own rules"),
    (PARAMETERS.format("x: Missing = 1"), "NameError"),
    (PARAMETERS.format("x: float = float('nan')"), "Out of range float values are not JSON compliant"),
    (
        PARAMETERS.format("x: int = 1\n        def __post_init__(self): raise RuntimeError('no')"),
        "RuntimeError: no",
    ),
    (METRIC.format("goal='up'"), "goal of odd must not be 'up'"),
    (METRIC.format("goal='min', suite='privacy'"), "suite of odd must not be 'privacy'"),
    (METRIC.format("goal='min', version='1'"), "version of odd must not be '1'"),
    (METRIC.format("goal='min', lowest='0'"), "lowest of odd must not be '0'"),
    (METRIC.format("goal='min', digits=-1"), "digits of odd must be in 0..12, not -1"),
    (
        METRIC.format("goal='min', primary=True"),
        "the primary metric of suite 'fidelity' is already taken by ntgbench",
    ),
    (GOOD.replace('"good",', '"copy",'), "the name 'copy' is already taken by ntgbench"),
]


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """What `ntgbench plugins` says with all of `BAD` installed: a row for each plugin."""
    site = tmp_path_factory.mktemp("site")
    for number, (source, _) in enumerate(BAD):
        command_line.install(site, f"bad-{number}", source)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(site)
        command_line.forget_plugins(site)
        done = command_line.run(site, "plugins", "--json", PYTHONPATH=str(site))
    command_line.forget_plugins(site)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return {row["plugin"]: row for row in json.loads(done.stdout)}


@pytest.mark.parametrize("number", range(len(BAD)))
def test_a_bad_plugin_is_a_row_with_a_reason(refused, number: int) -> None:
    found = refused[f"bad-{number}"]
    assert found["state"] == "refused"
    assert BAD[number][1] in found["brings"]


def test_bad_plugins_leave_the_others_alone(refused) -> None:
    assert {row["plugin"] for row in refused.values() if row["state"] == "loaded"} >= {"baselines", "fidelity"}


FATAL = [
    ("import os; os._exit(0)", "ended the process with status 0"),
    ("from posix import _exit; _exit(7)", "ended the process with status 7"),
    ("import os; os.kill(os.getpid(), 9)", "ended the process by SIGKILL"),
    ("import ctypes; ctypes.string_at(0)", "ended the process by SIGSEGV"),
    ("import os; os.abort()", "ended the process by SIGABRT"),
    ("raise KeyboardInterrupt", "ended the process by SIGINT"),
    (GOOD.replace("return [", "import os; os._exit(0); return ["), "ended the process with status 0"),
]


def test_plugins_that_end_the_process_are_refused_and_the_others_are_there(install, ntgbench) -> None:
    install("a-good", GOOD.replace("good", "a-good").replace("a-good:Good", "a_good:Good"))
    for number, (source, _) in enumerate(FATAL):
        install(f"bad-{number}", source)
    install("good", GOOD)
    found, status = rows(ntgbench)
    assert status == 1
    for number, (_, how) in enumerate(FATAL):
        assert found[f"bad-{number}"]["state"] == "refused"
        assert f"{how} while it was imported" in found[f"bad-{number}"]["brings"]
    assert {found[name]["state"] for name in ("a-good", "good", "baselines")} == {"loaded"}
    listed = ntgbench("list", "systems")
    assert listed.returncode == 0
    assert "a good one" in listed.stdout
    assert "bad-0: refused" in listed.stderr


def test_a_plugin_whose_import_does_not_end_is_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "hangs_at_import.py").write_text("import signal; signal.pause()")
    hanging = EntryPoint("hangs", "hangs_at_import", "ntgbench")
    assert find_fatal([hanging], longest=0.5) == {
        hanging: "it did not come to its end within 0.5 seconds while it was imported"
    }


def test_the_cells_of_a_run_do_not_load_what_was_refused(install, ntgbench, flows) -> None:
    install("bad", "import os; os._exit(0)")
    done = ntgbench("run", "-d", flows, "-s", "copy", "--seeds", 1, "--suite", "fidelity")
    assert done.returncode == 0, done.stderr


def test_a_name_that_no_plugin_has_is_warned_of(ntgbench) -> None:
    done = ntgbench("list", "systems", NTGBENCH_PLUGINS="baselines, fidelty,")
    assert done.returncode == 0
    assert "NTGBENCH_PLUGINS: no installed plugin is called 'fidelty'; did you mean fidelity?" in done.stderr
    assert done.stderr.count("NTGBENCH_PLUGINS") == 1
    assert "copy" in done.stdout
    assert not ntgbench("list", "systems", NTGBENCH_PLUGINS="baselines,fidelity").stderr


def test_a_taken_entry_point_name_is_refused(install, command) -> None:
    install("first", GOOD.replace('"good"', '"first"'), entry_point="same", module="first")
    install("second", GOOD.replace('"good"', '"second"'), entry_point="same", module="second")
    states = {r["distribution"]: r for r in json.loads(command("plugins", "--json").stdout) if r["plugin"] == "same"}
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


def test_targets_are_imported_late_and_fail_clearly() -> None:
    assert resolve("json:dumps") is json.dumps
    with pytest.raises(PluginError, match="needs no_such_library, which is not installed"):
        resolve("json:dumps", ("no_such_library",))
    with pytest.raises(PluginError, match=r"cannot import json:nothing: AttributeError"):
        resolve("json:nothing")


def test_the_digest_of_code_follows_what_plugins_share(tmp_path, monkeypatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("ntgbench.plugins.SHARED", ("shared_loop", "shared_tokens"))
    (tmp_path / "of_loop.py").write_text("import shared_loop")
    (tmp_path / "alone.py").write_text("import numpy")
    (tmp_path / "shared_tokens.py").write_text("EOS = 1")
    loop = tmp_path / "shared_loop"
    loop.mkdir()
    (loop / "__init__.py").write_text("import shared_tokens")

    def digests() -> tuple[str, str]:
        return code_digest("of_loop:System"), code_digest("alone:System")

    found = [digests()]
    (loop / "training.py").write_text("BETAS = (0.9, 0.999)")
    found.append(digests())
    (tmp_path / "shared_tokens.py").write_text("EOS = 2")
    found.append(digests())
    assert len({of_loop for of_loop, _ in found}) == 3
    assert len({alone for _, alone in found}) == 1
    assert code_digest("missing:System") == ""
