"""What a dataset looks like, in a few numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ntgbench.figures import Counts, Histogram, histogram, most_frequent
from ntgbench.traffic.trace import TCP, UDP

if TYPE_CHECKING:
    import numpy.typing as npt

    from ntgbench.traffic.biflows import Biflows


_BINS = 20  # of a histogram, at most
_MOST_PORTS = 8


@dataclass(frozen=True)
class Description:
    """Figures about biflows, of which `ntgbench info` prints the names too."""

    biflows: int
    packets: int  # the largest number of packets kept of a biflow
    pl_max: int  # largest payload length in bytes that is kept as it is
    classes: Counts  # biflows of each class, the largest class first
    imbalance: float  # biflows of the largest class by those of the smallest
    sessions: int | None  # None when they are not known
    length_quantiles: tuple[float, ...]  # packets of a biflow at 0, 25, 50, 75 and 100% of the biflows
    full_share: float  # of biflows with as many packets as are kept at most
    upstream_first_share: float  # of biflows whose first packet goes from client to server
    packet_counts: Histogram  # of the packets of a biflow
    upstream_lengths: Histogram  # of the payload lengths in bytes, by direction
    downstream_lengths: Histogram
    duplicates: int  # biflows with the same signed payload lengths as an earlier one
    distinct_share: float  # distinct rows of signed payload lengths over biflows; 1 means no two are alike
    pl_max_share: float  # of packets with exactly pl_max bytes, clipped or not
    has_iat: bool
    transports: Counts | None  # biflows by transport, None when they are not known
    server_ports: Counts | None  # biflows of the most frequent ones, likewise
    digest: str  # of the biflows, 32 hex digits


def describe(biflows: Biflows) -> Description:
    """The figures of `biflows`, of which there is at least one."""
    counts = biflows.class_counts()
    lengths = biflows.lengths()
    used = counts[counts > 0]
    as_one_value = np.dtype((np.void, biflows.signed_pl.itemsize * biflows.packets))
    distinct = len(np.unique(np.ascontiguousarray(biflows.signed_pl).view(as_one_value)))
    signed, transport = biflows.signed_pl, biflows.transport
    return Description(
        biflows=len(biflows),
        packets=biflows.packets,
        pl_max=biflows.pl_max,
        classes=Counts({biflows.classes[code]: int(counts[code]) for code in np.argsort(-counts, kind="stable")}),
        imbalance=float(used.max() / used.min()),
        sessions=None if biflows.session is None else len(np.unique(biflows.session)),
        length_quantiles=tuple(np.quantile(lengths, [0, 0.25, 0.5, 0.75, 1]).tolist()),
        full_share=float((lengths == biflows.packets).mean()),
        upstream_first_share=float((biflows.signed_pl[:, 0] > 0).mean()),
        packet_counts=_packet_counts(lengths, biflows.packets),
        upstream_lengths=histogram(signed[signed > 0], 0, biflows.pl_max, _BINS, "bytes"),
        downstream_lengths=histogram(-signed[signed < 0], 0, biflows.pl_max, _BINS, "bytes"),
        duplicates=len(biflows) - distinct,
        distinct_share=distinct / len(biflows),
        pl_max_share=float((np.abs(biflows.signed_pl) == biflows.pl_max).sum() / lengths.sum()),
        has_iat=biflows.iat is not None,
        transports=None if transport is None else _named(transport.protocol),
        server_ports=None if transport is None else most_frequent(transport.server_port, _MOST_PORTS),
        digest=biflows.digest(),
    )


def _packet_counts(lengths: npt.NDArray[np.int64], packets: int) -> Histogram:
    """A bin for each number of packets, where these are few."""
    found = histogram(lengths, 1, packets, _BINS)
    if packets <= _BINS:
        found["counts"] = np.bincount(lengths, minlength=packets + 1)[1:].tolist()
    return found


def _named(protocol: npt.NDArray[np.uint8]) -> Counts:
    return Counts({name: int((protocol == number).sum()) for name, number in (("TCP", TCP), ("UDP", UDP))})
