"""What a plugin author implements and is handed: `Generator`, `Augmenter`, metrics, `Context`, and the specs of hooks.

This module is light: importing it loads numpy and nothing heavier, so a plugin's entry point may import it freely.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from ntgbench.values import Count, Positive

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ntgbench.traffic.biflows import Biflows

SignedPL = npt.NDArray[np.signedinteger[Any]]
"""Signed payload lengths in bytes, integers (N, P), laid out as `Biflows.signed_pl`."""

Labels = npt.NDArray[np.int32]
"""Class of each wanted biflow, int32 (N,): indices into the classes of the training set."""

Suite = Literal["fidelity", "utility"]


@dataclass(frozen=True)
class NoParameters:
    """The parameters of a system that has none."""


class Progress(Protocol):
    """Called as `progress(done, total, note)`; cheap, so call it as often as you like."""

    def __call__(self, done: float, total: float, note: str = "") -> None:
        """Tell how much of the work is done, in any unit, and a note such as the loss."""


def no_progress(done: float, total: float, note: str = "") -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class Budget:
    """How much training a protocol allows; None leaves it to the system. The tightest of the bounds counts.

    Attributes:
        epochs: passes over the training set.
        steps: steps of the optimiser.
        minutes: wall-clock minutes of fitting. A slower or busier machine then trains another model, so no bundled
            protocol sets it.
    """

    epochs: Count | None = None
    steps: Count | None = None
    minutes: Positive | None = None


BUDGET_LOGGER = "ntgbench.budget"
"""Name of the logger on which a fit says, as a warning, that a budget ended it early: the row shows it as a note. The
efficiency suite, which cuts trainings on purpose, turns it off."""


@dataclass(frozen=True)
class Context:
    """What a system may know while it is fitted, beside the training set.

    Attributes:
        seed: every random choice of the fit follows from it, 0..2**32-1.
        threads: CPU threads the system may use.
        device: "cpu" or a CUDA device as torch spells it.
        budget: how much training the protocol allows.
        progress: tells the person who waits how far the fit is.
        base: folder with the fitted model of the system that the spec names as `base`, else None.
        checkpoint: folder that outlives a killed process: what a fit leaves there it finds again when it is started
            again, and it is deleted when the fit has ended. None when nothing can be kept.
    """

    seed: int
    threads: int = 1
    device: str = "cpu"
    budget: Budget = field(default_factory=Budget)
    progress: Progress = no_progress
    base: Path | None = None
    checkpoint: Path | None = None

    def rng(self) -> np.random.Generator:
        """A fresh random generator for this fit."""
        return np.random.default_rng(self.seed)


class Generator(Protocol):
    """Learns how the biflows of each class look and makes new ones. Built as `Class(parameters)`."""

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


@dataclass(frozen=True)
class GeneratorSpec:
    """A generator, light enough to be listed without importing what it needs.

    Attributes:
        name: what users write: lower-case letters, digits and hyphens.
        target: "module:Class", imported only when the generator runs.
        summary: one line for listings.
        parameters: frozen dataclass with a default for every field; int, float, bool, str or None.
        needs: import names that the target needs, checked before it is imported.
        base: name of another generator whose fitted model this one starts from.
        reference: stands on every leaderboard for orientation and takes no rank.
    """

    name: str
    target: str
    summary: str
    parameters: type = NoParameters
    needs: tuple[str, ...] = ()
    base: str | None = None
    reference: bool = False


@dataclass(frozen=True)
class AugmenterSpec:
    """An augmenter; fields as in `GeneratorSpec`."""

    name: str
    target: str
    summary: str
    parameters: type = NoParameters
    needs: tuple[str, ...] = ()
    reference: bool = False


SystemSpec = GeneratorSpec | AugmenterSpec
"""A system is what a leaderboard row is about."""


@dataclass(frozen=True)
class MetricSpec:
    """A metric: one number that compares real with synthetic traffic.

    Metrics that name the same target share one call of it, so that common work is done once.

    Attributes:
        name: the metric's name: lower-case letters, digits, underscores.
        target: "module:function", a `Measure`, imported only when the metric is computed.
        summary: one line for listings.
        suite: "fidelity": compared with held-out and with training traffic, equal counts per class on both sides;
            "utility": `synthetic` is what a classifier learns from and `real` is the held-out traffic.
        goal: "min" when lower is better, "max" when higher is.
        version: raised whenever the same traffic may give another number; rows of different versions are never mixed.
        lowest, highest: range of the metric, None where it has no bound.
        against: the real traffic of the headline figure in the fidelity suite; the other one is the control.
        primary: ranks the suite's leaderboard; at most one in a suite.
        digits: decimals that leaderboards print.
    """

    name: str
    target: str
    summary: str
    suite: Suite
    goal: Literal["min", "max"]
    version: int = 1
    lowest: float | None = 0.0
    highest: float | None = 1.0
    against: Literal["test", "train"] = "test"
    primary: bool = False
    digits: int = 3


@dataclass(frozen=True)
class DatasetSpec:
    """A dataset of the catalogue.

    Attributes:
        name: what users write after `-d`.
        target: "module:function", called as `function(packets, pl_max)` and returning `Biflows`.
        summary: one line for listings.
        licence: licence or terms of use, as its authors state them.
        source: where it comes from: a URL or a citation.
        how: what a user does to get it, one or two sentences.
        datasheet: where it says how it was made and what its limits are: a URL or a file's path.
    """

    name: str
    target: str
    summary: str
    licence: str
    source: str
    how: str
    datasheet: str = ""
