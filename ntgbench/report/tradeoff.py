"""Quality against cost: which systems no other beats in both, as a table and a drawing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ntgbench.report.board import boards
from ntgbench.report.drawing import Point, scatter
from ntgbench.report.efficiency import latency, number
from ntgbench.report.quality import quality
from ntgbench.report.text import EMPTY, code, escaped, merged_rows, plain, source, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.report.board import Board
    from ntgbench.results import Row

_READING = """\
Quality against cost. A system is **on the front** when no other is at least as good in both and better in one:
everybody else is dearer without being better, or worse without being cheaper. References take no part. `macro_f1` is
of a classifier that learnt from synthetic traffic alone, `jsd_2gram` the divergence from held-out traffic, both from
the quality boards of the same dataset; costs are of the efficiency board, of one hardware."""


@dataclass(frozen=True)
class Tradeoff:
    """One system's quality and cost; see `Quality` and the efficiency board."""

    name: str
    reference: bool
    macro_f1: float
    jsd_2gram: float
    ms: float
    mb: float


def render(dataset: str, rows: Sequence[Row]) -> dict[str, str]:
    """The files of a dataset, by name; none when no system has both quality and costs."""
    sections: list[str] = []
    files: dict[str, str] = {}
    for board in boards(rows):
        if not board.common.hardware:
            continue
        found, protocol = _tradeoffs(board, rows)
        if len([one for one in found if not one.reference]) < 2:
            continue
        by_time, by_size = front(found)
        times, sizes = (f"{dataset}-tradeoff-{len(files) // 2 + 1}-{what}.svg" for what in ("time", "size"))
        files[times] = scatter(
            [Point(one.name, one.ms, one.macro_f1, one.reference, one.name in by_time) for one in found],
            "ms to make a biflow alone",
            "macro_f1 of a classifier that learnt from it",
        )
        files[sizes] = scatter(
            [Point(one.name, one.mb, one.jsd_2gram, one.reference, one.name in by_size) for one in found],
            "MB on disk",
            "jsd_2gram, lower is better",
        )
        sections += [
            f"## {board.common.protocol} on {plain(board.common.hardware)}",
            f"Costs by protocol `{board.common.protocol}`, quality by `{protocol}`{source(board)}.",
            f"![macro_f1 against ms]({times})",
            f"![jsd_2gram against MB]({sizes})",
            _table(found),
            *merged_rows(board),
        ]
    if files:
        files[f"{dataset}-tradeoff.md"] = (
            "\n\n".join([f"# {dataset}: quality against cost", _READING, *sections]) + "\n"
        )
    return files


def front(found: Sequence[Tradeoff]) -> tuple[set[str], set[str]]:
    """Names of the systems on the front of macro_f1 and milliseconds, and on that of jsd_2gram and megabytes."""
    ranked = [one for one in found if not one.reference]
    return (
        _undominated({one.name: (-one.macro_f1, one.ms) for one in ranked}),
        _undominated({one.name: (one.jsd_2gram, one.mb) for one in ranked}),
    )


def _undominated(points: dict[str, tuple[float, float]]) -> set[str]:
    """Names of the points that no other is below in one and not above in the other."""

    def beats(other: tuple[float, float], own: tuple[float, float]) -> bool:
        return other != own and other[0] <= own[0] and other[1] <= own[1]

    return {name for name, own in points.items() if not any(beats(other, own) for other in points.values())}


def _tradeoffs(board: Board, rows: Sequence[Row]) -> tuple[list[Tradeoff], str]:
    known = quality(rows, board.common.dataset_digest)
    found = []
    for entry in board.entries:
        of_entry, took, size = known.get(entry.name), latency(entry), number(entry, "size_mb")
        if of_entry is None or took is None or size is None:
            continue
        # Rows come from anywhere, and what cannot be has no place in a drawing.
        shares = (of_entry.macro_f1, of_entry.jsd_2gram)
        if all(1e-9 < cost < 1e12 for cost in (took[0], size)) and all(0 <= share <= 1 for share in shares):
            own = (of_entry.macro_f1, of_entry.jsd_2gram, took[0], size)
            found.append(Tradeoff(entry.name, entry.reference, *own))
    return found, next((one.protocol for one in known.values()), EMPTY)


def _table(found: Sequence[Tradeoff]) -> str:
    by_time, by_size = front(found)
    body = [
        [
            f"*{escaped(one.name)}*" if one.reference else code(one.name),
            f"{one.macro_f1:.3f}",
            f"{one.ms:,.3f}",
            "yes" if one.name in by_time else "",
            f"{one.jsd_2gram:.3f}",
            f"{one.mb:,.3f}",
            "yes" if one.name in by_size else "",
        ]
        for one in sorted(found, key=lambda one: (one.reference, -one.macro_f1, math.log(one.ms), one.name))
    ]
    heads = ["system", "macro_f1 ↑", "ms/biflow ↓", "on the front", "jsd_2gram ↓", "MB ↓", "on that front"]
    return table(heads, body, left=0)
