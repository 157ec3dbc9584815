import re
from pathlib import Path

from made_rows import MACHINE, lines, make_row, quality, timed

from ntgbench.efficiency.columns import COLUMNS
from ntgbench.efficiency.settings import READING
from ntgbench.report.board import boards
from ntgbench.report.efficiency import tables
from ntgbench.report.markdown import render
from ntgbench.results import check_row, merged


def test_overlapping_intervals_share_a_rank_and_references_have_none() -> None:
    rows = [
        timed("fast", 1.0, 0.9, 1.1),
        timed("also", 1.2, 1.05, 1.3),
        timed("slow", 5.0, 4.9, 1234.5),
        timed("copy", 0.1, 0.1, 0.1, reference=True),
    ]
    assert [check_row(row) for row in rows] == [None] * 4
    table = lines(render(rows)["made-efficiency.md"], "### One biflow at a time")
    assert [row[:3] for row in table[2:]] == [
        ["1", "`fast`", "1.00 [0.90, 1.10]"],
        ["1", "`also`", "1.20 [1.05, 1.30]"],
        ["3", "`slow`", "5.00 [4.90, 1,234.50]"],
        ["-", "*copy*", "0.100 [0.100, 0.100]"],
    ]


def test_rows_of_other_hardware_have_a_section_of_their_own() -> None:
    other = {**MACHINE, "hardware": "another cpu, 1 of 64 threads"}
    here, there = timed("a", 1.0, 1.0, 1.0), timed("a", 0.1, 0.1, 0.1, machine=other)
    assert merged([here], [there]) == sorted([here, there], key=lambda row: row["machine"]["hardware"])
    assert len(boards([here, there], "efficiency")) == 2
    text = render([here, there])["made-efficiency.md"]
    assert text.count("on a cpu, 1 of 2 threads") == text.count("on another cpu, 1 of 64 threads") == 1
    assert merged([here], [timed("a", 2.0, 2.0, 2.0)])[0]["metrics"]["efficiency/sample_ms"]["value"] == 4.0


def test_a_row_from_a_slow_machine_says_so() -> None:
    rows = [timed(system, 1.0, 1.0, 1.0) for system in ("a", "b", "c", "d")]
    for row, took in zip(rows, (2.0, 2.1, 2.6, None), strict=True):
        row["metrics"]["efficiency/reference_ms"] = {"value": took, "version": 1, "goal": "min", "digits": 2}
    text = render(rows)["made-efficiency.md"]
    assert re.findall(r"slow: `(\w)`, seed 0; reference (\S+) times", text) == [("c", "1.30")]


def test_the_documentation_explains_every_column_and_the_board_itself_in_five_lines() -> None:
    page = (Path(__file__).parents[2] / "docs" / "efficiency.md").read_text()
    old = {"train_biflows", "sample_biflows"}  # of rows up to version 5
    assert {name for name in COLUMNS if f"`{name}`" not in page} == old
    assert len(READING.splitlines()) <= 5


def test_items_are_called_by_the_unit_of_their_track() -> None:
    row = timed("a", 1.0, 1.0, 1.0)
    for name in ("train_items", "sample_items", "first_s", "sample_rate", "joules"):
        row["metrics"][f"efficiency/{name}"] = {"value": 2.0, "version": 1, "goal": "min", "digits": 0}
    (board,) = boards([row], "efficiency")
    text = re.sub(" +", " ", "\n".join(map(str, tables(board, [row]))))
    assert "| biflows trained on | biflows sampled |" in text


def test_the_figures_of_the_paper_are_marked_as_quoted() -> None:
    text = render([timed("a", 1.0, 1.0, 1.0)])["made-efficiency.md"]
    assert "Quoted from arXiv 2603.25507" in text
    assert ["Mamba", "148", "15.5"] in lines(text, "## Figures of the paper")


def test_variants_are_compared_with_their_base() -> None:
    rows = [
        timed("llama", 5.0, 5.0, 5.0),
        timed("llama-int8-wo", 10.0, 10.0, 10.0, base="llama"),
        quality("llama", 0.9, 0.05),
        quality("llama-int8-wo", 0.89, 0.06),
    ]
    row = lines(render(rows)["made-efficiency.md"], "### Variants of a fitted model")[2]
    assert row == ["`llama-int8-wo`", "`llama`", "-", "2.00", "2.00", "2.00", "-0.010", "+0.010"]


def test_protocols_have_sections_and_older_versions_are_left_out() -> None:
    old = timed("a", 1.0, 1.0, 1.0)
    new = timed("b", 2.0, 2.0, 2.0)
    for metric in new["metrics"].values():
        metric["version"] = 2
    other = timed("a", 3.0, 3.0, 3.0, protocol="efficiency-paper", protocol_digest="p")
    text = render([old, new, other])["made-efficiency.md"]
    assert [row[1] for row in lines(text, "## efficiency on a cpu, 1 of 2 threads")[2:]] == []
    assert text.count("## Figures of the paper") == 1
    assert [row[1:3] for row in lines(text.partition("## efficiency-paper on")[0], "### One biflow at a time")[2:]] == [
        ["`b`", "2.00 [2.00, 2.00]"]
    ]


def test_small_numbers_keep_three_figures_and_outliers_are_marked() -> None:
    row = timed("a", 0.001234, 0.0012, 0.0013)
    row["metrics"]["efficiency/sample_shortest_ms"]["outliers"] = 1
    cells = lines(render([row])["made-efficiency.md"], "### One biflow at a time")[2]
    assert cells[2] == "0.00123* [0.00120, 0.00130]"


def test_failed_rows_stay_with_their_reason() -> None:
    failed = timed("bad", 1.0, 1.0, 1.0, status="failed", reason="boom", metrics={})
    text = render([timed("a", 1.0, 1.0, 1.0), failed])["made-efficiency.md"]
    assert ["-", "`bad`", "failed", "failed"] in lines(text, "### One biflow at a time")
    assert "- `bad`, seed 0: boom" in text


def test_hardware_names_are_text_and_not_markup() -> None:
    machine = {**MACHINE, "hardware": "<script>|`", "clock": "<b>", "cpu": "a\n# cpu"}
    rows = [timed(name, 1.0, 1.0, 1.0, machine=machine) for name in "ab"]
    files = render([*rows, *(quality(name, 0.5, 0.1) for name in "ab")])
    for name in ("made-efficiency.md", "made-tradeoff.md"):
        assert re.search(r"^## efficiency on \\<script>\\\|'$", files[name], re.MULTILINE)
        assert "\n# cpu" not in files[name]
    for broken in ({"hardware": "a\nb"}, {"hardware": 1}, {"device": ["cuda"]}, {"clock": None}):
        wrong = check_row(timed("a", 1.0, 1.0, 1.0, machine={**MACHINE, **broken}))
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


def test_rows_of_one_display_name_with_other_parameters_are_told_apart() -> None:
    text = render([make_row("a", 0, params={"epochs": 1}), make_row("a", 0, params={"epochs": 2})])["made-utility.md"]
    assert '`a (made 1, {"epochs": 1})`' in text
    assert '`a (made 1, {"epochs": 2})`' in text
