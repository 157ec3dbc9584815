"""Coverage and density: synthetic biflows near each real one, in a form that many equal biflows do not break.

Naeem et al., "Reliable Fidelity and Diversity Metrics for Generative Models", ICML 2020, arXiv 2002.09797, draw a ball
around each real point that reaches to its k-th nearest other real point, and look for synthetic points nearer than
that. Where k + 1 real points are equal the ball is empty, and a synthetic copy is not found. Here equal biflows are one
point, which weighs as much as they are, and a ball holds its boundary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench_fidelity.counts import Integers, counted, require_biflows, require_same_form
from ntgbench_fidelity.uniqueness import biflows_of_classes, distinct_counts

if TYPE_CHECKING:
    from ntgbench.traffic.biflows import Biflows
    from ntgbench_fidelity.divergence import Floats
    from ntgbench_fidelity.uniqueness import DistinctCounts

K = 5
"""A ball reaches to the K-th nearest other real point."""

CENTRES, FEWEST_CENTRES = 2_048, 128
"""Real biflows of a class, with repetitions, whose balls are looked at at most: the first of ten packets or fewer, in
inverse proportion to the packets beyond, down to the second. So a biflow takes the same time however long it is."""

_BLOCK = 2**22  # distances that are held at a time

Rows = npt.NDArray[np.int16]


def coverage(real: Biflows, synthetic: Biflows, seed: int) -> dict[str, float]:
    """Coverage and density, the means over the classes that `real` has biflows of.

    A point is a distinct biflow, and w its number of biflows. Around each real point x of a class is the ball of all
    biflows as near as its 5th nearest other real point, or nearer; of the farthest one where there are fewer than 5.

    - coverage = Σ w(x) [some synthetic biflow is in the ball of x] / Σ w(x)
    - density = Σ w(x) d(x) / Σ w(x), where d(x) is the share of the class's synthetic biflows that are in the ball of
      x, over the share of its real ones

    Both are 1 for the same traffic and 0 where no synthetic biflow is in a ball. Density has no upper bound: it is
    above 1 where many synthetic biflows are close to common real ones. A class without synthetic biflows counts 0.

    The distance of two biflows is the sum over positions of the absolute difference of the signed payload lengths, an
    absent one being 0, and of pl_max where one is upstream and one downstream, or one is absent.

    Of a class with more than 2,048 real biflows, so many are drawn by `seed`, without repetition, and the sums are over
    the balls of these; with P > 10 packets they are 20,480 / P, at least 128. All biflows are looked for in these
    balls, so both metrics are 1 for the same traffic even then. The draw does not depend on the order of the biflows.

    Raises:
        TrafficError: a side is empty, or classes, packets or pl_max differ.

    Source: arXiv 2002.09797, equations 3 and 4. Without equal biflows or equal distances, coverage is theirs, and
    density theirs times k / (k + 1), because a ball with its boundary holds k + 1 real points.
    """
    return coverage_of_counts(counted(distinct_counts, real), counted(distinct_counts, synthetic), seed)


def coverage_of_counts(real: DistinctCounts, synthetic: DistinctCounts, seed: int) -> dict[str, float]:
    """The metrics of `coverage` by the counts of both sides."""
    of_class = [biflows_of_classes(side) for side in (real, synthetic)]
    require_biflows(*of_class)
    require_same_form([real.form, synthetic.form])
    most = min(CENTRES, max(FEWEST_CENTRES, CENTRES * 10 // real.form.packets))
    found = np.zeros((len(real.form.classes), 2))
    for label, (own, other) in enumerate(zip(_of_classes(real), _of_classes(synthetic), strict=True)):
        if len(own[0]) and len(other[0]):
            packets = max(int(np.count_nonzero(rows, axis=1).max()) for rows, _ in (own, other))
            points = [_embedded(rows[:, :packets], real.form.pl_max) for rows, _ in (own, other)]
            centres = _drawn(*own, most, [seed, label])
            found[label] = coverage_and_density(points[0], own[1], points[1], other[1], centres)
    mean = found[of_class[0] > 0].mean(axis=0)
    return {"coverage": float(mean[0]), "density": float(mean[1])}


def coverage_and_density(
    real: Floats,
    real_times: Integers,
    synthetic: Floats,
    synthetic_times: Integers,
    centres: Integers | None = None,
    k: int = K,
    order: float = 1.0,
) -> tuple[float, float]:
    """Coverage and density of synthetic points beside real ones.

    Args:
        real: float64 (N, D). Distinct points.
        real_times: int64 (N,). How often each occurs.
        synthetic: float64 (M, D). Points.
        synthetic_times: int64 (M,). How often each occurs.
        centres: int64 (N,). How often the ball of each real point counts; as often as it occurs by default.
        k: a ball reaches to the k-th nearest other real point; to the farthest one where there are fewer.
        order: of the Minkowski distance.
    """
    from scipy.spatial.distance import cdist

    weights = real_times if centres is None else centres
    looked_at = np.flatnonzero(weights)
    k = min(k, len(real) - 1)
    covered, density = 0, 0.0
    step = max(1, _BLOCK // max(len(real), len(synthetic)))
    for begin in range(0, len(looked_at), step):
        centre = looked_at[begin : begin + step]
        distance = cdist(real[centre], real, "minkowski", p=order)
        # The nearest point is the centre itself, at 0.
        radius = np.partition(distance, k, axis=1)[:, k, None]
        real_near = (distance <= radius) @ real_times.astype(np.float64)
        distance = cdist(real[centre], synthetic, "minkowski", p=order)
        near = (distance <= radius) @ synthetic_times.astype(np.float64)
        covered += int(weights[centre][near > 0].sum())
        density += float((weights[centre] * (near / real_near)).sum())
    total = int(weights.sum())
    return covered / total, density / total * int(real_times.sum()) / int(synthetic_times.sum())


def _of_classes(side: DistinctCounts) -> list[tuple[Rows, Integers]]:
    """The distinct biflows of each class, int16 (D, P), and how often each occurs, int64 (D,)."""
    classes = len(side.form.classes)
    number, label = np.divmod(side.times.key.astype(np.int64), classes)
    order = np.argsort(label, kind="stable")
    bounds = np.cumsum(np.bincount(label, minlength=classes))[:-1]
    rows = side.words.view(np.int16)[:, : side.form.packets]
    return [(rows[number[own]], side.times.times[own]) for own in np.split(order, bounds)]


def _drawn(rows: Rows, times: Integers, most: int, seed: list[int]) -> Integers:
    """How often each distinct biflow is among those drawn, int64 (D,): all where there are no more than `most`."""
    if times.sum() <= most:
        return times
    order = np.lexsort(rows.T)
    drawn = np.empty_like(times)
    drawn[order] = np.random.default_rng(seed).multivariate_hypergeometric(times[order], most)
    return drawn


def _embedded(rows: Rows, pl_max: int) -> Floats:
    """Points whose L1 distance is that of the biflows, float64 (D, 3 P).

    Upstream, downstream and absence are (1, 0), (-1, 0) and (0, 1), times pl_max / 2: pl_max from each other.
    """
    direction = np.sign(rows)
    return np.concatenate([rows, direction * (pl_max / 2), (direction == 0) * (pl_max / 2)], axis=1)
