"""What a dataset looks like, in a few numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ntgbench.traffic.biflows import Biflows


@dataclass(frozen=True)
class Description:
    """Figures about N biflows of P packets.

    Attributes:
        biflows: N.
        packets: P, the largest number of packets kept of a biflow.
        pl_max: largest payload length in bytes that is kept as it is.
        classes: biflows of each class, the largest class first.
        sessions: number of sessions that are never split; None when there are none.
        length_quantiles: packets of a biflow at 0, 25, 50, 75 and 100% of the biflows.
        full_share: share of biflows with all P packets.
        upstream_first_share: share of biflows whose first packet goes from client to server.
        distinct_share: distinct rows of signed payload lengths over biflows; 1 means no two are alike.
        pl_max_share: share of packets with exactly pl_max bytes, clipped or not.
        has_gaps: whether times between packets are known.
        digest: identity of the biflows, 32 hex digits.
    """

    biflows: int
    packets: int
    pl_max: int
    classes: dict[str, int]
    sessions: int | None
    length_quantiles: tuple[float, ...]
    full_share: float
    upstream_first_share: float
    distinct_share: float
    pl_max_share: float
    has_gaps: bool
    digest: str


def describe(biflows: Biflows) -> Description:
    """The figures of `biflows`, of which there is at least one."""
    counts = biflows.class_counts()
    lengths = biflows.lengths()
    rows = np.ascontiguousarray(biflows.signed_pl).view(
        np.dtype((np.void, biflows.signed_pl.itemsize * biflows.packets))
    )
    return Description(
        biflows=len(biflows),
        packets=biflows.packets,
        pl_max=biflows.pl_max,
        classes={biflows.classes[code]: int(counts[code]) for code in np.argsort(-counts, kind="stable")},
        sessions=None if biflows.session is None else len(np.unique(biflows.session)),
        length_quantiles=tuple(np.quantile(lengths, [0, 0.25, 0.5, 0.75, 1]).tolist()),
        full_share=float((lengths == biflows.packets).mean()),
        upstream_first_share=float((biflows.signed_pl[:, 0] > 0).mean()),
        distinct_share=len(np.unique(rows)) / len(biflows),
        pl_max_share=float((np.abs(biflows.signed_pl) == biflows.pl_max).sum() / lengths.sum()),
        has_gaps=biflows.iat is not None,
        digest=biflows.digest(),
    )
