import xml.etree.ElementTree as ElementTree

from made_rows import lines, quality, timed

from ntgbench.report.board import Column
from ntgbench.report.markdown import MARK, render
from ntgbench.report.tradeoff import Tradeoff, front

QUALITY = Column("utility/macro_f1", 1, "max", 3, primary=True)


def test_the_front_holds_systems_that_no_other_beats_in_both() -> None:
    def one(name: str, macro_f1: float, ms: float, *, reference: bool = False) -> Tradeoff:
        return Tradeoff(name, reference, {QUALITY.key: macro_f1}, {"time": ms})

    found = [one("a", 0.9, 5), one("b", 0.8, 1), one("c", 0.8, 2), one("d", 0.7, 1), one("e", 0.9, 5)]
    # A reference beats no system, and two equal systems do not beat each other.
    assert front([*found, one("r", 1.0, 0.1, reference=True)], QUALITY, "time") == {"a", "b", "e"}


def test_quality_against_cost_is_a_table_and_a_drawing() -> None:
    rows = [
        timed("a<b>&", 5.0, 5.0, 5.0),
        timed("cheap", 0.5, 0.5, 0.5),
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
    assert {"a<b>&", "cheap", "0.70", "0.90", "1"} <= texts
    assert len(list(root.iter("{http://www.w3.org/2000/svg}circle"))) == 2
    assert "tradeoff" in files["README.md"]


def test_impossible_numbers_stay_out_of_the_drawing() -> None:
    known = [quality(name, 0.5 if name != "e" else 1e300, 0.1) for name in "abcde"]
    for ms in (0.0, -1.0, 5e-324, 1e300):
        files = render([*(timed(name, 1.0, 1.0, 1.0) for name in "abe"), timed("c", ms, ms, ms), *known])
        assert files["made-tradeoff-1-time.svg"].count("<circle") == 2
        assert "`c`" in files["made-efficiency.md"]


def test_efficiency_without_quality_makes_no_drawing() -> None:
    assert not any("tradeoff" in name for name in render([timed("a", 1.0, 1.0, 1.0), timed("b", 1.0, 1.0, 1.0)]))
    of_other_traffic = [quality(name, 0.9, 0.1, dataset_digest="other") for name in "ab"]
    assert not any("tradeoff" in name for name in render([timed("a", 1, 1, 1), timed("b", 1, 1, 1), *of_other_traffic]))
