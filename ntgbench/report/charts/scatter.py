"""Scatter plots of points with names and intervals, with guides, ways that join some, and the front of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ntgbench.report.charts.colours import INK, PAPER, REFERENCE, paint
from ntgbench.report.charts.legend import Entry
from ntgbench.report.charts.plane import TOP, Plane, plane
from ntgbench.report.charts.scales import Axis, amount
from ntgbench.report.charts.svg import FONT, WIDTH, fitted, marker, number, path, titled, width_of

GROUPS = ("on the front", "behind it", "reference")
"""What the three kinds of points are called."""

WAY = "one parameter changes"
"""What the ways are called."""

_THIN = f'stroke-opacity=".5" {paint("none", INK)}'
_HALO = f'paint-order="stroke" stroke-width="2" stroke-linejoin="round" {paint(INK, PAPER)}'
_LONGEST = 130.0
_SMALL = 10.0


@dataclass(frozen=True)
class Point:
    """One system.

    Attributes:
        name: written beside it where there is room; else a number, which the legend explains.
        x, y: where it is.
        reference: grey and hollow.
        front: no other one beats it in both numbers.
        across, up: intervals of x and y.
    """

    name: str
    x: float
    y: float
    reference: bool = False
    front: bool = False
    across: tuple[float, float] | None = None
    up: tuple[float, float] | None = None


@dataclass(frozen=True)
class Guide:
    """A vertical line at a number of the x axis."""

    name: str
    x: float


@dataclass(frozen=True)
class Way:
    """A thin line through some of the points.

    Attributes:
        name: told on hover.
        through: the points' names, in order.
    """

    name: str
    through: tuple[str, ...]


def scatter(
    points: Sequence[Point], x: Axis, y: Axis, about: str, guides: Sequence[Guide] = (), ways: Sequence[Way] = ()
) -> str:
    """The points in one plane, with a stepped line along the front for an x of which less is better."""
    shown = [one for one in points if x.takes(one.x) and y.takes(one.y)]
    shown.sort(key=lambda one: (one.reference, not one.front, one.x, one.y, one.name))
    wide = [value for one in shown for value in (one.x, *(one.across or ()))]
    high = [value for one in shown for value in (one.y, *(one.up or ()))]
    on = plane(x, y, [*wide, *(guide.x for guide in guides)], high)
    drawn = [f'<g stroke-width="1.5" stroke-dasharray="2 3" {paint("none", INK)}>']
    drawn += [
        titled(f'<path d="M{number(on.x(one.x))} {number(TOP)}V{number(on.y.start)}"/>', f"{one.name}: {amount(one.x)}")
        for one in guides
        if x.takes(one.x)
    ]
    joined = _ways(on, shown, ways)
    drawn += ["</g>", *joined, *_front(on, [one for one in shown if one.front])]
    kinds = ((0, "c2", "c2"), (1, "c1", "c1"), (3, PAPER, REFERENCE))
    entries = []
    for kind, (shape, fill, stroke) in enumerate(kinds):
        own = [one for one in shown if _kind(one) == kind]
        if own:
            pen = f'stroke-width="1.5" {paint(fill, stroke)}'
            whiskers = "".join(_whiskers(on, one, x, y) for one in own)
            drawn.append(f"<g {pen}>" + (f'<path stroke-width="1" d="{whiskers}"/>' if whiskers else ""))
            drawn += [_drawn(on, one, x, y, shape) for one in own]
            drawn.append("</g>")
            entries.append(Entry(GROUPS[kind], f"<g {pen}>{marker(shape, 9.0, 0.0)}</g>"))
    entries = entries if len(entries) > 1 else []
    entries += [Entry(one.name, f'<path d="M9 -6V6" stroke-dasharray="2 3" {paint("none", INK)}/>') for one in guides]
    if joined:
        entries.append(Entry(WAY, f'<path d="M0 0H18" {_THIN}/>'))
    names, numbered = _names(on, shown)
    entries += [Entry(f"{place} {name}") for place, name in numbered]
    return on.document(about, [*drawn, f'<g font-size="{number(_SMALL)}" {_HALO}>', *names, "</g>"], entries)


def _kind(one: Point) -> int:
    return 2 if one.reference else 0 if one.front else 1


def _front(on: Plane, front: Sequence[Point]) -> list[str]:
    """The stepped line: at each x the best y that is to be had for as much."""
    if len(front) < 2:
        return []
    way = sorted((on.x(one.x), on.y(one.y)) for one in front)
    steps = "".join(f"H{number(x)}V{number(y)}" for x, y in way[1:])
    return [f'<path d="M{number(way[0][0])} {number(way[0][1])}{steps}" stroke-opacity=".6" {paint("none", "c2")}/>']


def _ways(on: Plane, shown: Sequence[Point], ways: Sequence[Way]) -> list[str]:
    """The thin lines, where there are two points to join."""
    at = {one.name: (on.x(one.x), on.y(one.y)) for one in shown}
    corners = [(way, [at[name] for name in way.through if name in at]) for way in ways]
    return [titled(f'<path d="{path(own)}" {_THIN}/>', way.name) for way, own in corners if len(own) > 1]


def _whiskers(on: Plane, one: Point, x: Axis, y: Axis) -> str:
    """The data of the lines of a point's intervals."""
    at, up, found = on.x(one.x), on.y(one.y), ""
    if one.across is not None:
        left, right = (on.x(end) if x.takes(end) else on.x.start for end in one.across)
        found += f"M{number(left)} {number(up)}H{number(right)}"
    if one.up is not None:
        low, high = (on.y(end) if y.takes(end) else on.y.start for end in one.up)
        found += f"M{number(at)} {number(low)}V{number(high)}"
    return found


def _drawn(on: Plane, one: Point, x: Axis, y: Axis, shape: int) -> str:
    """A point, and what it tells on hover."""
    told = f"{one.name}\n{_short(x)}: {_told(one.x, one.across)}\n{_short(y)}: {_told(one.y, one.up)}"
    return titled(marker(shape, on.x(one.x), on.y(one.y)), told)


def _short(axis: Axis) -> str:
    return axis.title.partition(",")[0]


def _told(value: float, interval: tuple[float, float] | None) -> str:
    return amount(value) + (f" [{amount(interval[0])}, {amount(interval[1])}]" if interval else "")


_Box = tuple[float, float, float, float]


def _names(on: Plane, shown: Sequence[Point]) -> tuple[list[str], list[tuple[int, str]]]:
    """Names beside the points where one has room, and numbers elsewhere, with what each stands for."""
    taken: list[_Box] = [(on.x(one.x) - 6, on.y(one.y) - 6, on.x(one.x) + 6, on.y(one.y) + 6) for one in shown]
    taken += [
        (on.x(one.across[0]), on.y(one.y) - 1, on.x(one.across[1]), on.y(one.y) + 1) for one in shown if one.across
    ]
    texts: list[str] = []
    numbered: list[tuple[int, str]] = []
    for one in shown:
        x, y = on.x(one.x), on.y(one.y)
        wide = min(width_of(one.name, _SMALL), _LONGEST)
        box = next((box for box in _around(x, y, wide) if _is_free(box, taken, on)), None)
        if box is None:
            text = str(len(numbered) + 1)
            numbered.append((len(numbered) + 1, one.name))
            boxes = _around(x, y, width_of(text, _SMALL))
            box = next((box for box in boxes if _is_free(box, taken, on)), boxes[0])
        else:
            text = one.name
        taken.append(box)
        texts.append(fitted(box[0], box[3] - 2.0, text, _LONGEST, size=_SMALL))
    return texts, numbered


def _around(x: float, y: float, wide: float) -> list[_Box]:
    """Places for a text right, left, above and below of a point, then farther away."""
    tall = _SMALL + 1.0
    corners = [(x + 7, y - tall / 2), (x - 7 - wide, y - tall / 2), (x - wide / 2, y - tall - 6), (x - wide / 2, y + 6)]
    corners += [(x + 6, y - tall - 4), (x + 6, y + 4), (x - 6 - wide, y - tall - 4), (x - 6 - wide, y + 4)]
    return [(left, top, left + wide, top + tall) for left, top in corners]


def _is_free(box: _Box, taken: Sequence[_Box], on: Plane) -> bool:
    if box[0] < on.x.start or box[2] > WIDTH or box[1] < TOP - FONT / 2 or box[3] > on.y.start:
        return False
    return not any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken)
