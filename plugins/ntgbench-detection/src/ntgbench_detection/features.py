"""What classifiers are told of a biflow, and how many biflows they are told of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench.errors import TrafficError
from ntgbench.tracks.biflows.splits import take

if TYPE_CHECKING:
    from ntgbench.tracks.biflows.interfaces import SignedPL
    from ntgbench.traffic.biflows import Biflows

MOST_BIFLOWS = 40_000
"""Biflows of a side that are used; of more, a random sample with the same share of each class."""

MOST_NUMBERS = 2**22
"""Features of a side, over all its biflows: fewer biflows are used when they have many packets."""

Features = npt.NDArray[np.float32]


def features(signed_pl: SignedPL) -> Features:
    """What a biflow looks like, float32 (N, P + 4), given its signed payload lengths (N, P).

    These are the lengths, the number of packets, the number of changes of direction from one packet to the next, and
    the sums of the upstream and of the downstream lengths. Trees cannot learn the last four well from the first ones.
    """
    signed = signed_pl.astype(np.int64)
    direction = np.sign(signed)
    turns = np.count_nonzero(direction[:, 1:] * direction[:, :-1] < 0, axis=1)
    upstream, downstream = signed.clip(min=0).sum(axis=1), signed.clip(max=0).sum(axis=1)
    columns = [signed, *(one[:, None] for one in (np.count_nonzero(signed, axis=1), turns, upstream, downstream))]
    return np.hstack(columns).astype(np.float32)


def most(biflows: Biflows) -> int:
    """Biflows of a side that are used at most."""
    return max(min(MOST_BIFLOWS, MOST_NUMBERS // (biflows.packets + 4)), 1)


def sample(biflows: Biflows, rng: np.random.Generator) -> Biflows:
    """The biflows, or about `most` of them: the same share of each class, rounded up."""
    share = min(most(biflows) / max(len(biflows), 1), 1.0)
    return take(biflows, np.ceil(share * biflows.class_counts() - 1e-9).astype(np.int64), rng)


def require_same_form(real: Biflows, synthetic: Biflows) -> None:
    """Raise TrafficError unless both sides have biflows, and the same classes, packets and pl_max."""
    if not len(real) or not len(synthetic):
        raise TrafficError("detection needs at least one real and one synthetic biflow")
    if (real.classes, real.packets, real.pl_max) != (synthetic.classes, synthetic.packets, synthetic.pl_max):
        raise TrafficError("detection needs the same classes, packets and pl_max on both sides")
