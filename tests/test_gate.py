"""The gate's arithmetic, on recorded runs: a slowed plugin fails, noise and another machine do not."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import gate

ROOT = Path(__file__).parent.parent
FIRST, *OTHERS = json.loads((Path(__file__).parent / "recorded_benchmarks.json").read_text())
"""Runs of the short form on one machine, cut to what the gate reads; the first was made while it was idle."""

NAMES = sorted(gate.ratios(FIRST))


def with_times(change: Callable[[str, float], float]) -> gate.Results:
    """The first run with every time, in seconds, changed."""
    run = json.loads(json.dumps(FIRST))
    for one in run["benchmarks"]:
        one["stats"]["min"] = change(one["fullname"], one["stats"]["min"])
        if "ours_ms" in one["extra_info"]:
            one["extra_info"]["ours_ms"] = 1e3 * change(one["fullname"], one["extra_info"]["ours_ms"] / 1e3)
    return run


def failed(run: gate.Results) -> list[str]:
    return [one.name for one in gate.gross(gate.compare(gate.ratios(FIRST), gate.ratios(run)))]


@pytest.mark.parametrize("run", [FIRST, *OTHERS])
def test_recorded_runs_pass(run: gate.Results) -> None:
    assert failed(run) == []
    assert len(run["benchmarks"]) > 60


@pytest.mark.parametrize("step", [name for name in NAMES if "_step[" in name or "bench_sampling[" in name])
def test_a_plugin_that_sleeps_in_its_step_fails_alone(step: str) -> None:
    # It sleeps for a twentieth of a second, or for more than twice as long as it works.
    assert failed(with_times(lambda name, t: t + max(0.05, 2.1 * t) if name == step else t)) == [step]


@pytest.mark.parametrize("noise", [1.3, 1 / 1.3])
def test_noise_passes_on_either_side(noise: float) -> None:
    assert failed(with_times(lambda name, t: t * noise if name != gate.REFERENCE else t)) == []
    assert failed(with_times(lambda name, t: t * noise if name == gate.REFERENCE else t)) == []
    # The worst of both: the reference is fast when all else is slow.
    assert failed(with_times(lambda name, t: t / noise if name == gate.REFERENCE else t * noise)) == []


def test_a_machine_that_is_ten_times_as_slow_passes() -> None:
    assert failed(with_times(lambda _, t: 10 * t)) == []
    # Even where the reference alone is as fast as ever.
    assert failed(with_times(lambda name, t: t if name == gate.REFERENCE else 10 * t)) == []


def test_new_and_missing_benchmarks_are_shown_and_pass() -> None:
    comparisons = gate.compare({"gone": 1.0}, {"new": 2.0})
    assert gate.gross(comparisons) == []
    table = gate.table(FIRST, comparisons)
    assert "gone" in table
    assert "new" in table


def test_results_without_the_reference_are_refused() -> None:
    run = {"benchmarks": [one for one in FIRST["benchmarks"] if one["fullname"] != gate.REFERENCE]}
    with pytest.raises(ValueError, match="bench_reference is not among the results"):
        gate.ratios(run)


def test_the_command_fails_and_names_what_has_become_slow(tmp_path: Path) -> None:
    def ask(run: gate.Results, *options: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "run.json").write_text(json.dumps(run))
        baseline = ["--baseline", str(tmp_path / "baseline.json")]
        command = [sys.executable, "-m", "benchmarks.gate", str(tmp_path / "run.json"), *baseline, *options]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert ask(FIRST, "--accept").returncode == 0
    fine = ask(FIRST)
    assert fine.returncode == 0, fine.stderr
    slow = ask(with_times(lambda name, t: 100 * t if name == NAMES[0] else t))
    assert slow.returncode == 1
    assert f"{NAMES[0]} has become" in slow.stderr
    assert slow.stderr.count("has become") == 1


def test_what_failed_is_run_again() -> None:
    names = ["bench_harness.py::bench_start[import]", "bench_cvae.py::bench_sampling[1]"]
    found = gate.again(names)
    assert set(found) == set(names)
    assert min(found.values()) > 0


@pytest.mark.parametrize("times", [1, 100])
def test_only_what_is_slow_twice_fails(times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, baseline, asked = tmp_path / "run.json", tmp_path / "baseline.json", []
    baseline.write_text(json.dumps(gate.ratios(FIRST)))
    run.write_text(json.dumps(with_times(lambda name, t: 100 * t if name == NAMES[0] else t)))

    def second(names: list[str]) -> dict[str, float]:
        asked.extend(names)
        # All is twice as slow, as the reference has met a quiet moment.
        return {name: 2 * gate.ratios(FIRST)[name] * (times if name == NAMES[0] else 1) for name in names}

    monkeypatch.setattr(gate, "again", second)
    assert gate.main(run, baseline, once_more=True) == (times > gate.GROSS)
    assert asked[0] == NAMES[0]
    assert len(set(asked)) == 2 + gate.OTHERS


def test_accepting_keeps_the_place_of_what_was_not_run(tmp_path: Path) -> None:
    run, baseline, before = tmp_path / "run.json", tmp_path / "baseline.json", gate.ratios(FIRST)
    run.write_text(json.dumps(with_times(lambda name, t: t if name == gate.REFERENCE else 3 * t)))
    baseline.write_text(json.dumps({**before, "elsewhere": 2.0}))
    assert gate.main(run, baseline, accept=True) == 0
    accepted = json.loads(baseline.read_text())
    assert set(accepted) == {"elsewhere", *NAMES}
    assert accepted["elsewhere"] == pytest.approx(6.0)
    assert accepted[NAMES[0]] == pytest.approx(3 * before[NAMES[0]], rel=1e-3)
