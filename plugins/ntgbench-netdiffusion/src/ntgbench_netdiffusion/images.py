"""Flows as images of header bits, and which of their columns a model draws."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ntgbench.words import pluralised
from ntgbench_netdiffusion.nprint import ABSENT, HEADERS, MARKS, WIDTH, Bits, encode

if TYPE_CHECKING:
    import numpy.typing as npt

    from ntgbench.traffic.trace import PacketTrace

_log = logging.getLogger(__name__)

BORDER = 0.5
"""Half of the way from a pixel's value to the next: from 0 to 1, and to -1."""

CLASSES = 4
"""Kinds of flows: TCP and UDP over IPv4, TCP and UDP over IPv6."""


def warn_of_cut(trace: PacketTrace, rows: int) -> npt.NDArray[np.int64]:
    """Packets of each flow that an image holds, int64 (F,). Logs a warning when a flow has more."""
    count = trace.flows.count
    kept = np.minimum(count, rows)
    if left := len(trace) - int(kept.sum()):
        _log.warning(
            "%s of %s last longer than an image of %s: %s of the %s packets are not learnt",
            f"{int((count > rows).sum()):,}",
            pluralised(len(count), "flow"),
            pluralised(rows, "packet"),
            f"{left:,}",
            f"{len(trace):,}",
        )
    return kept


def flow_images(trace: PacketTrace, rows: int) -> Bits:
    """The first packets of each flow as rows, int8 (F, rows, WIDTH); rows behind the last packet are -1."""
    flows = trace.flows
    kept = np.minimum(flows.count, rows)
    flow = np.repeat(np.arange(len(flows)), kept)
    rank = np.arange(len(flow)) - np.repeat(np.cumsum(kept) - kept, kept)
    images = np.full((len(flows), rows, WIDTH), ABSENT, np.int8)
    images[flow, rank] = encode(trace.select(flows.order[flows.first[flow] + rank]))
    return images


def kinds(images: Bits) -> npt.NDArray[np.int64]:
    """The kind of each flow, see `CLASSES`, by its first packet: int64 (F,)."""
    first = images[:, 0] != ABSENT
    kind: npt.NDArray[np.int64] = 2 * first[:, HEADERS["ipv6"].start].astype(np.int64) + first[:, HEADERS["udp"].start]
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
    def of(images: Bits) -> Layout:
        """The layout of training images, int8 (F, rows, WIDTH)."""
        ones, zeros = (images == 1).any(1), (images == 0).any(1)
        once = ~(ones & zeros).any(0)
        one, zero = ones.any(0), zeros.any(0)
        present = one | zero
        drawn = one & zero
        marks = list(MARKS)
        drawn[marks], once[marks] = present[marks], False
        constants = np.where(present, one & ~drawn, ABSENT)
        return Layout(tuple(np.flatnonzero(drawn).tolist()), tuple(once[drawn].tolist()), tuple(constants.tolist()))

    def pixels(self, images: Bits) -> Bits:
        """The columns that are drawn, int8 (F, rows, D): those that are drawn once are the same in all rows."""
        pixels = images[..., list(self.drawn)]
        return np.where(self.once, pixels.max(1, keepdims=True), pixels)

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
