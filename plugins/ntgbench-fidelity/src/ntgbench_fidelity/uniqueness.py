"""How many biflows are distinct, and how many of them real and synthetic traffic have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ntgbench_fidelity.tally import require_comparable

if TYPE_CHECKING:
    from ntgbench.traffic.biflows import Biflows


def uniqueness(real: Biflows, synthetic: Biflows, seed: int) -> dict[str, float]:  # noqa: ARG001 - nothing is random
    """UniqAlign, leakage and the share of synthetic biflows that are real, over the biflows of all classes together.

    Two biflows are the same when their padded signed payload lengths are, whatever their classes. With U(A) the set of
    the biflows of A:

    - uniqalign = abs(|U(R)| / |R| - |U(S)| / |S|)
    - leakage: the Jaccard index of U(R) and U(S), what both have over what either has
    - train_share: the biflows of S that are in U(R), repeated ones each time they occur, over |S|

    R is `real`: the training set for the headline figures, since copies of it are what they look for. All three depend
    on the number of biflows, so both sides should have equally many of each class. Real traffic does not score 0
    either: what other real traffic scores is the floor, and leakage below it is low fidelity, not privacy.

    Returns:
        All in 0..1.

    Raises:
        TrafficError: a side is empty, or classes, packets or pl_max differ.

    Source: arXiv 2603.25507 defines uniqalign and leakage in words, for the whole datasets.
    """
    require_comparable(real, synthetic)
    columns = np.ascontiguousarray(np.concatenate([real.signed_pl, synthetic.signed_pl]).T)
    # One radix sort per column of 16-bit integers brings equal biflows together; every run of them gets a number.
    order = np.lexsort(columns)
    columns = columns[:, order]
    number = np.concatenate([[0], np.cumsum((columns[:, 1:] != columns[:, :-1]).any(axis=0))])
    is_real = order < len(real)
    times_real = np.bincount(number[is_real], minlength=number[-1] + 1)
    times_synthetic = np.bincount(number[~is_real], minlength=number[-1] + 1)

    in_real, in_synthetic = times_real > 0, times_synthetic > 0
    unique_real = int(np.count_nonzero(in_real)) / len(real)
    unique_synthetic = int(np.count_nonzero(in_synthetic)) / len(synthetic)
    return {
        "uniqalign": abs(unique_real - unique_synthetic),
        "leakage": int(np.count_nonzero(in_real & in_synthetic)) / len(times_real),
        "train_share": int(times_synthetic[in_real].sum()) / len(synthetic),
    }
