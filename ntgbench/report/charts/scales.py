"""Axes: from numbers to pixels, linear or logarithmic, with ticks at round numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

MOST = 1e300
"""Numbers beyond are taken for this one, so that differences stay finite."""


@dataclass(frozen=True)
class Axis:
    """What an axis shows.

    Attributes:
        title: what, with its unit.
        log: logarithmic; numbers that are not above 0 are then left out.
        whole: ticks at whole numbers only.
        low, high: ends that the axis has unless numbers lie beyond, None where those that are drawn decide.
    """

    title: str
    log: bool = False
    low: float | None = None
    high: float | None = None
    whole: bool = False

    @property
    def caption(self) -> str:
        """The title, which tells a logarithmic axis."""
        return f"{self.title}, log scale" if self.log else self.title

    def takes(self, value: float | None) -> bool:
        """Whether a number has a place on the axis."""
        return value is not None and math.isfinite(value) and (not self.log or value > 0)


@dataclass(frozen=True)
class Scale:
    """An axis with its range, from `low` at pixel `start` to `high` at pixel `end`."""

    log: bool
    low: float
    high: float
    start: float
    end: float
    whole: bool = False

    def __call__(self, value: float) -> float:
        """The pixel of a number; numbers outside the range are at its ends."""
        share = _share(value, self.low, self.high, self.log)
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)

    def ticks(self, most: int = 6) -> list[tuple[float, str]]:
        """At most `most` round numbers within the range, with their texts."""
        if self.log:
            return _decades(self.low, self.high, most)
        return _steps(self.low, self.high, most, self.whole)


def scale(axis: Axis, values: Iterable[float], start: float, end: float, most: int = 6) -> Scale:
    """The axis over all numbers that it takes, from and to a round number; some range where there is none."""
    bounds = [one for one in (axis.low, axis.high) if one is not None]
    found = [min(max(value, -MOST), MOST) for value in (*values, *bounds) if axis.takes(value)]
    low, high = (min(found), max(found)) if found else (1.0, 10.0) if axis.log else (0.0, 1.0)
    if axis.log:
        low, high = max(low, 2.0 / MOST), max(high, 2.0 / MOST)
        low = low if low == axis.low else _rounded(low, up=False)
        high = high if high == axis.high else _rounded(high, up=True)
        return Scale(True, low, high, start, end) if high > low else Scale(True, low / 2.0, low * 2.0, start, end)
    if high - low <= max(1e-9 * max(abs(low), abs(high)), 1.0 / MOST):  # all are equal: some room on both sides
        room = 0.5 * abs(low) if abs(low) > 1.0 / MOST else 0.5
        low, high = low - room, high + room
    step = _step(low, high, most)
    low = low if low == axis.low else step * math.floor(low / step + 1e-9)
    high = high if high == axis.high else step * math.ceil(high / step - 1e-9)
    return Scale(False, low, high, start, end, axis.whole)


def amount(value: float, step: float = 0.0) -> str:
    """A number in a few letters: 0.25, 1,500, 20k, 3M, 1e-7; with the decimals that its `step` needs."""
    size = abs(value)
    if size == 0:
        return "0"
    if size >= 1e13 or size < 1e-4:
        return f"{value:.3g}".replace("e+", "e").replace("e-0", "e-").replace("e0", "e")
    for least, sign, unit in ((1e12, "T", 1e12), (1e9, "G", 1e9), (1e6, "M", 1e6), (1e4, "k", 1e3)):
        if size >= least:
            return f"{value / unit:.4g}{sign}"
    if step <= 0:
        return f"{value:.3g}" if size < 1000 else f"{value:,.0f}"
    decimals = next((d for d in range(5) if abs(round(step, d) - step) <= 1e-9 * step), 5)
    return f"{value:,.{decimals}f}"


def _share(value: float, low: float, high: float, log: bool) -> float:
    value = min(max(value, low), high)
    if log:
        return (math.log10(value) - math.log10(low)) / (math.log10(high) - math.log10(low))
    return (value - low) / (high - low)


def _step(low: float, high: float, most: int) -> float:
    """A round number of which at most `most` fit into the range."""
    rough = (high - low) / max(most - 1, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1.0, 2.0, 2.5, 5.0, 10.0) if factor * power >= rough * (1 - 1e-9))


def _steps(low: float, high: float, most: int, whole: bool) -> list[tuple[float, str]]:
    step = _step(low, high, most)
    if whole:
        step = float(max(math.ceil(step), 1))
    first = math.ceil(low / step - 1e-9)
    places = [step * (first + i) for i in range(most + 1)]
    return [(at, amount(at if abs(at) > step / 1e6 else 0.0, step)) for at in places if at <= high + 1e-9 * step]


def _rounded(value: float, up: bool) -> float:
    """The next 1, 2 or 5 times a power of ten, from 1e-300 to 1e300."""
    power = 10.0 ** math.floor(math.log10(value) + 1e-12)
    near = [factor * power for factor in (1.0, 2.0, 5.0, 10.0)]
    if up:
        return min(next(one for one in near if one >= value * (1 - 1e-9)), MOST)
    return next(one for one in near[::-1] if one <= value * (1 + 1e-9))


def _decades(low: float, high: float, most: int) -> list[tuple[float, str]]:
    """Powers of ten; where they are fewer than three, 1, 2 and 5 times them."""
    powers = range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1)
    found = [10.0**power for power in powers[:: max(1, math.ceil(len(powers) / most))]]
    if len(found) < 3:
        around = range(math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9) + 1)
        found = [factor * 10.0**power for power in around for factor in (1, 2, 5)]
        found = [at for at in found if low * (1 - 1e-9) <= at <= high * (1 + 1e-9)]
    return [(at, amount(at)) for at in found]
