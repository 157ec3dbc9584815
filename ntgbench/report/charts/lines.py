"""Lines with bands of their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ntgbench.report.charts.colours import colour_of, dash_of, paint, places, shape_of
from ntgbench.report.charts.legend import Entry
from ntgbench.report.charts.plane import TOP, Plane, plane
from ntgbench.report.charts.scales import Axis, amount
from ntgbench.report.charts.svg import marker, marker_path, number, path, titled

MOST_MARKED = 60
"""Points of a line that have markers, and different x of all that tell numbers on hover; with more, none do."""


@dataclass(frozen=True)
class Line:
    """One line.

    Attributes:
        name: for the legend.
        points: (x, y), in the order of x.
        band: (x, low, high), in the order of x; empty where no interval is known.
        reference: grey and dashed, apart from the others.
    """

    name: str
    points: tuple[tuple[float, float], ...]
    band: tuple[tuple[float, float, float], ...] = ()
    reference: bool = False


def lines(series: Sequence[Line], x: Axis, y: Axis, about: str) -> str:
    """The lines in one plane, each with its own colour, dash and markers; each x tells all their numbers on hover."""
    shown = [_taken(one, x, y) for one in series]
    across = [at for one in shown for at, *_ in (*one.points, *one.band)]
    on = plane(x, y, across, [value for one in shown for _, *values in (*one.points, *one.band) for value in values])
    bands, drawn, entries = [], [], []
    for place, one in zip(places(shown), shown, strict=True):
        colour, shape = colour_of(place, one.reference), shape_of(place)
        pen = f'stroke-width="2"{dash_of(place, one.reference)}'
        if one.band:
            edge = [(on.x(at), on.y(high)) for at, _, high in one.band]
            edge += [(on.x(at), on.y(low)) for at, low, _ in one.band[::-1]]
            bands.append(f'<path d="{path(edge, closed=True)}" fill-opacity=".15" {paint(fill=colour)}/>')
        corners = [(on.x(at), on.y(value)) for at, value in one.points]
        if corners:
            drawn.append(f'<path d="{path(corners)}" {pen} {paint("none", colour)}/>')
        if len(corners) <= MOST_MARKED:
            marks = "".join(marker_path(shape, a, b, 3.5) for a, b in corners)
            drawn.append(f'<path d="{marks}" {paint(fill=colour)}/>')
        sample = f'<path d="M0 0H18" {pen}/>{marker(shape, 9.0, 0.0, 3.0)}'
        entries.append(Entry(one.name, f"<g {paint(colour, colour)}>{sample}</g>"))
    return on.document(about, [*bands, *drawn, *_told(on, shown)], entries if len(series) > 1 else ())


def _taken(one: Line, x: Axis, y: Axis) -> Line:
    """The line without what has no place in the plane."""
    points = tuple((at, value) for at, value in one.points if x.takes(at) and y.takes(value))
    band = tuple((at, low, high) for at, low, high in one.band if x.takes(at) and y.takes(low) and y.takes(high))
    return replace(one, points=points, band=band)


def _told(on: Plane, shown: Sequence[Line]) -> list[str]:
    """A column without colour around each x, with the numbers of all lines there."""
    by_x: dict[float, list[str]] = {}
    for one in shown:
        ends = {at: f" [{amount(low)}, {amount(high)}]" for at, low, high in one.band}
        for at, value in one.points:
            by_x.setdefault(at, []).append(f"{one.name}: {amount(value)}{ends.get(at, '')}")
    if not 0 < len(by_x) <= MOST_MARKED:
        return []
    known = sorted(by_x)
    middles = [(on.x(first) + on.x(second)) / 2 for first, second in pairwise(known)]
    edges = [on.x.start, *middles, on.x.end]
    columns = []
    for at, left, right in zip(known, edges, edges[1:], strict=False):
        box = f"M{number(left)} {number(TOP)}H{number(right)}V{number(on.y.start)}H{number(left)}z"
        columns.append(titled(f'<path d="{box}"/>', "\n".join([amount(at), *by_x[at]])))
    return ['<g fill-opacity="0">', *columns, "</g>"]
