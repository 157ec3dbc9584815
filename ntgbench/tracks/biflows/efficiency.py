"""Efficiency of systems that make biflows (the paper's RQ4): the workload that is timed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ntgbench.efficiency.measure import measure_workload
from ntgbench.efficiency.workload import Workload
from ntgbench.errors import NtgbenchError
from ntgbench.traffic.biflows import Biflows
from ntgbench.traffic.notes import fill
from ntgbench.words import pluralised

if TYPE_CHECKING:
    from ntgbench.efficiency.settings import Efficiency
    from ntgbench.row_schema import MetricValue
    from ntgbench.suites import SuiteInput
    from ntgbench.systems import FittedSystem
    from ntgbench.tracks import Request


def measure(given: SuiteInput) -> dict[str, MetricValue]:
    """The columns of the efficiency suite, see `ntgbench.efficiency.measure`."""
    work = workload(given.train, given.settings, given.seed("efficiency"))
    return measure_workload(given, work)


def workload(biflows: Biflows, settings: Efficiency, seed: int) -> Workload:
    """The workload made of `biflows`. Raises NtgbenchError when they have too few classes."""
    train = training_set(biflows, settings, seed)
    every = np.arange(settings.classes, dtype=np.int32)
    return Workload(
        units=len(train),
        first=lambda count: train.select(np.arange(count)),
        singles=tuple((np.array([label], np.int32),) for label in np.tile(every, settings.samples)),
        batch=lambda count: (np.resize(every, count),),
        start=f"{__name__}:first_request",
        packets=lambda made: float(made.lengths().mean()),
    )


def first_request(fitted: FittedSystem) -> Request:
    """A request of one biflow of the first class that the system knows."""
    return (np.array([[name in fitted.known for name in fitted.train.classes].index(True)], np.int32),)


def training_set(biflows: Biflows, settings: Efficiency, seed: int) -> Biflows:
    """As many biflows of each of the largest classes as the settings ask for; classes take turns.

    A class that has fewer is repeated, which does not change what training costs.

    Raises:
        NtgbenchError: when there are fewer classes than the settings ask for.
    """
    counts = biflows.class_counts()
    largest = np.argsort(-counts, kind="stable")[: settings.classes]
    if len(largest) < settings.classes or not counts[largest].all():
        raise NtgbenchError(
            f"the efficiency suite needs biflows of {pluralised(settings.classes, 'class')}, "
            f"and {fill('{} [has|have] any', int(np.count_nonzero(counts)))}"
            "; a protocol of yours may ask for fewer classes under [efficiency]"
        )
    rng = np.random.default_rng(seed)
    rows = np.empty((settings.items, len(largest)), np.int64)
    for place, label in enumerate(largest):
        rows[:, place] = np.resize(rng.permutation(np.flatnonzero(biflows.label == label)), settings.items)
    labels = np.tile(np.arange(len(largest), dtype=np.int32), settings.items)
    classes = tuple(biflows.classes[label] for label in largest)
    return Biflows(biflows.signed_pl[rows.ravel()], labels, classes, pl_max=biflows.pl_max)
