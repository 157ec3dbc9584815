"""Ports inside their buckets."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ntgbench_stan.layout import Layout, bucket, bucket_ends


class Ports:
    """Draws the exact port of a bucket: any of it ("uniform"), or those of the training trace as often as there."""

    def __init__(self, layout: Layout, inside: Literal["histogram", "uniform"]) -> None:
        if inside == "uniform":
            first, end = bucket_ends(layout.buckets)
            port = np.concatenate([np.arange(a, b) for a, b in zip(first, end, strict=True)])
            weight = np.ones(len(port))
        else:
            port, weight = layout.values["port"], layout.port_count.astype(np.float64)
        number = np.bincount(np.searchsorted(layout.buckets, bucket(port)))
        last = np.cumsum(number) - 1
        total = np.cumsum(weight)
        self.port, self.total, self.last = (torch.from_numpy(values) for values in (port, total, last))
        self.high = self.total[self.last]
        self.low = torch.cat([self.high.new_zeros(1), self.high[:-1]])

    def draw(self, code: Tensor, generator: torch.Generator) -> Tensor:
        """A port of each bucket, int64 (S,), for codes (S,)."""
        share = torch.rand(len(code), generator=generator, dtype=torch.float64)
        found = torch.searchsorted(self.total, torch.lerp(self.low[code], self.high[code], share), right=True)
        # A float may be rounded up to the end of the bucket.
        return self.port[torch.minimum(found, self.last[code])]
