"""A fixed workload, timed beside whatever else is: how fast the machine is at the moment.

On a shared host a machine may take half as long again for a second or for minutes, and no counter of its own shows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ntgbench.costs.timing import seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ntgbench.results import Row

PASSES = 30
"""Passes of which each part's shortest time counts; together less than a tenth of a second."""

SLOW = 1.1
"""Times as long as at its best that the workload takes on a machine that is slow for the moment."""


def workload() -> list[Callable[[], object]]:
    """A little of what generators live on, the same on every machine, in parts of a fraction of a millisecond each."""
    import numpy as np

    rng = np.random.default_rng(1)
    values, square, layers = (rng.random(shape, np.float32) for shape in ((20_000,), (256, 256), (8, 160, 160)))

    def interpreted() -> float:
        total = 0.0
        for number in range(10_000):
            total += number % 7
        return total

    def calls() -> object:
        x = layers[0, 0]
        for layer in (*layers,) * 10:
            x = np.tanh(layer @ x)
        return x

    return [interpreted, calls, lambda: np.sort(values), lambda: square @ square]


def reference(parts: Sequence[Callable[[], object]]) -> float:
    """Seconds that the parts take now, each as short as in any of several passes."""
    passes = [[seconds(part, "cpu") for part in parts] for _ in range(PASSES)]
    return float(sum(min(times) for times in zip(*passes, strict=True)))


def slowness(rows: Sequence[Row]) -> list[float]:
    """For each row of one hardware, times as long as beside the best of them that the workload took beside it.

    1 where nothing is known.
    """
    metrics = [row["metrics"].get("efficiency/reference_ms") for row in rows]
    found = [(metric and metric["value"]) or 0.0 for metric in metrics]
    best = min(filter(None, found), default=1.0)
    return [took / best if took else 1.0 for took in found]
