"""Lines with bands of their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ntgbench.report.charts.colours import colour_of, dash_of, paint, places, shape_of
from ntgbench.report.charts.legend import Entry
from ntgbench.report.charts.plane import plane
from ntgbench.report.charts.scales import Axis, amount
from ntgbench.report.charts.svg import marker, path, titled

MOST_MARKED = 60
"""Points of a line that have markers and values on hover; with more, the line has neither."""


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
    """The lines in one plane, each with its own colour, dash and markers; a point tells its numbers on hover."""
    across = [at for one in series for at, *_ in (*one.points, *one.band)]
    up = [value for one in series for _, *values in (*one.points, *one.band) for value in values]
    on = plane(x, y, across, up)
    bands, drawn, entries = [], [], []
    for place, one in zip(places(series), series, strict=True):
        points = [(at, value) for at, value in one.points if x.takes(at) and y.takes(value)]
        band = [(at, *ends) for at, *ends in one.band if x.takes(at) and all(map(y.takes, ends))]
        colour, shape = colour_of(place, one.reference), shape_of(place)
        stroke = f'stroke-width="2"{dash_of(place, one.reference)} {paint("none", colour)}'
        if band:
            edge = [(on.x(at), on.y(high)) for at, _, high in band] + [
                (on.x(at), on.y(low)) for at, low, _ in band[::-1]
            ]
            bands.append(f'<path d="{path(edge, closed=True)}" fill-opacity=".15" {paint(fill=colour)}/>')
        if points:
            drawn.append(f'<path d="{path([(on.x(at), on.y(value)) for at, value in points])}" {stroke}/>')
        ends = {at: f" [{amount(low)}, {amount(high)}]" for at, low, high in band}
        if len(points) <= MOST_MARKED:
            drawn.append(f"<g {paint(fill=colour)}>")
            for at, value in points:
                told = f"{one.name}, {amount(at)}: {amount(value)}{ends.get(at, '')}"
                drawn.append(titled(marker(shape, on.x(at), on.y(value), 3.5), told))
            drawn.append("</g>")
        sample = f'<path d="M0 0H18" {stroke}/><g {paint(fill=colour)}>{marker(shape, 9.0, 0.0, 3.5)}</g>'
        entries.append(Entry(one.name, sample))
    return on.document(about, [*bands, *drawn], entries if len(series) > 1 else ())
