"""Packets as rows of whole numbers, and rows as packets; which rows are packets that can exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ntgbench.traffic.trace import TCP, UDP, PacketTrace, is_ipv4, shortest_headers

if TYPE_CHECKING:
    import numpy.typing as npt

    Rows = dict[str, npt.NDArray[np.int64]]
    Ranges = dict[str, tuple[int, ...]]

WORD = 2**32

LARGEST = {
    "srcport": 65_535, "dstport": 65_535, "proto": 255, "time": 2**62, "pkt_len": 2**31 - 1, "tos": 255, "id": 65_535,
    "flag": 7, "off": 8191, "ttl": 255,
}  # fmt: skip
"""Bounds of the columns after the addresses, in their order."""

_ENDS = {"srcip": "source", "dstip": "destination"}

_FIELDS = {
    "srcport": "source_port", "dstport": "destination_port", "proto": "protocol", "pkt_len": "ip_length", "tos": "tos",
    "id": "ip_id", "flag": "ip_flags", "off": "fragment_offset", "ttl": "ttl",
}  # fmt: skip


def bounds(ipv6: bool) -> dict[str, int]:
    """The largest number of each column, in the order of columns; with IPv6 an address is four columns."""
    words = [f"{end}{word}" for end in _ENDS for word in range(4)] if ipv6 else [*_ENDS]
    return dict.fromkeys(words, WORD - 1) | LARGEST


def rows_of(trace: PacketTrace, ipv6: bool) -> Rows:
    """The columns of each packet, int64 (N,) each.

    Times are in microseconds since the first packet. An address is a number, or with `ipv6` its four 32-bit words,
    where IPv4 is mapped into IPv6.
    """
    found: Rows = {}
    for column, name in _ENDS.items():
        address = getattr(trace, name)
        words = [address[:, half] >> np.uint64(shift) & np.uint64(WORD - 1) for half in (0, 1) for shift in (32, 0)]
        found |= {f"{column}{at}": word for at, word in enumerate(words)} if ipv6 else {column: words[3]}
    found |= {column: getattr(trace, name) for column, name in _FIELDS.items()}
    found["time"] = (trace.time_ns - trace.time_ns[:1]) // 1000
    return {column: found[column].astype(np.int64) for column in bounds(ipv6)}


def ranges_of(rows: Rows) -> Ranges:
    """The smallest and the largest number of each column; there must be a row."""
    return {column: (int(numbers.min()), int(numbers.max())) for column, numbers in rows.items()}


def valid(rows: Rows, ranges: Ranges, ipv6: bool) -> npt.NDArray[np.bool_]:
    """Which rows are packets that can exist, with every number in the range of its column; bool (N,).

    A packet is TCP or UDP, has room for its headers, and goes from IPv4 to IPv4 or from IPv6 to IPv6.
    """
    right = np.isin(rows["proto"], (TCP, UDP))
    for column, (least, largest) in ranges.items():
        right &= (rows[column] >= least) & (rows[column] <= largest)
    source, destination = _addresses(rows, "srcip", ipv6), _addresses(rows, "dstip", ipv6)
    right &= is_ipv4(source) == is_ipv4(destination)
    return right & (rows["pkt_len"] >= shortest_headers(rows["proto"].astype(np.uint8), source))


def trace_of(rows: Rows, time_ns: npt.NDArray[np.int64], ipv6: bool) -> PacketTrace:
    """The packets of valid rows at other times, int64 (N,), in the order of these.

    IPv6 has no identification, flags and offset: they are 0. TCP flags and numbers are 0, as rows do not have them.
    """
    ends = {name: _addresses(rows, column, ipv6) for column, name in _ENDS.items()}
    fields = {name: rows[column] for column, name in _FIELDS.items()}
    for name in ("ip_id", "ip_flags", "fragment_offset"):
        fields[name] = np.where(is_ipv4(ends["source"]), fields[name], 0)
    return PacketTrace.of(time_ns=time_ns, **ends, **fields).sorted_by_time()


def _addresses(rows: Rows, column: str, ipv6: bool) -> npt.NDArray[np.uint64]:
    """Addresses of rows, uint64 (N, 2)."""
    count = len(rows["time"])
    if ipv6:
        words = [rows[f"{column}{at}"].astype(np.uint64) for at in range(4)]
    else:
        zero, mapped = np.zeros(count, np.uint64), np.full(count, 0xFFFF, np.uint64)
        words = [zero, zero, mapped, rows[column].astype(np.uint64)]
    return np.stack([words[0] << np.uint64(32) | words[1], words[2] << np.uint64(32) | words[3]], axis=1)
