"""Figures as text: bars of block characters and sparklines, plain ASCII where the terminal's encoding has no others."""

from __future__ import annotations

import math
import shutil
import sys
from typing import TYPE_CHECKING

import click

from ntgbench.words import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.figures import Counts, Histogram

MOST_BARS = 20
"""Bars of one figure; the others are summed up in a line."""

_NARROWEST, _WIDEST_NAME = 80, 40
_BLOCKS, _PARTS, _RISING = "█", "▏▎▍▌▋▊▉█", "▁▂▃▄▅▆▇█"
_ASCII_BLOCK, _ASCII_RISING = "#", ".:-=+*%#"


def width() -> int:
    """Columns of the terminal, at least 80."""
    return max(shutil.get_terminal_size((_NARROWEST, 24)).columns, _NARROWEST)


def has_blocks() -> bool:
    """Whether standard output can show block characters."""
    try:
        (_PARTS + _RISING).encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def say(line: str) -> None:
    """Print a line, with escapes for what standard output cannot show."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    click.echo(line.encode(encoding, "backslashreplace").decode(encoding))


def bars(counts: Counts, columns: int, blocks: bool) -> list[str]:
    """A line for each of the largest counts: name, count, share of the sum, bar."""
    total, largest = sum(counts.values()) or 1, max(counts.values(), default=0) or 1
    shown = list(counts.items())[: MOST_BARS if len(counts) > MOST_BARS + 1 else None]
    names = [printable(name) for name, _ in shown]
    name_width = min(max(map(len, names), default=0), _WIDEST_NAME)
    count_width = max((len(f"{count:,}") for _, count in shown), default=0)
    room = max(columns - name_width - count_width - 14, 10)
    lines = []
    for name, (_, count) in zip(names, shown, strict=True):
        bar = _bar(room * count / largest, blocks)
        lines.append(f"{name:<{name_width}}  {count:>{count_width},}  {count / total:6.1%}  {bar}".rstrip())
    rest = list(counts.values())[len(shown) :]
    if rest:
        lines.append(f"and {len(rest):,} more, {min(rest):,} to {max(rest):,} each, {sum(rest) / total:.1%} together")
    return lines


def _bar(length: float, blocks: bool) -> str:
    """A bar of that many columns; whatever is above 0 is seen."""
    if not blocks:
        return _ASCII_BLOCK * (math.ceil(length) if length < 1 else round(length))
    eighths = max(round(8 * length), int(length > 0))
    return _BLOCKS * (eighths // 8) + (_PARTS[eighths % 8 - 1] if eighths % 8 else "")


def spark(histogram: Histogram, blocks: bool) -> str:
    """A histogram on one line: where it begins, its bins, where it ends, the median, the largest count."""
    low, high, unit = histogram["low"], histogram["high"], histogram.get("unit", "")
    line = f"{_number(low)} |{sparkline(histogram['counts'], blocks)}| {_number(high)}{f' {unit}' if unit else ''}"
    told = [] if histogram.get("median") is None else [f"median {_number(histogram['median'])}"]
    told.append(f"peak {max(histogram['counts'], default=0):,}")
    return f"{line}  {', '.join(told)}"


def sparkline(counts: Sequence[float], blocks: bool) -> str:
    """A character for each count, higher for larger ones, and a space for 0."""
    levels = _RISING if blocks else _ASCII_RISING
    largest = max(counts, default=0) or 1
    return "".join(" " if not count else levels[min(int(8 * count / largest), 7)] for count in counts)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.4g}"
