"""Discovery, with plugins as pip would install them, in processes of their own."""

import json
import sys
from importlib.metadata import EntryPoint

import psutil
import pytest

from ntgbench.code_digest import code_digest
from ntgbench.errors import PluginError
from ntgbench.plugins import resolve
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


def test_bundled_plugins_are_found(ntgbench) -> None:
    found, status = rows(ntgbench)
    assert status == 0
    assert {"baselines", "datasets", "fast-retransmit", "fidelity", "smote", "utility"} <= found.keys()
    assert {row["distribution"] for row in found.values()} == {"ntgbench"}


def test_the_environment_restricts_what_is_loaded_to_a_new_plugin_and_another(install, ntgbench) -> None:
    install("good", GOOD)
    found, status = rows(ntgbench, NTGBENCH_PLUGINS="good, fidelity")
    assert status == 0
    assert found.keys() == {"good", "fidelity", "biflows", "headers", "datasets"}
    assert list(found["good"].values()) == ["good", "good", "1.0", "loaded", "good"]
    assert "a good one" in ntgbench("list", "systems", NTGBENCH_PLUGINS="good").stdout


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
    (GOOD.replace('[GeneratorSpec("good", "good:Good", "a good one")]', '["good"]'), "GeneratorSpec objects, not str"),
    (
        GOOD.replace('"good",', '"Good One",'),
        "name must be lower-case letters, digits and hyphens only, not 'Good One'",
    ),
    (GOOD.replace('"good",', '"my_gen",'), "name must be lower-case letters, digits and hyphens only, not 'my_gen'"),
    (GOOD.replace('"good",', "3,"), "3: name must be text, not 3"),
    (GOOD.replace("good:Good", "good.Good"), "target must be written like 'package.module:Name', not 'good.Good'"),
    (GOOD.replace("a good one", "two\\nlines"), "summary must be one line"),
    (GOOD.replace('"a good one"', "None"), "'good': summary must be text, not None"),
    (GOOD.replace('a good one"', 'x", needs="numpy"'), "'good': needs must be a list, not 'numpy'"),
    (GOOD.replace('a good one"', 'x", reference="no"'), "'good': reference must be true or false, not 'no'"),
    (
        GOOD.replace('a good one"', 'x", base="good"'),
        "the base 'good' of good is not a generator",
    ),
    (
        GOOD.replace('"good",', '"odd",').replace('one"', 'x", base="smote"'),
        "the base 'smote' of odd is not a generator",
    ),
    (GOOD.replace('a good one"', 'x", heldout=True'), "'good': only a reference may be fitted on held-out traffic"),
    (GOOD.replace('"good",', '"copy",'), "the name 'copy' is already taken by ntgbench"),
    (GOOD.replace('a good one"', 'x", parameters=3'), "'good': parameters must be a type, not 3"),
    (GOOD.replace('a good one"', 'x", parameters=int'), "must be a frozen dataclass"),
    (PARAMETERS.format("order: int"), "parameter 'order' of good needs a default"),
    (PARAMETERS.format("x: list = None"), "must be int, float, bool, str, Literal or None"),
    (PARAMETERS.format("x: int = 'seven'"), "break their own rules: good: x must be a whole number, not 'seven'"),
    (PARAMETERS.format("x: Missing = 1"), "NameError"),
    (PARAMETERS.format("x: float = float('nan')"), "break their own rules: good: x must be finite, not nan"),
    (PARAMETERS.format("x: int = 1\n        def __post_init__(self): raise RuntimeError('no')"), "RuntimeError: no"),
    (METRIC.format("goal='up'"), "'odd': goal must be 'max' or 'min' or 'near', not 'up'"),
    (METRIC.format("goal='min', suite='secrecy'").replace("odd", "lost"), "no suite 'secrecy', which lost names"),
    (METRIC.format("goal='min', about=('flows',)").replace("odd", "far"), "traffic of biflows has no aspect 'flows'"),
    (METRIC.format("goal='min', about='flows'"), "about must be a list, not 'flows'"),
    (
        GOOD.replace('"good",', '"flat",').replace('one"', 'x", track="headers", lacks=(("flow", "it has none"),)'),
        "traffic of headers has no aspect 'flow', which flat names; did you mean flows?",
    ),
    (GOOD.replace('a good one"', 'x", lacks=("flows",)'), "lacks[0] must be a list, not 'flows'"),
    (METRIC.format("goal='min', version='1'"), "version must be a whole number, not '1'"),
    (METRIC.format("goal='min', lowest='0'"), "lowest must be a number or none, not '0'"),
    (METRIC.format("goal='min', digits=-1"), "digits must be in 0..12, not -1"),
    (METRIC.format("goal='min', primary=True"), "the primary metric of suite 'fidelity' is already taken by ntgbench"),
]

FATAL = [
    ("import os; os._exit(0)", "ended the process with status 0"),
    ("from posix import _exit; _exit(7)", "ended the process with status 7"),
    ("import os; os.kill(os.getpid(), 9)", "ended the process by SIGKILL"),
    ("import ctypes; ctypes.string_at(0)", "ended the process by SIGSEGV"),
    ("import os; os.abort()", "ended the process by SIGABRT"),
    ("raise KeyboardInterrupt", "ended the process by SIGINT"),
    (GOOD.replace("return [", "import os; os._exit(0); return ["), "ended the process with status 0"),
]


def test_bad_plugins_are_rows_with_reasons_and_the_others_are_there(install, ntgbench) -> None:
    expected = {}
    for number, (source, reason) in enumerate(BAD):
        install(f"bad-{number}", source)
        expected[f"bad-{number}"] = reason
    found, status = rows(ntgbench)
    assert status == 1
    assert {found[name]["state"] for name in expected} == {"refused"}
    assert [
        (reason, found[name]["brings"]) for name, reason in expected.items() if reason not in found[name]["brings"]
    ] == []
    assert found["baselines"]["state"] == "loaded"


def test_plugins_that_end_the_process_are_refused_and_the_others_are_there(install, ntgbench, flows) -> None:
    install("a-good", GOOD.replace("good", "a-good").replace("a-good:Good", "a_good:Good"))
    install("good", GOOD)
    for number, (source, _) in enumerate(FATAL):
        install(f"fatal-{number}", source)
    found, status = rows(ntgbench)
    assert status == 1
    for number, (_, how) in enumerate(FATAL):
        assert found[f"fatal-{number}"]["state"] == "refused"
        assert f"{how} while it was imported" in found[f"fatal-{number}"]["brings"]
    assert {found[name]["state"] for name in ("a-good", "good", "baselines")} == {"loaded"}
    only = {"NTGBENCH_PLUGINS": "baselines, fidelity, fatal-0"}
    done = ntgbench("run", "-d", flows, "-s", "copy", "--seeds", 1, "--suite", "fidelity", **only)
    assert done.returncode == 0, done.stderr


def test_a_plugin_whose_import_does_not_end_is_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "hangs_at_import.py").write_text("import signal; signal.pause()")
    hanging = EntryPoint("hangs", "hangs_at_import", "ntgbench")
    assert find_fatal([hanging], longest=2) == {hanging: "it did not finish within 2 seconds while it was imported"}


LEAVES = """
import os, subprocess, sys
if os.fork() == 0:
    os.setsid()
    child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], env={})
    with open(os.path.join(os.path.dirname(__file__), "left"), "a") as file:
        print(child.pid, file=file)
    os._exit(0)
os.wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process adopt others")
def test_a_plugin_whose_import_leaves_a_process_running_is_refused(install, ntgbench, tmp_path) -> None:
    install("leaves", LEAVES)
    install("good", GOOD)
    found, _ = rows(ntgbench)
    assert found["leaves"]["state"] == "refused"
    assert "it left a process running when it was imported" in found["leaves"]["brings"]
    assert found["good"]["state"] == "loaded"
    (left,) = (tmp_path / "site" / "left").read_text().split()
    assert not psutil.pid_exists(int(left))


def test_a_name_that_no_plugin_has_is_warned_of(ntgbench) -> None:
    done = ntgbench("list", "systems", NTGBENCH_PLUGINS="baselines, fidelty,")
    assert done.returncode == 0
    assert "NTGBENCH_PLUGINS: no installed plugin is called 'fidelty'; did you mean fidelity?" in done.stderr
    assert done.stderr.count("NTGBENCH_PLUGINS") == 1
    assert "copy" in done.stdout


def test_a_taken_entry_point_name_is_refused(install, ntgbench) -> None:
    install("first", GOOD.replace('"good"', '"first"'), entry_point="same", module="first")
    install("second", GOOD.replace('"good"', '"second"'), entry_point="same", module="second")
    states = {r["distribution"]: r for r in json.loads(ntgbench("plugins", "--json").stdout) if r["plugin"] == "same"}
    assert states["first"]["state"] == "loaded"
    assert "already taken by first" in states["second"]["brings"]


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
    with pytest.raises(PluginError, match=r"cannot import json:nothing: AttributeError"):
        resolve("json:nothing")


def test_the_digest_of_code_follows_what_plugins_share(tmp_path, monkeypatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("ntgbench.code_digest.SHARED", ("shared_loop", "shared_tokens"))
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
