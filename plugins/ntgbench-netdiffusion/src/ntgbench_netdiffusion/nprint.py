"""Headers as the bits of nPrint: 1, 0, or -1 where a packet has no such header.

nPrint: Holland et al. 2021, arXiv 2008.02695, section 3. Headers, fields and bits are in its order and have its names.
Columns are left out where a `PacketTrace` holds nothing: addresses, checksums, the contents of options, the flow label,
TCP's reserved bits and the first flag, window and urgent pointer. How long options are is in the lengths of headers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.traffic.frames import header_lengths
from ntgbench.traffic.trace import TCP, UDP

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ntgbench.traffic.trace import PacketTrace

Bits = npt.NDArray[np.int8]
Numbers = npt.NDArray[np.int64]
Values = dict[str, Numbers]

ABSENT = -1

FIELDS: dict[str, dict[str, int]] = {
    "ipv4": {
        "ver": 4, "hl": 4, "tos": 8, "tl": 16, "id": 16, "rbit": 1, "dfbit": 1, "mfbit": 1, "foff": 13, "ttl": 8,
        "proto": 8,
    },
    "ipv6": {"ver": 4, "tc": 8, "len": 16, "nh": 8, "hl": 8},
    "tcp": {
        "sprt": 16, "dprt": 16, "seq": 32, "ackn": 32, "doff": 4, "cwr": 1, "ece": 1, "urg": 1, "ackf": 1, "psh": 1,
        "rst": 1, "syn": 1, "fin": 1,
    },
    "udp": {"sport": 16, "dport": 16, "len": 16},
}  # fmt: skip
"""Bits of each field of each header that a trace has something for."""

TCP_FLAGS = ("fin", "syn", "rst", "psh", "ackf", "urg", "ece", "cwr")
"""From the lowest bit of a trace's flags to the highest."""

LONGEST = 0xFFFF
"""Bound of every length in a header."""

LONGEST_PACKET = LONGEST + 40
"""Bound of the length of a packet: that in an IPv6 header leaves the header out."""


def _slices() -> tuple[dict[str, slice], dict[str, slice]]:
    """Where each field, by header_field, and each header is."""
    fields, headers, at = {}, {}, 0
    for header, widths in FIELDS.items():
        begin = at
        for field, width in widths.items():
            fields[f"{header}_{field}"] = slice(at, at + width)
            at += width
        headers[header] = slice(begin, at)
    return fields, headers


COLUMNS, HEADERS = _slices()
WIDTH = HEADERS["udp"].stop
"""Columns of a packet."""

MARKS = tuple(COLUMNS[name].start for name in ("ipv4_ver", "ipv6_ver", "tcp_doff", "udp_len"))
"""The column of each header, in their order, that is always drawn, for each packet: it tells where the header is."""


def names() -> list[str]:
    """The name of each column as nPrint writes it, such as ipv4_ttl_0, whose bit is the most significant one."""
    return [f"{field}_{bit}" for field, place in COLUMNS.items() for bit in range(place.stop - place.start)]


def written(values: Mapping[str, npt.NDArray[Any]], ipv6: npt.NDArray[np.bool_], udp: npt.NDArray[np.bool_]) -> Bits:
    """The bits, int8 (…, WIDTH), of packets.

    Args:
        values: numbers of each field, (…), by header_field; those of headers that a packet has not do not count.
        ipv6: which packets have an IPv6 header in place of an IPv4 one, bool (…).
        udp: which have a UDP header in place of a TCP one, bool (…).
    """
    bits = np.full((*ipv6.shape, WIDTH), ABSENT, np.int8)
    for header, has in zip(FIELDS, (~ipv6, ipv6, ~udp, udp), strict=True):
        for field, width in FIELDS[header].items():
            name = f"{header}_{field}"
            shifts = np.arange(width - 1, -1, -1)
            found = (values[name][has].astype(np.int64)[:, None] >> shifts) & 1
            bits[has, COLUMNS[name]] = found
    return bits


def number(bits: Bits, field: str) -> Numbers:
    """The number that a field's bits, int8 (…, WIDTH), say: int64 (…); 0 where the header is absent."""
    place = COLUMNS[field]
    weights = 1 << np.arange(place.stop - place.start - 1, -1, -1, dtype=np.int64)
    numbers: Numbers = (bits[..., place] == 1) @ weights
    return numbers


def encode(trace: PacketTrace) -> Bits:
    """The bits of N packets, int8 (N, WIDTH). Lengths that a header cannot hold are cut."""
    ip_header, transport = header_lengths(trace)
    length, payload = trace.ip_length.astype(np.int64), trace.payload_length.astype(np.int64)
    values: dict[str, npt.NDArray[Any]] = {
        "ipv4_ver": np.full(len(trace), 4),
        "ipv4_hl": np.clip(ip_header // 4, 5, 15),
        "ipv4_tos": trace.tos,
        "ipv4_tl": np.minimum(length, LONGEST),
        "ipv4_id": trace.ip_id,
        "ipv4_rbit": trace.ip_flags >> 2,
        "ipv4_dfbit": trace.ip_flags >> 1,
        "ipv4_mfbit": trace.ip_flags,
        "ipv4_foff": trace.fragment_offset,
        "ipv4_ttl": trace.ttl,
        "ipv4_proto": trace.protocol,
        "ipv6_ver": np.full(len(trace), 6),
        "ipv6_tc": trace.tos,
        "ipv6_len": np.clip(length - 40, 0, LONGEST),
        "ipv6_nh": trace.protocol,
        "ipv6_hl": trace.ttl,
        "tcp_sprt": trace.source_port,
        "tcp_dprt": trace.destination_port,
        "tcp_seq": trace.tcp_sequence,
        "tcp_ackn": trace.tcp_acknowledgement,
        "tcp_doff": np.clip(transport // 4, 5, 15),
        "udp_sport": trace.source_port,
        "udp_dport": trace.destination_port,
        "udp_len": np.minimum(payload + 8, LONGEST),
    }
    values |= {f"tcp_{name}": trace.tcp_flags >> bit for bit, name in enumerate(TCP_FLAGS)}
    return written(values, ~trace.is_ipv4(), trace.protocol == UDP)


def decode(bits: Bits) -> dict[str, npt.NDArray[Any]]:
    """The columns of a trace but times and addresses, of N packets with one IP and one transport header each.

    A packet that is too short for its headers becomes as long as they must be.

    Args:
        bits: int8 (N, WIDTH).

    Returns the columns by name, and "ipv6", bool (N,).
    """
    ipv6, udp = bits[:, HEADERS["ipv6"].start] != ABSENT, bits[:, HEADERS["udp"].start] != ABSENT
    v = {name: number(bits, name) for name in COLUMNS}
    # A header that is absent says 0, so that sums are the numbers of the header that is there.
    shortest = np.where(ipv6, 40, 20) + np.where(udp, 8, 20)
    length = np.maximum(v["ipv4_tl"] + v["ipv6_len"] + np.where(ipv6, 40, 0), shortest)
    headers = np.where(ipv6, 40, 4 * v["ipv4_hl"]) + 4 * v["tcp_doff"]
    payload = np.where(udp, v["udp_len"] - 8, length - headers)
    flags = np.sum([v[f"tcp_{name}"] << bit for bit, name in enumerate(TCP_FLAGS)], axis=0)
    return {
        "source_port": v["tcp_sprt"] + v["udp_sport"],
        "destination_port": v["tcp_dprt"] + v["udp_dport"],
        "protocol": np.where(udp, UDP, TCP),
        "ip_length": length,
        "payload_length": np.clip(payload, 0, length - shortest),
        "ttl": v["ipv4_ttl"] + v["ipv6_hl"],
        "tcp_flags": flags,
        "tcp_sequence": v["tcp_seq"],
        "tcp_acknowledgement": v["tcp_ackn"],
        "tos": v["ipv4_tos"] + v["ipv6_tc"],
        "ip_id": v["ipv4_id"],
        "ip_flags": 4 * v["ipv4_rbit"] + 2 * v["ipv4_dfbit"] + v["ipv4_mfbit"],
        "fragment_offset": v["ipv4_foff"],
        "ipv6": ipv6,
    }
