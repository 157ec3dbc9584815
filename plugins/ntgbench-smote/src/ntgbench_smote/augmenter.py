"""SMOTE: new biflows by interpolation between real ones of the same class."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from imblearn.over_sampling import SMOTE, SMOTENC
from sklearn.metrics import pairwise_distances_argmin

from ntgbench.words import pluralised

if TYPE_CHECKING:
    from ntgbench.tracks.biflows.interfaces import Labels, SignedPL
    from ntgbench.traffic.biflows import Biflows
    from ntgbench_smote.parameters import SmoteParameters

logger = logging.getLogger(__name__)

Floats = npt.NDArray[np.float64]


class Smote:
    """imbalanced-learn's SMOTE, or its SMOTENC, on the P signed payload lengths of a biflow.

    A class of n biflows is interpolated with min(neighbours, n - 1) neighbours; a single biflow is repeated. A
    warning is logged for each class with too few biflows.

    Source: Chawla, Bowyer, Hall, Kegelmeyer, "SMOTE: Synthetic Minority Over-sampling Technique", Journal of Artificial
    Intelligence Research 16 (2002), which also has SMOTENC.
    """

    def __init__(self, parameters: SmoteParameters) -> None:
        self.parameters = parameters

    def augment(self, few: Biflows, labels: Labels, rng: np.random.Generator) -> SignedPL:
        """One new biflow for each label."""
        neighbours = np.minimum(self.parameters.neighbours, few.class_counts() - 1)[labels]
        self._warn(few, labels)
        last_of_class = np.zeros(len(few.classes), np.int64)
        last_of_class[few.label] = np.arange(len(few))
        made = few.signed_pl[last_of_class[labels]]
        for number in np.setdiff1d(neighbours, 0):
            places = np.flatnonzero(neighbours == number)
            places = places[np.argsort(labels[places], kind="stable")]
            made[places] = _whole(self._interpolate(few, labels[places], int(number), rng), labels[places], few)
        return made

    def _warn(self, few: Biflows, labels: Labels) -> None:
        count = few.class_counts()
        for label in np.unique(labels):
            if count[label] <= self.parameters.neighbours:
                how = pluralised(int(count[label]) - 1, "neighbour") if count[label] > 1 else "repeated"
                logger.warning(
                    "SMOTE of class %s, %s: %s", few.classes[label], pluralised(int(count[label]), "biflow"), how
                )

    def _interpolate(self, few: Biflows, labels: Labels, neighbours: int, rng: np.random.Generator) -> Floats:
        """Signed payload lengths, float64 (len(labels), P), one row for each of `labels`, which are sorted."""
        nominal = self.parameters.variant == "nominal"
        real = few.signed_pl.astype(np.float64)
        features = np.hstack([np.abs(real), np.sign(real)]) if nominal else real
        # The library needs at least two classes, so a row of zeros is added as another class; nothing is made from it.
        features = np.vstack([features, np.zeros_like(features[:1])])
        label = np.append(few.label, len(few.classes))
        count, wanted = few.class_counts(), np.bincount(labels, minlength=len(few.classes))
        settings = {
            "sampling_strategy": {int(c): int(count[c] + wanted[c]) for c in np.flatnonzero(wanted)},
            "k_neighbors": neighbours,
            "random_state": int(rng.integers(2**32)),
        }
        smote = SMOTENC(list(range(few.packets, 2 * few.packets)), **settings) if nominal else SMOTE(**settings)
        resampled, label_resampled = smote.fit_resample(features, label)
        made: Floats = resampled[len(features) :][np.argsort(label_resampled[len(features) :], kind="stable")]
        return made[:, : few.packets] * made[:, few.packets :] if nominal else made


def _whole(signed_pl: Floats, labels: Labels, few: Biflows) -> npt.NDArray[np.int16]:
    """`signed_pl` rounded to bytes and ended at the first 0.

    A row whose first packet is rounded to 0, between an upstream and a downstream one, would be empty. It is replaced
    by the nearest real biflow of its class, since the library does not tell which one it started from.
    """
    whole = np.rint(signed_pl).astype(np.int16)
    empty = whole[:, 0] == 0
    for label in np.unique(labels[empty]):
        real = few.signed_pl[few.label == label]
        rows = np.flatnonzero(empty & (labels == label))
        whole[rows] = real[pairwise_distances_argmin(signed_pl[rows], real.astype(np.float64))]
    whole[np.logical_or.accumulate(whole == 0, axis=1)] = 0
    return whole
