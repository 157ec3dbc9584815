"""Shares of distinct biflows, and of biflows that real and synthetic traffic have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench_fidelity.tally import Integers, require_comparable

if TYPE_CHECKING:
    from ntgbench.traffic.biflows import Biflows

Floats = npt.NDArray[np.float64]


def uniqueness(real: Biflows, synthetic: Biflows, seed: int) -> dict[str, float]:  # noqa: ARG001 - nothing is random
    """UniqAlign, leakage and the share of synthetic biflows that are real.

    Two biflows are the same when their padded signed payload lengths are. With U(A) the set of the biflows of A:

    - uniqalign = abs(|U(R)| / |R| - |U(S)| / |S|)
    - leakage: the Jaccard index of U(R) and U(S): the number of biflows in both, over the number in either
    - train_share: the share of the biflows of S, with repetitions, that are in U(R)

    over all classes together. uniqalign_macro and leakage_macro are means over the classes that R has biflows of; a
    class without synthetic biflows has uniqalign 1 and leakage 0.

    R is `real`: the training set for the headline figures, which look for copies of it. All depend on the number of
    biflows, so both sides should have equally many of each class. The score of other real traffic is not 0: it is the
    floor, and leakage below it means low fidelity, not privacy.

    Returns:
        All in 0..1.

    Raises:
        TrafficError: a side is empty, or classes, packets or pl_max differ.

    Source: arXiv 2603.25507 defines uniqalign and leakage in words, for the whole datasets.
    """
    require_comparable(real, synthetic)
    rows = np.concatenate([real.signed_pl, synthetic.signed_pl])
    label = np.concatenate([real.label, synthetic.label])
    together = _occurrences(rows, np.zeros_like(label), len(real))
    by_class = _occurrences(rows, label, len(real))
    uniqalign, leakage, train_share = _of_groups(together, 1)
    uniqalign_macro, leakage_macro, _ = _of_groups(by_class, len(real.classes))
    known = real.class_counts() > 0
    return {
        "uniqalign": float(uniqalign[0]),
        "leakage": float(leakage[0]),
        "train_share": float(train_share[0]),
        "uniqalign_macro": float(np.where(synthetic.class_counts() > 0, uniqalign_macro, 1.0)[known].mean()),
        "leakage_macro": float(leakage_macro[known].mean()),
    }


def _occurrences(rows: npt.NDArray[np.int16], group: npt.NDArray[np.int32], real: int) -> tuple[Integers, ...]:
    """For each distinct pair of row and group: its group, and how often it occurs on each side.

    Args:
        rows: int16 (N, P). The biflows of both sides, the first `real` of them real.
        group: int32 (N,).
        real: number of real biflows.
    """
    columns = np.ascontiguousarray(rows.T)
    # One radix sort for each column of 16-bit integers brings equal biflows together; each run of them gets a number.
    order = np.lexsort([*columns, group.astype(np.int16) if group.max() < 2**15 else group])
    columns, group = columns[:, order], group[order]
    new = (columns[:, 1:] != columns[:, :-1]).any(axis=0) | (group[1:] != group[:-1])
    number = np.concatenate([[0], np.cumsum(new)])
    is_real = order < real
    times_real = np.bincount(number[is_real], minlength=number[-1] + 1)
    times_synthetic = np.bincount(number[~is_real], minlength=number[-1] + 1)
    return group[np.concatenate([[True], new])].astype(np.int64), times_real, times_synthetic


def _of_groups(occurrences: tuple[Integers, ...], groups: int) -> tuple[Floats, Floats, Floats]:
    """Uniqalign, leakage and share of synthetic biflows that are real, each float64 (groups,); 0 for an empty group."""
    group, times_real, times_synthetic = occurrences
    in_real, in_synthetic = times_real > 0, times_synthetic > 0

    def total(values: npt.NDArray[Any]) -> Floats:
        return np.bincount(group, values, groups).astype(np.float64)

    size_real, size_synthetic = np.maximum(total(times_real), 1), np.maximum(total(times_synthetic), 1)
    uniqalign = np.abs(total(in_real) / size_real - total(in_synthetic) / size_synthetic)
    leakage = total(in_real & in_synthetic) / np.maximum(total(in_real | in_synthetic), 1)
    return uniqalign, leakage, total(times_synthetic * in_real) / size_synthetic
