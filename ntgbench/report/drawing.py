"""A scatter plot as SVG text: the same bytes everywhere, which no plotting library promises."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 760, 460
LEFT, RIGHT, TOP, BOTTOM = 70, 170, 20, 50

_ON_FRONT, _BEHIND, _REFERENCE = "#b3261e", "#1f5fa8", "#888888"


@dataclass(frozen=True)
class Point:
    """One system in a plot; x is above 0, a reference is hollow and grey, one on the front has another colour."""

    name: str
    x: float
    y: float
    reference: bool
    front: bool


def scatter(points: Sequence[Point], x_title: str, y_title: str) -> str:
    """The plot of at least one point, x on a logarithmic scale, without an XML head."""
    decades = range(
        math.floor(math.log10(min(p.x for p in points))), math.ceil(math.log10(max(p.x for p in points))) + 1
    )
    decades = decades if len(decades) > 1 else range(decades[0], decades[0] + 2)
    low, high = (math.floor(min(p.y for p in points) * 10) / 10, math.ceil(max(p.y for p in points) * 10) / 10)
    high = high if high > low else low + 0.1

    def across(x: float) -> float:
        return LEFT + (math.log10(x) - decades[0]) / (decades[-1] - decades[0]) * (WIDTH - LEFT - RIGHT)

    def down(y: float) -> float:
        return TOP + (high - y) / (high - low) * (HEIGHT - TOP - BOTTOM)

    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for decade in decades:
        x = across(10.0**decade)
        lines.append(f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{bottom}" stroke="#dddddd"/>')
        lines.append(f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{10.0**decade:g}</text>')
    for step in range(round(low * 10), round(high * 10) + 1):
        y = down(step / 10)
        lines.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="#dddddd"/>')
        lines.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{step / 10:.1f}</text>')
    lines.append(f'<text x="{(LEFT + right) / 2:.0f}" y="{HEIGHT - 10}" text-anchor="middle">{escape(x_title)}</text>')
    middle = (TOP + bottom) / 2
    lines.append(
        f'<text transform="translate(18 {middle:.0f}) rotate(-90)" text-anchor="middle">{escape(y_title)}</text>'
    )
    taken: list[tuple[float, float]] = []
    for point in sorted(points, key=lambda point: (-point.y, point.x, point.name)):
        x, y = across(point.x), down(point.y)
        colour = _REFERENCE if point.reference else _ON_FRONT if point.front else _BEHIND
        fill = "white" if point.reference else colour
        lines.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" stroke="{colour}" stroke-width="2" fill="{fill}"/>')
        beside = y + 4
        # Names of close points are written below one another.
        while any(abs(x - other_x) < 150 and abs(beside - other_y) < 13 for other_x, other_y in taken):
            beside += 13
        taken.append((x, beside))
        # A letter is about seven wide; a name that would run out of the picture ends before its point.
        place = f'x="{x + 9:.1f}"' if x + 9 + 7 * len(point.name) <= WIDTH else f'x="{x - 9:.1f}" text-anchor="end"'
        lines.append(f'<text {place} y="{beside:.1f}" fill="{colour}">{escape(point.name)}</text>')
    return "\n".join([*lines, "</svg>"]) + "\n"
