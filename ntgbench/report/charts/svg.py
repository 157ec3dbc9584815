"""Parts of SVG text: numbers, escaped texts, markers, the document."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape, quoteattr

from ntgbench.report.charts.colours import INK, PAPER, paint
from ntgbench.words import printable

_LONGEST = 300
"""Letters of a text that are looked at before it is cut."""

FONT = 12.0
"""Size of texts in pixels."""

WIDTH = 400.0
"""Pixels of a picture: on a phone of 360 pixels its texts are still 10 pixels high."""


def _polygon(corners: int, turn: float, size: float) -> tuple[tuple[float, float], ...]:
    angles = [2 * math.pi * (turn + i / corners) for i in range(corners)]
    return tuple((size * math.sin(angle), -size * math.cos(angle)) for angle in angles)


_ARM = ((0.4, -1.2), (0.4, -0.4), (1.2, -0.4))
_CORNERS = {
    1: _polygon(4, 0.125, 1.25),
    2: _polygon(3, 0.0, 1.35),
    3: _polygon(4, 0.0, 1.35),
    4: (*_ARM, *((x, -y) for x, y in _ARM[::-1]), *((-x, -y) for x, y in _ARM), *((-x, y) for x, y in _ARM[::-1])),
    5: _polygon(6, 0.0, 1.15),
}
"""Corners of a marker of radius 1 by its shape: square, triangle, diamond, cross and hexagon."""


def number(value: float) -> str:
    """A coordinate with one decimal at most."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def safe(text: str) -> str:
    """Text from outside as the content of an element."""
    return escape(printable(text))


def attribute(text: str) -> str:
    """Text from outside as a quoted value of an attribute; its lines are kept."""
    return quoteattr("\n".join(map(printable, text.split("\n"))), {"\n": "&#10;"})


def width_of(text: str, size: float = FONT) -> float:
    """Pixels that a text takes in DejaVu Sans, the widest of the usual fonts without serifs, or a little more."""
    return size * sum(map(_width, printable(text)))


def _width(letter: str) -> float:
    if letter in "iljI.,:;'|! ":
        return 0.34
    if letter in "tfr-()[]/":
        return 0.42
    if letter.isascii() and not letter.isupper() and letter not in "mw@%=+<>~":
        return 0.64
    return 0.8 if letter.isascii() and letter not in "MW@%" else 1.0


def shortened(text: str, room: float, size: float = FONT) -> str:
    """The text, cut at its middle where it is wider than `room` pixels: names often differ at their ends."""
    text = printable(text)
    left = room - width_of(text[:_LONGEST], size)
    if left >= 0 and len(text) <= _LONGEST:
        return text
    first, last, left = "", "", room - width_of("…", size)
    for head, tail in zip(text, reversed(text), strict=True):
        for side, letter in ((0, head), (1, tail)):
            left -= size * _width(letter)
            if left < 0:
                return f"{first}…{last}"
            first, last = (first + letter, last) if side == 0 else (first, letter + last)
    return text


def label(x: float, y: float, text: str, more: str = "", title: str = "") -> str:
    """A text at a place; its anchor and colour are those of the group around it, or of `more`; a title on hover."""
    across = f' x="{number(x)}"' if x else ""
    return f'<text{across} y="{number(y)}"{more}>{f"<title>{safe(title)}</title>" if title else ""}{safe(text)}</text>'


def fitted(x: float, y: float, text: str, room: float, more: str = "", size: float = FONT) -> str:
    """A text of at most `room` pixels; the whole of a shortened one is shown on hover."""
    short = shortened(text, room, size)
    return label(x, y, short, more, text if short != printable(text) else "")


def titled(element: str, title: str) -> str:
    """An element without content, with a text that is shown on hover."""
    name = element[1:].split(" ", 1)[0]
    lines = "\n".join(map(safe, title.split("\n")))
    return f"{element.removesuffix('/>')}><title>{lines}</title></{name}>"


def path(points: Iterable[tuple[float, float]], closed: bool = False) -> str:
    """The data of a path through points."""
    text = "L".join(f"{number(x)} {number(y)}" for x, y in points)
    return f"M{text}{'Z' if closed else ''}"


def marker(shape: int, x: float, y: float, r: float = 4.5) -> str:
    """A circle, square, triangle, diamond, cross or hexagon around a point, for the shapes 0..5."""
    if shape == 0:
        return f'<circle cx="{number(x)}" cy="{number(y)}" r="{number(r)}"/>'
    return f'<path d="{marker_path(shape, x, y, r)}"/>'


def marker_path(shape: int, x: float, y: float, r: float) -> str:
    """The same as the data of a path: a corner, and from there steps that are equal for all markers of a shape."""
    if shape == 0:
        return f"M{number(x - r)} {number(y)}a{number(r)} {number(r)} 0 1 1 0 .1z"
    (first_x, first_y), *others = ((r * a, r * b) for a, b in _CORNERS[shape])
    steps, at = "", (first_x, first_y)
    for corner in others:
        steps += f"l{number(corner[0] - at[0])} {number(corner[1] - at[1])}"
        at = corner
    return f"M{number(x + first_x)} {number(y + first_y)}{steps}z"


def document(width: float, height: float, about: str, parts: Sequence[str]) -> str:
    """The whole drawing, without an XML head. A wide one keeps its width, so that its texts stay readable."""
    narrow = ";max-width:100%;height:auto" if width <= 1.2 * WIDTH else ""
    w, h = number(math.ceil(width)), number(math.ceil(height))
    # `about` is no <title>: browsers would show it wherever nothing else is hovered.
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img" '
        f'aria-label={quoteattr(printable(about))} font-family="system-ui,sans-serif" font-size="{number(FONT)}" '
        f'style="display:block{narrow}">'
    )
    background = f'<rect width="{w}" height="{h}" {paint(fill=PAPER)}/>'
    return "\n".join([head, background, f"<g {paint(fill=INK)}>", *parts, "</g></svg>"]) + "\n"
