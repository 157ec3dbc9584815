"""Fast Retransmit: a lost packet arrives after the packet that follows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from ntgbench.tracks.biflows.interfaces import Labels, SignedPL
    from ntgbench.traffic.biflows import Biflows
    from ntgbench_fast_retransmit.parameters import FastRetransmitParameters


class FastRetransmit:
    """Draws real biflows of each class, uniformly with replacement, and delays some of their packets."""

    def __init__(self, parameters: FastRetransmitParameters) -> None:
        self.parameters = parameters

    def augment(self, few: Biflows, labels: Labels, rng: np.random.Generator) -> SignedPL:
        """A copy of a real biflow for each label, with its lost packets delayed."""
        by_class = np.argsort(few.label, kind="stable")
        count = few.class_counts()
        first = np.cumsum(count) - count
        parents = by_class[first[labels] + rng.integers(count[labels])]
        signed_pl = few.signed_pl[parents]
        if self.parameters.single:
            lost = np.arange(few.packets) == rng.integers(few.lengths()[parents])[:, None]
        else:
            lost = rng.random(signed_pl.shape) < self.parameters.probability
        return delay(signed_pl, lost)


def delay(signed_pl: SignedPL, lost: npt.NDArray[np.bool_]) -> SignedPL:
    """Delay each lost packet until after the next packet that is not lost, or to the end of the biflow.

    This is the shift variant of Fast Retransmit
    (Algorithm 4 in the additional material of Rosetta, Xie et al. 2023, doi 10.1145/3603165.3607437; used as an
    augmentation in arXiv 2401.10754). Each run of lost packets swaps places with the packet after it, which gives every
    packet's new position without a loop.

    Args:
        signed_pl: integers (N, P), laid out as `Biflows.signed_pl`.
        lost: bool (N, P); ignored where there is no packet.

    Returns:
        Integers (N, P): each row with the same packets in another order.
    """
    position = np.broadcast_to(np.arange(signed_pl.shape[1]), signed_pl.shape)
    passes = (signed_pl != 0) & ~lost
    last_passed = np.maximum.accumulate(np.where(passes, position, -1), axis=1)
    passed_before = np.concatenate([np.full((len(signed_pl), 1), -1), last_passed[:, :-1]], axis=1)
    held = position + (position < last_passed[:, -1:])
    delayed = np.empty_like(signed_pl)
    np.put_along_axis(delayed, np.where(passes, passed_before + 1, held), signed_pl, axis=1)
    return delayed
