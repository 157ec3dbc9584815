"""The generator. This module is imported only when it runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from my_generator import MyGeneratorParameters
from ntgbench import Biflows, Context
from ntgbench.tracks.biflows.interfaces import Labels, SignedPL


class MyGenerator:
    """Draws a training biflow of the class and adds noise to its payload lengths."""

    def __init__(self, parameters: MyGeneratorParameters) -> None:
        self.parameters = parameters

    def fit(self, train: Biflows, context: Context) -> None:
        """Learn from the training set, the only real traffic that a generator gets."""
        self.train = train

    def sample(self, labels: Labels, rng: np.random.Generator) -> SignedPL:
        """One biflow for each label, in the same order. All randomness must come from `rng`."""
        rows = np.zeros(len(labels), np.int64)
        for label in np.unique(labels):
            wanted = labels == label
            rows[wanted] = rng.choice(np.flatnonzero(self.train.label == label), wanted.sum())
        real = self.train.signed_pl[rows].astype(np.int64)
        size = np.abs(real) + np.rint(rng.normal(0.0, self.parameters.jitter, real.shape)).astype(np.int64)
        # 0 means no packet, and its sign is 0, so it stays 0.
        return np.sign(real) * np.clip(size, 1, self.train.pl_max)

    def save(self, folder: Path) -> None:
        """Write everything that `load` needs."""
        self.train.to_parquet(folder / "train.parquet")

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        self.train = Biflows.from_parquet(folder / "train.parquet")
