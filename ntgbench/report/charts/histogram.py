"""Histograms of several series over the same bins: bars beside each other, or steps where the bins are many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ntgbench.report.charts.colours import INK, colour_of, dash_of, paint, places
from ntgbench.report.charts.legend import Entry
from ntgbench.report.charts.plane import Plane, plane
from ntgbench.report.charts.scales import Axis, amount
from ntgbench.report.charts.svg import number, path, safe

MOST_BARS = 60
"""Bars of all series together; with more, series are drawn as steps."""


@dataclass(frozen=True)
class Counts:
    """One series: a number or share for each bin, None where there is none. A reference is grey."""

    name: str
    heights: tuple[float | None, ...]
    reference: bool = False


def histogram(edges: Sequence[float], series: Sequence[Counts], x: Axis, y: Axis, about: str) -> str:
    """The series over bins between `edges`, which rise and are one more than the heights; a bin tells all on hover.

    Bins with an end that the x axis does not take are left out.
    """
    bins = [i for i in range(len(edges) - 1) if x.takes(edges[i]) and x.takes(edges[i + 1])]
    if bins:
        x = replace(x, low=edges[bins[0]], high=edges[bins[-1] + 1])
    heights = [[h if (h := one.heights[i]) is not None and y.takes(h) else None for i in bins] for one in series]
    drawn_heights = [h for own in heights for h in own if h is not None]
    on = plane(x, y, [edges[j] for i in bins for j in (i, i + 1)], [*([] if y.log else [0.0]), *drawn_heights])
    spans = [(on.x(edges[i]), on.x(edges[i + 1])) for i in bins]
    zero = on.y(on.y.low if y.log else 0.0)
    own_places = places(series)
    as_bars = len(bins) * len(series) <= MOST_BARS
    drawn, entries = [], []
    for place, one in enumerate(series):
        own_place = own_places[place]
        colour = colour_of(own_place, one.reference)
        if as_bars:
            solid = paint(fill=colour, stroke=colour) + (' fill-opacity=".35"' if one.reference else "")
            drawn.append(f'<path d="{_bars(on, spans, heights[place], zero, place, len(series))}" {solid}/>')
            entries.append(Entry(one.name, f'<rect x="3" y="-5" width="12" height="10" {solid}/>'))
        else:
            line = f'stroke-width="1.5"{dash_of(own_place, one.reference)} {paint("none", colour)}'
            steps = _steps(on, spans, heights[place], zero)
            drawn.append(f'<path d="{steps}" {line}/>')
            entries.append(Entry(one.name, f'<path d="M0 0H18" {line}/>'))
    drawn.append(f'<g fill-opacity="0" {paint(fill=INK)}>')
    for place, (i, (left, right)) in enumerate(zip(bins, spans, strict=True)):
        told = [f"{amount(edges[i])} to {amount(edges[i + 1])}"]
        told += [f"{one.name}: {_told(own[place])}" for one, own in zip(series, heights, strict=True)]
        box = f'x="{number(left)}" y="{number(on.y.end)}" width="{number(right - left)}"'
        drawn.append(f'<rect {box} height="{number(on.y.start - on.y.end)}">')
        drawn.append("<title>" + "\n".join(map(safe, told)) + "</title></rect>")
    drawn.append("</g>")
    return on.document(about, drawn, entries if len(series) > 1 else ())


def _told(height: float | None) -> str:
    return "no number" if height is None else amount(height)


def _bars(
    on: Plane, spans: Sequence[tuple[float, float]], heights: Sequence[float | None], zero: float, place: int, of: int
) -> str:
    """The path of one series' bars, those of a bin beside each other."""
    parts = []
    for (left, right), height in zip(spans, heights, strict=True):
        if height is not None:
            wide = 0.84 * (right - left) / of
            at = left + 0.08 * (right - left) + place * wide
            top = on.y(height)
            parts.append(f"M{number(at)} {number(zero)}V{number(top)}H{number(at + wide)}V{number(zero)}Z")
    return "".join(parts)


def _steps(on: Plane, spans: Sequence[tuple[float, float]], heights: Sequence[float | None], zero: float) -> str:
    """The path of one series' outline, from the axis up and back to it."""
    corners: list[tuple[float, float]] = []
    for (left, right), height in zip(spans, heights, strict=True):
        at = zero if height is None else on.y(height)
        corners += [(left, at), (right, at)]
    return path([(corners[0][0], zero), *corners, (corners[-1][0], zero)]) if corners else ""
