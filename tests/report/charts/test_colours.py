"""Colours can be told apart: from the background, from each other, and without any colour by their shapes."""

from itertools import combinations

import pytest

from ntgbench.report.charts.colours import FALLBACK, REFERENCE, SERIES, colour_of, dash_of, places, shape_of
from ntgbench.report.charts.lines import Line

LIGHT, DARK = "#ffffff", "#14171a"

DEUTAN = ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881))
PROTAN = ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998))
"""Machado, Oliveira and Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency", 2009."""


def linear(colour: str) -> list[float]:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]


def luminance(colour: str) -> float:
    return sum(weight * one for weight, one in zip((0.2126, 0.7152, 0.0722), linear(colour), strict=True))


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def seen(colour: str, eye: tuple[tuple[float, ...], ...] | None) -> tuple[float, float, float]:
    """CIELAB of a colour as an eye sees it."""
    rgb = linear(colour)
    if eye is not None:
        rgb = [min(max(sum(a * b for a, b in zip(row, rgb, strict=True)), 0.0), 1.0) for row in eye]
    r, g, b = rgb
    xyz = (
        0.4124 * r + 0.3576 * g + 0.1805 * b,
        0.2126 * r + 0.7152 * g + 0.0722 * b,
        0.0193 * r + 0.1192 * g + 0.9505 * b,
    )
    x, y, z = (
        (one / white) ** (1 / 3) if one / white > 0.008856 else 7.787 * one / white + 16 / 116
        for one, white in zip(xyz, (0.9505, 1.0, 1.089), strict=True)
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize("name", [*SERIES, REFERENCE])
def test_series_stand_out_from_both_backgrounds(name: str) -> None:
    assert contrast(FALLBACK[name], LIGHT) >= 3.0
    assert contrast(FALLBACK[name], DARK) >= 3.0


@pytest.mark.parametrize("eye", [None, DEUTAN, PROTAN], ids=["usual", "deuteranopia", "protanopia"])
def test_colours_of_series_differ_for_every_eye(eye: tuple[tuple[float, ...], ...] | None) -> None:
    pairs = combinations([FALLBACK[name] for name in SERIES], 2)
    apart = {
        pair: sum((a - b) ** 2 for a, b in zip(seen(pair[0], eye), seen(pair[1], eye), strict=True)) ** 0.5
        for pair in pairs
    }
    assert {pair: round(far, 1) for pair, far in apart.items() if far < 20.0} == {}


def test_series_differ_by_colour_and_shape_together_and_the_first_six_by_either() -> None:
    assert len({(colour_of(i), shape_of(i)) for i in range(36)}) == 36
    assert len({shape_of(i) for i in range(6)}) == len({dash_of(i) for i in range(6)}) == 6


def test_references_use_up_no_colour() -> None:
    assert places([Line("a", ()), Line("r", (), reference=True), Line("b", ())]) == [0, 0, 1]
