"""A grid of shaded cells: heat maps and matrices. Cells of one shade are one path, which keeps large ones small."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ntgbench.report.charts.colours import INK, PAPER, RULE, SHADE, paint
from ntgbench.report.charts.scales import MOST, amount
from ntgbench.report.charts.svg import FONT, WIDTH, attribute, document, fitted, label, number, titled, width_of

SHADES = 10
"""Steps from the lowest to the highest number."""

LEAST, SMALL = 10.0, 10.0
"""Pixels of the smallest cell, and the size of texts in and beside small cells."""

MOST_TURNED = 24
"""Columns of an inline matrix that have names."""

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
        low, high: the numbers of the lightest and the darkest shade, None or NaN for the smallest and the largest of
            `values`.
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


@dataclass(frozen=True)
class _Layout:
    """Where the cells are, in pixels, and the range of the shades."""

    left: float
    top: float
    wide: float
    tall: float
    low: float
    high: float

    def box(self, row: int, column: int, rows: int = 1, columns: int = 1) -> str:
        """Attributes of a rectangle over so many cells."""
        place = f'x="{number(self.left + column * self.wide)}" y="{number(self.top + row * self.tall)}"'
        return f'{place} width="{number(columns * self.wide)}" height="{number(rows * self.tall)}"'

    def shade(self, value: float | None) -> int | None:
        """0..SHADES; None without a number."""
        if value is None or not math.isfinite(value):
            return None
        if self.high <= self.low:
            return SHADES // 2
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        # What is above the lowest is told from it.
        return max(round(share * SHADES), 1 if value > self.low else 0)


def grid(shown: Grid, about: str, inline: bool = False) -> str:
    """The grid; a cell tells its number on hover.

    Args:
        shown: what it shows.
        about: what the picture says.
        inline: for a page with a script that reads the numbers from attributes of one rectangle, see `_told`; a tenth
            of the bytes.
    """
    # The names of many columns say nothing new where they are those of the rows, in the same order.
    short = inline and shown.columns == shown.rows and len(shown.rows) > MOST_TURNED
    at = _layout(shown, short)
    rows, columns = len(shown.rows), len(shown.columns)
    right, bottom = at.left + at.wide * columns, at.top + at.tall * rows
    texts = [[_text(value, shown.digits) for value in row] for row in shown.values]
    title = f"{shown.column_title}, in the same order →" if short else f"{shown.column_title} →"
    parts = [fitted(at.left, 14.0, title, WIDTH - at.left), *_names(shown, at, short), *_cells(shown, at)]
    if at.tall >= 14.0 and max((width_of(text, SMALL) for row in texts for text in row), default=0.0) <= at.wide:
        parts += _numbers(shown, texts, at)
    parts.append(f"<rect {at.box(0, 0, rows, columns)} {paint('none', RULE)}/>")
    parts += [_told(shown, texts, at)] if inline else _titles(shown, texts, at)
    return document(max(right + 8.0, WIDTH), bottom + 28.0, about, [*parts, *_key(shown, at, bottom)])


def _layout(shown: Grid, short: bool) -> _Layout:
    known = [value for row in shown.values for value in row if value is not None and math.isfinite(value)]
    low = min(known, default=0.0) if shown.low is None or math.isnan(shown.low) else shown.low
    high = max(known, default=1.0) if shown.high is None or math.isnan(shown.high) else shown.high
    left = min(ROOM, max(map(width_of, (*shown.rows, f"{shown.row_title} ↓")))) + 8.0
    wide = min(max((WIDTH - left - 8.0) / max(len(shown.columns), 1), LEAST), 46.0)
    room = max(map(width_of, shown.columns), default=0.0)
    top = 28.0 if short else 28.0 + (FONT if room <= wide else min(ROOM, room))
    return _Layout(left, top, wide, min(wide, 18.0), max(low, -MOST), min(high, MOST))


def _text(value: float | None, digits: int) -> str:
    if value is None or not math.isfinite(value):
        return ""
    return f"{value:.{digits}f}" if abs(value) < 1e6 else amount(value)


def _names(shown: Grid, at: _Layout, short: bool) -> list[str]:
    """Names beside the rows, and above the columns, turned where one is wider than these."""
    size = min(FONT, at.tall)
    parts = [f'<g text-anchor="end" transform="translate({number(at.left - 5.0)} 0)">']
    parts.append(fitted(0.0, at.top - 5.0, f"{shown.row_title} ↓", at.left - 8.0))
    parts.append(f'<g font-size="{number(size)}">')
    for i, name in enumerate(shown.rows):
        parts.append(fitted(0.0, at.top + (i + 0.5) * at.tall + 0.35 * size, name, at.left - 8.0, size=size))
    parts.append("</g></g>")
    if short:
        return parts
    places = [(at.left + (j + 0.5) * at.wide, name) for j, name in enumerate(shown.columns)]
    if all(width_of(name) <= at.wide for name in shown.columns):
        return [*parts, '<g text-anchor="middle">', *(label(x, at.top - 5.0, name) for x, name in places), "</g>"]
    turn = f'transform="translate(0 {number(at.top - 5.0)}) rotate(-90)"'
    size = min(FONT, at.wide)
    turned = [fitted(0.0, x + 0.35 * size, name, ROOM, size=size) for x, name in places]
    return [*parts, f'<g {turn} font-size="{number(size)}">', *turned, "</g>"]


def _cells(shown: Grid, at: _Layout) -> list[str]:
    """One path a shade, in units of cells: a run of equal shades is one horizontal line as thick as a cell."""
    runs: dict[int | None, list[str]] = {}
    for i, row in enumerate(shown.values):
        shades = [at.shade(value) for value in row]
        start = 0
        for j in range(1, len(shades) + 1):
            if j == len(shades) or shades[j] != shades[start]:
                runs.setdefault(shades[start], []).append(f"M{start} {i}h{j - start}")
                start = j
    place = f"translate({number(at.left)} {number(at.top + at.tall / 2)}) scale({at.wide:.3f} {at.tall:.3f})"
    parts = [f'<g transform="{place}" {paint(stroke=SHADE)}>']
    parts += [
        f'<path d="{"".join(runs[shade])}" stroke-opacity="{shade / SHADES:g}"/>'
        for shade in sorted(one for one in runs if one)
    ]
    if None in runs:  # a thin line where there is no number
        parts.append(f'<path d="{"".join(runs[None])}" stroke-width=".1" {paint(stroke=RULE)}/>')
    return [*parts, "</g>"]


def _numbers(shown: Grid, texts: Sequence[Sequence[str]], at: _Layout) -> list[str]:
    """The numbers in their cells, light on dark shades."""
    groups: dict[str, list[str]] = {INK: [], PAPER: []}
    for i, row in enumerate(texts):
        for j, text in enumerate(row):
            if text:
                dark = (at.shade(shown.values[i][j]) or 0) > SHADES / 2
                place = (at.left + (j + 0.5) * at.wide, at.top + (i + 0.5) * at.tall + 0.35 * SMALL)
                groups[PAPER if dark else INK].append(label(*place, text))
    return [
        f'<g font-size="{number(SMALL)}" text-anchor="middle" {paint(fill=colour)}>{"".join(own)}</g>'
        for colour, own in groups.items()
        if own
    ]


def _titles(shown: Grid, texts: Sequence[Sequence[str]], at: _Layout) -> list[str]:
    """A cell without colour for each number, with what it tells on hover."""
    parts = ['<g fill-opacity="0">']
    for i, row in enumerate(texts):
        for j, text in enumerate(row):
            told = [f"{shown.row_title}: {shown.rows[i]}", f"{shown.column_title}: {shown.columns[j]}"]
            told.append(f"{shown.value_title}: {text or 'no number'}")
            parts.append(titled(f"<rect {at.box(i, j)}/>", "\n".join(map(_line, told))))
    return [*parts, "</g>"]


def _told(shown: Grid, texts: Sequence[Sequence[str]], at: _Layout) -> str:
    """A rectangle over all cells with names, one a line, and numbers, rows by ";" and cells by ",".

    Columns are left out where they are the rows.
    """
    told = {"rows": "\n".join(map(_line, shown.rows))}
    if shown.columns != shown.rows:
        told["columns"] = "\n".join(map(_line, shown.columns))
    told["heads"] = "\n".join(map(_line, (shown.row_title, shown.column_title, shown.value_title)))
    told["values"] = ";".join(",".join(map(_short, row)) for row in texts)
    data = " ".join(f"data-{key}={attribute(text)}" for key, text in told.items())
    return f'<rect {at.box(0, 0, len(shown.rows), len(shown.columns))} fill-opacity="0" {data}/>'


def _short(text: str) -> str:
    """A number in an attribute: nothing for 0, "-" for none, and neither a 0 before the point nor one at the end."""
    if not text:
        return "-"
    return (text.rstrip("0").removesuffix(".") if "." in text else text).removeprefix("0")


def _line(text: str) -> str:
    return " ".join(text.split("\n"))


def _key(shown: Grid, at: _Layout, bottom: float) -> list[str]:
    """The shades in their order between the lowest and the highest number."""
    first, last = (_text(value, shown.digits) for value in (at.low, at.high))
    x, y = 8.0 + width_of(first), bottom + 12.0
    end = x + 10.0 * (SHADES + 1)
    parts = [label(4.0, y + 9.0, first), f'<g stroke-width="10" {paint(stroke=SHADE)}>']
    parts += [
        f'<path d="M{number(x + 10 * shade)} {number(y + 5.0)}h10" stroke-opacity="{shade / SHADES:g}"/>'
        for shade in range(1, SHADES + 1)
    ]
    parts.append(
        f'</g><rect x="{number(x)}" y="{number(y)}" width="{number(end - x)}" height="10" {paint("none", RULE)}/>'
    )
    after = end + 12.0 + width_of(last)
    return [*parts, label(end + 4.0, y + 9.0, last), fitted(after, y + 9.0, shown.value_title, WIDTH - after)]
