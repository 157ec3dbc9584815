"""What biflows look like, by class: counts of packets, of lengths, of what follows what, and a few examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench.profiles import Numbers, largest, packed, packed_sequences
from ntgbench.row_schema import Profile, escaped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.traffic.biflows import Biflows

MOST_BINS = 32
"""Bins of packet counts: one for each count where biflows have at most as many packets."""

LENGTH_BINS = 20
"""Bins of signed lengths, half of them for each direction."""

STATES = (0.1, 0.9)
"""Shares of the largest payload length at which the states of the transitions end, in each direction."""

SIZE = 2 * (len(STATES) + 1) + 1
"""Rows and columns of the transitions: a state for each direction and length, and the beginning or the end."""

EXAMPLES, TRIED = 2, 8
"""Examples of a class, and biflows of which they are chosen."""

LONGEST_EXAMPLE = 12
"""Packets of an example."""

LONGEST_NAME = 80
"""Characters of the name of a class."""


def profile(real: Biflows, synthetic: Biflows) -> Profile:
    """Counts of two sides that have the same classes, packets and pl_max, by part.

    packets: biflows of 1..P packets, in `packet_bins(P)` equal bins.
    lengths: packets by signed payload length, in `LENGTH_BINS` equal bins of -pl_max..pl_max without 0.
    transitions: (`SIZE`, `SIZE`), row by row: a row for each state and for the beginning, a column for each state and
        for the end. States are in the order of signed lengths. How a biflow of P packets goes on is not counted.
    """
    chosen = largest(real.classes, real.class_counts() + synthetic.class_counts())
    return Profile(
        classes=[escaped(real.classes[place], LONGEST_NAME) for place in chosen],
        scale={"packets": real.packets, "pl_max": real.pl_max},
        real=_parts(real, chosen),
        synthetic=_parts(synthetic, chosen),
    )


def examples(real: Biflows, synthetic: Biflows, shown: Biflows, hidden: Sequence[Biflows] = ()) -> str:
    """The part `examples` of `shown`, one of the sides of a profile: up to `EXAMPLES` biflows of each of its groups.

    They lie at equal distances in the traffic and are cut to `LONGEST_EXAMPLE` packets. Those that `hidden` has as well
    are left out.
    """
    known = {line for other in hidden for line in _lines(other.signed_pl)}
    chosen = largest(real.classes, real.class_counts() + synthetic.class_counts())
    ordered = np.argsort(shown.label, kind="stable")
    end = np.cumsum(shown.class_counts())
    start = end - shown.class_counts()
    groups = (ordered, *(ordered[start[at] : end[at]] for at in chosen))
    return " ".join(_examples(shown, rows, known) for rows in groups)


def packet_bins(packets: int) -> int:
    """Bins of the counts of packets of biflows that have at most so many."""
    return min(packets, MOST_BINS)


def states(lengths: npt.NDArray[np.integer], pl_max: int) -> Numbers:
    """The state of each packet by its signed payload length, 0..`SIZE` - 2; of no packet, `SIZE` - 1."""
    half = len(STATES) + 1
    longer = np.searchsorted(np.array(STATES) * pl_max, np.abs(lengths.astype(np.int64)), side="left")
    return np.where(lengths > 0, half + longer, np.where(lengths < 0, half - 1 - longer, SIZE - 1))


def _parts(biflows: Biflows, chosen: Sequence[int]) -> dict[str, str]:
    group = np.zeros(len(biflows.classes), np.int64)
    group[list(chosen)] = np.arange(1, len(chosen) + 1)
    own = group[biflows.label]

    def counted(bins: Numbers, number: int, groups: Numbers) -> str:
        table = np.bincount(groups * number + bins, minlength=(len(chosen) + 1) * number).reshape(-1, number)
        table[0] = table.sum(axis=0)
        return " ".join(map(packed, table.tolist()))

    there = biflows.signed_pl != 0
    lengths = biflows.signed_pl[there].astype(np.int64)
    half = LENGTH_BINS // 2
    place = (np.abs(lengths) - 1) * half // biflows.pl_max
    bins = packet_bins(biflows.packets)
    state = states(biflows.signed_pl, biflows.pl_max)
    before = np.concatenate([np.full((len(state), 1), SIZE - 1), state[:, :-1]], axis=1)
    step = there | (before < SIZE - 1)
    packets = np.count_nonzero(there, axis=1)
    return {
        "packets": counted((packets - 1) * bins // biflows.packets, bins, own),
        "lengths": counted(np.where(lengths > 0, half + place, half - 1 - place), LENGTH_BINS, np.repeat(own, packets)),
        "transitions": counted((before * SIZE + state)[step], SIZE**2, np.repeat(own, step.sum(axis=1))),
    }


def _examples(biflows: Biflows, rows: Numbers, known: set[bytes]) -> str:
    if not len(rows):
        return ""
    tried = biflows.signed_pl[rows[np.unique((2 * np.arange(TRIED) + 1) * len(rows) // (2 * TRIED))]]
    fresh = [row for row, line in zip(tried.tolist(), _lines(tried), strict=True) if line not in known]
    # At equal distances again.
    shown = [fresh[(2 * at + 1) * len(fresh) // (2 * EXAMPLES)] for at in range(EXAMPLES)] if fresh else []
    distinct = dict.fromkeys(tuple(row[:LONGEST_EXAMPLE]) for row in shown)
    return packed_sequences([length for length in row if length] for row in distinct)


def _lines(signed_pl: npt.NDArray[np.int16]) -> list[bytes]:
    """What examples show of biflows, as bytes."""
    signed_pl = signed_pl[:, :LONGEST_EXAMPLE]
    return np.ascontiguousarray(signed_pl).view(f"V{2 * signed_pl.shape[1]}").ravel().tolist()
