"""Packets one after the other: several streams side by side, which become one trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ntgbench_stan.given import Given
from ntgbench_stan.heads import draw_bins, draw_classes
from ntgbench_stan.ports import Ports

if TYPE_CHECKING:
    from ntgbench.traffic.trace import PacketTrace
    from ntgbench_stan.layout import Layout, Numbers
    from ntgbench_stan.networks import Network
    from ntgbench_stan.parameters import StanParameters


def sampled(
    network: Network, layout: Layout, packets: int, span_ns: int, p: StanParameters, rng: np.random.Generator
) -> PacketTrace:
    """As many packets as asked for, whose times fill the span.

    Streams begin without packets before them; what each makes first, as many packets as the window or the links reach
    back, is thrown away. The streams then come one after the other. Times between packets are summed, and stretched or
    squeezed so that the last packet is at the end of the span. Where all of them are 0 they stay 0.
    """
    streams = min(p.streams, packets)
    generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
    codes, ports = Streams(network, layout, streams, Ports(layout, p.ports), generator).packets(-(-packets // streams))
    codes, ports = codes[:packets], ports[:packets]
    gaps = layout.gaps_ns(codes[1:, layout.at["gap"]], rng.random(packets - 1))
    after = np.concatenate([[0.0], np.cumsum(gaps)])
    share = after / after[-1] if after[-1] > 0 else after
    time_ns = np.minimum(np.rint(share * span_ns).astype(np.int64), span_ns)
    return layout.decode(codes, ports, layout.start_ns + time_ns)


class Streams:
    """S streams that are sampled side by side.

    The layers of the context network remember what they have seen, so each packet goes through them once. What a
    class of a column adds to the hidden layers of the heads after it is looked up.
    """

    def __init__(
        self, network: Network, layout: Layout, streams: int, ports: Ports, generator: torch.Generator
    ) -> None:
        self.network, self.layout, self.count, self.inside, self.generator = network, layout, streams, ports, generator
        self.units = network.inner.out_features // len(layout.columns)
        with torch.inference_mode():
            weight = network.inner_weight().t().contiguous()
            numbers, width = network.slope.shape[1], network.start.numel()
            hidden = network.enter.out_features
            self.of_context, self.of_linked = weight[:hidden], weight[hidden + width :]
            self.of_column = list(torch.split(weight[hidden : hidden + width], numbers))
            self.table = [
                None if column.mixture else network.embed_column(i, torch.arange(column.size)) @ self.of_column[i]
                for i, column in enumerate(layout.columns)
            ]

    @torch.inference_mode()
    def packets(self, length: int) -> tuple[Numbers, Numbers]:
        """Codes (S length, K) and exact ports (S length, 2), one stream after the other."""
        layout, warm_up = self.layout, max(self.network.window, self.layout.links)
        columns = len(layout.columns)
        # One column after the other, so that what is drawn lies together.
        codes = torch.zeros(warm_up + length, columns, self.count, dtype=torch.long)
        ports = torch.zeros(warm_up + length, 2, self.count, dtype=torch.long)
        memory = Memory(self.network, self.count)
        given = Given(layout, codes, ports, self.network.start.numel())
        for at in range(warm_up + length):
            given.begin(at)
            self._packet(at, memory.context, codes[at], given)
            for side, name in enumerate(("source_port", "destination_port")):
                ports[at, side] = self.inside.draw(codes[at, layout.at[name]], self.generator)
            vector = self.network.embed(codes[at].t())
            given.end(vector)
            memory.add(vector)
        of_streams = [made[warm_up:].permute(2, 0, 1).flatten(0, 1).numpy() for made in (codes, ports)]
        return of_streams[0], of_streams[1]

    def _packet(self, at: int, context: Tensor, row: Tensor, given: Given) -> None:
        """Draw the columns of packet `at` of each stream into `row`, (K, S)."""
        network, units = self.network, self.units
        hidden = torch.addmm(network.inner.bias, context, self.of_context)
        shares = torch.rand(*row.shape, 1, generator=self.generator)
        for i, column in enumerate(self.layout.columns):
            output = network.heads[i](torch.relu(hidden[:, i * units : (i + 1) * units]))
            if i == network.link:
                output[:, 1 + 2 * min(at, self.layout.links) :] = -torch.inf
            if column.mixture:
                normal = torch.randn(self.count, generator=self.generator)
                row[i] = draw_bins(output, column.size, shares[i], normal)
            elif column.size > 1:
                row[i] = draw_classes(output, shares[i])
            given.fill(i)
            if i == network.link:
                hidden += given.linked_vectors() @ self.of_linked
            table = self.table[i]
            if table is None:
                hidden += network.embed_column(i, row[i]) @ self.of_column[i]
            else:
                hidden += functional.embedding(row[i], table)


class Memory:
    """What the layers of the context network have seen of each stream, and what that says of the next packet."""

    def __init__(self, network: Network, streams: int) -> None:
        self.network, self.at = network, 0
        hidden = torch.relu(network.enter(network.start)).expand(streams, -1)
        self.seen = []
        for i, layer in enumerate(network.layers):
            self.seen.append(hidden.repeat(2**i, 1, 1))
            hidden = hidden + torch.relu(layer(torch.cat([hidden, hidden], -1)))
        self.context = hidden

    def add(self, vector: Tensor) -> None:
        """Take in the next packet of each stream, (S, K E)."""
        hidden = torch.relu(self.network.enter(vector))
        for i, layer in enumerate(self.network.layers):
            place = self.at % 2**i
            old = self.seen[i][place].clone()
            self.seen[i][place] = hidden
            hidden = hidden + torch.relu(layer(torch.cat([old, hidden], -1)))
        self.context = hidden
        self.at += 1
