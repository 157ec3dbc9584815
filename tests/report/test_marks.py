"""Marks: copies, suppressed copies, and numbers that are better than real traffic."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_rows import make_row, quality, timed

from ntgbench.report.markdown import render
from ntgbench.report.marks import COPIES, SUPPRESSED, TOO_GOOD, marks_of


def metric(value: float, **more: Any) -> dict[str, Any]:
    return {"value": value, "version": 1, "goal": "min", "digits": 3, **more}


def hit(own: float, floor: float, width: float = 0.01, seed: int = 0):
    found = {
        f"privacy/single_hit{at}": metric(value, low=value - width, high=value + width)
        for at, value in (("", own), ("@floor", floor))
    }
    return make_row("a", seed, metrics=found)


def fidelity(own: float, floor: float, seed: int = 0, **more: Any):
    about = {"primary": True, **more}
    metrics = {"fidelity/far": metric(own, **about), "fidelity/far@floor": metric(floor, **more)}
    return make_row("a", seed, metrics=metrics)


def shares(leakage: float, train_share: float, floor: float):
    found = {"leakage": leakage, "train_share": train_share, "leakage@floor": floor, "train_share@floor": floor}
    return make_row("a", 0, metrics={f"fidelity/{name}": metric(value) for name, value in found.items()})


@pytest.mark.parametrize(
    ("own", "mark"), [(0.179, ()), (0.181, (COPIES,)), (0.9, (COPIES,)), (0.141, ()), (0.139, (SUPPRESSED,))]
)
def test_one_seed_is_marked_when_the_intervals_are_apart(own: float, mark: tuple) -> None:
    # Intervals of half width 0.01 about 0.16 and `own`.
    assert marks_of([hit(own, 0.16)]) == mark


def test_several_seeds_are_marked_by_their_paired_differences() -> None:
    # The floors vary more than the differences, whose mean is 0.02 with half width 0.0248 or 0.0054.
    assert (
        marks_of(
            [
                hit(floor + more, floor, seed=n)
                for n, (floor, more) in enumerate([(0.1, 0.01), (0.2, 0.02), (0.3, 0.03)])
            ]
        )
        == ()
    )
    rows = [
        hit(floor + more, floor, seed=n) for n, (floor, more) in enumerate([(0.1, 0.018), (0.2, 0.02), (0.3, 0.022)])
    ]
    assert marks_of(rows) == (COPIES,)
    # Test sets that overlap widen the half width by sqrt(1 + 3 x 8).
    assert marks_of(rows, overlap=8.0) == ()


@pytest.mark.parametrize(
    ("leakage", "train_share", "floor", "mark"),
    [
        (0.1, 0.1, 0.1, ()),
        (0.251, 0.1, 0.1, (COPIES,)),  # odds of 1/3 are three times 1/9
        (0.249, 0.1, 0.1, ()),
        (0.1, 0.26, 0.1, (COPIES,)),
        (0.9, 0.6, 0.6, (COPIES,)),
        (0.035, 0.035, 0.1, (SUPPRESSED,)),
        (0.035, 0.1, 0.1, ()),  # training rows come out as often as they should, among others that are unlike any
        (0.036, 0.0, 0.1, ()),
        (0.009, 0.0, 0.001, ()),  # nine times as large, but a few biflows
        (1.0, 1.0, 0.0, (COPIES,)),
    ],
)
def test_without_the_privacy_suite_shares_far_from_their_floor_are_marked(
    leakage: float, train_share: float, floor: float, mark: tuple
) -> None:
    assert marks_of([shares(leakage, train_share, floor)]) == mark


def test_single_hit_counts_where_it_was_measured() -> None:
    row = shares(1.0, 1.0, 0.1)
    row["metrics"] |= hit(0.16, 0.16)["metrics"]
    assert marks_of([row]) == ()


def test_better_than_the_floor_is_marked_when_beyond_doubt() -> None:
    assert marks_of([fidelity(0.091, 0.1)]) == ()
    assert marks_of([fidelity(0.089, 0.1)]) == (TOO_GOOD,)
    assert marks_of([fidelity(0.089, 0.1, low=0.08, high=0.11)]) == ()
    assert marks_of([fidelity(0.9, 0.8, goal="max")]) == (TOO_GOOD,)
    assert marks_of([fidelity(0.10 + n / 100, 0.11 + n / 100, n) for n in range(3)]) == (TOO_GOOD,)
    assert marks_of([fidelity(0.10 + n / 100, 0.12 - n / 100, n) for n in range(3)]) == ()


def test_near_the_best_is_better_on_either_side() -> None:
    near = {"goal": "near", "best": 0.5}
    assert marks_of([fidelity(0.52, 0.53, **near)]) == (TOO_GOOD,)
    assert marks_of([fidelity(0.48, 0.53, **near)]) == (TOO_GOOD,)
    assert marks_of([fidelity(0.44, 0.55, **near)]) == ()


numbers = st.floats(-1e15, 1e15)


@given(numbers, numbers, numbers, st.sampled_from(["min", "max", "near"]), st.integers(1, 3))
def test_rows_from_anywhere_have_marks(one: float, other: float, third: float, goal: str, seeds: int) -> None:
    rows = []
    for seed in range(seeds):
        row = shares(one, other, third)
        row["metrics"] |= fidelity(one, other, seed, goal=goal)["metrics"] | (
            hit(one, third)["metrics"] if third > 0 else {}
        )
        rows.append({**row, "seed": seed})
    assert set(marks_of(rows)) <= {COPIES, SUPPRESSED, TOO_GOOD}


def test_a_mark_stands_on_every_page_of_the_system_with_its_meaning() -> None:
    rows = []
    for name, own in (("thief", 0.9), ("honest", 0.16)):
        row = quality(name, 0.8, 0.1)
        row["metrics"] |= hit(own, 0.16)["metrics"]
        rows += [row, {**row, "seed": 1}, timed(name, 1.0, 0.9, 1.1)]
    rows += [{**rows[0], "system": "third"}, {**rows[1], "system": "third"}]
    files = render(rows)
    pages = {name: text for name, text in files.items() if name.endswith(".md") and name != "README.md"}
    kinds = ("efficiency", "fidelity", "front", "privacy", "tradeoff", "utility")
    assert pages.keys() == {*(f"made-{kind}.md" for kind in kinds), "ranks.md"}
    for name, text in pages.items():
        assert "`thief` ‡" in text, name
        assert "`honest` ‡" not in text, name
        assert text.count(f"‡ {COPIES.meaning}") == 1, name
