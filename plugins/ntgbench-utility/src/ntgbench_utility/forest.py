"""Train on synthetic, test on real: scores of a random forest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from joblib import effective_n_jobs
from sklearn.ensemble import RandomForestClassifier
from sklearn.utils.parallel import Parallel, delayed

from ntgbench.errors import TrafficError
from ntgbench_utility.recognised import measured

if TYPE_CHECKING:
    from ntgbench.interfaces import Measured
    from ntgbench.tracks.biflows.interfaces import SignedPL
    from ntgbench.traffic.biflows import Biflows

TREES = 100
"""Trees of the forest."""

AT_ONCE = 4_000_000
"""Training biflows times trees that are in memory at a time, though always one tree for each thread. With 53 classes
and no two biflows alike this takes a gigabyte, since trees have no limit of depth."""

CHUNK = 8192
"""Biflows that a thread classifies at a time."""


def train_on_synthetic(real: Biflows, synthetic: Biflows, seed: int) -> dict[str, Measured]:
    """Macro-F1, weighted F1 and accuracy on `real` of a random forest trained on `synthetic`.

    The forest is scikit-learn's with its default settings, 100 trees without a limit of depth, on the P signed payload
    lengths as they are (the paper's classifier, arXiv 2603.25507; settings as in its authors' public code). F1 of a
    class is 2 TP / (2 TP + FP + FN), 0 when it is never predicted. Means are over the classes that `real` has biflows
    of: a class that the forest has not learnt counts as 0, and a prediction of a class that `real` lacks is a miss.

    Args:
        real: held-out real biflows.
        synthetic: biflows to learn from, of the same classes and packets.
        seed: seed of the forest and of the intervals. The result does not depend on the number of threads.

    Returns:
        All in 0..1. The 95% interval is of the biflows tested: bootstrap samples of the sessions of `real`, or of its
        biflows where sessions are not known, classified by the same forest. Macro-F1 also has the confusion matrix.

    Raises:
        TrafficError: a side is empty, or classes or packets differ.
    """
    if not len(real) or not len(synthetic):
        raise TrafficError("utility needs at least one synthetic biflow to learn from and one real biflow to test on")
    if (real.classes, real.packets) != (synthetic.classes, synthetic.packets):
        raise TrafficError("utility needs the same classes and packets on both sides")
    return measured(real, predicted(synthetic, real.signed_pl, seed), seed)


def predicted(train: Biflows, signed_pl: SignedPL, seed: int) -> npt.NDArray[Any]:
    """Labels that a forest of `TREES` trees predicts, (N,), without all trees in memory at a time.

    A forest draws the seeds of its trees one after the other, so smaller forests that share one random stream have the
    trees of a large one. Votes are summed in the order of the trees, since the last bit of a sum can decide a tie: each
    thread takes its chunks of biflows through all trees in turn.
    """
    stream, rows, classes = np.random.RandomState(seed), signed_pl.astype(np.float32), np.unique(train.label)
    chunks = [slice(start, start + CHUNK) for start in range(0, len(rows), CHUNK)]
    votes = np.zeros((len(rows), len(classes)))
    at_once = max(AT_ONCE // len(train), effective_n_jobs(-1))
    for first in range(0, TREES, at_once):
        part = RandomForestClassifier(min(at_once, TREES - first), random_state=stream, n_jobs=-1)
        part.fit(train.signed_pl, train.label)
        Parallel(n_jobs=-1, require="sharedmem")(delayed(_vote)(part, rows[chunk], votes[chunk]) for chunk in chunks)
    labels: npt.NDArray[Any] = classes[(votes / TREES).argmax(axis=1)]
    return labels


def _vote(forest: RandomForestClassifier, rows: npt.NDArray[np.float32], votes: npt.NDArray[np.float64]) -> None:
    """Add the probabilities of each tree, (N, classes), to `votes`."""
    for tree in forest.estimators_:
        votes += tree.predict_proba(rows, check_input=False)
