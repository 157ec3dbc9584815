"""What a board says of its numbers: intervals, corrections, directions, and test sets that cannot rank."""

from typing import Any

from made_rows import lines, make_row, timed

from ntgbench.report.markdown import render
from ntgbench.results import check_row


def page(*rows: Any, suite: str = "utility") -> str:
    assert [check_row(row) for row in rows] == [None] * len(rows)
    return render(rows)[f"made-{suite}.md"]


def measured(system: str, seed: int, value: float, name: str = "utility/f1", **more: Any) -> Any:
    about = {"version": 1, "goal": "max", "digits": 3, "primary": True}
    keys = {key: more.pop(key) for key in ("split", "cautions", "notes", "reference", "track") if key in more}
    return make_row(system, seed, metrics={name: {"value": value, **about, **more}}, **keys)


def test_near_columns_say_what_is_best_and_rank_and_bold_by_the_distance() -> None:
    near = {"goal": "near", "best": 0.5, "name": "utility/auc"}
    text = page(*(measured(name, 0, value, **near) for name, value in (("a", 0.9), ("b", 0.48), ("c", 0.53))))
    assert lines(text, "## quick") == [
        ["rank", "system", "auc → 0.5"],
        ["-------:", ":---------", "------------:"],
        ["1", "`b`", "**0.480**"],
        ["2", "`c`", "0.530"],
        ["3", "`a`", "0.900"],
    ]
    assert "→: the nearer to the number behind the arrow the better; ranked by the distance from it." in text


def test_with_one_seed_a_cell_shows_the_interval_of_the_metric() -> None:
    text = page(measured("a", 0, 0.612, low=0.604, high=0.62))
    assert "0.612 [0.604, 0.620]" in text
    assert "[low, high]: 95% interval within one seed, over other biflows in place of" in text
    assert "Mean ±" not in text


def test_with_several_seeds_a_cell_shows_the_interval_over_the_seeds() -> None:
    text = page(*(measured("a", seed, 0.612, low=0.604, high=0.62) for seed in range(2)))
    assert "0.612 ± 0.000" in text
    assert "[low, high]" not in text
    assert "(Student's t): other splits, fits and samples of this dataset, not other datasets." in text


def test_the_page_says_which_correction_was_used() -> None:
    def three(**more: Any) -> str:
        return page(*(measured("a", seed, 0.5 + seed / 100, **more) for seed in range(3)))

    # Standard deviation 0.01: half widths 4.3027 x 0.01 x sqrt(1/3), and sqrt(1/3 + 1/4).
    old, same = three(), three(split={"train": 80, "test": 20, "again": False})
    again = three(split={"train": 80, "test": 20, "again": True})
    assert "0.510 ± 0.025" in old
    assert "0.510 ± 0.025" in same
    assert "0.510 ± 0.033" in again
    assert "Not corrected for test sets that overlap: the rows do not say how the traffic was split." in old
    assert "other fits and samples on the one split that all seeds have" in same
    assert "one seed times 1/S + 0.25, not times 1/S; 0.25 is test by training items (Nadeau and Bengio 2003)" in again


FEW = {"text": "3 of 5 classes have fewer than 10 test biflows: a, b, c"}
ONE = {"text": "all test biflows are of one class, a: no ranks", "unranked": True}


def test_cautions_stand_once_on_every_page_of_the_dataset_and_on_the_index() -> None:
    rows = [measured("a", seed, 0.5, cautions=[{"text": FEW["text"].replace("3", str(seed))}]) for seed in range(2)]
    rows.append(measured("b", 0, 0.1, "fidelity/jsd"))
    rows.append(timed("a", 1.0, 0.9, 1.1))
    for name, text in render(rows).items():
        assert text.count("0 of 5 classes have fewer than 10 test biflows: a, b, c") == 1, name
        assert "1 of 5 classes" not in text


def test_one_class_is_not_ranked() -> None:
    text = page(measured("a", 0, 0.9, cautions=[ONE]), measured("b", 0, 0.5, cautions=[ONE]))
    assert [row[:3] for row in lines(text, "## quick")[2:]] == [["-", "`a`", "0.900"], ["-", "`b`", "0.500"]]
    assert "- all test biflows are of one class, a: no ranks" in text


def test_a_floor_of_each_system_stands_beside_its_number() -> None:
    def row(system: str, own: float, floor: float) -> Any:
        found = measured(system, 0, own, "exposure/hit", goal="min")
        found["metrics"]["exposure/hit@floor"] = {**found["metrics"]["exposure/hit"], "value": floor}
        return found

    text = page(row("a", 0.2, 0.1), row("b", 0.3, 0.15), suite="exposure")
    assert [line[2:] for line in lines(text, "## quick")[::2]] == [["hit ↓", "floor of hit"], ["**0.200**", "0.100"]]
    assert "real-vs-real floor" not in text
    assert "real-vs-real floor" in page(row("a", 0.2, 0.1), row("b", 0.3, 0.1), suite="exposure")


def test_the_least_difference_stands_below_the_table_and_halves_in_no_column() -> None:
    row = measured("real", 0, 0.9, reference=True)
    row["metrics"]["utility/f1@halves"] = {"value": 0.01, "version": 1, "goal": "max", "digits": 3, "count": 3}
    text = page(row, measured("a", 0, 0.5))
    # t(0.975, 3) = 3.182446.
    assert "Differences of `f1` below 0.032 are noise here" in text
    assert "halves ↑" not in text


def test_a_cause_of_a_metric_is_told_once_on_the_page_of_its_own_suite() -> None:
    broken = {"value": None, "version": 1, "goal": "max", "digits": 3, "reason": "ValueError: boom"}
    metrics = dict.fromkeys(("utility/f1", "utility/f1@test", "utility/f1@floor", "augmentation/f1@5%"), broken)
    text = page(make_row("a", 0, metrics=metrics))
    assert text.count("boom") == 1
    assert "- those on the page of utility" in page(make_row("a", 0, metrics=metrics), suite="augmentation")
    assert "boom" not in page(make_row("a", 0, metrics=metrics), suite="augmentation")
