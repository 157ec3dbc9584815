"""What every suite is handed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ntgbench.seeds import derive_seed

if TYPE_CHECKING:
    from collections.abc import Callable

    from ntgbench.interfaces import Labels, MetricSpec
    from ntgbench.protocol import Protocol
    from ntgbench.traffic.biflows import Biflows


@dataclass(frozen=True)
class Material:
    """One system on one split of one dataset.

    Attributes:
        protocol: how to measure.
        train, test: the real biflows, split.
        synthetic: as many biflows of each class as `train` has, made by the system.
        metrics: every metric of this installation.
        names: what seeds are derived from: dataset digest and repetition.
        sample: (labels, seed) -> biflows of the system as it was fitted on `train`.
        refit: biflows -> the same kind of function, of the system fitted on those biflows alone.
        is_generator: whether the system learns a model, rather than making biflows from real ones in one call.
    """

    protocol: Protocol
    train: Biflows
    test: Biflows
    synthetic: Biflows
    metrics: tuple[MetricSpec, ...]
    names: tuple[str | int, ...]
    sample: Callable[[Labels, int], Biflows]
    refit: Callable[[Biflows], Callable[[Labels, int], Biflows]]
    is_generator: bool

    def seed(self, *what: str | int) -> int:
        """A seed for one random choice; the same for every system, so that rows differ by system alone."""
        return derive_seed(*self.names, *what)

    def of_suite(self, suite: str) -> tuple[MetricSpec, ...]:
        """The metrics of one suite, in the order plugins brought them."""
        return tuple(metric for metric in self.metrics if metric.suite == suite)
