"""A grid of shaded cells: heat maps and matrices. Cells of one shade are one path, which keeps large ones small."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ntgbench.report.charts.colours import INK, PAPER, RULE, SHADE, paint
from ntgbench.report.charts.scales import MOST, amount
from ntgbench.report.charts.svg import FONT, WIDTH, attribute, document, fitted, label, number, safe, width_of

SHADES = 10
"""Steps from the lowest to the highest number."""

LEAST, SMALL = 10.0, 10.0
"""Pixels of the smallest cell, and the size of texts in and beside small cells."""

ROOM = 120.0
"""Pixels at most of the names beside rows and above columns."""


@dataclass(frozen=True)
class Grid:
    """What a grid shows.

    Attributes:
        rows, columns: names; they may repeat.
        values: for each row a number for each column, None where there is none.
        row_title, column_title: what rows and columns are.
        value_title: what the numbers are, with their unit.
        low, high: the numbers of the lightest and the darkest shade, None for the smallest and the largest of `values`.
        digits: decimals of the numbers.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]
    row_title: str
    column_title: str
    value_title: str
    low: float | None = None
    high: float | None = None
    digits: int = 2


def grid(shown: Grid, about: str, inline: bool = False) -> str:
    """The grid; a cell tells its number on hover.

    Args:
        shown: what it shows.
        about: what the picture says.
        inline: for a page with the script `hover`: the numbers are in attributes, a tenth of the bytes.
    """
    known = [value for row in shown.values for value in row if value is not None and math.isfinite(value)]
    low = min(known, default=0.0) if shown.low is None else shown.low
    high = max(known, default=1.0) if shown.high is None else shown.high
    low, high = max(min(low, high), -MOST), min(max(low, high), MOST)
    texts = [[_text(value, shown.digits) for value in row] for row in shown.values]
    left = min(ROOM, max(map(width_of, shown.rows), default=0.0)) + 8.0
    wide = min(max((WIDTH - left - 8.0) / max(len(shown.columns), 1), LEAST), 46.0)
    tall = min(max(wide, LEAST), 18.0)
    upright = all(width_of(name, min(FONT, wide)) <= wide for name in shown.columns)
    top = 22.0 + (FONT + 6.0 if upright else min(ROOM, max(map(width_of, shown.columns), default=0.0)) + 6.0)
    right, bottom = left + wide * len(shown.columns), top + tall * len(shown.rows)
    parts = [fitted(left, 14.0, f"{shown.column_title} →", WIDTH - left), f'<g font-size="{number(min(FONT, tall))}">']
    parts.append('<g text-anchor="end">')
    parts.append(fitted(left - 5.0, top - 5.0, f"{shown.row_title} ↓", left - 8.0))
    for i, name in enumerate(shown.rows):
        parts.append(fitted(left - 5.0, top + (i + 0.5) * tall + 0.35 * min(FONT, tall), name, left - 8.0))
    parts.append("</g>")
    parts += _heads(shown, left, top, wide, upright)
    parts.append("</g>")
    parts += _cells(shown, low, high, left, top, wide, tall)
    if texts and max((width_of(text, SMALL) for row in texts for text in row), default=0.0) <= wide and tall >= 14.0:
        parts += _numbers(shown, texts, low, high, left, top, wide, tall)
    frame = f'x="{number(left)}" y="{number(top)}" width="{number(right - left)}" height="{number(bottom - top)}"'
    parts.append(f"<rect {frame} {paint('none', RULE)}/>")
    if inline:
        told = {
            "rows": "\n".join(map(_line, shown.rows)),
            "columns": "\n".join(map(_line, shown.columns)) if shown.columns != shown.rows else "",
            "values": ";".join(",".join(map(_short, row)) for row in texts),
            "heads": f"{shown.row_title}\n{shown.column_title}\n{shown.value_title}",
        }
        parts.append(
            f'<rect {frame} fill-opacity="0" {" ".join(f"data-{k}={attribute(v)}" for k, v in told.items())}/>'
        )
    else:
        parts += _titles(shown, texts, left, top, wide, tall)
    parts += _key(shown, low, high, bottom)
    return document(max(right + 8.0, WIDTH), bottom + 28.0, about, parts)


def _text(value: float | None, digits: int) -> str:
    if value is None or not math.isfinite(value):
        return ""
    return f"{value:.{digits}f}" if abs(value) < 1e6 else amount(value)


def _short(text: str) -> str:
    """A number in an attribute: nothing for 0, "-" for none, and neither a 0 before the point nor one at the end."""
    if not text:
        return "-"
    return (text.rstrip("0").removesuffix(".") if "." in text else text).removeprefix("0")


def _line(text: str) -> str:
    return " ".join(text.split("\n"))


def _heads(shown: Grid, left: float, top: float, wide: float, upright: bool) -> list[str]:
    """Names above the columns, turned where they are wider than these."""
    places = [(left + (i + 0.5) * wide, name) for i, name in enumerate(shown.columns)]
    if upright:
        return ['<g text-anchor="middle">', *(label(x, top - 5.0, name) for x, name in places), "</g>"]
    # In the turned group, a text's x is how far up it begins.
    texts = [fitted(5.0 - top, x + 0.35 * min(FONT, wide), name, ROOM) for x, name in places]
    return ['<g transform="rotate(-90)">', *texts, "</g>"]


def _shade(value: float | None, low: float, high: float) -> int | None:
    """0..SHADES; None without a number."""
    if value is None or not math.isfinite(value):
        return None
    share = (min(max(value, low), high) - low) / (high - low) if high > low else 0.5
    # What is above the lowest is told from it.
    return max(round(share * SHADES), 1 if value > low else 0)


def _cells(shown: Grid, low: float, high: float, left: float, top: float, wide: float, tall: float) -> list[str]:
    """One path a shade, in units of cells: a run of equal shades is one horizontal line as thick as a cell."""
    runs: dict[int | None, list[str]] = {}
    for i, row in enumerate(shown.values):
        shades = [_shade(value, low, high) for value in row]
        start = 0
        for j in range(1, len(shades) + 1):
            if j == len(shades) or shades[j] != shades[start]:
                runs.setdefault(shades[start], []).append(f"M{start} {i}h{j - start}")
                start = j
    place = f'transform="translate({number(left)} {number(top + tall / 2)}) scale({wide:.3f} {tall:.3f})"'
    parts = [f"<g {place} {paint(stroke=SHADE)}>"]
    for shade in sorted(one for one in runs if one):
        parts.append(f'<path d="{"".join(runs[shade])}" stroke-opacity="{shade / SHADES:g}"/>')  # noqa: PERF401
    if None in runs:  # a thin line where there is no number
        parts.append(f'<path d="{"".join(runs[None])}" stroke-width=".1" {paint(stroke=RULE)}/>')
    return [*parts, "</g>"]


def _numbers(
    shown: Grid,
    texts: Sequence[Sequence[str]],
    low: float,
    high: float,
    left: float,
    top: float,
    wide: float,
    tall: float,
) -> list[str]:
    """The numbers in their cells, light on dark shades."""
    groups: dict[str, list[str]] = {INK: [], PAPER: []}
    for i, row in enumerate(texts):
        for j, text in enumerate(row):
            if text:
                dark = (_shade(shown.values[i][j], low, high) or 0) > SHADES / 2
                at = (left + (j + 0.5) * wide, top + (i + 0.5) * tall + 0.35 * SMALL)
                groups[PAPER if dark else INK].append(label(*at, text))
    return [
        f'<g font-size="{number(SMALL)}" text-anchor="middle" {paint(fill=colour)}>{"".join(own)}</g>'
        for colour, own in groups.items()
        if own
    ]


def _titles(
    shown: Grid, texts: Sequence[Sequence[str]], left: float, top: float, wide: float, tall: float
) -> list[str]:
    """A cell without colour for each number, with what it tells on hover."""
    parts = ['<g fill-opacity="0">']
    for i, row in enumerate(texts):
        for j, text in enumerate(row):
            box = f'x="{number(left + j * wide)}" y="{number(top + i * tall)}"'
            told = [f"{shown.row_title}: {shown.rows[i]}", f"{shown.column_title}: {shown.columns[j]}"]
            told.append(f"{shown.value_title}: {text or 'no number'}")
            title = "\n".join(map(safe, told))
            parts.append(f'<rect {box} width="{number(wide)}" height="{number(tall)}"><title>{title}</title></rect>')
    return [*parts, "</g>"]


def _key(shown: Grid, low: float, high: float, bottom: float) -> list[str]:
    """The shades in their order between the lowest and the highest number."""
    parts = []
    first, last = (_text(value, shown.digits) for value in (low, high))
    x, y = 4.0 + width_of(first) + 4.0, bottom + 12.0
    parts += [label(4.0, y + 9.0, first), f"<g {paint(fill=SHADE)}>"]
    for shade in range(SHADES + 1):
        parts.append(
            f'<rect x="{number(x + 10 * shade)}" y="{number(y)}" width="10" height="10" opacity="{shade / SHADES:g}"/>'
        )
    end = x + 10.0 * (SHADES + 1)
    parts += [
        f'</g><rect x="{number(x)}" y="{number(y)}" width="{number(end - x)}" height="10" {paint("none", RULE)}/>'
    ]
    parts.append(label(end + 4.0, y + 9.0, last))
    after = end + 12.0 + width_of(last)
    return [*parts, fitted(after, y + 9.0, shown.value_title, WIDTH - after)]
