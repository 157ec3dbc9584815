"""Two ways to the same thing, timed in turn on one thread, so that their ratio holds on a busy machine."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from threadpoolctl import threadpool_limits


def in_turn(benchmark, first: Callable[[], object], second: Callable[[], object], rounds: int) -> None:
    """Time `first` against `second`, one after the other in every round, on one thread."""
    seconds: tuple[list[float], list[float]] = ([], [])

    def both() -> None:
        for action, spent in zip((first, second), seconds, strict=True):
            begun = time.process_time()
            action()
            spent.append(time.process_time() - begun)

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        benchmark.pedantic(both, rounds=rounds, warmup_rounds=1)
    torch.set_num_threads(before)
    ratios = np.divide(seconds[1], seconds[0])
    benchmark.extra_info |= {
        "ours_ms": 1e3 * float(np.median(seconds[0])),
        "theirs_ms": 1e3 * float(np.median(seconds[1])),
        "ratio": float(np.median(ratios)),
    }
    print({name: round(value, 2) for name, value in benchmark.extra_info.items()})
