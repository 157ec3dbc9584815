import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping

from made_rows import make_row

from ntgbench.report.board import boards
from ntgbench.report.drawing import Point, scatter
from ntgbench.report.markdown import MARK, render
from ntgbench.report.tradeoff import Tradeoff, front
from ntgbench.results import Row, check_row, merged

MACHINE = {"cpu": "a cpu", "cores": 2, "hardware": "a cpu, 1 of 2 threads", "clock": "a clock", "load": 0.5}


def costs(system: str, ms: float, low: float, high: float, **changed: object) -> Row:
    """A row of costs: milliseconds with their interval, and 2 MB."""

    def number(value: float, **more: float) -> Mapping[str, object]:
        return {"value": value, "version": 1, "goal": "min", "digits": 2, **more}

    metrics = {
        "efficiency/sample_shortest_ms": number(ms, low=low, high=high, count=10),
        "efficiency/sample_ms": number(2.0 * ms, low=2.0 * low, high=2.0 * high, count=10),
        "efficiency/size_mb": number(2.0),
    }
    made = {"metrics": metrics, "protocol": "efficiency", "protocol_digest": "e", "machine": MACHINE}
    return make_row(system, 0, **{**made, **changed})


def quality(system: str, macro_f1: float, jsd: float, **changed: object) -> Row:
    metrics = {
        "utility/macro_f1": {"value": macro_f1, "version": 1, "goal": "max", "digits": 3, "primary": True},
        "fidelity/jsd_2gram": {"value": jsd, "version": 1, "goal": "min", "digits": 3, "primary": True},
    }
    return make_row(system, 0, metrics=metrics, **changed)


def lines(text: str, title: str) -> list[list[str]]:
    """The cells of the table below a heading."""
    part = text.partition(title)[2].partition("\n#")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line.startswith("|")]


def test_overlapping_intervals_share_a_rank_and_references_have_none() -> None:
    rows = [
        costs("fast", 1.0, 0.9, 1.1),
        costs("also", 1.2, 1.05, 1.3),
        costs("slow", 5.0, 4.9, 1234.5),
        costs("copy", 0.1, 0.1, 0.1, reference=True),
    ]
    assert [check_row(row) for row in rows] == [None] * 4
    table = lines(render(rows)["made-efficiency.md"], "### One biflow at a time")
    assert [row[:3] for row in table[2:]] == [
        ["1", "`fast`", "1.00 [0.90, 1.10]"],
        ["1", "`also`", "1.20 [1.05, 1.30]"],
        ["3", "`slow`", "5.00 [4.90, 1,234.50]"],
        ["-", "*copy*", "0.100 [0.100, 0.100]"],
    ]


def test_rows_of_other_hardware_neither_meet_nor_replace_one_another() -> None:
    other = {**MACHINE, "hardware": "another cpu, 1 of 64 threads"}
    here, there = costs("a", 1.0, 1.0, 1.0), costs("a", 0.1, 0.1, 0.1, machine=other)
    assert merged([here], [there]) == sorted([here, there], key=lambda row: row["machine"]["hardware"])
    assert len(boards([here, there])) == 2
    text = render([here, there])["made-efficiency.md"]
    assert text.count("on a cpu, 1 of 2 threads") == text.count("on another cpu, 1 of 64 threads") == 1
    assert merged([here], [costs("a", 2.0, 2.0, 2.0)])[0]["metrics"]["efficiency/sample_ms"]["value"] == 4.0


def test_a_row_that_a_slow_machine_measured_says_so() -> None:
    rows = [costs(system, 1.0, 1.0, 1.0) for system in ("a", "b", "c")]
    for row, took in zip(rows, (2.0, 2.1, 2.6), strict=True):
        row["metrics"]["efficiency/reference_ms"] = {"value": took, "version": 1, "goal": "min", "digits": 2}
    text = render(rows)["made-efficiency.md"]
    assert re.findall(r"slow: `(\w)`, seed 0; reference (\S+) times", text) == [("c", "1.30")]


def test_the_paper_s_figures_stand_apart_and_are_called_quoted() -> None:
    text = render([costs("a", 1.0, 1.0, 1.0)])["made-efficiency.md"]
    assert "Quoted from arXiv 2603.25507" in text
    assert ["Mamba", "148", "15.5"] in lines(text, "## As the paper has it")


def test_variants_stand_beside_what_they_come_from() -> None:
    rows = [
        costs("llama", 5.0, 5.0, 5.0),
        costs("llama-int8-wo", 10.0, 10.0, 10.0, base="llama"),
        quality("llama", 0.9, 0.05),
        quality("llama-int8-wo", 0.89, 0.06),
    ]
    row = lines(render(rows)["made-efficiency.md"], "### Variants of a fitted model")[2]
    assert row == ["`llama-int8-wo`", "`llama`", "-", "2.00", "2.00", "2.00", "-0.010", "+0.010"]


def test_two_protocols_and_an_older_version_stand_apart() -> None:
    old = costs("a", 1.0, 1.0, 1.0)
    new = costs("b", 2.0, 2.0, 2.0)
    for metric in new["metrics"].values():
        metric["version"] = 2
    other = costs("a", 3.0, 3.0, 3.0, protocol="efficiency-paper", protocol_digest="p")
    text = render([old, new, other])["made-efficiency.md"]
    assert [row[1] for row in lines(text, "## efficiency on a cpu, 1 of 2 threads")[2:]] == []
    assert text.count("## As the paper has it") == 1
    assert [row[1:3] for row in lines(text.partition("## efficiency-paper on")[0], "### One biflow at a time")[2:]] == [
        ["`b`", "2.00 [2.00, 2.00]"]
    ]


def test_small_numbers_keep_three_figures_and_outliers_are_marked() -> None:
    row = costs("a", 0.001234, 0.0012, 0.0013)
    row["metrics"]["efficiency/sample_shortest_ms"]["outliers"] = 1
    cells = lines(render([row])["made-efficiency.md"], "### One biflow at a time")[2]
    assert cells[2] == "0.00123* [0.00120, 0.00130]"


def test_failed_rows_stay_with_their_reason() -> None:
    failed = costs("bad", 1.0, 1.0, 1.0, status="failed", reason="boom", metrics={})
    text = render([costs("a", 1.0, 1.0, 1.0), failed])["made-efficiency.md"]
    assert ["-", "`bad`", "failed", "failed"] in lines(text, "### One biflow at a time")
    assert "- `bad`, seed 0: boom" in text


def test_the_front_holds_what_nobody_beats_in_both() -> None:
    def one(name: str, macro_f1: float, ms: float, *, reference: bool = False) -> Tradeoff:
        return Tradeoff(name, reference, macro_f1, 1 - macro_f1, ms, ms)

    found = [one("a", 0.9, 5), one("b", 0.8, 1), one("c", 0.8, 2), one("d", 0.7, 1), one("e", 0.9, 5)]
    # A reference beats nobody, and two that are equal in both do not beat one another.
    assert front([*found, one("r", 1.0, 0.1, reference=True)]) == ({"a", "b", "e"}, {"a", "b", "e"})


def test_quality_against_cost_is_a_table_and_a_drawing() -> None:
    rows = [
        costs("a<b>&", 5.0, 5.0, 5.0),
        costs("cheap", 0.5, 0.5, 0.5),
        quality("a<b>&", 0.9, 0.05),
        quality("cheap", 0.7, 0.2),
        quality("unknown", 0.7, 0.2),
    ]
    files = render(rows)
    table = lines(files["made-tradeoff.md"], "on a cpu")[2:]
    assert [row[0] for row in table] == ["`a<b>&`", "`cheap`"]
    assert [row[3] for row in table] == ["yes", "yes"]
    drawing = files["made-tradeoff-1-time.svg"]
    assert drawing.startswith(MARK)
    assert "made-tradeoff-1-time.svg" in files["made-tradeoff.md"]
    root = ElementTree.fromstring(drawing)
    texts = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"a<b>&", "cheap", "0.7", "0.9", "1"} <= texts
    assert len(list(root.iter("{http://www.w3.org/2000/svg}circle"))) == 2
    assert "tradeoff" in files["README.md"]


def test_numbers_that_cannot_be_stay_out_of_the_drawing() -> None:
    known = [quality(name, 0.5 if name != "e" else 1e300, 0.1) for name in "abcde"]
    for ms in (0.0, -1.0, 5e-324, 1e300):
        files = render([*(costs(name, 1.0, 1.0, 1.0) for name in "abe"), costs("c", ms, ms, ms), *known])
        assert files["made-tradeoff-1-time.svg"].count("<circle") == 2
        assert "`c`" in files["made-efficiency.md"]


def test_long_names_stay_in_the_drawing() -> None:
    points = [Point("a", 0.1, 0.5, False, True), Point("slow" * 10, 10.0, 0.9, False, True)]
    root = ElementTree.fromstring(scatter(points, "x", "y"))
    by_text = {element.text: element for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert by_text["slow" * 10].get("text-anchor") == "end"
    assert by_text["a"].get("text-anchor") is None


def test_somebody_s_hardware_is_words_and_no_markup() -> None:
    machine = {**MACHINE, "hardware": "<script>|`", "clock": "<b>", "cpu": "a\n# cpu"}
    rows = [costs(name, 1.0, 1.0, 1.0, machine=machine) for name in "ab"]
    files = render([*rows, *(quality(name, 0.5, 0.1) for name in "ab")])
    for name in ("made-efficiency.md", "made-tradeoff.md"):
        assert re.search(r"^## efficiency on \\<script>\\\|'$", files[name], re.MULTILINE)
        assert "\n# cpu" not in files[name]
    for broken in ({"hardware": "a\nb"}, {"hardware": 1}, {"device": ["cuda"]}, {"clock": None}):
        wrong = check_row(costs("a", 1.0, 1.0, 1.0, machine={**MACHINE, **broken}))
        assert wrong is not None
        assert wrong.startswith("machine")


def test_an_interval_has_two_ends_and_numbers_can_be_computed_with() -> None:
    for wrong in (
        {"low": 1.0},
        {"high": 1.0},
        {"low": 2.0, "high": 1.0},
        {"low": 10**400, "high": 1.0},
        {"value": float("nan")},
    ):
        metric = {"value": 1.0, "version": 1, "goal": "min", "digits": 2, **wrong}
        row = make_row("a", 0, metrics={"efficiency/sample_ms": metric})
        assert str(check_row(row)).startswith("metrics['efficiency/sample_ms']")


def test_costs_without_quality_make_no_drawing() -> None:
    assert not any("tradeoff" in name for name in render([costs("a", 1.0, 1.0, 1.0), costs("b", 1.0, 1.0, 1.0)]))
    of_other_traffic = [quality(name, 0.9, 0.1, dataset_digest="other") for name in "ab"]
    assert not any("tradeoff" in name for name in render([costs("a", 1, 1, 1), costs("b", 1, 1, 1), *of_other_traffic]))


def test_rows_of_one_label_with_other_parameters_are_told_apart() -> None:
    text = render([make_row("a", 0, params={"epochs": 1}), make_row("a", 0, params={"epochs": 2})])["made-utility.md"]
    assert '`a (made 1, {"epochs": 1})`' in text
    assert '`a (made 1, {"epochs": 2})`' in text
