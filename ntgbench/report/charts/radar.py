"""Radars: numbers from 0 at the outer edge to 1 in the middle, so that the larger area is the better one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ntgbench.report.charts.colours import INK, PAPER, RULE, colour_of, dash_of, paint, places, shape_of
from ntgbench.report.charts.legend import Entry, legend
from ntgbench.report.charts.scales import amount
from ntgbench.report.charts.svg import FONT, WIDTH, document, fitted, label, marker, marker_path, number, path, safe

RADIUS = 108.0
"""Pixels from the middle to the outer edge."""

TOP = 34.0
RINGS = 4


@dataclass(frozen=True)
class Shape:
    """One system: a number for each spoke, None where it has none. A reference is grey and dashed."""

    name: str
    values: tuple[float | None, ...]
    reference: bool = False


def place_on(spoke: int, of: int, value: float, worst: float) -> tuple[float, float]:
    """Where a number is, from the middle: 0 at the outer edge, `worst` and more in the middle; spoke 0 points up."""
    share = 1.0 - min(max(value / worst, 0.0), 1.0)
    angle = 2.0 * math.pi * spoke / of
    return RADIUS * share * math.sin(angle), -RADIUS * share * math.cos(angle)


def radar(spokes: Sequence[str], shapes: Sequence[Shape], about: str, worst: float = 1.0) -> str:
    """The shapes over spokes of equal length; a shape tells all its numbers on hover.

    Args:
        spokes: names, at least three.
        shapes: what is drawn; a spoke without a number opens the shape.
        about: what the picture says.
        worst: the number in the middle, above 0.
    """
    x, y, of = WIDTH / 2, TOP + RADIUS, max(len(spokes), 1)
    parts = [f'<g transform="translate({number(x)} {number(y)})"><g {paint("none", RULE)}>']
    for ring in range(RINGS):
        corners = [place_on(i, of, worst * ring / RINGS, worst) for i in range(of)]
        parts.append(f'<path d="{path(corners, closed=True)}"/>')
    edge = [place_on(i, of, 0.0, worst) for i in range(of)]
    parts.append(f'<path d="{"".join(path([(0.0, 0.0), corner]) for corner in edge)}"/></g>')
    for i, name in enumerate(spokes):
        a, b = (1.07 * one for one in edge[i])
        side = "middle" if abs(a) < 5.0 else "start" if a > 0 else "end"
        down = -4.0 if b < -0.9 * RADIUS else FONT if b > 0.9 * RADIUS else FONT / 3
        parts.append(fitted(a, b + down, name, WIDTH / 2 - abs(a), f' text-anchor="{side}"'))
    entries = []
    for place, one in zip(places(shapes), shapes, strict=True):
        colour, shape = colour_of(place, one.reference), shape_of(place)
        known = [(i, value) for i, value in enumerate(one.values[:of]) if value is not None and math.isfinite(value)]
        corners = [place_on(i, of, value, worst) for i, value in known]
        pen = f'stroke-width="2"{dash_of(place, one.reference)}'
        told = [one.name, *(f"{spokes[i]}: {amount(value)}" for i, value in known)]
        title = "\n".join(map(safe, told))
        marks = "".join(marker_path(shape, a, b, 3.5) for a, b in corners)
        if corners:
            line = f'<path d="{path(corners, closed=len(corners) == of)}" {pen} {paint("none", colour)}/>'
            parts.append(f'<g><title>{title}</title>{line}<path d="{marks}" {paint(fill=colour)}/></g>')
        sample = f'<path d="M0 0H18" {pen}/>{marker(shape, 9.0, 0.0, 3.0)}'
        entries.append(Entry(one.name, f"<g {paint(colour, colour)}>{sample}</g>"))
    halo = f'paint-order="stroke" stroke-width="3" stroke-linejoin="round" {paint(INK, PAPER)}'
    ends = label(-12.0, 4.0 - RADIUS, "0") + label(0.0, 4.0, amount(worst))
    parts.append(f'<g font-size="11" text-anchor="middle" {halo}>{ends}</g></g>')
    below, height = legend(entries, WIDTH, y + RADIUS + 24.0)
    return document(WIDTH, y + RADIUS + 28.0 + height, about, [*parts, *below])
