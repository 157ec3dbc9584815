"""Small made-up biflows, which conformance checks and tests use."""

from __future__ import annotations

import numpy as np

from ntgbench.traffic.biflows import Biflows


def example_traffic(packets: int = 10, pl_max: int = 1460, seed: int = 1) -> Biflows:
    """Small made-up traffic: four classes of 60, 40, 6 and 1 biflows, no two alike, of all lengths from 1 packet up."""
    rng = np.random.default_rng(seed)
    label = np.repeat(np.arange(4), [60, 40, 6, 1])
    lengths = rng.integers(1, packets + 1, len(label))
    lengths[:packets] = np.arange(1, packets + 1)
    size = rng.integers(1, pl_max + 1, (len(label), packets))
    sign = rng.choice([-1, 1], size.shape)
    # The first value counts upwards, so that rows differ even when they are one packet long.
    size[:, 0] = 1 + np.arange(len(label)) % pl_max
    sign[:, 0] = 1
    signed_pl = np.where(np.arange(packets) < lengths[:, None], sign * size, 0)
    return Biflows(signed_pl.astype(np.int16), label.astype(np.int32), ("mail", "video", "chat", "rare"), pl_max=pl_max)
