"""Rows of two sides: which meet, what keeps others apart, and what failures count."""

from __future__ import annotations

from typing import Any

from made_rows import MACHINE, make_row, timed

from ntgbench.report.compare import Chosen, compare


def test_equal_rows_have_no_change():
    rows = [make_row("one", seed) for seed in range(3)]
    found = compare(rows, rows)
    assert (len(found.changes), found.count("same"), found.apart, found.by_chance) == (1, 1, (), 0.0)
    assert found.changes[0].seeds == (0, 1, 2)


def test_only_common_seeds_are_compared():
    a = [make_row("one", seed, value=0.1 * seed) for seed in (0, 1, 2)]
    b = [make_row("one", seed, value=0.1 * seed + 0.05) for seed in (1, 2, 3)]
    found = compare(a, b)
    assert found.changes[0].seeds == (1, 2)
    assert found.changes[0].found.verdict == "better"
    assert [(one.side, one.reason) for one in found.apart] == [
        ("a", "seed 0 is only in A"),
        ("b", "seed 3 is only in B"),
    ]


def test_the_overlap_of_test_sets_widens_the_interval():
    values = ((0.50, 0.60), (0.60, 0.65), (0.70, 0.83))
    split = {"train": 80, "test": 20, "again": True}
    a, b = ([make_row("one", seed, value=pair[side]) for seed, pair in enumerate(values)] for side in (0, 1))
    wide = ([{**row, "split": split} for row in side] for side in (a, b))
    narrow, wider = compare(a, b).changes[0].found, compare(*wide).changes[0].found
    assert wider.low < narrow.low < narrow.high < wider.high


def reasons(a: dict[str, Any], b: dict[str, Any]) -> list[tuple[str, str]]:
    found = compare([make_row("one", 0, **a)], [make_row("one", 0, **b)])
    return [(one.side, one.reason) for one in found.apart] if not found.changes else []


def test_what_keeps_rows_apart_is_said():
    assert reasons({}, {"dataset_digest": "e"}) == [("both", "other data under the same name")]
    assert reasons({}, {"protocol_digest": "e"}) == [("both", "other settings of the protocol")]
    assert reasons({"dataset": "x"}, {"dataset": "y", "dataset_digest": "e"}) == [
        ("a", "only in A"),
        ("b", "only in B"),
    ]
    newer = {"utility/macro_f1": {"value": 0.5, "version": 2, "goal": "max", "digits": 3}}
    assert reasons({}, {"metrics": newer}) == [("both", "macro_f1 is measured otherwise: version 1 in A, 2 in B")]
    found = compare([make_row("one", 0)], [make_row("two", 0)])
    assert [(one.system, one.reason) for one in found.apart] == [("one", "only in A"), ("two", "only in B")]


def test_data_are_the_same_whatever_they_are_called():
    assert compare([make_row("one", 0)], [make_row("one", 0, dataset="other")]).count("same") == 1


def test_times_of_other_hardware_are_not_compared():
    a = timed("one", 1.0, 0.9, 1.1)
    other = timed("one", 2.0, 1.9, 2.1, machine={**MACHINE, "hardware": "another"})
    assert [one.reason for one in compare([a], [other]).apart] == ["other hardware"]
    slow = compare([a], [timed("one", 2.0, 1.9, 2.1)])
    assert {one.metric: one.found.verdict for one in slow.changes} == {
        "sample_shortest_ms": "worse",
        "sample_ms": "worse",
        "size_mb": "same",
    }
    assert compare([a], [timed("one", 2.0, 1.9, 2.1)], tolerance=1.5).count("worse") == 0


def test_another_version_of_a_system_is_compared_and_said():
    a = make_row("one", 0, params={"steps": 10})
    b = make_row("one", 0, value=0.6, params={"steps": 20, "width": 4}, distribution_version="2")
    found = compare([a], [b])
    assert found.changes[0].found.verdict == "better"
    assert found.notes == (
        "one: made 1 in A, made 2 in B; steps is 10 in A and 20 in B; width is absent in A and 4 in B",
    )


def test_equal_versions_meet_first():
    old, new = make_row("one", 0), make_row("one", 0, value=0.6, distribution_version="2")
    found = compare([old, new], [new])
    assert (found.count("same"), [one.reason for one in found.apart]) == (1, ["only in A"])
    more = [make_row("one", 0, distribution_version=version) for version in ("3", "4")]
    assert {one.reason for one in compare([old, new], more).apart} == {
        "several versions or parameters, and none is the same in A and B"
    }


def failed(seed: int) -> Any:
    return make_row("one", seed, status="failed", reason="out of memory", metrics={})


def test_a_new_failure_is_worse():
    works = [make_row("one", seed) for seed in range(2)]
    found = compare(works, [works[0], failed(1)])
    metric, lost = found.changes[1], found.changes[0]
    assert (lost.metric, lost.found.a, lost.found.b, lost.found.verdict) == ("failed", 0, 1, "worse")
    assert lost.found.reason == "out of memory"
    assert (metric.metric, metric.seeds, metric.found.verdict) == ("macro_f1", (0,), "same")
    assert compare([failed(0)], works[:1]).changes[0].found.verdict == "better"
    assert compare([works[0], failed(1)], [works[0], failed(1)]).count("same") == 1


def test_what_is_compared_can_be_chosen():
    def metric(value: float, goal: str = "min") -> Any:
        return {"value": value, "version": 1, "goal": goal, "digits": 3}

    keys = ("fidelity/jsd", "fidelity/jsd@floor", "augmentation/f1@10%", "augmentation/f1@10%,none")
    rows = [
        make_row(name, 0, dataset=data, dataset_digest=data, metrics={key: metric(0.5) for key in keys})
        for name in ("one", "one[steps=2]", "two")
        for data in ("x", "y")
    ]

    def chosen(**names: set[str]) -> set[tuple[str, str, str]]:
        found = compare(rows, rows, Chosen(**{name: frozenset(values) for name, values in names.items()}))
        return {(one.about.system, one.dataset, one.metric) for one in found.changes}

    usual = {(row["system"], row["dataset"], name) for row in rows for name in ("jsd", "f1@10%")}
    assert chosen() == usual
    assert chosen(suites={"fidelity"}) == {one for one in usual if one[2] == "jsd"}
    assert chosen(systems={"one"}) == {one for one in usual if one[0] != "two"}
    assert chosen(systems={"one[steps=2]"}, datasets={"y"}, metrics={"jsd"}) == {("one[steps=2]", "y", "jsd")}
    assert {one[2] for one in chosen(metrics={"jsd@floor", "augmentation/f1@10%,none"})} == {"jsd@floor", "f1@10%,none"}
