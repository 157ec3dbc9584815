"""The time of every metric of biflows on one pair of large sides.

`python -m benchmarks.all_metrics [DATASET] [--biflows 80000]` splits the dataset by session where it has sessions, fits
a chain of order 3, and computes the metrics of each suite once, as the suite calls them: no floors and no controls.
Without a dataset it measures `simulated`.
"""

from __future__ import annotations

import argparse
import os
import time

import numpy as np

from ntgbench.datasets.loading import load_dataset
from ntgbench.interfaces import Context, Exposed, MetricSpec
from ntgbench.plugins import registry
from ntgbench.running.codes import metrics_of
from ntgbench.scores import score
from ntgbench.systems import choose
from ntgbench.tracks.biflows.splits import equal_counts, split


def main() -> None:
    """Print wall-clock and CPU seconds of each target, by suite, and their sum."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", nargs="?", default="simulated")
    parser.add_argument("--biflows", type=int, default=80_000, help="of the training side and of the synthetic side")
    parser.add_argument("--suite", action="append", help="this suite only")
    arguments = parser.parse_args()
    traffic = load_dataset(arguments.dataset, max_items=round(arguments.biflows / 0.8)).traffic
    train, test = split(traffic, 0.2, 1)
    fitted = choose("markov[order=3]").fit(train, Context(seed=1))
    synthetic = fitted.sample(train.label, seed=1)
    classes = int(np.count_nonzero(train.class_counts()))
    print(f"{len(train):,} training, {len(test):,} held-out, {len(synthetic):,} synthetic biflows, {classes} classes")
    total = np.zeros(2)
    for suite in registry().suites("biflows").values():
        if suite.alone or suite.metrics_of or (arguments.suite and suite.name not in arguments.suite):
            continue
        targets: dict[tuple[str, str], list[MetricSpec]] = {}
        for metric in metrics_of("biflows", suite.name):
            targets.setdefault((metric.target, metric.against), []).append(metric)
        for (target, against), metrics in targets.items():
            began = np.array([time.perf_counter(), sum(os.times()[:4])])
            real = Exposed(train, test) if suite.exposes else train if against == "train" else test
            told = None
            if metrics[0].likelihood:
                sides = [fitted.log_likelihood(side) for side in ((train, test) if suite.exposes else (real,))]
                told = Exposed(*sides) if suite.exposes else sides[0]
            compared = (
                equal_counts(real, synthetic, 1) if suite.name == "fidelity" and told is None else (real, synthetic)
            )
            found = score(metrics, *compared, 1, likelihood=told)
            spent = np.array([time.perf_counter(), sum(os.times()[:4])]) - began
            total += spent
            values = ", ".join(f"{name} {one['value']}" for name, one in list(found.items())[:2])
            print(f"{suite.name:12} {target:58} {spent[0]:7.1f} s, CPU {spent[1]:7.1f} s  {values}")
    print(f"together {total[0]:.1f} s, CPU {total[1]:.1f} s")


if __name__ == "__main__":
    main()
