"""What is told of packages that are not installed, and what works without them."""

import json
import re

import pytest
from made_needy import install_needy

from ntgbench.errors import PluginError
from ntgbench.needs import imported, install_command, missing, require, told
from ntgbench.plugins import registry
from ntgbench.probing import PROBED

EXTRA = "pip install 'needy-plugin[all]'"


@pytest.fixture
def needy(install, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv(PROBED, "1")  # it does no harm when it is imported
    install_needy(install, tmp_path / "site")


def test_what_is_missing_and_what_installs_it(needy) -> None:
    known = registry()
    found = {name: (missing(known.system(name)), install_command(known.system(name))) for name in known.systems()}
    assert found["needy"] == found["on-needy"] == (("no_such_library",), EXTRA)
    assert found["other-needy"] == (("nor_this.part",), "pip install nor_this")
    assert found["real"] == ((), "")
    assert missing(known.metrics()["needy_metric"]) == ("no_such_library",)


def test_all_that_one_command_installs_is_told_in_one_line(needy) -> None:
    known = registry()
    assert told(map(known.system, ("needy", "real", "other-needy", "on-needy"))) == [
        f"needy, on-needy need no_such_library, which is not installed: {EXTRA}",
        "other-needy needs nor_this.part, which is not installed: pip install nor_this",
    ]


def test_a_target_is_imported_where_nothing_is_missing(needy) -> None:
    known = registry()
    with pytest.raises(PluginError, match=r"^needy needs no_such_library, .*: pip install 'needy-plugin\[all\]'$"):
        imported(known.system("needy"))
    require(known.system("real"))
    assert callable(imported(known.system("real")))


def test_listings_say_what_is_missing(needy, command) -> None:
    listed = {one["name"]: one for one in json.loads(command("list", "systems", "--json").stdout)}
    assert (listed["needy"]["missing"], listed["needy"]["install"]) == ("no_such_library", EXTRA)
    assert (listed["real"]["missing"], listed["real"]["install"]) == ("", "")
    assert EXTRA in command("list", "metrics").stdout
    assert "install" not in command("list", "datasets").stdout
    told = command("info", "on-needy").stdout
    assert re.search(rf"no_such_library +not installed\n +get it with +{re.escape(EXTRA)}\n", told)


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "needy"),
        ("check", "needy_metric"),
        ("calibrate", "needy_metric"),
        ("measure", "example.parquet", "example.parquet", "--suite", "needy-suite"),
        ("plan", "-d", "example.parquet", "-s", "real", "-s", "on-needy"),
        ("run", "-d", "example.parquet", "-s", "real", "-s", "on-needy"),
        ("run", "-d", "example.parquet", "-s", "real", "--suite", "needy-suite"),
    ],
)
def test_what_was_named_is_an_error_with_what_to_do(needy, flows, command, arguments: tuple[str, ...]) -> None:
    done = command(*arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.endswith(f" no_such_library, which is not installed: {EXTRA}\n")


PROTOCOL = """
version = 1
summary = "some of it needs packages"
datasets = ["example.parquet"]
systems = {systems}
suites = {suites}
seeds = 1
"""


def test_what_a_protocol_lists_is_left_out_and_told(needy, flows, command, tmp_path) -> None:
    text = PROTOCOL.format(systems=["real", "needy", "on-needy"], suites=["fidelity", "needy-suite"])
    (tmp_path / "own.toml").write_text(text)
    lines = {
        f"left out: needy, on-needy need no_such_library, which is not installed: {EXTRA}",
        f"left out: metrics needy_metric, only_metric need no_such_library, which is not installed: {EXTRA}",
    }
    assert lines <= set(command("plan", "own.toml").stderr.splitlines())
    done = command("run", "own.toml")
    assert done.returncode == 0, done.stderr
    assert lines <= {*done.stdout.splitlines(), *done.stderr.splitlines()}
    (row,) = map(json.loads, (tmp_path / "leaderboards" / "rows.jsonl").read_text().splitlines())
    assert (row["system"], row["status"]) == ("real", "ok")
    assert not any("needy" in key or "only_metric" in key for key in row["metrics"])
    # Nothing is left to do until the packages are there.
    assert "1 cell: 1 done" in command("plan", "own.toml").stdout
    measured = command("measure", "example.parquet", "example.parquet", "--suite", "fidelity")
    assert measured.returncode == 0, measured.stderr
    assert "left out: metrics needy_metric needs" in measured.stderr


@pytest.mark.parametrize(("systems", "suites"), [(["needy", "other-needy"], ["fidelity"]), (["real"], ["needy-suite"])])
def test_a_protocol_of_which_nothing_is_left(needy, flows, command, tmp_path, systems, suites) -> None:
    (tmp_path / "own.toml").write_text(PROTOCOL.format(systems=systems, suites=suites))
    done = command("run", "own.toml")
    assert done.returncode == 1
    assert (
        f"error: own.toml: no {'suite' if systems == ['real'] else 'system'} of the protocol own can be used here; "
        in done.stderr
    )
    assert EXTRA in done.stderr
