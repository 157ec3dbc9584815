"""crossfit: its table of counts beside plain Python, and its sampling beside LLaMA's, on one thread."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest
from ntgbench_crossfit.counts import counted
from ntgbench_crossfit.folds import dealt

from benchmarks.in_turn import in_turn
from benchmarks.traffic import made_up_biflows
from ntgbench.interfaces import Budget, Context
from ntgbench.mapping.tokens import EOS, TokenMapping
from ntgbench.systems import choose

TRAIN = made_up_biflows(20_000, classes=5, seed=1)


def bench_counts(benchmark) -> None:
    """All beginnings of 20,000 biflows."""
    mapping = TokenMapping(len(TRAIN.classes), TRAIN.packets, TRAIN.pl_max)
    rows = mapping.encode(TRAIN.signed_pl, TRAIN.label)
    fold, session = dealt(TRAIN, 2, np.random.default_rng(1))
    lists = rows.tolist()

    def plain() -> dict[tuple[int, ...], Counter[int]]:
        followers: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
        for row in lists:
            for position, token in enumerate(row[1:], 1):
                followers[tuple(row[:position])][token] += 1
                if token == EOS:
                    break
        return followers

    in_turn(benchmark, lambda: counted(rows, fold, session, mapping, 1.0), plain, rounds=3)


@pytest.mark.parametrize(("batch", "rounds"), [(1, 20), (2048, 3)])
def bench_sampling(benchmark, batch: int, rounds: int) -> None:
    """Two small decoders and counts, beside LLaMA of the paper's size."""
    few = TRAIN.select(np.arange(2000))
    ours, theirs = (
        choose(name).fit(few, Context(seed=1, budget=Budget(epochs=1))).built for name in ("crossfit", "llama")
    )
    labels = np.resize(np.arange(5, dtype=np.int32), batch)
    in_turn(
        benchmark,
        lambda: ours.sample(labels, np.random.default_rng(1)),
        lambda: theirs.sample(labels, np.random.default_rng(1)),
        rounds,
    )
