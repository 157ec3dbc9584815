"""Pages of header traces: ranks by metrics that tell, the calibration that says so, and the paper's normalisation."""

import pytest
from made_rows import lines, make_row

from ntgbench.report.markdown import render

REAL, BAD = {"real": 1.0, "shifted": 0.0, "flow-bootstrap": 1.1}, ("poisson", "marginals", "zero")


def row(system: str, value: float | None, suite: str = "temporal", goal: str = "min", **more: float):
    def number(one: float | None) -> dict:
        return {"value": one, "version": 1, "goal": goal, "digits": 3}

    metrics = {f"{suite}/lfit": {**number(value), "primary": True}}
    if value is None:
        metrics[f"{suite}/lfit"].update({"reason": "no gaps", "undefined": True})
    metrics |= {f"{suite}/lfit@{at}": number(one) for at, one in more.items()}
    reference = system in {*REAL, *BAD}
    return make_row(system, 0, metrics=metrics, reference=reference, track="headers")


def page(*rows, suite: str = "temporal") -> str:
    return render(rows)[f"made-{suite}.md"]


def references(bad: float):
    return [row(name, value) for name, value in {**REAL, **dict.fromkeys(BAD, bad)}.items()]


def test_a_metric_that_tells_ranks():
    text = page(row("gan", 3.0), row("better", 2.0), *references(2.0))
    table = lines(text, "### Against the training trace")
    assert [line[:2] for line in table[2:4]] == [["1", "`better`"], ["2", "`gan`"]]
    assert lines(text, "### Calibration")[2] == ["lfit ↓", "1.000", "0.000", "1.100", *["2.000"] * 3, "yes"]
    assert "No ranks" not in text


@pytest.mark.parametrize(("poisson", "missed"), [(1.999, "not poisson"), (0.5, "not poisson")])
def test_a_metric_that_does_not_tell_ranks_nothing(poisson: float, missed: str):
    text = page(row("gan", 3.0), row("better", 2.0), *references(2.0)[:3], row("poisson", poisson), row("zero", 9.0))
    assert {line[0] for line in lines(text, "### Against the training trace")[2:4]} == {"-"}
    assert lines(text, "### Calibration")[2][-1] == missed
    assert "No ranks: `lfit` does not tell bad traces from real ones here" in text


def test_without_references_a_metric_ranks_uncalibrated():
    text = page(row("gan", 3.0), row("better", 2.0))
    assert "### Calibration" not in text
    assert lines(text, "### Against the training trace")[2][:2] == ["1", "`better`"]


def test_metrics_of_copies_must_tell_the_copiers():
    made = [row("real", 0.1, "copies"), row("shifted", 1.0, "copies"), row("flow-bootstrap", 0.9, "copies")]
    text = page(*made, row("zero", 0.1, "copies"), suite="copies")
    assert lines(text, "### Calibration")[2][-1] == "yes"


def test_a_metric_best_at_one_tells_by_its_distance_from_one():
    made = [row("real", 0.95, goal="max"), *(row(name, 0.9, goal="max") for name in BAD)]
    assert lines(page(*made), "### Calibration")[2][-1] == "yes"
    assert lines(page(*made, row("shifted", 1.0, goal="max")), "### Calibration")[2][2] == "1.000"


def test_a_metric_without_a_number_is_undefined_and_no_failure():
    text = page(row("gan", None), *references(3.0))
    assert lines(text, "### Against the training trace")[2] == ["-", "`gan`", "undefined"]
    assert "Metrics without a value" not in text


def test_the_papers_normalisation_names_its_systems():
    text = page(row("gan", 4.0), row("better", 2.0), *references(9.0))
    assert "0.9 d / max d over `better`, `gan`" in text
    assert lines(text, "### As the paper normalises")[2:] == [["`better`", "0.450"], ["`gan`", "0.900"]]
    assert "As the paper normalises" not in page(row("gan", 4.0, "queue"), suite="queue")


def test_a_metric_that_does_not_apply_is_marked_in_every_table():
    without = row("flat", None, test=None)
    for metric in without["metrics"].values():
        metric.update(undefined=True, inapplicable=True, reason="does not apply: it has no flow")
    text = page(without, row("gan", 4.0, test=5.0, ref=8.0), row("better", 2.0), *references(9.0))
    for title in ("Against the training trace", "Against held-out traffic", "As the paper normalises", "Other forms"):
        (found,) = [cells for cells in lines(text, f"### {title}") if "`flat`" in cells]
        assert found[-1] == "n/a"
    assert "of `flat`: it has no flow" in text


def test_floors_held_out_traffic_and_other_forms_have_their_places():
    real = row("real", 1.0, test=0.0, floor=0.25, ref=7.0)
    text = page(real, row("gan", 4.0, test=5.0, ref=8.0))
    assert lines(text, "### Against the training trace")[-1] == ["-", "*halves of the training trace*", "0.250"]
    assert lines(text, "### Against held-out traffic")[2] == ["-", "`gan`", "5.000"]
    assert lines(text, "### Other forms, never ranked")[2] == ["-", "`gan`", "8.000"]


def test_a_metric_that_does_not_tell_ranks_nothing_over_seeds_either():
    for bad, ranks in ((2.0, True), (0.5, False)):
        rows = [row("gan", 3.0), row("better", 2.0), *references(bad)]
        assert ("ranks.md" in render([*rows, *({**one, "seed": 1} for one in rows)])) == ranks


def test_the_page_of_statistics_says_what_the_rows_took():
    taken = {"phases": {"fit": 1234.5, "sample": 2.0}, "peak_memory_mib": 512.4}
    other = {"phases": {"fit": 1235.5, "sample": 4.0}, "peak_memory_mib": 511.4}
    rows = [
        {**row("gan", 4.0, "statistics"), **taken},
        {**row("gan", 4.0, "statistics"), **other, "seed": 1},
        {**row("lost", 4.0, "statistics"), "phases": {}},
        {**row("zero", 4.0, "statistics"), **taken},
    ]
    text = page(*rows, suite="statistics")
    assert lines(text, "### What it took")[2:] == [
        ["`gan`", "1,235.0", "3.0", "512"],
        ["*zero*", "1,234.5", "2.0", "512"],
    ]
    assert "What it took" not in page(row("gan", 4.0))
