"""A suite from outside is one module with one entry point; its settings are a table of the protocol."""

import json

import pytest
from guide import MODULES

PROTOCOL = """
version = 1
summary = "volume"
datasets = ["example.parquet"]
systems = ["real", "copy"]
suites = ["volume", "fidelity"]
seeds = 1
[volume]
scale = {scale}
"""


def test_it_is_measured_and_has_a_page(install, ntgbench, flows, tmp_path) -> None:
    install("volume", MODULES["volume"])
    path, rows = tmp_path / "mine.toml", tmp_path / "leaderboards" / "rows.jsonl"

    def run(scale: int) -> dict[str, dict]:
        path.write_text(PROTOCOL.format(scale=scale))
        assert ntgbench("run", "mine.toml").returncode == 0
        return {row["system"]: row for row in map(json.loads, rows.read_text().splitlines())}

    first, second = run(1), run(100)
    assert first["real"]["metrics"]["volume/bytes"]["value"] == 1.0
    # Other settings of one suite measure that one again, and nothing else.
    for before, after in zip(first.values(), second.values(), strict=True):
        assert after["metrics"]["volume/bytes"]["value"] == 100 * before["metrics"]["volume/bytes"]["value"]
        assert after["keys"]["fidelity"] == before["keys"]["fidelity"]
        assert after["keys"]["volume"] != before["keys"]["volume"]
        assert after["phases"]["fit"] == before["phases"]["fit"]
    page = (tmp_path / "leaderboards" / "example-volume.md").read_text()
    assert "# example: volume\n\nPayload bytes of the synthetic traffic," in page
    assert "bytes ↑" in page


HOSTILE = """
    from ntgbench import Suite, hookimpl

    @hookimpl
    def ntgbench_suites():
        tables = {"tables": "hostile_suites:tables"}
        return [Suite(name, f"hostile_suites:{name}", "hostile", tables=tables.get(name))
                for name in ("nothing", "keys", "bare", "throws", "tables")]

    GOOD = {"value": 1.0, "version": 1, "goal": "max", "digits": 2}
    def nothing(given): return None
    def keys(given): return {"a b": GOOD}
    def bare(given): return {"a": {"value": 1.0}}
    def throws(given): raise RuntimeError("boom")
    def tables(given, rows=None):
        if rows is not None: raise ZeroDivisionError("oops")
        return {"a": GOOD}
"""


@pytest.mark.parametrize(
    ("suite", "reason"),
    [
        ("nothing", "the suite nothing returned NoneType, not metrics by name"),
        ("keys", "not 'keys/a b'"),
        ("bare", "['bare/a']: digits, goal, version must be given"),
        ("throws", "RuntimeError: boom"),
    ],
)
def test_a_suite_that_breaks_its_contract_is_a_row_with_its_reason(install, command, flows, suite, reason) -> None:
    install("hostile-suites", HOSTILE)
    done = command("run", "-d", flows, "-s", "copy", "--seeds", 1, "--suite", suite)
    assert done.returncode == 1
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


def test_tables_that_fail_lose_no_row(install, command, flows, tmp_path) -> None:
    install("hostile-suites", HOSTILE)
    done = command("run", "-d", flows, "-s", "copy", "--seeds", 1, "--suite", "tables")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "leaderboards" / "example-tables.md").read_text()
    assert "- hostile_suites:tables: ZeroDivisionError: oops" in page
    assert "*copy*" in page
