"""Results that are there already: what makes them be measured or run again, and what does not."""

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("quick_cells")

METRICS = """
    from ntgbench import MetricSpec, hookimpl
    IMPORT

    @hookimpl
    def ntgbench_metrics():
        return [MetricSpec("ours", "our_metrics:measure", "x", "utility", "min")]

    def measure(real, synthetic, seed):
        return {"ours": 0.25}
"""

GRID = ("-d", "example.parquet", "-s", "copy", "--seeds", 1, "--suite", "fidelity", "--suite", "utility")


def rows(tmp_path: Path) -> dict[str, dict]:
    lines = (tmp_path / "leaderboards" / "rows.jsonl").read_text().splitlines()
    return {row["system"]: row for row in map(json.loads, lines)}


def fitted(tmp_path: Path) -> dict[Path, int]:
    """When each fitted system was written."""
    return {path: path.stat().st_mtime_ns for path in tmp_path.glob("runs/*/*/*/*/fitted/system.json")}


def test_changed_code_of_a_metric_is_measured_again_without_fitting(
    install, command, flows, tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("NTGBENCH_PLUGINS", "baselines,fidelity,our-metrics")
    install("our-metrics", METRICS.replace("IMPORT", ""))
    assert command("run", *GRID).returncode == 0
    before = rows(tmp_path)["copy"]
    assert before["code"].keys() == {"fidelity/ntgbench_fidelity", "utility/our_metrics"}
    assert "1 finished earlier" in command("run", *GRID).stdout
    written = fitted(tmp_path)
    assert len(written) == 1
    module = tmp_path / "site" / "our_metrics.py"
    module.write_text(module.read_text().replace("0.25", "0.75"))
    (planned,) = json.loads(command("plan", *GRID, "--json").stdout)
    assert (planned["state"], planned["missing"]) == ("partial", "utility")
    assert "0 finished earlier" in command("run", *GRID).stdout
    after = rows(tmp_path)["copy"]
    assert after["metrics"]["utility/ours"]["value"] == 0.75
    assert after["code"]["utility/our_metrics"] != before["code"]["utility/our_metrics"]
    assert after["phases"]["fit"] == before["phases"]["fit"]
    assert fitted(tmp_path) == written
    assert "1 finished earlier" in command("run", *GRID).stdout


SUITE = """
    from ntgbench import Suite, hookimpl

    @hookimpl
    def ntgbench_suites():
        return [Suite("ours", "our_suite:suite", "x")]

    def suite(given):
        BODY
"""


@pytest.mark.parametrize("body", ['raise ValueError("boom")', "import os; os.kill(os.getpid(), 9)"])
def test_a_suite_that_failed_is_measured_again_when_its_code_has_changed(
    body: str, install, command, flows, tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("NTGBENCH_PLUGINS", "baselines,our-suite")
    install("our-suite", SUITE.replace("BODY", body))
    grid = ("-d", "example.parquet", "-s", "copy", "--seeds", 1, "--suite", "ours")
    assert command("run", *grid).returncode == 1
    failed = rows(tmp_path)["copy"]
    assert failed["status"] == "failed"
    assert {"ours/our_suite", "ours/ntgbench"} <= failed["code"].keys()
    written = fitted(tmp_path)
    # What failed does not run again by itself.
    assert "1 finished earlier" in command("run", *grid).stdout
    module = tmp_path / "site" / "our_suite.py"
    module.write_text(module.read_text().replace(body, "return {}"))
    assert json.loads(command("plan", *grid, "--json").stdout)[0]["state"] == "pending"
    command("run", *grid)
    after = rows(tmp_path)["copy"]
    assert (after["status"], after["reason"]) == ("ok", None)
    assert not any(key.endswith("/ntgbench") for key in after["code"])
    assert fitted(tmp_path) == written


def test_a_metric_that_failed_is_measured_again_when_ntgbench_has_changed(
    install, command, flows, tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("NTGBENCH_PLUGINS", "baselines,our-metrics")
    grid = ("-d", "example.parquet", "-s", "copy", "--seeds", 1, "--suite", "utility")
    install("our-metrics", METRICS.replace("IMPORT", "").replace("0.25", '"a" + 1'))
    assert command("run", *grid).returncode == 1
    result = next(tmp_path.glob("runs/*/*/copy/*/result.json"))
    row = json.loads(result.read_text())
    assert row["code"].keys() == {"utility/our_metrics", "utility/ntgbench"}
    assert json.loads(command("plan", *grid, "--json").stdout)[0]["state"] == "failed"
    # As if it had been measured by other code of ntgbench.
    row["code"]["utility/ntgbench"] = "0"
    result.write_text(json.dumps(row))
    (planned,) = json.loads(command("plan", *grid, "--json").stdout)
    assert (planned["state"], planned["missing"]) == ("partial", "utility")


def test_a_fit_that_failed_is_not_run_again_when_metrics_have_changed(
    install, command, flows, tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("NTGBENCH_PLUGINS", "baselines,file,our-metrics")
    install("our-metrics", METRICS.replace("IMPORT", ""))
    (tmp_path / "made.parquet").write_bytes(b"no traffic")
    grid = ("-d", "example.parquet", "-s", "file[path=made.parquet]", "--seeds", 1, "--suite", "utility")
    assert command("run", *grid).returncode == 1
    (failed,) = rows(tmp_path).values()
    assert (failed["status"], failed.get("code", {})) == ("failed", {})
    module = tmp_path / "site" / "our_metrics.py"
    module.write_text(module.read_text().replace("0.25", "0.75"))
    assert json.loads(command("plan", *grid, "--json").stdout)[0]["state"] == "failed"


def test_three_bad_metrics_are_three_lines(install, command, finished, tmp_path) -> None:
    names = ("one", "two", "three")
    specs = "".join(f'MetricSpec("{name}", "bad_ones:{name}", "x", "fidelity", "min"),' for name in names)
    bodies = "".join(
        f"""
    def {name}(real, synthetic, seed):
        raise ValueError("{name} of %d" % len(real))
"""
        for name in names
    )
    install(
        "bad-ones",
        f"""
    from ntgbench import MetricSpec, hookimpl

    @hookimpl
    def ntgbench_metrics():
        return [{specs}]
{bodies}""",
    )
    done = command("run", *finished)
    assert done.returncode == 1
    told = [line for line in done.stderr.splitlines() if line.startswith("failed: ")]
    assert len(told) == 3
    assert "failed: metric fidelity/one in 2 rows, of copy, real: ValueError: one of " in done.stderr
    board = (tmp_path / "leaderboards" / "example-fidelity.md").read_text()
    assert board.count("ValueError: one of") == 1
    assert "**Failed:**" not in board
    # The traceback is where the metric's author looks for it.
    assert 'raise ValueError("two of %d" % len(real))' in next(tmp_path.glob("runs/*/*/copy/*/log.txt")).read_text()


def test_a_damaged_result_concerns_its_cell_alone(command, finished, tmp_path) -> None:
    before, written = rows(tmp_path), fitted(tmp_path)
    result = next(tmp_path.glob("runs/*/*/copy/*/result.json"))
    other = next(tmp_path.glob("runs/*/*/real/*/result.json")).read_text()
    text = result.read_text()
    whole = json.loads(text)
    for damaged in (
        text[: len(text) // 2],
        json.dumps({**whole, "schema": 99}),
        "[" * 100_000,
        "",
        "[]",
        "{}",
        '{"status": "ok", "metrics": {}}',
        other,
    ):
        result.write_text(damaged)
        planned = json.loads(command("plan", *finished, "--json").stdout)
        assert {cell["system"]: cell["state"] for cell in planned} == {"copy": "pending", "real": "done"}, damaged[:50]
    done = command("run", *finished)
    assert done.returncode == 0, done.stderr
    assert "2 cells, 1 finished earlier" in done.stdout
    # Nothing is fitted again, and the numbers are the same.
    assert fitted(tmp_path) == written
    assert {name: row["metrics"] for name, row in rows(tmp_path).items()} == {
        name: row["metrics"] for name, row in before.items()
    }


def test_damaged_files_of_a_cell_are_made_again(command, finished, tmp_path) -> None:
    def cell(name: str) -> Path:
        return next(tmp_path.glob(f"runs/quick/*/{name}/*"))

    before = rows(tmp_path)
    next(tmp_path.glob("runs/quick/*/*.parquet")).write_bytes(b"PAR1")
    for path in cell("copy").glob("*.json"):
        path.write_text("{")
    (cell("real") / "synthetic.parquet").unlink()
    (cell("real") / "result.json").unlink()
    again = command("run", *finished)
    assert again.returncode == 0, again.stderr
    assert {name: row["metrics"] for name, row in rows(tmp_path).items()} == {
        name: row["metrics"] for name, row in before.items()
    }


def test_a_torn_line_of_the_rows_is_put_back_by_a_run(command, finished, tmp_path) -> None:
    path = tmp_path / "leaderboards" / "rows.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-300])
    refused = command("report")
    assert refused.returncode == 1
    assert "line 2: not a row" in refused.stderr
    assert "`ntgbench run`" in refused.stderr
    done = command("run", *finished)
    assert done.returncode == 0, done.stderr
    assert "line 2 was damaged" in done.stdout
    assert path.read_bytes() == whole
