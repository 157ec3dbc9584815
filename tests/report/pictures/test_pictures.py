"""The pictures of pages: which there are, what they show, and that they depend on nothing but the rows."""

import random
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
from made_rows import make_row, quality, timed

from ntgbench.report.blocks import Picture
from ntgbench.report.pages import pages
from ntgbench.report.pictures import KINDS, of_kind, pictures
from ntgbench.report.pictures.fidelity import SPOKES
from ntgbench.results import Row, read_rows

SVG = "{http://www.w3.org/2000/svg}"
LEADERBOARDS = Path(__file__).parents[3] / "leaderboards" / "rows.jsonl"


def number(value: float | None, **more: Any) -> dict[str, Any]:
    return {"value": value, "version": 1, "goal": "min", "digits": 3, **more}


def drawn(rows: list[Row], kind: str, inline: bool = False) -> list[Picture]:
    return [one for page in pages(rows) for one in of_kind(kind, page, rows, inline)]


def titles(one: Picture) -> list[str]:
    return ["".join(title.itertext()) for title in ElementTree.fromstring(one.svg).iter(f"{SVG}title")]


def faithful(system: str, **values: float) -> Row:
    metrics = {f"fidelity/{name}": number(values.get(name, 0.2)) for name in SPOKES}
    return make_row(system, 0, metrics=metrics)


def classified(system: str, counts: list[list[int]], **changed: Any) -> Row:
    confusion = {"classes": ["<a>", "b"], "counts": counts}
    f1 = number(counts[0][0] / 10, goal="max", primary=True, confusion=confusion)
    return make_row(system, 0, metrics={"utility/macro_f1": f1}, **changed)


def augmented(system: str, seed: int, gain: float) -> Row:
    metrics: dict[str, Any] = {}
    for share in (5, 50):
        primary = {"goal": "max", "primary": True}
        metrics[f"augmentation/macro_f1@{share}%"] = number(share / 100 + gain + seed / 100, **primary)
        metrics[f"augmentation/macro_f1@{share}%,none"] = number(share / 100, **primary)
    return make_row(system, seed, metrics=metrics, split={"train": 8, "test": 2, "again": True})


def private(system: str, hit: float, f1: float, **changed: Any) -> Row:
    metrics = {
        "privacy/single_hit": number(hit, low=hit / 2, high=hit * 2, primary=True),
        "privacy/single_hit@floor": number(0.1),
        "privacy/single_hit@real": number(0.125),
        "utility/macro_f1": number(f1, goal="max", primary=True),
    }
    return make_row(system, 0, metrics=metrics, **changed)


def test_every_picture_of_the_committed_leaderboards_is_xml_and_says_what_it_shows() -> None:
    rows = read_rows(LEADERBOARDS)
    found = [one for page in pages(rows) for one in pictures(page, rows)]
    assert {"lab-classes-quick.svg", "lab-front-quick.svg", "lab-confusion-quick-real.svg"} <= {o.file for o in found}
    assert len({one.file for one in found}) == len(found) > 10
    for one in found:
        root = ElementTree.fromstring(one.svg)
        assert root.get("role") == "img"
        assert len(root.get("aria-label", "")) > 20
        assert " id=" not in one.svg


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_rows_changes_nothing(kind: str) -> None:
    rows = [
        faithful("a"),
        faithful("b", leakage=0.4),
        *(augmented(name, seed, 0.1) for name in "ab" for seed in (0, 1)),
    ]
    rows += [
        classified("a", [[9, 1], [2, 8]]),
        classified("b", [[5, 5], [2, 8]]),
        private("a", 0.2, 0.9),
        private("b", 0.1, 0.8),
    ]
    rows += [timed("a", 1.0, 1.0, 1.0), timed("b", 2.0, 2.0, 2.0), quality("a", 0.9, 0.1), quality("b", 0.8, 0.2)]
    for place, row in enumerate(rows):
        row["dataset"] = row["dataset_digest"] = f"d{place // 4 % 2}"
    once = drawn(rows, kind)
    for seed in range(3):
        assert drawn(random.Random(seed).sample(rows, len(rows)), kind) == once


def test_a_radar_shows_at_most_six_systems_the_best_first() -> None:
    rows = [faithful(f"s{i}", leakage=i / 20) for i in range(14)]
    found = drawn(rows, "radar")
    assert [len(titles(one)) for one in found] == [5, 5, 4]
    assert titles(found[0])[0].startswith("s0\npackets, JSD: 0.2")
    assert len(drawn(rows, "radar", inline=True)) == 1


def test_one_system_is_drawn_into_a_file_but_not_on_the_page() -> None:
    assert len(drawn([faithful("a")], "radar")) == 1
    assert drawn([faithful("a")], "radar", inline=True) == []


def test_a_curve_has_its_interval_and_the_line_without_synthetic_traffic() -> None:
    (one,) = drawn(
        [augmented(name, seed, gain) for name, gain in (("a", 0.1), ("b", 0.2)) for seed in (0, 1)], "augmentation"
    )
    first, second = titles(one)
    assert first.startswith("5\nb: 0.255 [")
    assert "no augmentation: 0.05" in first
    assert second.startswith("50\n")
    # The drawing has a band for each system, and the bare line, which does not vary, one without any width.
    assert one.svg.count('fill-opacity=".15"') == 3


def test_copies_are_shown_beside_the_floor_and_the_front_leaves_references_out() -> None:
    rows = [
        private("a", 0.2, 0.9),
        private("b", 0.1, 0.8),
        private("c", 0.3, 0.7),
        private("r", 0.01, 1.0, reference=True),
    ]
    (one,) = drawn(rows, "front")
    label = ElementTree.fromstring(one.svg).get("aria-label", "")
    assert "On the front: a, b. Unseen real traffic has 0.125." in label
    assert "a\nsingle_hit: 0.2 [0.1, 0.4]\nmacro_f1: 0.9" in titles(one)


def test_classes_are_told_by_system_and_confusions_as_shares_of_the_true_class() -> None:
    rows = [
        classified("a", [[9, 1], [0, 10]]),
        classified("b", [[5, 5], [2, 8]]),
        classified("real", [[10, 0], [0, 10]], reference=True),
    ]
    (heat,) = drawn(rows, "classes")
    assert "class: <a>\nsystem: a\nF1: 0.95" in titles(heat)
    assert "class: b\nsystem: real (ref.)\nF1: 1.00" in titles(heat)
    matrices = {one.file: titles(one) for one in drawn(rows, "confusion")}
    assert "true class: <a>\ntaken for: b\nshare of the true class: 0.50" in matrices["made-confusion-quick-b.svg"]
    assert "true class: b\ntaken for: b\nshare of the true class: 0.80" in matrices["made-confusion-quick-b.svg"]


def test_the_page_shows_the_confusions_of_real_and_the_best_two() -> None:
    rows = [classified(name, [[right, 10 - right], [0, 10]]) for name, right in (("a", 5), ("b", 9), ("c", 7))]
    rows += [
        classified("real", [[10, 0], [0, 10]], reference=True),
        classified("copy", [[10, 0], [0, 10]], reference=True),
    ]
    files = [one.file for one in drawn(rows, "confusion", inline=True)]
    assert files == [f"made-confusion-quick-{name}.svg" for name in ("real", "b", "c")]
    assert len(drawn(rows, "confusion")) == 5


def test_distances_are_shares_of_the_largest_one_shown_and_divergences_are_not() -> None:
    def trace(system: str, far: float, **changed: Any) -> Row:
        metrics = {"statistics/pl": number(far), "statistics/sa": number(far / 10)}
        return make_row(system, 0, track="headers", metrics=metrics, **changed)

    rows = [trace("a", 2.0), trace("b", 4.0), trace("real", 1.0, reference=True)]
    found = {one.file: one for one in drawn(rows, "distances")}
    assert set(found) == {"made-divergences-quick.svg", "made-distances-statistics-quick.svg"}
    assert "b, pl: 4.000" in titles(found["made-distances-statistics-quick.svg"])
    assert "0.9 d / max d" in found["made-distances-statistics-quick.svg"].svg


def test_hostile_names_and_impossible_numbers_are_drawn_or_left_out() -> None:
    systems = ["a[x=<script>&\"'>]", "b" * 1500]
    rows = [faithful(system, leakage=1e15, jsd_1gram=-1e15) for system in systems]
    rows += [private(system, -1e15, 1e15, dataset="x", dataset_digest="x") for system in systems]
    for one in (*drawn(rows, "radar"), *drawn(rows, "front")):
        root = ElementTree.fromstring(one.svg)
        assert not list(root.iter(f"{SVG}script"))
        assert len(one.file) <= 255
