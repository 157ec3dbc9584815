"""Repair: images whose packets obey the rules of their protocols, as packets of one connection.

The kinds of repair are those of NetDiffusion (Jiang et al. 2024, arXiv 2310.08543, section 3): what is one number in a
flow is voted on, lengths are made to agree, and flags and numbers of TCP follow those of the packets before.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ntgbench.traffic.trace import TCP, UDP
from ntgbench_netdiffusion.nprint import (
    ABSENT,
    COLUMNS,
    HEADERS,
    LONGEST,
    LONGEST_PACKET,
    Bits,
    Numbers,
    Values,
    number,
    written,
)

Mask = npt.NDArray[np.bool_]

WINDOW = 1 << 20
"""Bytes by which a packet may acknowledge more than the one before it; more is taken for a wrong bit."""

NUMBERS = 1 << 32
"""Sequence numbers start again behind this."""


def repaired(images: Bits, longest: int = LONGEST_PACKET) -> Bits:
    """Repaired images, int8 (F, rows, WIDTH); of a repaired one it is the same.

    - A flow has one IP version and one transport protocol, those of most of its packets. Others are left out, and so
      are rows without a packet.
    - Ports and the length of the IPv4 header are the same in all packets: each bit is that of most packets.
    - Lengths are at most `longest`, but have room for the headers in any case. That of UDP agrees with that of IP.
    - TTL and ports are not 0, but the source port of UDP may be.
    - No packet is a fragment, whose transport header would not be there.
    - Flags and numbers of TCP: see `_connection`.
    """
    images, there = _one_kind(images)
    ipv6, udp = (images[..., HEADERS[header].start] != ABSENT for header in ("ipv6", "udp"))
    values = {field: number(images, field) for field in COLUMNS}
    protocol = np.where(udp, UDP, TCP)
    values |= {"ipv4_ver": np.full_like(protocol, 4), "ipv6_ver": np.full_like(protocol, 6)}
    values |= {"ipv4_proto": protocol, "ipv6_nh": protocol}
    for field in ("tcp_sprt", "tcp_dprt", "udp_sport", "udp_dport"):
        # The source port of UDP may be 0 (RFC 768).
        values[field] = np.maximum(_voted(images, there, field), field != "udp_sport")
    values["ipv4_hl"] = np.maximum(_voted(images, there, "ipv4_hl"), 5)
    values["tcp_doff"] = np.maximum(values["tcp_doff"], 5)
    values["ipv4_ttl"], values["ipv6_hl"] = np.maximum(values["ipv4_ttl"], 1), np.maximum(values["ipv6_hl"], 1)
    for field in ("ipv4_rbit", "ipv4_mfbit", "ipv4_foff"):
        values[field] = np.zeros_like(protocol)
    ip_header = np.where(ipv6, 0, 4 * values["ipv4_hl"])
    headers = ip_header + np.where(udp, 8, 4 * values["tcp_doff"])
    length = np.where(ipv6, np.minimum(values["ipv6_len"], longest - 40), np.minimum(values["ipv4_tl"], longest))
    length = np.maximum(length, headers)
    payload = _connection(values, length - headers, there & ~udp)
    values["ipv4_tl"] = values["ipv6_len"] = headers + payload
    values["udp_len"] = np.minimum(payload + 8, LONGEST)
    whole = written(values, ipv6, udp)
    whole[~there] = ABSENT
    return whole


def _one_kind(images: Bits) -> tuple[Bits, Mask]:
    """Images with the packets that are kept, one after the other, and where these are, bool (F, rows)."""
    there = _present(images)
    for header in ("ipv6", "udp"):
        has = (images[..., HEADERS[header].start] != ABSENT) & there
        most = 2 * has.sum(1) > there.sum(1)
        there &= has == most[:, None]
    order = np.argsort(~there, axis=1, kind="stable")
    images = np.take_along_axis(images, order[..., None], axis=1)
    return images, np.take_along_axis(there, order, axis=1)


def _present(images: Bits) -> Mask:
    """Which rows are packets, bool (F, rows)."""
    four, six = (images[..., HEADERS[header].start] != ABSENT for header in ("ipv4", "ipv6"))
    present: Mask = four | six
    return present


def _voted(images: Bits, there: Mask, field: str) -> Numbers:
    """The number of a field whose bits are those of most packets of the flow, int64 (F, rows)."""
    bits = images[..., COLUMNS[field]] == 1
    most = 2 * (bits & there[..., None]).sum(1) > there.sum(1)[:, None]
    weights = 1 << np.arange(bits.shape[-1] - 1, -1, -1, dtype=np.int64)
    return np.broadcast_to((most @ weights)[:, None], there.shape)


def _connection(v: Values, payload: Numbers, tcp: Mask) -> Numbers:
    """Make flags and numbers those of one direction of a TCP connection; returns the payload, int64 (F, rows).

    - A SYN is the first packet only. Like a RST, it carries no payload and comes without FIN, and SYN without RST.
    - After a RST there are only more of them; after a FIN, which comes once, there is no payload.
    - All but SYN and RST acknowledge. Acknowledged numbers never fall, and rise by less than `WINDOW` at a time.
    - Sequence numbers follow from the first one: nothing is lost, sent again or out of order. SYN and FIN take one.
    """
    syn, rst, fin, ack = (v[f"tcp_{flag}"] == 1 for flag in ("syn", "rst", "fin", "ackf"))
    syn[:, 1:] = False
    rst &= ~syn
    # From the last packet of a flow back, as long as there are only RSTs.
    rst &= _from_the_end(rst | ~tcp)
    ack |= ~(syn | rst)
    payload = np.where(tcp & (syn | rst), 0, payload)
    more = np.cumsum((payload * tcp)[:, ::-1], axis=1)[:, ::-1] - payload * tcp
    fin &= tcp & ~(syn | rst) & (more == 0)
    fin &= np.cumsum(fin, axis=1) == 1
    used = (payload + syn + fin) * tcp
    v["tcp_seq"] = (v["tcp_seq"][:, :1] + np.cumsum(used, axis=1) - used) % NUMBERS
    v["tcp_ackn"] = _rising(v["tcp_ackn"], ack)
    v |= {
        f"tcp_{name}": flag.astype(np.int64)
        for name, flag in zip(("syn", "rst", "fin", "ackf"), (syn, rst, fin, ack), strict=True)
    }
    return payload


def _from_the_end(flags: Mask) -> Mask:
    """Where a flag is set and so are all behind it, bool (F, rows)."""
    return np.logical_and.accumulate(flags[:, ::-1], axis=1)[:, ::-1]


def _rising(numbers: Numbers, counts: Mask) -> Numbers:
    """Acknowledged numbers, int64 (F, rows): where one is not ahead by less than `WINDOW`, the one before stays.

    Where they do not count they are 0.
    """
    risen = np.zeros_like(numbers)
    last, begun = np.zeros(len(numbers), np.int64), np.zeros(len(numbers), bool)
    for row in range(numbers.shape[1]):
        ahead = (numbers[:, row] - last) % NUMBERS < WINDOW
        last = np.where(counts[:, row] & (ahead | ~begun), numbers[:, row], last)
        begun |= counts[:, row]
        risen[:, row] = np.where(counts[:, row], last, 0)
    return risen
