"""Reference systems fitted to 20,000 biflows and asked for as many, each beside plain Python or the library's way."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable

import numpy as np
import pytest

from benchmarks.in_turn import in_turn
from benchmarks.traffic import made_up_biflows
from ntgbench.interfaces import Context
from ntgbench.systems import choose

TRAIN = made_up_biflows(20_000, classes=20, seed=1)
LABELS, BIFLOWS = TRAIN.label.tolist(), TRAIN.signed_pl.tolist()
PLAIN: dict[str, type] = {}


def plain(name: str) -> Callable[[type], type]:
    """Marks what a system is compared with."""

    def mark(kind: type) -> type:
        PLAIN[name] = kind
        return kind

    return mark


@plain("real")
class PlainReal:
    def __init__(self) -> None:
        self.of_class: dict[int, list[list[int]]] = defaultdict(list)
        for label, biflow in zip(LABELS, BIFLOWS, strict=True):
            self.of_class[label].append(biflow)

    def sample(self, rng: np.random.Generator) -> list[list[int]]:
        orders = {label: rng.permutation(len(biflows)).tolist() for label, biflows in self.of_class.items()}
        return [self.of_class[label][orders[label].pop()] for label in LABELS]


@plain("copy")
class PlainCopy(PlainReal):
    def sample(self, rng: np.random.Generator) -> list[list[int]]:
        return [self.of_class[label][int(rng.random() * len(self.of_class[label]))] for label in LABELS]


@plain("marginals")
class PlainMarginals(PlainReal):
    def __init__(self) -> None:
        super().__init__()
        self.lengths: dict[int, list[int]] = defaultdict(list)
        self.values: dict[tuple[int, int], list[int]] = defaultdict(list)
        for label, biflow in zip(LABELS, BIFLOWS, strict=True):
            packets = [value for value in biflow if value]
            self.lengths[label].append(len(packets))
            for position, value in enumerate(packets):
                self.values[label, position].append(value)

    def sample(self, rng: np.random.Generator) -> list[list[int]]:
        def one_of(values: list[int]) -> int:
            return values[int(rng.random() * len(values))]

        return [[one_of(self.values[label, i]) for i in range(one_of(self.lengths[label]))] for label in LABELS]


@plain("markov")
@plain("markov[sampling=systematic]")
class PlainMarkov:
    def __init__(self) -> None:
        counts: dict[tuple[int, int | None], Counter[int]] = defaultdict(Counter)
        for label, biflow in zip(LABELS, BIFLOWS, strict=True):
            before = None
            for value in biflow:
                counts[label, before][value] += 1
                if not value:
                    break
                before = value
        self.chain = {
            context: (list(counter), np.cumsum(list(counter.values()))) for context, counter in counts.items()
        }

    def sample(self, rng: np.random.Generator) -> list[list[int]]:
        biflows = []
        for label in LABELS:
            biflow: list[int] = []
            while len(biflow) < TRAIN.packets:
                found = self.chain.get((label, biflow[-1] if biflow else None))
                value = found[0][np.searchsorted(found[1], rng.random() * found[1][-1], side="right")] if found else 0
                if not value:
                    break
                biflow.append(value)
            biflows.append(biflow)
        return biflows


@plain("backoff")
class PlainBackoff:
    """One discount, counts of the training set, and no other classes."""

    def __init__(self) -> None:
        self.counts: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
        for label, biflow in zip(LABELS, BIFLOWS, strict=True):
            for place, value in enumerate(biflow):
                for first in range(place + 1):
                    self.counts[label, *biflow[first:place]][value] += 1
                if not value:
                    break

    def next(self, label: int, biflow: list[int], rng: np.random.Generator) -> int:
        for first in range(len(biflow) + 1):
            counter = self.counts.get((label, *biflow[first:]))
            if counter is None:
                continue
            drawn = rng.random() * counter.total()
            for value, count in counter.items():
                drawn -= count - 0.5
                if drawn < 0:
                    return value
        return 0

    def sample(self, rng: np.random.Generator) -> list[list[int]]:
        biflows = []
        for label in LABELS:
            biflow: list[int] = []
            while len(biflow) < TRAIN.packets and (value := self.next(label, biflow, rng)):
                biflow.append(value)
            biflows.append(biflow)
        return biflows


@pytest.mark.parametrize("name", [name for name in PLAIN if "[" not in name])
def bench_fit(benchmark, name: str) -> None:
    """Against plain Python."""
    in_turn(benchmark, lambda: choose(name).fit(TRAIN, Context(seed=1)), PLAIN[name], rounds=3)


@pytest.mark.parametrize("name", PLAIN)
def bench_sampling(benchmark, name: str) -> None:
    """Against plain Python."""
    ours, theirs, rng = choose(name).fit(TRAIN, Context(seed=1)), PLAIN[name](), np.random.default_rng(1)
    in_turn(benchmark, lambda: ours.built.sample(TRAIN.label, rng), lambda: theirs.sample(rng), rounds=3)
