"""Header fields that are one number each, as shares of a range: 0 is its lowest value and 1 its highest.

The authors of NetShare (config_example_pcap_nodp.json of netsharecmu/NetShare, 0c314d8) and of CascadeNet
(lurw2000/CascadeNet, fe4ef8b) scale the length of a packet by the shortest and the longest one of training. They divide
TOS, IP id, fragment offset and TTL by what the field can hold. A network hardly ever gives an exact 0, so then nearly
every packet becomes a fragment, also when no packet of training was one. With the lowest and highest value of training,
a field that never changes in training never changes in what is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from ntgbench.traffic.trace import PacketTrace

Fields = Literal["type", "observed"]
"""Whether a range is what the type of a field can hold, or what training has. That of lengths is always the latter."""

Range = tuple[int, int]
"""The lowest and the highest value; these may be the same."""

LIMITS: dict[str, Range] = {
    "ip_length": (0, 2**31 - 1),
    "tos": (0, 255),
    "ip_id": (0, 65_535),
    "fragment_offset": (0, 8_191),
    "ttl": (0, 255),
}
"""What each field can hold; for lengths, what its column in a trace can."""


def ranges_of(trace: PacketTrace, fields: Fields) -> tuple[Range, ...]:
    """The range of each field of `LIMITS`, in its order, for a trace of at least one packet."""
    columns = {name: getattr(trace, name) for name in LIMITS}
    observed = {name: (int(column.min()), int(column.max())) for name, column in columns.items()}
    chosen = observed if fields == "observed" else LIMITS | {"ip_length": observed["ip_length"]}
    return tuple(chosen.values())


def are_ranges(ranges: tuple[Any, ...]) -> bool:
    """Whether these pairs of numbers can be the ranges of the fields of `LIMITS`."""
    pairs = zip(ranges, LIMITS.values(), strict=True)
    return all(least <= low <= high <= most for (low, high), (least, most) in pairs)


def shares(values: npt.NDArray[Any], within: Range) -> npt.NDArray[np.float64]:
    """Values of a range as 0..1, float64; all are 0 when the range is one value."""
    low, high = within
    return (values - float(low)) / max(high - low, 1)


def values_of(shares: npt.NDArray[Any], within: Range) -> npt.NDArray[np.int64]:
    """The values of shares, int64, rounded; shares outside 0..1 are clipped."""
    low, high = within
    found: npt.NDArray[np.float64] = low + np.clip(shares, 0.0, 1.0).astype(np.float64) * (high - low)
    return np.rint(found).astype(np.int64)
