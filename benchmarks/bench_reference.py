"""The workload that all others are set against when runs are compared: a little of what the harness lives on."""

import numpy as np


def work() -> float:
    """Interpreted lines, sorting, and a product of matrices, in about equal parts; the same bytes every time."""
    rng = np.random.default_rng(1)
    total = 0.0
    for number in range(60_000):
        total += number % 7
    values = np.sort(rng.integers(0, 2921, 400_000))
    matrix = rng.random((400, 400), np.float32)
    return total + float(values[0]) + float((matrix @ matrix)[0, 0])


def bench_reference(benchmark):
    assert benchmark.pedantic(work, rounds=20, warmup_rounds=2) > 0
