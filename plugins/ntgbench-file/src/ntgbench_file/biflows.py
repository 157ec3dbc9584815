"""Biflows from a file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ntgbench.errors import PluginError
from ntgbench.tracks.biflows.settings import BiflowLayout
from ntgbench.traffic.biflows import Biflows
from ntgbench.words import pluralised
from ntgbench_file.reading import FileOf, log

if TYPE_CHECKING:
    from ntgbench.tracks.biflows.interfaces import Labels, SignedPL


class FileOfBiflows(FileOf[Biflows]):
    """The biflows of a file, by the names of their classes."""

    track_name = "biflows"

    def layout(self, train: Biflows) -> BiflowLayout:
        """That of the training set."""
        return BiflowLayout(train.packets, train.pl_max)

    def usable(self, traffic: Biflows, train: Biflows) -> Biflows:
        """The biflows of classes that the training set has, with its labels. Raises PluginError for none."""
        index = {name: label for label, name in enumerate(train.classes)}
        label = np.array([index.get(name, -1) for name in traffic.classes], np.int32)[traffic.label]
        known = label >= 0
        if not known.any():
            raise PluginError(f"{self.parameters.path} has no biflow of a class of the training set")
        if not known.all():
            others = pluralised(int(np.count_nonzero(~known)), "biflow")
            log.warning("%s: left out %s of classes that the training set has not", self.parameters.path, others)
        kept = traffic.select(known)
        return replace(kept, label=label[known], classes=train.classes, session=None, iat=None)

    def sample(self, labels: Labels, rng: np.random.Generator) -> SignedPL:
        """Biflows of the file, none of them twice, in a random order. Raises PluginError when there are too few."""
        made = self.traffic
        wanted = np.bincount(labels, minlength=len(made.classes))
        missing = wanted - made.class_counts()
        if (missing > 0).any():
            lacks = ", ".join(
                f"{missing[one]:,} of class {made.classes[one]!r}" for one in np.flatnonzero(missing > 0)[:5]
            )
            total = f"{missing.clip(0).sum():,} of {pluralised(len(labels), 'wanted biflow')}"
            raise PluginError(f"{self.parameters.path} lacks {total}: {lacks}")
        order = rng.permutation(len(made))
        order = order[np.argsort(made.label[order], kind="stable")]
        first = np.cumsum(made.class_counts()) - made.class_counts()
        # The k-th place of a class gets the k-th biflow of it.
        places = np.argsort(labels, kind="stable")
        nth = np.arange(len(labels)) - np.repeat(np.cumsum(wanted) - wanted, wanted)
        rows = np.empty((len(labels), made.packets), made.signed_pl.dtype)
        rows[places] = made.signed_pl[order[first[labels[places]] + nth]]
        return rows
