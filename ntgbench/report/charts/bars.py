"""Horizontal bars with intervals, in groups of one bar a series."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ntgbench.report.charts.colours import INK, RULE, colour_of, paint, places
from ntgbench.report.charts.legend import Entry, legend
from ntgbench.report.charts.scales import Axis, Scale, amount, scale
from ntgbench.report.charts.svg import FONT, WIDTH, document, fitted, label, number, shortened, titled, width_of

ROOM, TOP, GAP = 150.0, 8.0, 8.0
"""Pixels at most of the names left of the bars, above the first group, and between groups."""


@dataclass(frozen=True)
class Bar:
    """A number with its interval, where one is known; `told` is shown on hover in place of the number."""

    value: float
    low: float | None = None
    high: float | None = None
    told: str = ""


@dataclass(frozen=True)
class Bars:
    """The bars of one series, one for each group, None where it has no number. A reference is grey."""

    name: str
    bars: tuple[Bar | None, ...]
    reference: bool = False


def bars(groups: Sequence[str], series: Sequence[Bars], x: Axis, about: str, notes: Sequence[str] = ()) -> str:
    """The bars from 0, or on a logarithmic axis from its lowest number; those of a group below one another.

    `notes` are told on hover over the groups' names.
    """
    every = [bar for one in series for bar in one.bars if bar is not None]
    ends = [end for bar in every for end in (bar.value, bar.low, bar.high) if end is not None]
    left = min(ROOM, max(map(width_of, groups), default=0.0)) + 10.0
    along = scale(x, [*ends, *([] if x.log else [0.0])], left, WIDTH - 12.0)
    thick = 14.0 if len(series) == 1 else 8.0
    tall = thick * max(len(series), 1) + GAP
    bottom = TOP + tall * len(groups)
    rules = "".join(f"M{number(along(at))} {number(TOP)}V{number(bottom)}" for at, _ in along.ticks())
    parts = [f'<path d="{rules}" {paint("none", RULE)}/>', '<g text-anchor="end">']
    for i, name in enumerate(groups):
        short, note = shortened(name, left - 8.0), notes[i] if notes else ""
        title = f"{name}: {note}" if note else name if short != name else ""
        parts.append(label(left - 6.0, TOP + (i + 0.5) * tall + FONT / 3, short, title=title))
    parts.append("</g>")
    entries, whiskers = [], ""
    for row, (place, one) in enumerate(zip(places(series), series, strict=True)):
        pen = paint(fill=colour_of(place, one.reference)) + ("" if one.reference or place < 6 else ' fill-opacity=".5"')
        parts.append(f"<g {pen}>")
        for i, bar in enumerate(one.bars):
            top = TOP + i * tall + GAP / 2 + row * thick
            if bar is not None and math.isfinite(bar.value):
                parts.append(_bar(along, bar, x, top, thick - 1.5, f"{one.name}, {groups[i]}"))
                whiskers += _whisker(along, bar, x, top + (thick - 1.5) / 2)
        parts.append("</g>")
        entries.append(Entry(one.name, f'<rect x="2" y="-5" width="14" height="9" {pen}/>'))
    parts.append(f'<path d="M{number(left)} {number(TOP)}V{number(bottom)}{whiskers}" {paint("none", INK)}/>')
    parts.append('<g text-anchor="middle">')
    parts += [label(min(along(at), WIDTH - width_of(text) / 2), bottom + 15.0, text) for at, text in along.ticks(5)]
    parts += [fitted(WIDTH / 2, bottom + 32.0, x.caption, WIDTH - 8.0), "</g>"]
    below, height = legend(entries if len(series) > 1 else (), WIDTH, bottom + 38.0)
    return document(WIDTH, bottom + 42.0 + height, about, [*parts, *below])


def _bar(along: Scale, bar: Bar, x: Axis, top: float, thick: float, name: str) -> str:
    """One bar, and what it tells; a line where its number is 0 or has no place on the axis."""
    zero = along.start if along.log else along(0.0)
    end = along(bar.value) if x.takes(bar.value) else zero
    wide = number(max(abs(end - zero), 0.5))
    told = bar.told or amount(bar.value)
    if not bar.told and bar.low is not None and bar.high is not None:
        told += f" [{amount(bar.low)}, {amount(bar.high)}]"
    box = f'<path d="M{number(min(zero, end))} {number(top)}h{wide}v{number(thick)}h-{wide}z"/>'
    return titled(box, f"{name}: {told}")


def _whisker(along: Scale, bar: Bar, x: Axis, middle: float) -> str:
    """The data of the line of a bar's interval."""
    if bar.low is None or bar.high is None or not x.takes(bar.high):
        return ""
    low = along(bar.low) if x.takes(bar.low) else along.start
    return f"M{number(low)} {number(middle)}H{number(along(bar.high))}"
