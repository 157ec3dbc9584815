"""What all charts promise: XML whatever the texts and numbers are, the same bytes, and numbers at their places."""

import math
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ntgbench.report.charts import (
    Axis,
    Bar,
    Bars,
    Counts,
    Grid,
    Guide,
    Line,
    Point,
    Shape,
    Way,
    bars,
    grid,
    histogram,
    lines,
    radar,
    scatter,
)
from ntgbench.report.charts.radar import RADIUS, place_on
from ntgbench.report.charts.svg import shortened, width_of

HOSTILE = "</title><script>alert(1)</script>&\"'\x00\u202e]]>\ud800" + "W" * 90
SVG = "{http://www.w3.org/2000/svg}"

number = st.one_of(st.floats(), st.sampled_from([0.0, -0.0, 0.5, 1.0, 1e15, -1e15, 5e-324, 1.7e308]))
maybe = st.one_of(st.none(), number)
name = st.one_of(st.just(HOSTILE), st.text(max_size=30))
few = {"max_size": 4}


def drawing(text: str) -> ElementTree.Element:
    """The drawing, when it is one, with no coordinate that is not a number."""
    root = ElementTree.fromstring(text)
    for element in root.iter():
        for key, value in element.attrib.items():
            if key not in ("aria-label", "font-family", "fill", "stroke", "style") and not key.startswith("data-"):
                assert not re.search(r"nan|inf\b|\de[+-]?\d", value), (key, value)
    assert root.get("role") == "img"
    assert root.get("aria-label")
    assert list(root.iter(f"{SVG}script")) == []
    return root


def axes(log: bool) -> tuple[Axis, Axis]:
    return Axis(HOSTILE, log), Axis("y", log)


@given(
    st.lists(st.tuples(name, number, number, st.booleans(), maybe, maybe), **few),
    st.booleans(),
    st.lists(number, max_size=2),
)
def test_scatter_takes_everything(found: list, log: bool, guides: list[float]) -> None:
    points = [
        Point(text, x, y, front, not front, None if a is None else (a, a), None if b is None else (b, b))
        for text, x, y, front, a, b in found
    ]
    ways = [Way(HOSTILE, (*(one.name for one in points), "none of them"))]
    drawing(scatter(points, *axes(log), "about", [Guide(HOSTILE, at) for at in guides], ways))


@given(
    st.lists(st.tuples(name, st.lists(st.tuples(number, number, number), **few), st.booleans()), **few), st.booleans()
)
def test_lines_take_everything(found: list, log: bool) -> None:
    series = [Line(text, tuple(p[:2] for p in points), tuple(points), reference) for text, points, reference in found]
    drawing(lines(series, *axes(log), "about"))


@given(st.lists(number, min_size=1, max_size=30), st.lists(st.tuples(name, st.booleans()), **few), maybe, st.booleans())
def test_histograms_take_everything(edges: list[float], names: list, height: float | None, log: bool) -> None:
    edges = sorted({edge for edge in edges if not math.isnan(edge)})
    series = [Counts(text, (height,) * max(len(edges) - 1, 0), reference) for text, reference in names]
    drawing(histogram(edges, series, *axes(log), "about"))


@given(st.lists(name, **few), st.lists(st.tuples(name, maybe, maybe, maybe), **few), st.booleans())
def test_bars_take_everything(groups: list[str], found: list, log: bool) -> None:
    series = [Bars(text, (None if v is None else Bar(v, a, b),) * len(groups)) for text, v, a, b in found]
    drawing(bars(groups, series, Axis(HOSTILE, log), "about", groups))


@given(st.lists(name, min_size=3, max_size=6), st.lists(st.tuples(name, maybe, st.booleans()), **few))
def test_radars_take_everything(spokes: list[str], found: list) -> None:
    shapes = [Shape(text, (value,) * len(spokes), reference) for text, value, reference in found]
    drawing(radar(spokes, shapes, "about"))


@given(
    st.lists(name, max_size=3), st.lists(name, max_size=30), st.lists(maybe, min_size=1), maybe, maybe, st.booleans()
)
@example(["a"], ["b"], [0.0], None, float("nan"), False)
@settings(max_examples=30)
def test_grids_take_everything(rows: list, columns: list, found: list, low: float, high: float, inline: bool) -> None:
    values = tuple(tuple(found[(i + j) % len(found)] for j in range(len(columns))) for i in range(len(rows)))
    shown = Grid(tuple(rows), tuple(columns), values, HOSTILE, "columns", "value", low, high)
    drawing(grid(shown, HOSTILE, inline))


def test_hostile_texts_are_shown_as_they_are() -> None:
    root = drawing(scatter([Point("<b>&\"'", 1.0, 1.0)], Axis("x"), Axis("y"), 'it\'s <this> & "that"'))
    assert root.get("aria-label") == 'it\'s <this> & "that"'
    assert "<b>&\"'" in {element.text for element in root.iter(f"{SVG}text")}


def test_zero_is_at_the_outer_edge_of_a_radar_and_the_worst_in_the_middle() -> None:
    assert place_on(0, 4, 0.0, 0.5) == pytest.approx((0.0, -RADIUS))
    assert place_on(1, 4, 0.0, 0.5) == pytest.approx((RADIUS, 0.0))
    assert place_on(1, 4, 0.25, 0.5) == pytest.approx((RADIUS / 2, 0.0))
    assert place_on(2, 4, 0.5, 0.5) == place_on(2, 4, 9.0, 0.5) == pytest.approx((0.0, 0.0))


def test_points_of_a_scatter_plot_are_where_their_numbers_are() -> None:
    x, y = Axis("x", log=True, low=1.0, high=100.0), Axis("y", low=0.0, high=1.0)
    root = drawing(scatter([Point(str(v), v, 0.5, front=True) for v in (1.0, 10.0, 100.0)], x, y, "about"))
    places = [float(one.get("cx", 0)) for one in root.iter(f"{SVG}circle")][:3]
    assert places[1] - places[0] == pytest.approx(places[2] - places[1], abs=0.2)
    assert {one.get("cy") for one in root.iter(f"{SVG}circle")} >= {"129"}  # half way between 24 and 234


def test_bars_are_as_long_as_their_numbers() -> None:
    root = drawing(bars(["a", "b"], [Bars("s", (Bar(0.25), Bar(0.5)))], Axis("x", low=0.0, high=1.0), "about"))
    found = [re.match(r"M\S+ \S+?h([\d.]+)v", one.get("d", "")) for one in root.iter(f"{SVG}path") if len(one)]
    short, long = (float(one.group(1)) for one in found if one)
    assert long == pytest.approx(2 * short, abs=0.2)


def test_a_bin_tells_all_series() -> None:
    text = histogram(
        [0.0, 1.0, 2.0], [Counts("a", (0.25, 0.5)), Counts("b", (None, 1.0))], Axis("x"), Axis("y"), "about"
    )
    titles = [one.text for one in drawing(text).iter(f"{SVG}title")]
    assert titles == ["0 to 1\na: 0.25\nb: no number", "1 to 2\na: 0.5\nb: 1"]


def test_cells_are_shaded_by_their_numbers_and_tell_them() -> None:
    shown = Grid(("r", "s"), ("c", "d"), ((0.0, 0.5), (None, 1.0)), "row", "column", "F1", 0.0, 1.0)
    root = drawing(grid(shown, "about"))
    titles = [one.text for one in root.iter(f"{SVG}title")]
    assert titles[:3] == [
        "row: r\ncolumn: c\nF1: 0.00",
        "row: r\ncolumn: d\nF1: 0.50",
        "row: s\ncolumn: c\nF1: no number",
    ]
    cells = {one.get("stroke-opacity"): one.get("d") for one in root.iter(f"{SVG}path") if "M" in one.get("d", "")[:1]}
    assert cells["0.5"] is not None
    inline = drawing(grid(shown, "about", inline=True))
    (told,) = (one for one in inline.iter(f"{SVG}rect") if one.get("data-values"))
    assert (told.get("data-rows"), told.get("data-values")) == ("r\ns", ",.5;-,1")


def test_long_texts_are_cut_at_their_middle() -> None:
    short = shortened("a-very-long-name-of-a-system[variant=nominal]", 100.0)
    assert width_of(short) <= 100.0
    assert short.startswith("a-very")
    assert short.endswith("nal]")


def test_entries_of_a_legend_lie_apart() -> None:
    series = [Line(f"system-number-{i}", ((0.0, float(i)), (1.0, 2.0))) for i in range(12)]
    root = drawing(lines(series, Axis("x"), Axis("y"), "about"))
    found = [one for one in root.iter(f"{SVG}text") if (one.text or "").startswith("system-number")]
    boxes = [(float(one.get("x", 0)), float(one.get("y", 0)), width_of(one.text or "")) for one in found]
    assert len(boxes) == 12
    for i, (x, y, wide) in enumerate(boxes):
        assert x + wide <= 401.0
        assert all(y != other_y or x + wide < other_x for other_x, other_y, _ in boxes[i + 1 :])


DRAWN: list[Callable[[], str]] = [
    lambda: lines([Line("a", ((1.0, 2.0),))], Axis("x"), Axis("y"), "about"),
    lambda: radar(["a", "b", "c"], [Shape("s", (0.1, 0.2, 0.3))], "about"),
]


@pytest.mark.parametrize("draw", DRAWN)
def test_colours_follow_the_page_and_stand_alone_without_one(draw: Callable[[], str]) -> None:
    text = draw()
    assert "fill:var(--ink,#1b1b1b)" in text
    assert 'fill="#1b1b1b"' in text
