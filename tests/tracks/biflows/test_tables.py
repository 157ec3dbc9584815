"""Pages of the biflow track: F1 of each class, confusions, gains, curves, drift."""

from __future__ import annotations

from typing import Any

import pytest
from made_rows import make_row

from ntgbench.report.markdown import render
from ntgbench.tracks.biflows.confusions import WIDEST

CLASSES = ["chat", "mail"]


def number(value: float, **more: Any) -> dict[str, Any]:
    """A metric of a row."""
    return {"value": value, "version": 1, "goal": "max", "digits": 3, "primary": True, **more}


def confused(system: str, seed: int, counts: list[list[int]], classes: list[str] = CLASSES, **changed: Any):
    """A row with a confusion matrix."""
    metric = number(0.5, confusion={"classes": classes, "counts": counts})
    return make_row(system, seed, metrics={"utility/macro_f1": metric}, **changed)


def table(page: str, first: int = 0) -> list[list[str]]:
    """The cells of the first table from line `first` on."""
    lines = page.splitlines()[first:]
    begin = next(number for number, line in enumerate(lines) if line.startswith("|"))
    end = next((number for number, line in enumerate(lines) if number > begin and not line.startswith("|")), None)
    body = [line for line in lines[begin:end] if not line.startswith(("|-", "|:"))]
    return [[cell.strip() for cell in line.replace("\\|", "¦").strip("|").split("|")] for line in body]


def by_class(page: str) -> list[list[str]]:
    return table(page, page.splitlines().index("### F1 of each class"))


def test_f1_of_each_class_is_the_mean_over_seeds_of_ranked_systems_and_real() -> None:
    rows = [
        confused("a", 0, [[8, 2], [0, 10]]),
        confused("a", 1, [[10, 0], [0, 12]]),
        confused("real", 0, [[10, 0], [0, 10]], reference=True),
        confused("copy", 0, [[10, 0], [0, 10]], reference=True),
    ]
    page = render(rows)["made-utility.md"]
    chat, mail = (2 * 8 / (10 + 8) + 1) / 2, (2 * 10 / (10 + 12) + 1) / 2
    assert by_class(page) == [
        ["class", "tested", "`a`", "*real*"],
        ["`chat`", "10", f"{chat:.3f}", "1.000"],
        ["`mail`", "11", f"{mail:.3f}", "1.000"],
    ]
    assert "**Most frequent confusions:**\n\n- `a`: `chat` taken for `mail`: 10%\n" in page


def test_many_systems_have_tables_of_equal_width() -> None:
    rows = [confused(f"s{i}", 0, [[8, 2], [0, 10]]) for i in range(WIDEST + 1)]
    page = render(rows)["made-utility.md"]
    heads = [line for line in page.splitlines() if line.startswith("| class")]
    assert [head.count("`s") for head in heads] == [5, 4]


def test_rows_without_a_confusion_matrix_have_the_usual_page() -> None:
    old = [make_row("old", 0), make_row("older", 0, metrics={"utility/accuracy": number(0.4, primary=False)})]
    page = render(old)["made-utility.md"]
    assert "F1 of each class" not in page
    assert "Tables that failed" not in page
    mixed = render([*old, confused("new", 0, [[1, 1], [0, 2]])])["made-utility.md"]
    assert by_class(mixed)[0] == ["class", "tested", "`new`"]
    assert [row[1] for row in table(mixed)[1:]] == ["`new`", "`old`", "`older`"]


@pytest.mark.parametrize(("classes", "counts"), [([], []), (["chat"], [[0]]), (["a", "a"], [[1, 1], [1, 1]])])
def test_odd_confusion_matrices_do_not_stop_a_page(classes: list[str], counts: list[list[int]]) -> None:
    page = render([confused("a", 0, counts, classes)])["made-utility.md"]
    assert "Tables that failed" not in page


def test_class_names_cannot_break_a_page() -> None:
    page = render([confused("a", 0, [[1, 3], [0, 2]], ["x|y`<b>\x1b", "*mail*"])])["made-utility.md"]
    assert "`x\\|y'<b>\\x1b` taken for `*mail*`: 75%" in page
    assert len(by_class(page)[1]) == 3


def augmented(seed: int, some: float, bare: float, **interval: float):
    names = {"5%": number(some), "5%,none": number(bare), "5%,gain": number(some - bare, **interval, primary=False)}
    return make_row("a", seed, metrics={f"augmentation/macro_f1@{at}": value for at, value in names.items()})


def gain(*rows) -> tuple[str, str]:
    page = render(rows)["made-augmentation.md"]
    lines = page.splitlines()
    at = lines.index("### Gain in macro_f1 over no augmentation")
    return table(page, at)[1][1], lines[at + 2]


def test_the_gain_has_an_interval_of_biflows_for_one_seed_and_of_seeds_for_several() -> None:
    text, about = gain(augmented(0, 0.8, 0.7, low=0.08, high=0.13))
    assert text == "+0.100 [+0.080, +0.130]"
    assert "no augmentation" in about
    text, about = gain(augmented(0, 0.8, 0.7, low=0.08, high=0.13), augmented(1, 0.8, 0.72, low=0.0, high=0.1))
    assert text == "+0.090 ± 0.127"  # 12.706 sqrt(0.0002 / 2)
    assert "same seed" in about
    assert gain(augmented(0, 0.7, 0.8))[0] == "-0.100"


def test_a_mixing_curve_is_ranked_by_the_shares_that_differ() -> None:
    def mixed(system: str, half: float):
        values = {"0%": half, "50%": half, "50%,none": 0.6, "100%": 0.9}
        return make_row(system, 0, metrics={f"mixing/macro_f1@{at}": number(one) for at, one in values.items()})

    found = table(render([mixed("a", 0.5), mixed("b", 0.7)])["made-mixing.md"])
    assert found == [
        ["rank", "system", "0%", "50%", "100%"],
        ["1", "`b`", "**0.700**", "**0.700**", "**0.900**"],
        ["2", "`a`", "0.500", "0.500", "**0.900**"],
        ["", "*references*", "", "", ""],
        ["-", "*real part alone*", "-", "0.600", "-"],
    ]


def test_drift_is_ranked_by_what_is_left_on_the_other_dataset() -> None:
    def drifted(system: str, other: float, same: float):
        values = {"": number(other), "@same": number(same), "@loss": number(same - other, goal="min", primary=False)}
        return make_row(system, 0, metrics={f"drift/macro_f1{form}": one for form, one in values.items()})

    found = table(render([drifted("a", 0.5, 0.9), drifted("b", 0.4, 0.5)])["made-drift.md"])
    assert [row[:4] for row in found] == [
        ["rank", "system", "other dataset ↑", "same dataset ↑"],
        ["1", "`a`", "**0.500**", "**0.900**"],
        ["2", "`b`", "0.400", "0.500"],
    ]
    assert [row[4] for row in found] == ["loss ↓", "0.400", "**0.100**"]
