"""Comparison of systems over several blocks by their ranks: Friedman's test and Nemenyi's critical difference.

The procedure of Demšar, "Statistical Comparisons of Classifiers over Multiple Data Sets", JMLR 7 (2006), section 3.2.2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

ALPHA = 0.05


@dataclass(frozen=True)
class Comparison:
    """Systems compared over blocks.

    Attributes:
        mean_ranks: mean rank of each system over the blocks, 1 is best; equal numbers share the mean of their ranks.
        p: of Friedman's test, which asks whether all systems are equally good.
        critical: critical difference: mean ranks that are closer do not differ at the level `ALPHA`.
        p_of_best: of Nemenyi's test, for each system against the one with the best mean rank; 1 for that one.
    """

    mean_ranks: tuple[float, ...]
    p: float
    critical: float
    p_of_best: tuple[float, ...]


def compare(losses: npt.NDArray[np.float64]) -> Comparison:
    """The comparison of k >= 3 systems over n >= 2 blocks, by float64 (n, k) numbers of which less is better.

    Friedman's statistic, corrected for ties, has a chi-square distribution with k - 1 degrees of freedom. Nemenyi's
    test: the difference of two mean ranks, divided by sqrt(k (k + 1) / (6 n)), has the distribution of the studentized
    range of k systems with infinite degrees of freedom, divided by sqrt(2).
    """
    from scipy.stats import chi2, rankdata, studentized_range

    blocks, systems = losses.shape
    ranks = rankdata(losses, axis=1)
    means = ranks.mean(axis=0)
    # Ranks without ties vary by (k^3 - k) / 12 in a block, and less with them.
    spread = ((ranks - (systems + 1) / 2) ** 2).sum()
    between = blocks * ((means - (systems + 1) / 2) ** 2).sum()
    p = float(chi2.sf(blocks * (systems - 1) * between / spread, systems - 1)) if spread > 0 else 1.0
    unit = math.sqrt(systems * (systems + 1) / (6.0 * blocks))
    critical = studentized_range.ppf(1.0 - ALPHA, systems, np.inf) / math.sqrt(2.0) * unit
    apart = (means - means.min()) / unit * math.sqrt(2.0)
    p_of_best = np.clip(studentized_range.sf(apart, systems, np.inf), 0.0, 1.0)
    return Comparison(tuple(means.tolist()), p, float(critical), tuple(p_of_best.tolist()))


def groups(mean_ranks: Sequence[float], critical: float) -> list[str]:
    """Letters of each system, one for each largest group of systems whose mean ranks do not differ.

    Systems that share a letter do not differ. Beyond 26 groups a number follows the letter.
    """
    order = sorted(range(len(mean_ranks)), key=lambda place: mean_ranks[place])
    letters = [""] * len(order)
    number, reached = 0, 0
    for begin, first in enumerate(order):
        end = begin
        while end < len(order) and mean_ranks[order[end]] - mean_ranks[first] < critical:
            end += 1
        if end > reached:  # the group is not a part of the one before
            for place in order[begin:end]:
                letters[place] += chr(ord("a") + number % 26) + (str(number // 26) if number >= 26 else "")
            number, reached = number + 1, end
    return letters
