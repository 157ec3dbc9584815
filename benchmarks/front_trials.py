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
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ntgbench_crossfit.folds import dealt, distinct, unlike
from ntgbench_crossfit.parameters import CrossfitParameters
from torch import Tensor

from benchmarks.front_chain import Floats, chain_of, mixed_bits
from benchmarks.front_models import Decoder, Traits, vocabulary
from ntgbench.datasets.loading import read_dataset
from ntgbench.interfaces import Context
from ntgbench.learning import training
from ntgbench.mapping.tokens import FIRST_CLASS, PAD, TokenMapping, Tokens
from ntgbench.tracks.biflows.splits import split
from ntgbench.traffic.biflows import Biflows

BASE: dict[str, Any] = {"hidden": 160, "intermediate": 320, "layers": 4, "dropout": 0.2, "average": 0.99}
"""What `plain` is, whatever the defaults of `crossfit`."""

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
    training.fit(decoder, meter, rows, novel, recipe, Context(seed=1), (rows[:, 0] - FIRST_CLASS).int().numpy())
    return time.process_time() - meter.began


@dataclass(frozen=True)
class Rows:
    """Rows of tokens of a trial, int64 (…, P + 2).

    Attributes:
        before: distinct rows of another data set, with classes of their own.
        learnt: those of the training fold.
        novel: distinct rows of the other fold that are not among them.
        tokens: tokens of the vocabulary.
    """

    mapping: TokenMapping
    before: Tokens
    learnt: Tokens
    novel: Tokens
    tokens: Tokens


def rows_of(data: Biflows, other: Biflows | None, traits: Traits, seed: int) -> Rows:
    """The rows of a trial; those of a test set are left out."""
    train = split(data, 0.2, seed)[0]
    fold = dealt(train, 2, np.random.default_rng(seed))[0]
    classes = len(train.classes)
    mapping = TokenMapping(classes + (len(other.classes) if other else 0), train.packets, train.pl_max)
    every = mapping.encode(train.signed_pl, train.label)
    learnt, before = every[fold == 1], every[:0]
    if other:
        before = distinct(mapping.encode(other.signed_pl, other.label + np.int32(classes)))
        before = np.random.default_rng(seed).permutation(before)[:OTHERS]
    novel = unlike(distinct(every[fold == 0]), distinct(learnt))
    whole = np.arange(mapping.vocabulary)
    tokens = vocabulary(np.concatenate([every, before]), mapping) if traits.seen_only else whole
    return Rows(mapping, before, distinct(learnt) if traits.distinct else learnt, novel, tokens)


def said(decoder: Decoder, rows: Tensor) -> Floats:
    """The probability of each packet and EOS of rows, by position, then by row, as `chain_of` orders them."""
    real = (rows[:, 1:] != PAD).numpy()
    table = np.ones(real.shape)
    with torch.no_grad():
        table[real] = torch.cat([decoder.nats(part) for part in torch.split(rows, 512)]).neg().double().exp().numpy()
    found: Floats = table.T[real.T]
    return found


def tried(data: Biflows, other: Biflows | None, name: str, epochs: int, seed: int) -> str:
    """Run a trial, and return a line about it."""
    settings = BASE | {key: value for one in name.split("+") for key, value in TRIALS[one].items()}
    traits = Traits(**{f.name: settings.pop(f.name) for f in fields(Traits) if f.name in settings})
    recipe = CrossfitParameters(epochs=epochs, **settings)
    rows = rows_of(data, other if traits.shared else None, traits, seed)
    before, learnt, novel = (
        torch.from_numpy(np.searchsorted(rows.tokens, one)) for one in (rows.before, rows.learnt, rows.novel)
    )
    decoder = Decoder(recipe, traits, rows.mapping, torch.from_numpy(rows.tokens), learnt)
    decoder.initialise(seed)
    weights = sum(weight.numel() for weight in decoder.parameters())
    print(f"{name}: {len(learnt)} rows, {len(novel)} novel ones, {weights:,} parameters", flush=True)
    seconds = trained(decoder, before, novel, replace(recipe, epochs=traits.shared)) if len(before) else 0.0
    seconds += trained(decoder, learnt, novel, recipe)
    probability = said(decoder, novel)
    chain, depth, seen = chain_of(distinct(rows.learnt), rows.novel, rows.mapping)
    alone, chained, *mixed = (
        bits.sum() / len(novel)
        for bits in (
            -np.log2(probability),
            -np.log2(chain),
            mixed_bits(probability, chain, np.zeros_like(depth)),
            mixed_bits(probability, chain, depth),
            mixed_bits(probability, chain, seen),
        )
    )
    return (
        f"{name}: {alone:.2f} bits, {seconds:.0f} s, {weights / 1e6:.2f} M parameters; chain {chained:.2f}, "
        "mixed {:.2f}, by position {:.2f}, by history {:.2f}".format(*mixed)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--trial", default="plain", help=f"{', '.join(TRIALS)}; several joined by +")
    parser.add_argument("--split", type=int, default=0, help="seed of the split, the folds and the weights")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--other", type=Path, help="the data set that `shared` is first trained on")
    given = parser.parse_args()
    unknown = set(given.trial.split("+")) - TRIALS.keys()
    if unknown or ("shared" in given.trial.split("+")) != (given.other is not None):
        parser.error(f"unknown: {', '.join(unknown)}" if unknown else "--other goes with the trial shared")
    data = read_dataset(given.data).traffic
    other = read_dataset(given.other).traffic if given.other else None
    print(tried(data, other, given.trial, given.epochs, given.split))


if __name__ == "__main__":
    main()
