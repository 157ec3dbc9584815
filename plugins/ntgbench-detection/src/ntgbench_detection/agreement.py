"""Do synthetic biflows look like the class that was asked for?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from ntgbench_detection.features import Features, features, require_same_form, sample

if TYPE_CHECKING:
    from ntgbench.tracks.biflows.interfaces import Labels, SignedPL
    from ntgbench.traffic.biflows import Biflows

TREES = 100
"""Trees of the forest."""

AT_ONCE = 10
"""Trees that are in memory at a time: with many classes each of them is large."""

CHUNK = 8192
"""Biflows that are classified at a time."""


def agreement(real: Biflows, synthetic: Biflows, seed: int) -> dict[str, float]:
    """class_agreement: the share of synthetic biflows in which a classifier sees the class that was asked for.

    The classifier is scikit-learn's random forest with its default settings, 100 trees, on `features`, trained on
    `real`. It compares with held-out traffic: trained on the training set, it would know each copy by heart. Of each
    side at most `MOST_BIFLOWS` are used. Higher is not always more real: the forest prefers typical biflows, so compare
    with the real-vs-real floor, which says how often it recognises real ones.

    Args:
        real: biflows that the forest learns from.
        synthetic: biflows of the same classes, packets and pl_max.
        seed: seed of the samples and of the forest. The result does not depend on the number of threads.

    Returns:
        In 0..1: the mean over the classes that `real` has biflows of. A class without synthetic biflows counts 0.

    Raises:
        TrafficError: a side is empty, or classes, packets or pl_max differ.
    """
    require_same_form(real, synthetic)
    rng = np.random.default_rng(seed)
    real, synthetic = sample(real, rng), sample(synthetic, rng)
    # In the order of their values, so that the order of rows does not matter.
    order = np.lexsort((*real.signed_pl.T[::-1], real.label))
    seen = recognised(features(real.signed_pl[order]), real.label[order], synthetic.signed_pl, seed)
    agreed = np.bincount(synthetic.label[seen == synthetic.label], minlength=len(real.classes))
    present = real.class_counts() > 0
    return {"class_agreement": float((agreed / np.maximum(synthetic.class_counts(), 1))[present].mean())}


def recognised(known: Features, label: Labels, signed_pl: SignedPL, seed: int) -> Labels:
    """The class that a forest trained on `known`, with these labels, sees in other biflows, (N,)."""
    stream, classes = np.random.RandomState(seed), np.unique(label)
    votes = np.zeros((len(signed_pl), len(classes)))
    for _ in range(TREES // AT_ONCE):
        forest = RandomForestClassifier(AT_ONCE, random_state=stream, n_jobs=-1).fit(known, label)
        forest.set_params(n_jobs=1)  # several threads would add the votes in any order
        for begin in range(0, len(votes), CHUNK):
            votes[begin : begin + CHUNK] += forest.predict_proba(features(signed_pl[begin : begin + CHUNK]))
    found: Labels = classes[votes.argmax(axis=1)]
    return found
