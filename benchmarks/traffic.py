"""Made-up biflows for benchmarks: seeded, of any size, and repetitive as real traffic is."""

from __future__ import annotations

import numpy as np

from ntgbench.traffic.biflows import PACKETS, PL_MAX, Biflows

TEMPLATES = 400
"""Biflows that each class starts from."""


def made_up_biflows(count: int, classes: int, seed: int, traffic_seed: int = 0) -> Biflows:
    """`count` biflows of `classes` classes of unequal sizes.

    Each class has some templates, popular ones among them; a biflow is a template with a few lengths changed a little.
    The templates follow from `traffic_seed`, the biflows from `seed`: two calls that differ in `seed` alone are two
    samples of the same traffic, which share some biflows and differ in others, as two captures do.
    """
    rng = np.random.default_rng(traffic_seed)
    common = np.concatenate([[PL_MAX] * 8, rng.integers(1, PL_MAX + 1, 40)])
    shape = (classes * TEMPLATES, PACKETS)
    lengths = np.where(rng.random(shape) < 0.7, rng.choice(common, shape), rng.integers(1, PL_MAX + 1, shape))
    directions = np.where(rng.random(shape) < 0.4, 1, -1)
    full = rng.random(len(lengths)) < 0.7
    ends = np.where(full, PACKETS, rng.integers(1, PACKETS + 1, len(lengths)))
    templates = np.where(np.arange(PACKETS) < ends[:, None], lengths * directions, 0)

    rng = np.random.default_rng(seed)
    label = np.sort(rng.choice(classes, count, p=np.arange(1, classes + 1) / (classes * (classes + 1) / 2)))
    popular = (TEMPLATES * rng.random(count) ** 3).astype(np.int64)
    biflows = templates[label * TEMPLATES + popular]
    nudge = np.where(rng.random(biflows.shape) < 0.15, rng.integers(1, 30, biflows.shape), 0)
    changed = np.sign(biflows) * np.clip(np.abs(biflows) - nudge, 1, PL_MAX)
    return Biflows(changed.astype(np.int16), label.astype(np.int32), tuple(f"class {i}" for i in range(classes)))
