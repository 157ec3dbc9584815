"""Parts of SVG text: numbers, escaped texts, markers, the document."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape, quoteattr

from ntgbench.report.charts.colours import INK, PAPER, paint
from ntgbench.words import printable

FONT = 12.0
"""Size of texts in pixels."""

WIDTH = 400.0
"""Pixels of a picture: on a phone of 360 pixels its texts are still 10 pixels high."""


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
    """Pixels that a text takes at most in usual fonts without serifs."""
    wide = sum(1.0 if unicodedata.east_asian_width(one) in "WF" or one in "MWmw@%" else 0.6 for one in printable(text))
    return wide * size


def shortened(text: str, room: float, size: float = FONT) -> str:
    """The text, cut at its middle where it is wider than `room` pixels: names often differ at their ends."""
    text = printable(text)
    if width_of(text, size) <= room:
        return text
    kept = len(text)
    while kept > 2:
        kept -= 1
        short = f"{text[: kept - kept // 2]}…{text[len(text) - kept // 2 :]}"
        if width_of(short, size) <= room:
            return short
    return text[:1]


def label(x: float, y: float, text: str, more: str = "") -> str:
    """A text at a place; its anchor and colour are those of the group around it, or of `more`."""
    return f'<text x="{number(x)}" y="{number(y)}"{more}>{safe(text)}</text>'


def fitted(x: float, y: float, text: str, room: float, more: str = "", size: float = FONT) -> str:
    """A text of at most `room` pixels; the whole of a shortened one is shown on hover."""
    short = shortened(text, room, size)
    whole = f"<title>{safe(text)}</title>" if short != printable(text) else ""
    return f'<text x="{number(x)}" y="{number(y)}"{more}>{whole}{escape(short)}</text>'


def titled(element: str, title: str) -> str:
    """An element without content, with a text that is shown on hover."""
    name = element[1:].split(" ", 1)[0]
    return f"{element.removesuffix('/>')}><title>{safe(title)}</title></{name}>"


def path(points: Iterable[tuple[float, float]], closed: bool = False) -> str:
    """The data of a path through points."""
    text = "L".join(f"{number(x)} {number(y)}" for x, y in points)
    return f"M{text}{'Z' if closed else ''}"


def marker(shape: int, x: float, y: float, r: float = 4.5) -> str:
    """A circle, square, triangle, diamond, cross or hexagon around a point, for the shapes 0..5."""
    if shape == 0:
        return f'<circle cx="{number(x)}" cy="{number(y)}" r="{number(r)}"/>'
    if shape == 4:
        a, b = 0.35 * r, 1.1 * r
        arm = [(a, -b), (a, -a), (b, -a)]
        around = [*arm, *((x, -y) for x, y in arm[::-1]), *((-x, -y) for x, y in arm), *((-x, y) for x, y in arm[::-1])]
        return f'<path d="{path([(x + dx, y + dy) for dx, dy in around], closed=True)}"/>'
    corners, turn, size = {1: (4, 0.125, 1.25), 2: (3, 0.0, 1.3), 3: (4, 0.0, 1.3), 5: (6, 0.0, 1.15)}[shape]
    angles = [2 * math.pi * (turn + i / corners) for i in range(corners)]
    return (
        f'<path d="{path([(x + size * r * math.sin(a), y - size * r * math.cos(a)) for a in angles], closed=True)}"/>'
    )


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
