"""The table that a run ends with: its systems, what is known of them, and a width that is never exceeded."""

import re

import hypothesis
import hypothesis.strategies as st
import pytest
from made_rows import make_row, quality

from ntgbench.report.summary import as_json, summaries, text


def show(rows, width=80) -> str:
    return text(summaries(rows), width)


def line(shown: str, name: str) -> list[str]:
    """The cells of a system."""
    (found,) = (one for one in shown.splitlines() if one.startswith(f"{name} "))
    return re.split(r"  +", found.strip())


def test_systems_stand_in_the_order_of_their_ranks_and_references_apart() -> None:
    rows = [
        *(make_row("worse", seed, value=0.5 + seed / 100) for seed in range(3)),
        *(make_row("better", seed, value=0.8 + seed / 100) for seed in range(3)),
        *(make_row("real", seed, value=0.9 + seed / 100, reference=True) for seed in range(3)),
    ]
    shown = show(rows)
    assert shown.startswith("made, 3 seeds\n")
    # Student's t for three seeds: 4.303 * 0.01 / sqrt(3).
    assert line(shown, "better") == ["better", "0.810 ± 0.025", "1"]
    assert line(shown, "worse") == ["worse", "0.510 ± 0.025", "2"]
    assert line(shown, "real") == ["real", "0.910 ± 0.025"]
    places = [shown.index(f"\n{name}") for name in ("better", "worse", "references:", "real")]
    assert places == sorted(places)


@pytest.mark.parametrize(
    "rows",
    [
        [make_row("alone", 0), make_row("real", 0, reference=True)],
        [make_row(name, 0, cautions=[{"text": "10 test biflows", "unranked": True}]) for name in ("one", "other")],
    ],
)
def test_nothing_is_ranked_where_that_makes_no_sense(rows) -> None:
    assert "rank" not in show(rows)
    assert all(score["rank"] is None for line in as_json(summaries(rows)) for score in line["metrics"].values())


def test_each_caution_of_a_dataset_is_told_once_and_whole() -> None:
    long = " ".join(["[few] of *one* class"] * 9)
    some = [{"text": f"caution {letter}"} for letter in "abcdef"]
    rows = [make_row(name, seed, cautions=[{"text": long}]) for name in ("one", "other") for seed in range(2)]
    rows += [make_row("one", 0, dataset="several", cautions=some), make_row("one", 0, dataset="none")]
    tables = {one.dataset: text([one], 80) for one in summaries(rows)}
    assert " ".join(tables["made"].partition("note: ")[2].split()) == long
    notes = [line for line in tables["several"].splitlines() if line.startswith("note: ")]
    assert notes == [*(f"note: caution {letter}" for letter in "abcde"), "note: and 1 more in rows.jsonl"]
    assert "note: " not in tables["none"]


def test_each_dataset_has_a_table_and_each_suite_its_primary_metric() -> None:
    other = {"value": 1.0, "version": 1, "goal": "min", "digits": 3}
    rows = [quality(name, f1, 0.2, dataset=dataset) for name, f1 in (("a", 0.5), ("b", 0.6)) for dataset in ("x", "y")]
    for row in rows:
        row["metrics"]["fidelity/leakage"] = other
        row["metrics"]["fidelity/jsd_2gram@floor"] = {**row["metrics"]["fidelity/jsd_2gram"], "value": 0.1}
    shown = show(rows)
    assert [one.split(",")[0] for one in shown.splitlines() if one.endswith("1 seed")] == ["x", "y"]
    assert shown.count("jsd_2gram ↓") == shown.count("macro_f1 ↑") == 2
    assert "leakage" not in shown
    assert "floor" not in shown
    assert {key for line in as_json(summaries(rows)) for key in line["metrics"]} == {
        "fidelity/jsd_2gram",
        "utility/macro_f1",
    }


def test_the_interval_of_one_seed_is_that_of_the_metric() -> None:
    metric = {"value": 0.5, "version": 1, "goal": "max", "digits": 2, "primary": True, "low": 0.41, "high": 0.62}
    rows = [make_row("one", 0, metrics={"utility/macro_f1": metric})]
    assert line(show(rows), "one")[1] == "0.50 [0.41, 0.62]"
    assert as_json(summaries(rows))[0]["metrics"]["utility/macro_f1"] == {
        "mean": 0.5,
        "low": 0.41,
        "high": 0.62,
        "rank": None,
    }


def test_failures_and_marks_are_told_below_the_table() -> None:
    copies = {
        "privacy/single_hit": {"value": 0.9, "version": 1, "goal": "min", "digits": 3},
        "privacy/single_hit@floor": {"value": 0.1, "version": 1, "goal": "min", "digits": 3},
    }
    reason = "MemoryError: " + "no room " * 50
    rows = [
        make_row("copier", 0, metrics=copies),
        *(make_row("broken", seed, status="failed", reason=reason, metrics={}) for seed in range(2)),
    ]
    told = show(rows).splitlines()
    assert told[-1] == "‡ copies"
    assert told[-2].startswith("failed: broken, 2 seeds: MemoryError: no room no room")
    assert (len(told[-2]), told[-2][-1]) == (80, "…")
    assert any(one.startswith("copier ‡ ") for one in told)
    assert re.search(r"^broken +failed", "\n".join(told), re.MULTILINE)


def test_a_metric_that_failed_is_told_with_its_reason() -> None:
    metric = {"value": None, "version": 1, "goal": "max", "digits": 3, "primary": True, "reason": "ValueError: oops"}
    shown = show([make_row("one", 0, metrics={"utility/macro_f1": metric})])
    assert line(shown, "one")[1] == "failed"
    assert shown.endswith("failed: utility/macro_f1, of one: ValueError: oops")


def test_rows_without_any_metric_are_told() -> None:
    shown = show([make_row("one", 0, status="failed", reason="it fell over", metrics={})])
    assert "failed: one, 1 seed: it fell over" in shown


suites = st.sampled_from([f"suite{number}" for number in range(8)])
metrics = st.dictionaries(suites, st.floats(-9e9, 9e9).map(lambda value: round(value, 3) + 0.0), min_size=1)


@hypothesis.given(
    found=st.dictionaries(st.from_regex(r"[a-z]{1,60}", fullmatch=True), metrics, min_size=1, max_size=4),
    width=st.integers(1, 200),
)
def test_no_line_is_wider_and_every_number_is_there_once(found, width: int) -> None:
    rows = [
        make_row(
            name,
            0,
            metrics={
                f"{suite}/metric": {"value": value, "version": 1, "goal": "min", "digits": 3, "primary": True}
                for suite, value in own.items()
            },
        )
        for name, own in found.items()
    ]
    shown = show(rows, width)
    assert all(len(one) <= max(width, 80) for one in shown.splitlines())
    # Each table begins with a line of suites and has a line for each system.
    columns = {suite for own in found.values() for suite in own}
    assert sorted(re.findall(r"suite\d", shown)) == sorted(columns)
    for own in found.values():
        assert all(f"{value:.3f}" in shown for value in own.values())
