"""What a generator cannot know: which held-out biflows a forest recognises that has learnt from unseen real traffic.

python -m benchmarks.front_halves DATA.parquet -s copy -s "crossfit[sampling=systematic]"

The training set is dealt into two halves. Systems learn from the first, and forests from the first, from the second,
which is unseen real traffic, and from samples of the systems of the same size, or from six samples together. Held-out
biflows are told apart by their longest beginning that a biflow of the first half has:

- repeated, once: it is the whole biflow, and several biflows of the half have it, or one;
- beside one, beside several: the biflow goes on otherwise than the one or the several that have the beginning.

Recognised are the biflows whose class the forest predicts. Each number is the mean of two forests, and of three samples
where it is of single samples.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import numpy as np
from ntgbench_utility.forest import predicted
from sklearn.metrics import f1_score
from tabulate import tabulate

from ntgbench.datasets.loading import read_dataset
from ntgbench.interfaces import Context
from ntgbench.systems import choose
from ntgbench.tracks.biflows.splits import halves, split
from ntgbench.traffic.biflows import Biflows

KINDS = ("repeated", "once", "beside one", "beside several")

SAMPLES = 6
"""Samples of a system; forests learn from each of the first `FORESTS`, and from all of them together."""

FORESTS = 3


def kinds(known: Biflows, held_out: Biflows) -> list[str]:
    """The kind of each held-out biflow, one of `KINDS`."""
    beginnings: Counter[tuple[int, ...]] = Counter()
    for row in _rows(known):
        beginnings.update(row[:length] for length in range(1, len(row) + 1))
    found = []
    for row in _rows(held_out):
        length = max(range(len(row) + 1), key=lambda n: n if beginnings[row[:n]] else 0)
        others = beginnings[row[:length]]
        if length == len(row):
            found.append("once" if others == 1 else "repeated")
        else:
            found.append("beside one" if others == 1 else "beside several")
    return found


def _rows(biflows: Biflows) -> list[tuple[int, ...]]:
    """The class and the packets of each biflow; the zeros after its end are packets like others here."""
    rows = np.concatenate([biflows.label[:, None], biflows.signed_pl], axis=1)
    return [tuple(row) for row in rows.tolist()]


def recognised(name: str, learnt: list[Biflows], test: Biflows, kind: list[str]) -> list[str | float]:
    """A line of the table: the means over forests of `learnt`, each with two seeds."""
    right, f1 = np.zeros(len(test)), list[float]()
    for train in learnt:
        for seed in (1, 2):
            label = predicted(train, test.signed_pl, seed)
            right += (label == test.label) / (2 * len(learnt))
            f1.append(f1_score(test.label, label, labels=np.unique(test.label), average="macro", zero_division=0))
    of_kind = [float(right[np.array(kind) == one].mean()) if one in kind else "" for one in KINDS]
    return [name, *of_kind, float(right.mean()), float(np.mean(f1))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("-s", "--system", action="append", default=[], help="what ntgbench run takes for -s")
    parser.add_argument("--split", type=int, default=0, help="seed of the split, the halves and the systems")
    given = parser.parse_args()
    train, test = split(read_dataset(given.data).traffic, 0.2, given.split)
    first, second = halves(train, train.class_counts(), np.random.default_rng(given.split))
    if not len(first):
        parser.error(f"{given.data} has no two biflows of a class, or of sessions of one, to deal into halves")
    test = test.select(np.isin(test.label, first.label))  # others have no beginning that the half knows
    kind = kinds(first, test)
    lines = [recognised("first half", [first], test, kind), recognised("second half", [second], test, kind)]
    lines.append(recognised("training set", [train], test, kind))
    for name in given.system:
        fitted = choose(name).fit(first, Context(seed=given.split))
        samples = [fitted.sample(first.label, seed=seed) for seed in range(SAMPLES)]
        lines.append(recognised(name, samples[:FORESTS], test, kind))
        lines.append(recognised(f"{name}, {SAMPLES} samples", [Biflows.concat(samples)], test, kind))
    counted = Counter(kind)
    heads = ["learnt from", *(f"{one} ({counted[one]})" for one in KINDS), "all", "macro_f1"]
    print(tabulate(lines, heads, tablefmt="github", floatfmt=".3f"))


if __name__ == "__main__":
    main()
