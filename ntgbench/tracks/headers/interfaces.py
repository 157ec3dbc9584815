"""What systems and metrics of the track of header traces implement. Light: it loads numpy and nothing heavier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np

    from ntgbench.interfaces import Context
    from ntgbench.traffic.trace import PacketTrace


class TraceGenerator(Protocol):
    """Learns from a packet trace and makes new ones. Built as `Class(parameters)`."""

    def fit(self, train: PacketTrace, context: Context) -> None:
        """Learn from `train`, packets in the order of time: the only real traffic the generator ever sees."""

    def sample(self, packets: int, span_ns: int, rng: np.random.Generator) -> PacketTrace:
        """A new trace of about `packets` packets that lasts about as long as `span_ns`.

        Times are nanoseconds on the clock of the training trace, in order; the last is at most `span_ns` after the
        first. There is at least one packet, and at most twice as many as asked for, and each is as long as the headers
        of its protocol at least. `PacketTrace.of` fills in the columns that a generator does not know. All randomness
        comes from `rng`: the same model, request and generator state give the same trace.
        """

    def save(self, folder: Path) -> None:
        """Write the fitted model into the existing, empty `folder`; no pickle."""

    def load(self, folder: Path) -> None:
        """Become the model that `save` wrote, on an object built with the same parameters and never fitted."""


class TraceMeasure(Protocol):
    """What a metric's target is: a function that compares a real trace with a synthetic one."""

    def __call__(self, real: PacketTrace, synthetic: PacketTrace, seed: int) -> Mapping[str, float | str]:
        """One finite number for each metric that names this target, by metric name. Never sees the model.

        A text in place of a number says why there is none, as for the gaps of flows of one packet. Other forms of a
        metric go beside it as `name@form`: `@ref` is that of a paper's own code; no form is ever ranked.
        """
