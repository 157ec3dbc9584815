"""Train on synthetic, test on real: what a random forest makes of synthetic biflows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import f1_score
from sklearn.utils.parallel import Parallel, delayed

from ntgbench.errors import TrafficError

if TYPE_CHECKING:
    from ntgbench.interfaces import SignedPL
    from ntgbench.traffic.biflows import Biflows

CHUNK = 8192
"""Biflows classified at a time: bounds the memory for the probabilities of many classes."""


def train_on_synthetic(real: Biflows, synthetic: Biflows, seed: int) -> dict[str, float]:
    """Macro-F1, weighted F1 and accuracy on `real` of a random forest trained on `synthetic`.

    The forest is scikit-learn's with its default settings, 100 trees without a limit of depth, on the P signed payload
    lengths as they are (the paper's classifier, arXiv 2603.25507; settings as in its authors' public code). F1 of a
    class is 2 TP / (2 TP + FP + FN), 0 when it is never predicted. Means are over the classes that `real` has biflows
    of; a class that the forest has not learnt therefore counts with 0, and what it predicts beyond them counts as
    a miss of the class it should be.

    Args:
        real: held-out real biflows.
        synthetic: biflows to learn from, of the same classes and packets.
        seed: of the forest. The number of threads, all that the process may use, changes no result.

    Returns:
        All in 0..1.

    Raises:
        TrafficError: a side is empty, or classes or packets differ.
    """
    if not len(real) or not len(synthetic):
        raise TrafficError("utility needs at least one synthetic biflow to learn from and one real biflow to test on")
    if (real.classes, real.packets) != (synthetic.classes, synthetic.packets):
        raise TrafficError("utility needs the same classes and packets on both sides")
    forest = RandomForestClassifier(random_state=seed, n_jobs=-1).fit(synthetic.signed_pl, synthetic.label)
    predicted = _predict(forest, real.signed_pl)
    count = real.class_counts()
    present = np.flatnonzero(count)
    f1 = f1_score(real.label, predicted, labels=present, average=None, zero_division=0.0)
    return {
        "macro_f1": float(f1.mean()),
        "weighted_f1": float(np.average(f1, weights=count[present])),
        "accuracy": float((predicted == real.label).mean()),
    }


def _predict(forest: RandomForestClassifier, signed_pl: SignedPL) -> npt.NDArray[Any]:
    """Predicted labels, (N,).

    A forest that predicts with several threads sums the votes of its trees in the order in which they finish, and
    the last bit of a sum can decide a tie. So each thread takes whole chunks of biflows through all trees in turn.
    """
    forest.set_params(n_jobs=1)
    chunks = (signed_pl[start : start + CHUNK] for start in range(0, len(signed_pl), CHUNK))
    return np.concatenate(Parallel(n_jobs=-1, prefer="threads")(delayed(forest.predict)(chunk) for chunk in chunks))
