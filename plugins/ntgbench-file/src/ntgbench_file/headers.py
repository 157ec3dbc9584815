"""Packets from a file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ntgbench.tracks import NoLayout
from ntgbench.tracks.headers.track import MOST_TIMES_ASKED
from ntgbench.traffic.trace import PacketTrace, shortest_headers
from ntgbench.words import pluralised
from ntgbench_file.reading import FileOf, log


class FileOfPackets(FileOf[PacketTrace]):
    """The packets of a file, at their own times."""

    track_name = "headers"

    def layout(self, train: PacketTrace) -> NoLayout:  # noqa: ARG002
        """Packets have no layout."""
        return NoLayout()

    def usable(self, traffic: PacketTrace, train: PacketTrace) -> PacketTrace:  # noqa: ARG002
        """All packets. Those that are shorter than their headers are lengthened."""
        shortest = shortest_headers(traffic.protocol, traffic.source)
        length = np.maximum(traffic.ip_length, traffic.payload_length + shortest).astype(np.int32)
        short = int(np.count_nonzero(length > traffic.ip_length))
        if short:
            packets = pluralised(short, "packet")
            log.warning("%s: %s shorter than their headers were lengthened to them", self.parameters.path, packets)
        return replace(traffic, ip_length=length).sorted_by_time()

    def sample(self, packets: int, span_ns: int, rng: np.random.Generator) -> PacketTrace:  # noqa: ARG002
        """The whole file; its beginning when it lasts longer than asked for, or has more than twice as many packets."""
        made = self.traffic
        within = int(np.searchsorted(made.time_ns, made.time_ns[0] + span_ns, side="right"))
        count = min(within, MOST_TIMES_ASKED * packets)
        if count == len(made):
            return made
        why = f"more than {MOST_TIMES_ASKED} times the {packets:,} asked for"
        if count == within:
            why = f"the rest is later than the {span_ns / 1e9:,.3f} s asked for"
        log.warning(
            "%s: cut to the first %s of %s packets: %s", self.parameters.path, f"{count:,}", f"{len(made):,}", why
        )
        return made.select(np.arange(count))
