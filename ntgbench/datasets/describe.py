"""What a dataset looks like, in a few numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ntgbench.traffic.biflows import Biflows


@dataclass(frozen=True)
class Description:
    """Figures about biflows, of which `ntgbench info` prints the names too."""

    biflows: int
    packets: int  # the largest number of packets kept of a biflow
    pl_max: int  # largest payload length in bytes that is kept as it is
    classes: dict[str, int]  # biflows of each class, the largest class first
    sessions: int | None  # None when they are not known
    length_quantiles: tuple[float, ...]  # packets of a biflow at 0, 25, 50, 75 and 100% of the biflows
    full_share: float  # of biflows with as many packets as are kept at most
    upstream_first_share: float  # of biflows whose first packet goes from client to server
    distinct_share: float  # distinct rows of signed payload lengths over biflows; 1 means no two are alike
    pl_max_share: float  # of packets with exactly pl_max bytes, clipped or not
    has_iat: bool
    digest: str  # of the biflows, 32 hex digits


def describe(biflows: Biflows) -> Description:
    """The figures of `biflows`, of which there is at least one."""
    counts = biflows.class_counts()
    lengths = biflows.lengths()
    as_one_value = np.dtype((np.void, biflows.signed_pl.itemsize * biflows.packets))
    return Description(
        biflows=len(biflows),
        packets=biflows.packets,
        pl_max=biflows.pl_max,
        classes={biflows.classes[code]: int(counts[code]) for code in np.argsort(-counts, kind="stable")},
        sessions=None if biflows.session is None else len(np.unique(biflows.session)),
        length_quantiles=tuple(np.quantile(lengths, [0, 0.25, 0.5, 0.75, 1]).tolist()),
        full_share=float((lengths == biflows.packets).mean()),
        upstream_first_share=float((biflows.signed_pl[:, 0] > 0).mean()),
        distinct_share=len(np.unique(np.ascontiguousarray(biflows.signed_pl).view(as_one_value))) / len(biflows),
        pl_max_share=float((np.abs(biflows.signed_pl) == biflows.pl_max).sum() / lengths.sum()),
        has_iat=biflows.iat is not None,
        digest=biflows.digest(),
    )
