"""Distances of two distributions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Sample(NamedTuple):
    """The distinct values of a sample, and how often each occurs; not empty."""

    values: npt.NDArray[np.number]
    counts: npt.NDArray[np.int64]

    @staticmethod
    def of(numbers: npt.NDArray[np.number], if_none: float = 0.0) -> Sample:
        """The sample of `numbers`, (N,); where there is none, of `if_none` alone."""
        return Sample(*np.unique(numbers if len(numbers) else np.array([if_none]), return_counts=True))


def emd(real: Sample, synthetic: Sample) -> float:
    """Earth mover's distance (1-Wasserstein), in the unit of the values: the area between the two CDFs, exact."""
    from scipy.stats import wasserstein_distance

    return float(wasserstein_distance(real.values, synthetic.values, real.counts, synthetic.counts))


def jsd_bits(real: npt.NDArray[np.number], synthetic: npt.NDArray[np.number]) -> float:
    """Jensen-Shannon divergence, base 2, in 0..1, of how often each of V values occurs on either side, (V,) each.

    With the shares p and q of a value and m = (p + q) / 2: half of the sum of p log2(p / m) + q log2(q / m) (Lin,
    "Divergence measures based on the Shannon entropy", 1991). Every value occurs on one side at least.
    """
    p, q = real / real.sum(), synthetic / synthetic.sum()
    middle = (p + q) / 2
    total = sum(float(np.sum(share[share > 0] * np.log2((share / middle)[share > 0]))) for share in (p, q))
    return min(max(total / 2, 0.0), 1.0)
