"""Columns that are not drawn, since they follow from columns before or from a linked packet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from ntgbench_stan.layout import Layout


class Given:
    """Fills in what follows from other columns, for a packet of each of S streams at a time.

    Args of the constructor: codes of all packets, int64 (T, K, S), and their exact ports, int64 (T, 2, S), which are
    written to; and how many numbers the vector of a packet has.
    """

    def __init__(self, layout: Layout, codes: Tensor, ports: Tensor, width: int) -> None:
        self.layout, self.codes, self.ports = layout, codes, ports
        streams = codes.shape[2]
        self.stream = torch.arange(streams)
        forward, backward = layout.tuple_columns
        self.forward = set(forward.tolist()) if layout.links else set()
        self.reversed = torch.arange(codes.shape[1])
        self.reversed[torch.from_numpy(forward)] = torch.from_numpy(backward)
        self.prefix = dict(zip(*(places.tolist() for places in layout.prefix), strict=True))
        self.is_ipv4 = torch.from_numpy(layout.values["version"] == 4) if layout.ipv6 else torch.zeros(0)
        self.exact = torch.from_numpy(np.append(layout.values["length"] - layout.lengths[0], -1))
        # Vectors of the last packets, each at its number modulo `links`.
        self.vectors = torch.zeros(layout.links, streams, width)

    def begin(self, at: int) -> None:
        """Packet `at` of each stream begins."""
        self.at, self.row = at, self.codes[at]

    def fill(self, i: int) -> None:
        """Overwrite what was drawn for column i where it follows from columns before."""
        row, at = self.row, self.layout.at
        if i == at["length"]:
            exact = self.exact[row[at["exact"]]]
            row[i] = torch.where(exact >= 0, exact, row[i])
        elif i in self.prefix:
            row[i] = torch.where(self.is_ipv4[row[at["version"]]], self.prefix[i], row[i])
        if i in self.forward:
            row[i] = torch.where(self.is_linked, self.copied[i], row[i])

    def linked_vectors(self) -> Tensor:
        """Look up the packets that the packets are linked to; returns their vectors, (S, K E), 0 without a link."""
        link = self.row[self.layout.at["link"]]
        self.is_linked, self.is_reverse, back = link > 0, (link > 0) & (link % 2 == 0), (link + 1) // 2
        self.earlier = (self.at - back).clamp(min=0)
        columns = torch.where(self.is_reverse, self.reversed[:, None], torch.arange(len(self.row))[:, None])
        self.copied = self.codes[self.earlier, columns, self.stream]
        found = self.vectors[self.earlier % len(self.vectors), self.stream]
        return found.masked_fill(~self.is_linked[:, None], 0.0)

    def end(self, vector: Tensor) -> None:
        """Packet `at` is done, with these vectors (S, K E); linked packets get the exact ports of theirs."""
        if not self.layout.links:
            return
        self.vectors[self.at % len(self.vectors)] = vector
        sides = torch.where(self.is_reverse, torch.tensor([[1], [0]]), torch.tensor([[0], [1]]))
        copied = self.ports[self.earlier, sides, self.stream]
        self.ports[self.at] = torch.where(self.is_linked, copied, self.ports[self.at])
