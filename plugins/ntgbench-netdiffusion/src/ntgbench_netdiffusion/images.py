"""Flows as images of header bits, and which of their columns a model draws."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ntgbench.words import pluralised
from ntgbench_netdiffusion.nprint import ABSENT, HEADERS, MARKS, WIDTH, Bits, Numbers, encode

if TYPE_CHECKING:
    import numpy.typing as npt

    from ntgbench.traffic.trace import PacketTrace

_log = logging.getLogger(__name__)

BORDER = 0.5
"""Half of the way from a pixel's value to the next: from 0 to 1, and to -1."""

CLASSES = 4
"""Kinds of flows: TCP and UDP over IPv4, TCP and UDP over IPv6."""


@dataclass(frozen=True, eq=False)
class Flows:
    """The first packets of F flows, of which images are made a few at a time: those of all could fill the memory."""

    bits: Bits  # int8 (N, columns). Packets, flow by flow
    count: Numbers  # int64 (F,). Packets of each flow, at least 1
    rows: int  # of an image; `count` is at most this

    def __len__(self) -> int:
        return len(self.count)

    @cached_property
    def first(self) -> Numbers:
        """The first packet of each flow, int64 (F,)."""
        first: Numbers = np.cumsum(self.count) - self.count
        return first

    @staticmethod
    def of(trace: PacketTrace, rows: int) -> Flows:
        """The flows of a trace, with all columns. Logs a warning when one has more packets than an image."""
        flows = trace.flows
        kept = np.minimum(flows.count, rows)
        if left := len(trace) - int(kept.sum()):
            _log.warning(
                "%s of %s last longer than an image of %s: %s of the %s packets are not learnt",
                f"{int((flows.count > rows).sum()):,}",
                pluralised(len(flows), "flow"),
                pluralised(rows, "packet"),
                f"{left:,}",
                f"{len(trace):,}",
            )
        rank = np.arange(kept.sum()) - np.repeat(np.cumsum(kept) - kept, kept)
        return Flows(encode(trace.select(flows.order[np.repeat(flows.first, kept) + rank])), kept, rows)

    def images(self, chosen: npt.ArrayLike) -> Bits:
        """The images of some flows, int8 (len(chosen), rows, columns); rows behind the last packet are -1."""
        chosen, rank = np.asarray(chosen), np.arange(self.rows)
        there = rank < self.count[chosen][:, None]
        made = np.full((*there.shape, self.bits.shape[1]), ABSENT, np.int8)
        made[there] = self.bits[(self.first[chosen][:, None] + rank)[there]]
        return made

    def kinds(self) -> Numbers:
        """The kind of each flow, see `CLASSES`, by its first packet: int64 (F,)."""
        ipv6, udp = (self.bits[self.first, HEADERS[header].start] != ABSENT for header in ("ipv6", "udp"))
        kind: Numbers = 2 * ipv6.astype(np.int64) + udp
        return kind


@dataclass(frozen=True)
class Layout:
    """Which columns a model draws, and what the others hold.

    Columns that have one value wherever their header is present are not drawn, but for `MARKS`. Those that never change
    inside a flow, such as ports, are drawn once for it.

    Attributes:
        drawn: columns, ascending.
        once: which of these are drawn once for a flow, bool, as many.
        constants: value of each of the WIDTH columns where its header is present; -1 for headers that no packet of the
            training trace has. Those of drawn columns do not count, and are 0.
    """

    drawn: tuple[int, ...]
    once: tuple[bool, ...]
    constants: tuple[int, ...]

    @staticmethod
    def of(flows: Flows) -> Layout:
        """The layout of training flows."""
        one, zero, once = (np.empty(WIDTH, bool) for _ in range(3))
        # One column after the other, which needs little memory.
        for column, bits in enumerate(flows.bits.T):
            ones, zeros = (np.logical_or.reduceat(bits == value, flows.first) for value in (1, 0))
            one[column], zero[column], once[column] = ones.any(), zeros.any(), not (ones & zeros).any()
        present = one | zero
        drawn = one & zero
        marks = list(MARKS)
        drawn[marks], once[marks] = present[marks], False
        constants = np.where(present, one & ~drawn, ABSENT)
        return Layout(tuple(np.flatnonzero(drawn).tolist()), tuple(once[drawn].tolist()), tuple(constants.tolist()))

    def parts(self, flows: Flows) -> tuple[Bits, Flows]:
        """What the two networks of a cascade draw.

        Returns the image of each flow, int8 (F, 1, C + rows): its columns that are drawn once, and for each row 1 where
        there is a packet and -1 where not; and its packets, with the other columns that are drawn.
        """
        drawn, once = np.array(self.drawn), np.array(self.once)
        of_flow = np.maximum.reduceat(flows.bits[:, drawn[once]], flows.first)
        there = np.where(np.arange(flows.rows) < flows.count[:, None], np.int8(1), np.int8(ABSENT))
        image = np.concatenate([of_flow, there], axis=1)[:, None]
        return image, Flows(flows.bits[:, drawn[~once]], flows.count, flows.rows)

    def images(self, pixels: npt.NDArray[np.float32]) -> Bits:
        """Whole images, int8 (F, rows, WIDTH), of drawn ones, float32 (F, rows, D), in which every header is whole.

        Each pixel gets the nearest of its three values. A header is there when most of its pixels say so; of the two IP
        headers, and of TCP and UDP, a packet has the one of which more do. A packet is there when its IP header is, and
        the first of a flow always is.
        """
        drawn, once = np.array(self.drawn), np.array(self.once)
        share = {}
        for header, place in HEADERS.items():
            own = (drawn >= place.start) & (drawn < place.stop) & ~once
            found = (pixels[..., own] >= -BORDER).mean(-1) if own.any() else np.full(pixels.shape[:2], -1.0)
            share[header] = found
        ipv6, udp = share["ipv6"] > share["ipv4"], share["udp"] > share["tcp"]
        there = np.maximum(share["ipv4"], share["ipv6"]) >= BORDER
        there[:, 0] = True
        images = np.empty((*pixels.shape[:2], WIDTH), np.int8)
        images[:] = np.array(self.constants, np.int8)
        images[..., drawn] = pixels > BORDER
        for place, has in zip(HEADERS.values(), (~ipv6, ipv6, ~udp, udp), strict=True):
            images[~(has & there), place] = ABSENT
        return images
