"""How near the columns of tables of known truth come under `ctgan`, and under the package of the paper's authors.

python -m benchmarks.ctgan_marginals ours [--epochs 30] [--seeds 3]
python benchmarks/ctgan_marginals.py package [--epochs 30] [--seeds 3]

`package` needs the package `ctgan`, which nothing here depends on: install it into an environment of its own. Both
sides learn the same tables with the same seeds, on one thread, and the package has its defaults.

The tables have 10,000 rows and 14 columns. In "numeric", each column is a mixture of three modes; the modes of a row
follow from a hidden kind, so columns depend on each other. In "discrete", the last three have 3, 5 and 12 categories.
For each column: the Jensen-Shannon divergence (base 2) between the table and as many made rows, of 50 equal bins over
the range of the table, with those at the ends open; or of categories.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import numpy.typing as npt

ROWS, COLUMNS, BINS, KINDS = 10_000, 14, 50, 4
CATEGORIES = {11: 3, 12: 5, 13: 12}

Columns = list[npt.NDArray[np.float64]]


def table(name: str) -> Columns:
    """The columns of a table, float64 (ROWS,) each."""
    rng = np.random.default_rng(17)
    kind = rng.choice(KINDS, ROWS, p=[0.5, 0.25, 0.15, 0.1])
    made = []
    for i in range(COLUMNS):
        if name == "discrete" and i in CATEGORIES:
            share = rng.dirichlet(np.full(CATEGORIES[i], 0.7), KINDS)
            drawn = (share.cumsum(axis=1)[kind] < rng.random(ROWS)[:, None]).sum(axis=1)
            made.append(np.minimum(drawn, CATEGORIES[i] - 1).astype(float))
            continue
        share = rng.dirichlet(np.ones(3), KINDS)
        mode = np.minimum((share.cumsum(axis=1)[kind] < rng.random(ROWS)[:, None]).sum(axis=1), 2)
        centres, widths = np.sort(rng.uniform(-10, 10, 3)), rng.uniform(0.1, 1.5, 3)
        made.append(10.0 ** (i % 4) * (centres[mode] + widths[mode] * rng.standard_normal(ROWS)))
    return made


def divergence(real: npt.NDArray[np.float64], made: npt.NDArray[np.float64], is_discrete: bool) -> float:
    """Jensen-Shannon divergence of a column, base 2, 0..1."""
    edges = np.arange(real.max() + 2) - 0.5 if is_discrete else np.linspace(real.min(), real.max(), BINS + 1)
    edges[0], edges[-1] = -np.inf, np.inf
    p, q = (np.histogram(one, edges)[0] / len(one) for one in (real, made))
    middle = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = [np.where(one > 0, one * np.log2(one / middle), 0.0).sum() for one in (p, q)]
    return float(np.mean(parts))


def ours(real: Columns, discrete: set[int], epochs: int, seed: int) -> Columns:
    """As many rows as the table has, by `ctgan` of ntgbench."""
    from ntgbench_ctgan import training
    from ntgbench_ctgan.columns import Mixtures, mixed
    from ntgbench_ctgan.columns import discrete as discrete_column
    from ntgbench_ctgan.parameters import CtganParameters
    from ntgbench_ctgan.sampling import sample
    from ntgbench_ctgan.table import Rows, Table

    from ntgbench.interfaces import Context

    parameters = CtganParameters(steps=epochs * (ROWS // CtganParameters().batch))
    rng, mixtures = np.random.default_rng(seed), Mixtures(parameters.modes, parameters.mixture_rows)
    encoded = [
        discrete_column(column) if i in discrete else mixed(column, mixtures, 0, rng) for i, column in enumerate(real)
    ]
    columns, rows = Table(tuple(one[0] for one in encoded), tuple(sorted(discrete))), Rows.of([e[1:] for e in encoded])
    generator, _ = training.fit(columns, rows, parameters, Context(seed=seed))
    return columns.decode(sample(generator, ROWS, np.random.default_rng(seed)))


def package(real: Columns, discrete: set[int], epochs: int, seed: int) -> Columns:
    """As many rows as the table has, by the package `ctgan`."""
    import pandas as pd
    import torch
    from ctgan import CTGAN

    torch.set_num_threads(1)
    np.random.seed(seed)  # noqa: NPY002
    torch.manual_seed(seed)
    frame = pd.DataFrame({f"c{i}": column for i, column in enumerate(real)})
    names = [f"c{i}" for i in discrete]
    frame[names] = frame[names].astype(int)
    model = CTGAN(epochs=epochs, enable_gpu=False)
    model.fit(frame, names)
    made = model.sample(ROWS)
    return [made[name].to_numpy(float) for name in frame]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("side", choices=["ours", "package"])
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    print("| table | side | mean of columns, each seed | mean | CPU s a seed |\n|---|---|---|---|---|")
    for name in ("numeric", "discrete"):
        real, discrete = table(name), set(CATEGORIES) if name == "discrete" else set()
        scores, begun = [], time.process_time()
        for seed in range(1, asked.seeds + 1):
            made = (ours if asked.side == "ours" else package)(real, discrete, asked.epochs, seed)
            scores.append([divergence(*pair, i in discrete) for i, pair in enumerate(zip(real, made, strict=True))])
        seconds = (time.process_time() - begun) / asked.seeds
        each = ", ".join(f"{np.mean(one):.4f}" for one in scores)
        print(f"| {name} | {asked.side} | {each} | {np.mean(scores):.4f} | {seconds:.0f} |", flush=True)
        if discrete:
            kinds = [
                np.mean([one[i] for one in scores for i in range(COLUMNS) if (i in discrete) == is_discrete])
                for is_discrete in (False, True)
            ]
            print(f"numbers {kinds[0]:.4f}, categories {kinds[1]:.4f}")


if __name__ == "__main__":
    main()
