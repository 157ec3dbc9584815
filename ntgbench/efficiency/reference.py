"""A fixed workload that is timed beside everything else: it tells how fast the machine is at the moment.

On a shared host a machine may be half as slow again for minutes, and no counter of its own shows it.
"""

from __future__ import annotations

import timeit

PASSES = 30
"""Times that each part runs; the shortest counts. Together they take less than a tenth of a second."""


def reference() -> float:
    """Seconds of a little interpreted code, of small matrix products, of a sort and of a large matrix product."""
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

    parts = (interpreted, calls, lambda: np.sort(values), lambda: square @ square)
    return sum(min(timeit.repeat(part, number=1, repeat=PASSES)) for part in parts)
