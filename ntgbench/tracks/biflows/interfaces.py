"""What systems and metrics of the biflow track implement. Light: it loads numpy and nothing heavier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ntgbench.interfaces import Context
    from ntgbench.traffic.biflows import Biflows

SignedPL = npt.NDArray[np.signedinteger[Any]]
"""Signed payload lengths in bytes, integers (N, P), laid out as `Biflows.signed_pl`."""

Labels = npt.NDArray[np.int32]
"""Class of each wanted biflow, int32 (N,): indices into the classes of the training set."""


class Generator(Protocol):
    """Learns how the biflows of each class look and makes new ones. Built as `Class(parameters)`.

    A generator that knows how probable a biflow is may have one method more:

        def log_likelihood(self, biflows: Biflows) -> Likelihood

    It returns the natural logarithms of the probabilities with which `sample` makes each packet and the end of each
    biflow, given its class and the packets before, float64 (N, P + 1), -inf for what it never makes; see
    `ntgbench.interfaces.Likelihood`. The sum of a row is the logarithm of the biflow's probability.
    """

    def fit(self, train: Biflows, context: Context) -> None:
        """Learn from `train`, the only real traffic the generator ever sees."""

    def sample(self, labels: Labels, rng: np.random.Generator) -> SignedPL:
        """New biflows, one for each label and in that order, integers (len(labels), train.packets).

        Rows obey the rules of `Biflows`: at least one packet, zeros only at the end, at most pl_max bytes.
        All randomness comes from `rng`: the same model, labels and generator state give the same rows.
        """

    def save(self, folder: Path) -> None:
        """Write the fitted model into the existing, empty `folder`; no pickle."""

    def load(self, folder: Path) -> None:
        """Become the model that `save` wrote, on an object built with the same parameters and never fitted."""


class Augmenter(Protocol):
    """Makes new biflows from a few real ones, without a model that outlives the call. Built as `Class(parameters)`."""

    def augment(self, few: Biflows, labels: Labels, rng: np.random.Generator) -> SignedPL:
        """New biflows, one for each label and in that order, under the same rules as `Generator.sample`.

        Every class that `labels` asks for has at least one biflow in `few`.
        """


class Measure(Protocol):
    """What a metric's target is: a function that compares real traffic with synthetic traffic."""

    def __call__(self, real: Biflows, synthetic: Biflows, seed: int) -> Mapping[str, float]:
        """One finite number for each metric that names this target, by metric name. Never sees the model."""
