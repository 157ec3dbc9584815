import random

import pytest
from made_rows import make_row

from ntgbench.report.markdown import render
from ntgbench.words import pluralised


def table(text: str, start: int = 0) -> list[list[str]]:
    """The cells of the first table at or after line `start`."""
    lines = text.splitlines()[start:]
    first = next(i for i, line in enumerate(lines) if line.startswith("|"))
    rows = []
    for line in lines[first:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def values(system: str, *numbers: float, **changed):
    return [make_row(system, seed, value=number, **changed) for seed, number in enumerate(numbers)]


@pytest.mark.parametrize(
    ("count", "noun", "text"), [(1, "cell", "1 cell"), (0, "cell", "0 cells"), (2000, "class", "2,000 classes")]
)
def test_nouns_agree_with_their_numbers(count: int, noun: str, text: str) -> None:
    assert pluralised(count, noun) == text


def test_a_table_ranks_bolds_and_sets_references_apart() -> None:
    rows = [
        *values("b", 0.7, 0.71, 0.7),
        *values("a", 0.9, 0.91, 0.9),
        *values("real", 0.95, 0.95, 0.95, reference=True),
    ]
    heads, rule, *body = table(render(rows)["made-utility.md"])
    assert [(cell[0], cell[-1]) for cell in rule] == [("-", ":"), (":", "-"), ("-", ":")]
    assert [heads, *body] == [
        ["rank", "system", "macro_f1 ↑"],
        ["1", "`a`", "**0.903 ± 0.014**"],
        ["2", "`b`", "0.703 ± 0.014"],
        ["", "*references*", ""],
        ["-", "*real*", "0.950 ± 0.000"],
    ]


def test_ties_share_a_rank_and_equal_print_shares_the_bold() -> None:
    body = table(render([*values("a", 0.5), *values("b", 0.5000001), *values("c", 0.4)])["made-utility.md"])[2:]
    assert [row[0] for row in body] == ["1", "1", "3"]
    assert sorted(row[2] for row in body) == ["**0.500**", "**0.500**", "0.400"]


def test_rows_in_any_order_make_the_same_bytes() -> None:
    rows = [*values("b", 0.7, 0.8), *values("a", 0.9, 0.9), *values("real", 1.0, 1.0, reference=True)]
    rows[0]["notes"], rows[-1]["notes"] = ["first"], ["last"]
    assert render(rows[::-1]) == render(rows)
    assert render(random.Random(1).sample(rows, len(rows))) == render(rows)


def test_failures_stay_on_the_board_with_their_reason() -> None:
    failed = make_row("bad", 0, status="failed", reason="over the\ntime | limit", metrics={})
    text = render([*values("a", 0.9), failed])["made-utility.md"]
    assert ["-", "`bad`", "failed"] in table(text)
    assert "- `bad`, seed 0: over the time \\| limit" in text


def test_a_dataset_on_which_everything_failed_is_listed() -> None:
    text = render([make_row("bad", 0, status="failed", reason="boom", metrics={})])["README.md"]
    assert "no cell has a number" in text
    assert "boom" in text


def test_rows_of_other_data_or_protocol_stand_in_other_tables() -> None:
    rows = [*values("a", 0.9), *values("b", 0.8, dataset_digest="other"), *values("c", 0.7, protocol_digest="other")]
    text = render(rows)["made-utility.md"]
    assert text.count("rank | system") == 3 == text.count("\n## ")


def test_numbers_of_an_older_metric_are_left_out() -> None:
    old = make_row("old", 0)
    old["metrics"]["utility/macro_f1"]["version"] = 0
    body = table(render([old, *values("new", 0.4)])["made-utility.md"])[2:]
    assert body == [["1", "`new`", "0.400"], ["-", "`old`", "outdated"]]


def test_two_versions_of_a_plugin_are_two_systems() -> None:
    text = render([*values("a", 0.9), *values("a", 0.8, distribution_version="2")])["made-utility.md"]
    assert {row[1] for row in table(text)[2:]} == {"`a (made 1)`", "`a (made 2)`"}


def test_fidelity_has_a_floor_and_a_control() -> None:
    def metric(value: float) -> dict:
        return {"value": value, "version": 1, "goal": "min", "digits": 2, "primary": True}

    metrics = {"fidelity/jsd": metric(0.2), "fidelity/jsd@train": metric(0.1), "fidelity/jsd@floor": metric(0.05)}
    text = render([make_row("a", 0, metrics=metrics)])["made-fidelity.md"]
    assert table(text)[-1] == ["-", "*real-vs-real floor*", "0.05"]
    control = text.splitlines().index("Control: the same metrics against the other side of the split.")
    assert table(text, control)[0][2] == "jsd vs train ↓"


def test_augmentation_columns_follow_the_share() -> None:
    def metric(value: float) -> dict:
        return {"value": value, "version": 1, "goal": "max", "digits": 2, "primary": True}

    metrics = {
        f"augmentation/macro_f1@{at}": metric(0.5) for at in ("100%", "5%", "50%", "100%,none", "5%,none", "5%,subset")
    }
    heads = table(render([make_row("a", 0, metrics=metrics)])["made-augmentation.md"])
    assert heads[0] == ["rank", "system", "5%", "50%", "100%", "5% subset"]
    assert heads[-1] == ["-", "*no augmentation*", "0.50", "-", "0.50", "-"]


def test_the_command_on_a_board_is_the_one_that_makes_it() -> None:
    rows = [*values("a[x=b c]", 0.9, 0.8), make_row("real", 0, reference=True)]
    assert (
        "    ntgbench run quick -d made.parquet --seeds 2 -s 'a[x=b c]' -s real --suite utility\n"
        in (render(rows)["made-utility.md"])
    )
    mine = [make_row("a", 0, protocol="mine", source="simulated")]
    assert "    ntgbench run mine.toml -d simulated --seeds 1 -s a --suite utility\n" in render(mine)["made-utility.md"]


def test_labels_and_notes_cannot_break_a_table() -> None:
    text = render([make_row("a[x=p|q`]", 0, notes=["one | two\n<b>"]), *values("b", 0.4)])["made-utility.md"]
    assert "`a[x=p\\|q']`" in text
    assert "- `a[x=p\\|q']`: one \\| two \\<b>" in text


def test_many_notes_are_cut() -> None:
    text = render([make_row("a", 0, notes=[f"note {n}" for n in range(30)])])["made-utility.md"]
    assert "- note 9\n- and 20 more in rows.jsonl" in text


def test_a_reference_without_a_number_comes_last() -> None:
    failed = make_row("copy", 0, reference=True, status="failed", metrics={})
    body = table(render([*values("a", 0.9), *values("real", 0.9, reference=True), failed])["made-utility.md"])
    assert [row[1] for row in body[-2:]] == ["*real*", "*copy*"]


def test_a_row_whose_shares_cannot_be_read_does_not_stop_a_page() -> None:
    value = {"value": 0.5, "version": 1, "goal": "max", "digits": 3}
    odd = {f"augmentation/macro_f1{at}": value for at in ("", "@5%", "@,none", "@5%,none", "@half")}
    page = render([make_row("a", 0, metrics=odd)])["made-augmentation.md"]
    assert "5%" in page
    assert "@half" not in page
