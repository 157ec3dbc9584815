"""Results that are there already: what makes them be measured or run again, and what does not."""

import json
from pathlib import Path

METRICS = """
    from ntgbench import MetricSpec, hookimpl
    import our_numbers

    @hookimpl
    def ntgbench_metrics():
        return [MetricSpec("ours", "our_metrics:measure", "x", "utility", "min")]

    def measure(real, synthetic, seed):
        return {"ours": 0.25}
"""

ARGUMENTS = ("-s", "copy", "-s", "real", "--seeds", 1, "--suite", "fidelity", "--suite", "utility")


def rows(tmp_path: Path) -> dict[str, dict]:
    lines = (tmp_path / "leaderboards" / "rows.jsonl").read_text().splitlines()
    return {row["system"]: row for row in map(json.loads, lines)}


def test_changed_code_of_a_metric_is_measured_again_without_fitting(install, ntgbench, flows, tmp_path) -> None:
    install("our-metrics", METRICS.replace("import our_numbers", ""))
    assert ntgbench("run", "-d", flows, *ARGUMENTS).returncode == 0
    before = rows(tmp_path)
    assert before["copy"]["code"].keys() == {
        "fidelity/ntgbench_fidelity",
        "utility/ntgbench_utility",
        "utility/our_metrics",
    }
    assert "2 finished earlier" in ntgbench("run", "-d", flows, *ARGUMENTS).stdout
    fitted = {path: path.stat().st_mtime_ns for path in tmp_path.glob("runs/*/*/*/*/fitted.json")}
    assert len(fitted) == 2
    module = tmp_path / "site" / "our_metrics.py"
    module.write_text(module.read_text().replace("0.25", "0.75"))
    plan = ntgbench("plan", "-d", flows, *ARGUMENTS, "--json")
    assert [(cell["state"], cell["missing"]) for cell in json.loads(plan.stdout)] == [("part", "utility")] * 2
    again = ntgbench("run", "-d", flows, *ARGUMENTS)
    assert "0 finished earlier" in again.stdout
    after = rows(tmp_path)
    assert after["copy"]["metrics"]["utility/ours"]["value"] == 0.75
    assert after["copy"]["code"]["utility/our_metrics"] != before["copy"]["code"]["utility/our_metrics"]
    assert after["copy"]["phases"]["fit"] == before["copy"]["phases"]["fit"]
    assert {path: path.stat().st_mtime_ns for path in fitted} == fitted
    assert "2 finished earlier" in ntgbench("run", "-d", flows, *ARGUMENTS).stdout


def test_three_bad_metrics_are_three_lines(install, ntgbench, flows, tmp_path) -> None:
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
    done = ntgbench("run", "-d", flows, *ARGUMENTS)
    assert done.returncode == 1
    told = [line for line in done.stderr.splitlines() if line.startswith("failed: ")]
    assert len(told) == 3
    assert "failed: metric fidelity/one in 2 rows, of copy, real: ValueError: one of " in done.stderr
    board = (tmp_path / "leaderboards" / "example-fidelity.md").read_text()
    assert board.count("ValueError: one of") == 1
    assert "ValueError" not in (tmp_path / "leaderboards" / "example-utility.md").read_text()
    assert "**Failed:**" not in board
    # The traceback is where the metric's author looks for it.
    assert 'raise ValueError("two of %d" % len(real))' in next(tmp_path.glob("runs/*/*/copy/*/log.txt")).read_text()


def test_a_damaged_result_concerns_its_cell_alone(ntgbench, flows, tmp_path) -> None:
    assert ntgbench("run", "-d", flows, *ARGUMENTS).returncode == 0
    whole = (tmp_path / "leaderboards" / "rows.jsonl").read_text()
    result = next(tmp_path.glob("runs/*/*/copy/*/result.json"))
    other = next(tmp_path.glob("runs/*/*/real/*/result.json")).read_text()
    text = result.read_text()
    for damaged in (text[: len(text) // 2], text.replace('"schema": 1', '"schema": 2'), "[" * 100_000, "", other):
        result.write_text(damaged)
        done = ntgbench("run", "-d", flows, *ARGUMENTS)
        assert done.returncode == 0, done.stderr
        assert "2 cells, 1 finished earlier" in done.stdout
    # Nothing was fitted again, and nothing came out differently.
    assert [json.loads(line)["metrics"] for line in whole.splitlines()] == [
        json.loads(line)["metrics"] for line in (tmp_path / "leaderboards" / "rows.jsonl").read_text().splitlines()
    ]


def test_a_torn_line_of_the_rows_is_put_back_by_a_run(ntgbench, flows, tmp_path) -> None:
    assert ntgbench("run", "-d", flows, *ARGUMENTS).returncode == 0
    path = tmp_path / "leaderboards" / "rows.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-300])
    refused = ntgbench("leaderboard")
    assert refused.returncode == 1
    assert "line 2: not a row" in refused.stderr
    assert "`ntgbench run`" in refused.stderr
    done = ntgbench("run", "-d", flows, *ARGUMENTS)
    assert done.returncode == 0, done.stderr
    assert "line 2 was damaged" in done.stdout
    assert path.read_bytes() == whole
