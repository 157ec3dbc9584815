"""Colours, dashes and markers.

All series colours have a contrast of at least 3:1 both on white and on the page's dark background, and differ for
colour-blind readers; in grey, dashes and markers tell series apart. A page may set the CSS variables to other colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

INK, PAPER, RULE, SHADE = "ink", "paper", "line", "accent"
"""Text and axes, background, lines of the grid, cells of a grid."""

SERIES = ("c1", "c2", "c3", "c4", "c5", "c6")
"""Colours of series in their order; more than six share them, with other dashes and markers."""

REFERENCE = "quiet"
"""Colour of references, which are not ranked."""

FALLBACK = {
    INK: "#1b1b1b",
    PAPER: "#ffffff",
    RULE: "#d9d9d9",
    SHADE: "#1f5fa8",
    REFERENCE: "#767676",
    "c1": "#4762cc",
    "c2": "#d96c00",
    "c3": "#299bcc",
    "c4": "#994c73",
    "c5": "#998e63",
    "c6": "#8533ff",
}
"""What a variable is where no page sets it."""

_DASHES = ("", "6 3", "2 3", "9 3 2 3", "4 2 1 2 1 2", "12 4")


def colour_of(place: int, reference: bool = False) -> str:
    """The colour of the series at a place, from 0."""
    return REFERENCE if reference else SERIES[place % len(SERIES)]


class Shown(Protocol):
    """A series, which may be a reference."""

    @property
    def reference(self) -> bool:
        """Whether it is one."""


def places(series: Sequence[Shown]) -> list[int]:
    """The places of series among those of their kind: references use up no colour of the others."""
    return [sum(other.reference == one.reference for other in series[:i]) for i, one in enumerate(series)]


def shape_of(place: int) -> int:
    """The marker and dash of the series at a place, 0..5: those that share a colour differ in it."""
    return (place + place // len(SERIES)) % 6


def dash_of(place: int, reference: bool = False) -> str:
    """The attribute of a line's dash, with a blank before it; none for a whole line."""
    dash = "5 4" if reference else _DASHES[shape_of(place)]
    return f' stroke-dasharray="{dash}"' if dash else ""


def paint(fill: str = "", stroke: str = "") -> str:
    """Attributes that paint with named colours; no renderer needs to know CSS variables."""
    chosen = [(key, name) for key, name in (("fill", fill), ("stroke", stroke)) if name]
    plain = " ".join(f'{key}="{FALLBACK.get(name, name)}"' for key, name in chosen)
    style = ";".join(f"{key}:var(--{name},{FALLBACK[name]})" for key, name in chosen if name in FALLBACK)
    return f'{plain} style="{style}"' if style else plain
