"""What failed, as boards and the command line tell it."""

import re
from pathlib import Path

from made_rows import make_row

from ntgbench.report.failures import metric_failures, told
from ntgbench.report.markdown import render
from ntgbench.results import check_row


def failing(system: str, seed: int, reasons: dict[str, str]):
    metrics = {
        "utility/macro_f1": {"value": 0.5, "version": 1, "goal": "max", "digits": 3},
        **{k: {"value": None, "version": 1, "goal": "min", "digits": 3, "reason": r} for k, r in reasons.items()},
    }
    return make_row(system, seed, metrics=metrics)


BROKEN = {f"fidelity/bad{at}": "ValueError: boom" for at in ("", "@train", "@floor")}


def test_a_metric_that_fails_everywhere_is_one_line_on_the_board_of_its_suite() -> None:
    files = render([failing(system, seed, BROKEN) for system in "ab" for seed in range(3)])
    assert files["made-fidelity.md"].count("boom") == 1
    assert "- `bad` of `a`, `b`: ValueError: boom" in files["made-fidelity.md"]
    assert "boom" not in files["made-utility.md"]
    # A row of which a metric failed has not failed.
    assert not any("**Failed:**" in text for text in files.values())


def test_a_metric_that_is_undefined_has_not_failed_and_the_board_says_so() -> None:
    undefined = {"value": None, "version": 1, "goal": "min", "digits": 3, "reason": "no gap", "undefined": True}
    number = {**undefined, "value": 0.25}
    number.pop("undefined")
    number.pop("reason")
    rows = [
        make_row(system, 0, metrics={"fidelity/gaps": gaps, "fidelity/gaps@ref": number})
        for system, gaps in (("one", undefined), ("other", number))
    ]
    assert [check_row(row) for row in rows] == [None, None]
    text = render(rows)["made-fidelity.md"]
    assert re.search(r"`one` +\| +undefined ", text)
    assert "no gap" not in text
    assert metric_failures([("one", rows[0])]) == []


def test_a_metric_that_does_not_apply_is_a_marked_cell_with_the_reason_below_the_table() -> None:
    def measured(**more):
        return {"value": 0.5, "version": 1, "goal": "min", "digits": 3, **more}

    marked = measured(value=None, reason="does not apply: it has no flow", undefined=True, inapplicable=True)
    rows = [
        make_row(
            system, seed, metrics={f"fidelity/{name}{at}": one for name in ("gaps", "sizes") for at in ("", "@test")}
        )
        for seed in range(2)
        for system, one in (("b", marked), ("a", marked), ("c", measured()))
    ]
    assert {check_row(row) for row in rows} == {None}
    text = render(rows)["made-fidelity.md"]
    assert re.search(r"- \| `b` +\| +n/a \| +n/a ", text)
    assert "**Not applicable (n/a):**\n\n- `gaps`, `sizes` of `a`, `b`: it has no flow\n" in text
    assert "**Metrics without a value:**" not in text
    assert metric_failures([("b", rows[0])]) == []


def test_causes_that_differ_in_numbers_only_are_one() -> None:
    rows = [failing("a", n, {"fidelity/bad": f"{n + 1.5} lies outside 0.0..1.0"}) for n in range(20)]
    (only,) = metric_failures([("a", row) for row in rows])
    assert only == metric_failures([("a", row) for row in rows], "fidelity")[0]
    assert (only.metric, only.cause, only.systems, only.rows) == (
        "fidelity/bad",
        "1.5 lies outside 0.0..1.0",
        ("a",),
        20,
    )
    assert metric_failures([("a", row) for row in rows], "utility") == []


def test_two_causes_are_two_lines_and_many_are_cut() -> None:
    rows = [failing(f"s{n}", 0, {"fidelity/bad": "x" * n}) for n in range(1, 31)]
    text = render(rows)["made-fidelity.md"]
    assert text.count("\n- `bad` of ") == 10
    assert "- and 20 more in rows.jsonl" in text


def test_many_systems_are_counted() -> None:
    text = render([failing(f"s{n}", 0, BROKEN) for n in range(12)])["made-fidelity.md"]
    assert "`s5` and 4 more: ValueError: boom" in text


def test_a_failed_row_names_its_log_and_no_path_of_the_machine() -> None:
    row = make_row("bad", 0, status="failed", reason="boom", metrics={}, log="quick/made-1/bad/seed0-2/log.txt")
    text = render([make_row("a", 0), row])["made-utility.md"]
    assert "- `bad`, seed 0: boom (log: `runs/quick/made-1/bad/seed0-2/log.txt`)" in text
    assert told([row], Path.cwd() / "mine") == [
        "made / bad / seed 0: boom (log: mine/quick/made-1/bad/seed0-2/log.txt)",
    ]
    assert told([row], Path("/elsewhere"))[0].endswith("(log: /elsewhere/quick/made-1/bad/seed0-2/log.txt)")


def test_the_command_line_tells_a_metric_once() -> None:
    rows = [failing(system, seed, BROKEN) for system in "ab" for seed in range(3)]
    assert told(rows, Path("runs")) == ["metric fidelity/bad in 6 rows, of a, b: ValueError: boom"]
