"""Legends below a picture: as many entries a line as fit, so that none overlaps another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ntgbench.report.charts.svg import FONT, fitted, width_of

KEY, GAP, LINE = 24.0, 10.0, 17.0
"""Pixels of the sample before a name, between entries, and of a line."""


@dataclass(frozen=True)
class Entry:
    """A name, and the sample before it, if any: SVG elements within 0..18 by -5..5 pixels."""

    name: str
    sample: str = ""


def legend(entries: Sequence[Entry], width: float, top: float) -> tuple[list[str], float]:
    """The elements of a legend from `top` on, and its height in pixels."""
    parts: list[str] = []
    x, y = 0.0, top + LINE - 5.0
    for entry in entries:
        key = KEY if entry.sample else 4.0
        room = min(width - key, width_of(entry.name))
        if x and x + key + room > width:
            x, y = 0.0, y + LINE
        if entry.sample:
            parts.append(f'<g transform="translate({x + 2:.0f} {y - FONT / 3:.0f})">{entry.sample}</g>')
        parts.append(fitted(x + key, y, entry.name, width - key))
        x += key + room + GAP
    return parts, (y - top + 5.0 if entries else 0.0)
