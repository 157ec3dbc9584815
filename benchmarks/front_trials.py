"""Variants of a decoder of `crossfit`, trained on one fold of two: bits a biflow on novel rows of the other fold.

python -m benchmarks.front_trials DATA.parquet --trial plain
python -m benchmarks.front_trials DATA.parquet --trial numeric-in+numeric-out+small --epochs 8
python -m benchmarks.front_trials DATA.parquet --trial shared --other OTHER.parquet

Novel are rows that no row of the training fold equals. After each epoch, their bits and the CPU time of training are
printed; in the end also the bits of the decoder mixed with a back-off chain of the same training rows.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ntgbench_crossfit.folds import dealt, distinct, unlike
from ntgbench_crossfit.parameters import CrossfitParameters
from torch import Tensor

from benchmarks.front_chain import chain_of, mixed_bits
from benchmarks.front_models import Decoder, Traits, vocabulary
from ntgbench.datasets.loading import read_dataset
from ntgbench.interfaces import Context
from ntgbench.learning import training
from ntgbench.mapping.tokens import TokenMapping
from ntgbench.tracks.biflows.splits import split
from ntgbench.traffic.biflows import Biflows

TRIALS: dict[str, dict[str, Any]] = {
    "plain": {},
    "dropout-0": {"dropout": 0.0},
    "dropout-0.1": {"dropout": 0.1},
    "dropout-0.35": {"dropout": 0.35},
    "no-average": {"average": 0.0},
    "as-often": {"distinct": False},
    "smoothing": {"smoothing": 0.05},
    "noise": {"noise": 0.1},
    "decay-0.5": {"weight_decay": 0.5},
    "class-everywhere": {"class_everywhere": True},
    "position": {"position": True},
    "numeric-in": {"numeric_in": True},
    "numeric-out": {"numeric_out": True},
    "factorised": {"factorised": True},
    "class-counts": {"class_counts": True},
    "seen-only": {"seen_only": True},
    "tied": {"tied": True},
    "small": {"hidden": 128, "intermediate": 256, "layers": 2},
    "smaller": {"hidden": 96, "intermediate": 192, "layers": 2},
    "shared": {"shared": 3},
    "large-batch": {"batch": 64, "learning_rate": 2e-3},
}
"""What each trial changes; several are joined by +."""

OTHERS = 15_000
"""Most distinct rows of another data set."""


@dataclass
class Meter:
    """The loss of a decoder, which prints the bits of the rows that it is validated on.

    Attributes:
        began: CPU time that training began at, put off by the time of validations.
    """

    decoder: Decoder
    rows: int
    began: float
    done: int = 0
    nats: float = 0.0
    epoch: int = 0

    def __call__(self, rows: Tensor) -> tuple[Tensor, int]:
        begin = time.process_time()
        nats = self.decoder.nats(rows)
        if not self.decoder.training:
            self.done, self.nats = self.done + len(rows), self.nats + nats.sum().item()
            self.began += time.process_time() - begin
            if self.done == self.rows:
                self.epoch += 1
                bits, seconds = self.nats / self.rows / math.log(2), time.process_time() - self.began
                print(f"  epoch {self.epoch}: {bits:.2f} bits, {seconds:.0f} s", flush=True)
                self.done, self.nats = 0, 0.0
        return nats.mean(), len(nats)


def trained(decoder: Decoder, rows: Tensor, novel: Tensor, recipe: CrossfitParameters) -> float:
    """Train, and return the CPU seconds of it."""
    meter = Meter(decoder, len(novel), time.process_time())
    training.fit(decoder, meter, rows, novel, recipe, Context(seed=1), (rows[:, 0] - 2).int().numpy())
    return time.process_time() - meter.began


def tried(data: Biflows, other: Biflows | None, name: str, epochs: int, seed: int) -> str:
    """Run a trial, and return a line about it."""
    settings = {key: value for one in name.split("+") for key, value in TRIALS[one].items()}
    own = {key: settings.pop(key) for key in [f.name for f in fields(Traits)] if key in settings}
    traits, recipe = Traits(**own), CrossfitParameters(epochs=epochs, **settings)
    train = split(data, 0.2, seed)[0]
    fold = dealt(train, 2, np.random.default_rng(seed))[0]
    more = len(other.classes) if traits.shared and other else 0
    mapping = TokenMapping(len(train.classes) + more, train.packets, train.pl_max)
    every = mapping.encode(train.signed_pl, train.label)
    learnt = every[fold == 1]
    novel = unlike(distinct(every[fold == 0]), distinct(learnt))
    rows = distinct(learnt) if traits.distinct else learnt
    before = np.empty((0, rows.shape[1]), np.int64)
    if traits.shared and other:
        before = distinct(mapping.encode(other.signed_pl, other.label + np.int32(len(train.classes))))
        before = np.random.default_rng(seed).permutation(before)[:OTHERS]
    tokens = np.arange(mapping.vocabulary)
    if traits.seen_only:
        tokens = vocabulary(np.concatenate([every, before]), mapping)
    first, target, unseen = (torch.from_numpy(np.searchsorted(tokens, one)) for one in (before, rows, novel))
    decoder = Decoder(recipe, traits, mapping, torch.from_numpy(tokens), target)
    decoder.initialise(seed)
    weights = sum(weight.numel() for weight in decoder.parameters())
    print(f"{name}: {len(rows)} rows, {len(novel)} novel ones, {weights} parameters", flush=True)
    seconds = 0.0
    if len(first):
        seconds += trained(decoder, first, unseen, CrossfitParameters(epochs=traits.shared, **settings))
    seconds += trained(decoder, target, unseen, recipe)
    with torch.no_grad():
        # In the order of `chain_of`: by position, then by row.
        parts = [decoder.nats(part) for part in torch.split(unseen, 512)]
    real = (unseen[:, 1:] != 0).numpy()
    table = np.zeros(real.shape)
    table[real] = torch.cat(parts).exp().reciprocal().double().numpy()
    said = table.T[real.T]
    chain, depth, seen = chain_of(distinct(learnt), novel, mapping)
    alone, whole = (float(-np.log2(one).sum() / len(novel)) for one in (said, chain))
    groups = {"all": np.zeros_like(depth), "depth": depth, "seen": seen}
    mixed = {key: float(mixed_bits(said, chain, group).sum() / len(novel)) for key, group in groups.items()}
    mixtures = ", ".join(f"{bits:.2f} by {key}" for key, bits in mixed.items())
    return (
        f"{name}: {alone:.2f} bits, {seconds:.0f} s, {weights / 1e6:.2f} M parameters; "
        f"chain {whole:.2f}, mixed {mixtures}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--trial", default="plain", help=f"{', '.join(TRIALS)}; several joined by +")
    parser.add_argument("--split", type=int, default=0, help="seed of the split, the folds and the weights")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--other", type=Path, help="the data set that `shared` is first trained on")
    given = parser.parse_args()
    data = read_dataset(given.data).traffic
    other = read_dataset(given.other).traffic if given.other else None
    print(tried(data, other, given.trial, given.epochs, given.split))


if __name__ == "__main__":
    main()
