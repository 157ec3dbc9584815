"""Whether packets and TCP flows obey the rules of their protocols, as far as the columns of a trace tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench.traffic.trace import ACK, DO_NOT_FRAGMENT, FIN, MORE_FRAGMENTS, RST, SYN, TCP, shortest_headers

if TYPE_CHECKING:
    from ntgbench.traffic.trace import PacketTrace

Mask = npt.NDArray[np.bool_]

RESERVED = 4
"""The IPv4 flag that must be 0."""

LONGEST_IP = 65_535


def validity(real: PacketTrace, synthetic: PacketTrace, seed: int) -> dict[str, float | str]:  # noqa: ARG001
    """`valid_packets`: share of the synthetic packets that can exist. `valid_tcp_flows`: of its TCP flows, likewise.

    The real trace does not count.
    """
    tcp = synthetic.protocol == TCP
    flows: float | str = "the synthetic trace has no TCP flow"
    if tcp.any():
        flows = "the synthetic trace has no TCP flags"
        if synthetic.tcp_flags.any():
            flows = float(valid_tcp_flows(synthetic)[tcp[synthetic.flows.heads()]].mean())
    return {"valid_packets": float(valid_packets(synthetic).mean()), "valid_tcp_flows": flows}


def valid_packets(trace: PacketTrace) -> Mask:
    """Which packets can exist, bool (N,).

    - There is room for the headers, and the packet is no longer than IP allows.
    - TTL is not 0 (RFC 1122, 3.2.1.7).
    - Ports are not 0, but the source port of UDP may be (RFC 768).
    - The source is one host: no group, no broadcast; so is the destination of TCP (RFC 1122, 3.2.1.3 and 4.2.3.10),
      and no destination is the unspecified address.
    - The reserved IPv4 flag is 0; a packet that must not be fragmented is no fragment; a fragment ends within the
      longest packet (RFC 791).
    - TCP flags, in a trace that has any, are those of `_legal`.
    """
    ipv4, tcp = trace.is_ipv4(), trace.protocol == TCP
    room = trace.ip_length - trace.payload_length
    shortest = shortest_headers(trace.protocol, trace.source)
    end = 8 * trace.fragment_offset.astype(np.int64) + trace.ip_length
    whole = (trace.fragment_offset == 0) & (trace.ip_flags & MORE_FRAGMENTS == 0)
    valid: Mask = (room >= shortest) & (end <= LONGEST_IP + np.where(ipv4, 0, 40)) & (trace.ttl > 0)
    valid &= (trace.destination_port > 0) & ((trace.source_port > 0) | ~tcp)
    valid &= (
        _host(trace.source, ipv4) & (_host(trace.destination, ipv4) | ~tcp) & ~_unspecified(trace.destination, ipv4)
    )
    valid &= (trace.ip_flags & RESERVED == 0) & (whole | (trace.ip_flags & DO_NOT_FRAGMENT == 0))
    return valid & (_legal(trace.tcp_flags) | ~tcp) if trace.tcp_flags.any() else valid


def valid_tcp_flows(trace: PacketTrace) -> Mask:
    """Which flows could be one direction of TCP connections, bool (F,); what is not TCP is not judged.

    All flags are those of `_legal`, and a SYN comes first: before anything else, or after a FIN or a RST, when the
    ports are used again. SYNs may be repeated, and the beginning or the end of a connection may be missing.
    """
    flows = trace.flows
    flags = trace.tcp_flags[flows.order]
    legal = _legal(flags)
    syn, closing = flags & SYN != 0, flags & (FIN | RST) != 0
    # Where the connection that a packet belongs to begins: its flow's first packet, or what follows a FIN or a RST.
    begins = np.zeros(len(flags), bool)
    begins[flows.first] = True
    begins[1:] |= closing[:-1]
    begin = np.maximum.accumulate(np.where(begins, np.arange(len(flags)), 0))
    before = np.cumsum(~syn) - ~syn
    legal &= ~syn | (before == before[begin])
    return np.logical_and.reduceat(legal, flows.first) if len(flows) else legal


def _legal(flags: npt.NDArray[np.uint8]) -> Mask:
    """Which TCP flags a packet can have (RFC 9293, 3.5 and 3.10.7): no SYN with FIN or RST, ACK but with SYN or RST."""
    syn, fin, rst = (flags & flag != 0 for flag in (SYN, FIN, RST))
    legal: Mask = ~(syn & (fin | rst)) & (syn | rst | (flags & ACK != 0))
    return legal


def _host(address: npt.NDArray[np.uint64], ipv4: Mask) -> Mask:
    """Which addresses can be one host's: outside 224.0.0.0/4 and ff00::/8, and not 255.255.255.255."""
    four, six = address[:, 1] & np.uint64(0xFFFF_FFFF), address[:, 0] >> np.uint64(56)
    host: Mask = np.where(ipv4, (four >> np.uint64(28) != 0xE) & (four != 0xFFFF_FFFF), six != 0xFF)
    return host


def _unspecified(address: npt.NDArray[np.uint64], ipv4: Mask) -> Mask:
    """Which addresses are 0.0.0.0 or ::."""
    zero: Mask = np.where(ipv4, address[:, 1] & np.uint64(0xFFFF_FFFF), address[:, 0] | address[:, 1]) == 0
    return zero
