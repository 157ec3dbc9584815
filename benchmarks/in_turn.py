"""Two ways to the same thing, timed in turn on one thread, so that their ratio holds on a busy machine."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from threadpoolctl import threadpool_limits


def in_turn(benchmark, first: Callable[[], object], second: Callable[[], object], rounds: int) -> None:
    """Time `first` against `second`, one after the other in every round, on one thread.

    The ratio is of CPU time, which others on the machine disturb less. What the gate compares, `ours_ms`, is the
    shortest time by the clock: a step that sleeps takes no CPU time, but its user waits for it.
    """
    seconds: tuple[list[float], list[float]] = ([], [])
    waited: list[float] = []

    def both() -> None:
        begun = time.perf_counter()
        for action, spent in zip((first, second), seconds, strict=True):
            of_process = time.process_time()
            action()
            spent.append(time.process_time() - of_process)
            waited.append(time.perf_counter() - begun)

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        benchmark.pedantic(both, rounds=rounds, warmup_rounds=1)
    torch.set_num_threads(before)
    benchmark.extra_info |= {
        "ours_ms": 1e3 * min(waited[::2]),
        "ours_cpu_ms": 1e3 * float(np.median(seconds[0])),
        "theirs_cpu_ms": 1e3 * float(np.median(seconds[1])),
        "ratio": float(np.median(np.divide(seconds[1], seconds[0]))),
    }
    print({name: round(value, 2) for name, value in benchmark.extra_info.items()})
