"""A plane with two axes, in which scatter plots, lines and histograms draw."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ntgbench.report.charts.colours import INK, RULE, paint
from ntgbench.report.charts.legend import Entry, legend
from ntgbench.report.charts.scales import Axis, Scale, scale
from ntgbench.report.charts.svg import FONT, WIDTH, document, fitted, label, number, width_of

TOP, BELOW, RIGHT, HEIGHT = 24.0, 40.0, 12.0, 210.0
"""Pixels above the plane for the title of the y axis, below it for that of the x axis, right of it, and of its own."""


@dataclass(frozen=True)
class Plane:
    """The two scales of a picture, and its axes."""

    x: Scale
    y: Scale
    axes: tuple[str, ...]

    def document(self, about: str, drawn: Sequence[str], entries: Sequence[Entry]) -> str:
        """The whole picture, with a legend below the axes."""
        below, height = legend(entries, WIDTH, TOP + HEIGHT + BELOW)
        return document(WIDTH, TOP + HEIGHT + BELOW + height + 4.0, about, [*self.axes, *drawn, *below])


def plane(x: Axis, y: Axis, across: Iterable[float], up: Iterable[float]) -> Plane:
    """A plane in which all numbers have a place that its axes take."""
    down = scale(y, up, TOP + HEIGHT, TOP)
    left = 10.0 + max([width_of(text) for _, text in down.ticks()], default=0.0)
    along = scale(x, across, left, WIDTH - RIGHT)
    bottom = TOP + HEIGHT
    rules = [f"M{number(left)} {number(down(at))}H{number(WIDTH - RIGHT)}" for at, _ in down.ticks()]
    rules += [f"M{number(along(at))} {number(TOP)}V{number(bottom)}" for at, _ in along.ticks()]
    parts = [f'<path d="{"".join(rules)}" {paint(fill="none", stroke=RULE)}/>']
    parts.append(
        f'<path d="M{number(left)} {number(TOP)}V{number(bottom)}H{number(WIDTH - RIGHT)}" {paint("none", INK)}/>'
    )
    parts.append('<g text-anchor="end">')
    parts += [label(left - 6.0, down(at) + FONT / 3, text) for at, text in down.ticks()]
    parts.append('</g><g text-anchor="middle">')
    taken = 0.0
    for at, text in along.ticks():
        half = width_of(text) / 2
        place = min(along(at), WIDTH - half)
        if place - half > taken:  # long numbers stay apart
            parts.append(label(place, bottom + 16.0, text))
            taken = place + half + 2.0
    parts.append(fitted((left + WIDTH - RIGHT) / 2, bottom + 33.0, x.caption, WIDTH - left))
    parts.append("</g>")
    parts.append(fitted(4.0, 14.0, y.caption, WIDTH - 8.0))
    return Plane(along, down, tuple(parts))
