"""Two ways to the same thing, timed in turn on one thread, so that their ratio holds on a busy machine."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np
import torch
from threadpoolctl import threadpool_limits

TURN = 0.03
"""Seconds that a turn takes at least. A call alone would find the caches as the other side has left them, where in use,
in a training or in a sampling of one biflow after the other, it finds them as it left them itself."""


def in_turn(benchmark, first: Callable[[], object], second: Callable[[], object], rounds: int) -> None:
    """Time `first` against `second`, one after the other in every round, on one thread; each for `TURN` at least.

    The ratio is of CPU time, which others on the machine disturb less. What the gate compares, `ours_ms`, is the
    shortest time by the clock: a step that sleeps takes no CPU time, but its user waits for it.
    """
    seconds: tuple[list[float], list[float]] = ([], [])
    waited: tuple[list[float], list[float]] = ([], [])
    calls: list[int] = []

    def both() -> None:
        for action, count, spent, clock in zip((first, second), calls, seconds, waited, strict=True):
            begun, of_process = time.perf_counter(), time.process_time()
            for _ in range(count):
                action()
            spent.append((time.process_time() - of_process) / count)
            clock.append((time.perf_counter() - begun) / count)

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        calls += [_calls_in_a_turn(first), _calls_in_a_turn(second)]
        benchmark.pedantic(both, rounds=rounds, warmup_rounds=1)
    torch.set_num_threads(before)
    benchmark.extra_info |= {
        "ours_ms": 1e3 * min(waited[0]),
        "ours_cpu_ms": 1e3 * float(np.median(seconds[0])),
        "theirs_cpu_ms": 1e3 * float(np.median(seconds[1])),
        "ratio": float(np.median(np.divide(seconds[1], seconds[0]))),
    }
    print({name: round(value, 2) for name, value in benchmark.extra_info.items()})


def _calls_in_a_turn(action: Callable[[], object]) -> int:
    """How often `action` is called in a turn; the first call, which may prepare something, does not count."""
    action()
    begun = time.perf_counter()
    action()
    return math.ceil(TURN / (time.perf_counter() - begun))
