"""Packets one after the other: several streams side by side, which become one trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ntgbench_stan.heads import draw_bins, draw_classes
from ntgbench_stan.layout import Layout, Numbers, bucket, bucket_ends

if TYPE_CHECKING:
    from ntgbench.traffic.trace import PacketTrace
    from ntgbench_stan.networks import Network


def sampled(
    network: Network,
    layout: Layout,
    packets: int,
    span_ns: int,
    streams: int,
    inside: Literal["histogram", "uniform"],
    rng: np.random.Generator,
) -> PacketTrace:
    """As many packets as asked for, whose times fill the span.

    Streams begin without packets before them; what each makes first, a window of packets, is thrown away. The streams
    then come one after the other. Times between packets are summed, and stretched or squeezed so that the last packet
    is at the end of the span.
    """
    streams = min(streams, packets)
    length = -(-packets // streams)
    generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
    codes, ports = Streams(network, layout, streams, inside, generator).packets(length)
    codes, ports = codes[:packets], ports[:packets]
    gaps = layout.gaps_ns(codes[1:, layout.at["gap"]], rng.random(packets - 1))
    after = np.concatenate([[0.0], np.cumsum(gaps)])
    share = after / after[-1] if after[-1] > 0 else after
    time_ns = np.minimum(np.rint(share * span_ns).astype(np.int64), span_ns)
    return layout.decode(codes, ports, layout.start_ns + time_ns)


class Streams:
    """Streams that are sampled side by side, S of them.

    The layers of the context network remember what they have seen, so each packet is computed once.
    """

    def __init__(
        self,
        network: Network,
        layout: Layout,
        streams: int,
        inside: Literal["histogram", "uniform"],
        generator: torch.Generator,
    ) -> None:
        self.network, self.layout, self.count, self.generator = network, layout, streams, generator
        self.inside: Ports = Ports(layout, inside)

    @torch.inference_mode()
    def packets(self, length: int) -> tuple[Numbers, Numbers]:
        """Codes (S length, K) and exact ports (S length, 2), one stream after the other."""
        network, layout = self.network, self.layout
        columns, window = len(layout.columns), network.window
        codes = torch.zeros(window + length, self.count, columns, dtype=torch.long)
        ports = torch.zeros(window + length, self.count, 2, dtype=torch.long)
        memory = Memory(network, self.count)
        weight = network.inner_weight().t().contiguous()
        width = network.start.numel()
        hidden = weight.shape[0] - width - (width if network.link is not None else 0)
        parts = (weight[:hidden], weight[hidden : hidden + width], weight[hidden + width :])
        # Vectors of the last packets, each at its number modulo `links`.
        vectors = torch.zeros(max(layout.links, 1), self.count, width)
        for at in range(window + length):
            vector = self._packet(at, memory.context, parts, codes, ports, vectors)
            vectors[at % len(vectors)] = vector
            memory.add(vector)
        kept = codes[window:].transpose(0, 1).reshape(-1, columns), ports[window:].transpose(0, 1).reshape(-1, 2)
        return kept[0].numpy(), kept[1].numpy()

    def _packet(
        self,
        at: int,
        context: Tensor,
        parts: tuple[Tensor, Tensor, Tensor],
        codes: Tensor,
        ports: Tensor,
        vectors: Tensor,
    ) -> Tensor:
        """Draw packet `at` of each stream into `codes` and `ports`; returns its vectors, (S, K E)."""
        network, layout = self.network, self.layout
        row = codes[at]
        columns = layout.columns
        hidden = torch.addmm(network.inner.bias, context, parts[0])
        units, numbers = hidden.shape[1] // len(columns), parts[1].shape[0] // len(columns)
        made = []
        given = Given(layout, row)
        for i, column in enumerate(columns):
            output = network.heads[i](torch.relu(hidden[:, i * units : (i + 1) * units]))
            if i == network.link:
                output[:, 1 + 2 * min(at, layout.links) :] = -torch.inf
            if column.mixture:
                row[:, i] = draw_bins(output, column.size, self.generator)
            elif column.size > 1:
                row[:, i] = draw_classes(output, self.generator)
            given.fill(i)
            if i == network.link:
                hidden += given.link(codes, at, vectors) @ parts[2]
            vector = network.embed_column(i, row[:, i])
            hidden += vector @ parts[1][i * numbers : (i + 1) * numbers]
            made.append(vector)
        for side, name in enumerate(("source_port", "destination_port")):
            ports[at, :, side] = self.inside.draw(row[:, layout.at[name]], self.generator)
        given.link_ports(ports, at)
        return torch.cat(made, 1)


class Given:
    """What follows from the columns drawn so far, for one packet of each stream."""

    def __init__(self, layout: Layout, row: Tensor) -> None:
        self.layout, self.row = layout, row
        self.linked: Tensor | None = None
        self.copied = row

    def fill(self, i: int) -> None:
        """Overwrite what was drawn for column i where it follows from columns before."""
        layout, row = self.layout, self.row
        if i == layout.at["length"] and len(layout.values["length"]):
            exact = torch.from_numpy(np.append(layout.values["length"] - layout.lengths[0], 0))
            chosen = row[:, layout.at["exact"]]
            row[:, i] = torch.where(chosen < len(exact) - 1, exact[chosen], row[:, i])
        places, codes = layout.prefix
        if i in places:
            ipv4 = torch.from_numpy(layout.values["version"] == 4)[row[:, layout.at["version"]]]
            row[:, i] = torch.where(ipv4, int(codes[list(places).index(i)]), row[:, i])
        if self.linked is not None and i in layout.tuple_columns[0]:
            row[:, i] = torch.where(self.linked, self.copied[:, i], row[:, i])

    def link(self, codes: Tensor, at: int, vectors: Tensor) -> Tensor:
        """Look up the packets that the streams' packets are linked to; returns their vectors, (S, K E)."""
        link = self.row[:, self.layout.at["link"]]
        self.linked, self.back, self.reverse = link > 0, (link + 1) // 2, (link > 0) & (link % 2 == 0)
        self.stream = torch.arange(len(link))
        forward, backward = (torch.from_numpy(places) for places in self.layout.tuple_columns)
        earlier = codes[(at - self.back).clamp(min=0), self.stream]
        self.copied = earlier.clone()
        self.copied[:, forward] = torch.where(self.reverse[:, None], earlier[:, backward], earlier[:, forward])
        found = vectors[(at - self.back) % len(vectors), self.stream]
        return found.masked_fill(~self.linked[:, None], 0.0)

    def link_ports(self, ports: Tensor, at: int) -> None:
        """Give linked packets the exact ports of the packets that they are linked to."""
        if self.linked is None:
            return
        earlier = ports[(at - self.back).clamp(min=0), self.stream]
        earlier = torch.where(self.reverse[:, None], earlier.flip(1), earlier)
        ports[at] = torch.where(self.linked[:, None], earlier, ports[at])


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


class Ports:
    """Ports inside their buckets."""

    def __init__(self, layout: Layout, inside: Literal["histogram", "uniform"]) -> None:
        port = layout.values["port"]
        if inside == "uniform":
            first, end = bucket_ends(layout.buckets)
            self.port = torch.cat([torch.arange(a, b) for a, b in zip(first, end, strict=True)])
            number = end - first
            weight = np.ones(number.sum())
        else:
            self.port = torch.from_numpy(port)
            weight = layout.port_count.astype(np.float64)
            number = np.bincount(np.searchsorted(layout.buckets, bucket(port)))
        total = np.concatenate([[0.0], np.cumsum(weight)])
        ends = np.concatenate([[0], np.cumsum(number)])
        self.total = torch.from_numpy(total)
        self.low, self.high = self.total[ends[:-1]], self.total[ends[1:]]
        self.last = torch.from_numpy(ends[1:] - 1)

    def draw(self, code: Tensor, generator: torch.Generator) -> Tensor:
        """A port of each bucket, int64 (S,), for codes (S,)."""
        share = torch.rand(len(code), generator=generator, dtype=torch.float64)
        where = torch.lerp(self.low[code], self.high[code], share)
        found = torch.searchsorted(self.total, where, right=True) - 1
        return self.port[torch.minimum(found, self.last[code])]
