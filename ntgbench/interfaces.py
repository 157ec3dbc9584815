"""What a plugin tells the host, the specs that hooks return, and the `Context` that a system is handed.

This module is light: importing it loads numpy and nothing heavier, so a plugin's entry point may import it freely.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
from msgspec import Meta

from ntgbench.tracks import DEFAULT
from ntgbench.values import Count, Positive


@dataclass(frozen=True)
class NoParameters:
    """The parameters of a system that has none."""


class Progress(Protocol):
    """Called as `progress(done, total, note)`; cheap, so call it as often as you like."""

    def __call__(self, done: float, total: float, note: str = "") -> None:
        """Tell how much of the work is done, in any unit, and a note such as the loss."""


def no_progress(done: float, total: float, note: str = "") -> None:
    """Progress that is ignored."""


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
        home: folder that relative paths in the system's parameters start from: a cell's process works in another one.
    """

    seed: int
    threads: int = 1
    device: str = "cpu"
    budget: Budget = field(default_factory=Budget)
    progress: Progress = no_progress
    base: Path | None = None
    checkpoint: Path | None = None
    home: Path = Path()

    def rng(self) -> np.random.Generator:
        """A fresh random generator for this fit."""
        return np.random.default_rng(self.seed)


@dataclass(frozen=True)
class Occupies:
    """What a system occupies while it is fitted and sampled, by which engines place its cells.

    Attributes:
        threads: processors that it keeps busy, where these are more than `Context.threads`.
        memory_gib: GiB of resident memory that its cell takes at most, on the largest dataset it is meant for: its
            process, all that this one starts, and the metrics. It is what a job of SLURM is given, which may end what
            takes more, and what a worker of dask must have free. What is above the protocol's limit does not count.
        gpu: it runs on a GPU only; its cell fails on the device "cpu" before it is fitted.
    """

    threads: Count = 1
    memory_gib: Positive = 2.0
    gpu: bool = False


Lack = Annotated[tuple[str, ...], Meta(min_length=2, max_length=2)]
"""What traffic of a system has not, one of the `aspects` of its track, and why, as a part of a sentence."""


@dataclass(frozen=True)
class GeneratorSpec:
    """A generator, light enough to be listed without importing what it needs.

    Attributes:
        name: what users write: lower-case letters, digits and hyphens.
        target: "module:Class", imported only when the generator runs.
        summary: one line for listings.
        parameters: frozen dataclass with a default for every field; int, float, bool, str or None.
        needs: import names that the target needs and that are not in every installation: `ntgbench list` says which are
            missing.
        base: name of another generator whose fitted model this one starts from.
        batch: name of the int parameter that sets the training batch; None when there is none, and then throughput of
            training is not measured.
        epochs: name of the int parameter that sets how often the training set is gone through; None when it is once.
        reference: a reference for comparison, which is not ranked.
        track: name of the track of its traffic.
        heldout: the host fits it on the held-out traffic in place of the training traffic: for references that show
            what real traffic scores. Refused for a system that is ranked.
        format: what `ntgbench export --format` calls the files that this system makes of its base's fitted model.
        files: names of the str parameters that are paths of files or folders, which must exist before a run: when what
            is in them has changed, the system is fitted again. Relative ones start from `Context.home`.
        occupies: processors, memory and GPU.
        lacks: what its traffic has not. Metrics about it do not apply to the system, and boards mark them.
    """

    name: str
    target: str
    summary: str
    parameters: type = NoParameters
    needs: tuple[str, ...] = ()
    base: str | None = None
    batch: str | None = None
    epochs: str | None = None
    reference: bool = False
    track: str = DEFAULT
    format: str | None = None
    heldout: bool = False
    files: tuple[str, ...] = ()
    occupies: Occupies = Occupies()
    lacks: tuple[Lack, ...] = ()


@dataclass(frozen=True)
class AugmenterSpec:
    """An augmenter; fields as in `GeneratorSpec`."""

    name: str
    target: str
    summary: str
    parameters: type = NoParameters
    needs: tuple[str, ...] = ()
    reference: bool = False
    track: str = DEFAULT
    occupies: Occupies = Occupies()
    lacks: tuple[Lack, ...] = ()


SystemSpec = GeneratorSpec | AugmenterSpec
"""A system is what a leaderboard row is about."""


Goal = Literal["min", "max", "near"]
"""What is better: lower numbers, higher ones, or those nearer to a given one."""


@dataclass(frozen=True)
class MetricSpec:
    """A metric: one number that compares real with synthetic traffic.

    Metrics that name the same target share one call of it, so that common work is done once.

    Attributes:
        name: the metric's name: lower-case letters, digits, underscores.
        target: "module:function", a `Measure`, imported only when the metric is computed.
        summary: one line for listings.
        suite: name of the suite that computes it; what `real` and `synthetic` are is the suite's business.
        goal: "min" when lower is better, "max" when higher is, "near" when the number nearest to `best` is.
        version: raised whenever the same traffic may give another number; rows of different versions are never mixed.
        lowest, highest: range of the metric, None where it has no bound. A number outside is an error of the metric.
        best: for the goal "near", the number that is best; None for the other goals.
        against: the real traffic of the headline figure in the fidelity suite; the other one is the control.
        primary: ranks the suite's leaderboard; at most one in a suite.
        digits: decimals that leaderboards print.
        track: name of the track whose traffic it compares.
        likelihood: its target is called with a fourth argument, what the system says of the likelihood of the real
            traffic, see `Likelihood`; None when the system does not say.
        passes: names of the calibration checks that it is meant to pass, see `ntgbench.calibration`.
        costly: it fits models: the fidelity suite compares with the headline's side only, and draws its floor once.
        needs: import names that the target needs, as in `GeneratorSpec`; where one is missing, the metric is left out.
        about: the `aspects` of the track's traffic that it is about: it does not apply to a system that lacks one.
    """

    name: str
    target: str
    summary: str
    suite: str
    goal: Goal
    version: int = 1
    lowest: float | None = None
    highest: float | None = None
    against: Literal["test", "train"] = "test"
    primary: bool = False
    digits: int = 3
    track: str = DEFAULT
    best: float | None = None
    likelihood: bool = False
    passes: tuple[str, ...] = ()
    costly: bool = False
    needs: tuple[str, ...] = ()
    about: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.goal == "near") != (self.best is not None):
            raise ValueError(f'the metric {self.name} needs `best` if its goal is "near", and else none')


@dataclass(frozen=True, eq=False)
class Confusion:
    """What a classifier took each class for.

    Attributes:
        classes: names.
        counts: int64 (classes, classes). Items of each true class, by row, that it takes for each class, by column.
    """

    classes: tuple[str, ...]
    counts: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Measured:
    """What a metric may return in place of a number, when it knows more than the number.

    Attributes:
        value: the number.
        low, high: 95% interval of it within this one measurement, such as a bootstrap over the biflows; None when it
            is not known. What was drawn again is said in the metric's documentation.
        confusion: of a classifier, what it took each class for; None for other metrics.
        drawn: values of bootstrap samples of the real traffic, which are the same samples for equal real traffic and
            seed: of two measurements, the differences then have an interval. Rows do not hold them.
    """

    value: float
    low: float | None = None
    high: float | None = None
    confusion: Confusion | None = None
    drawn: npt.NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Exposed:
    """What metrics of a suite that `exposes` are handed as `real`: the traffic that a system has learnt, and other.

    Attributes:
        train: what the system has learnt from: the members.
        test: real traffic that it has not seen.
    """

    train: Any
    test: Any


Likelihood = npt.NDArray[np.float64]
"""Natural logarithms of probabilities, float64, -inf for a probability of 0. Of biflows, (N, P + 1): entry j is that of
packet j, given the class and the packets before it; after the last packet that of the end, and 0 from there on. The end
after P packets is certain."""


@dataclass(frozen=True)
class DatasetSpec:
    """A dataset of the catalogue.

    Attributes:
        name: what users write after `-d`.
        target: "module:function", called with the fields of the track's layout, for biflows
            `function(packets, pl_max)`, and returning traffic of the track.
        summary: one line for listings.
        licence: licence or terms of use, as its authors state them.
        citation: where it comes from: a paper, a URL.
        how: what a user does to get it, one or two sentences.
        datasheet: where it says how it was made and what its limits are: a URL or a file's path.
        track: name of the track of its traffic.
    """

    name: str
    target: str
    summary: str
    licence: str
    citation: str
    how: str
    datasheet: str = ""
    track: str = DEFAULT
