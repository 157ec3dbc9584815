"""Flows that have the same 5-tuple."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.traffic.trace_flows import codes

if TYPE_CHECKING:
    from collections.abc import Mapping

Columns = dict[str, npt.NDArray[Any]]
Mask = npt.NDArray[np.bool_]

SYSTEM_END, DYNAMIC, PORTS = 1024, 49_152, 65_536
"""End of the system ports, first dynamic port, and end of all ports (RFC 6335, section 6)."""

_ROUNDS = 16
"""Rounds in which only the higher port is drawn again; in those after, which hardly ever come, both are."""


def later_ones(flows: Mapping[str, npt.NDArray[Any]]) -> Mask:
    """Which flows have the 5-tuple of an earlier one, bool (F,)."""
    return _later(codes(*_hosts(flows), flows["source_port"], flows["destination_port"]))


def kept_apart(flows: Columns, rng: np.random.Generator) -> Columns:
    """The flows with other ports where an earlier one has the same 5-tuple; all the others stay as they are.

    The higher of the two ports, which is the client's as a rule, is drawn again until no other flow has the 5-tuple:
    user ports from the user ports, other ones from the dynamic ports. When that does not end, since there are more
    flows than ports, the lower port is drawn as well.
    """
    hosts, ports = codes(*_hosts(flows)), [flows[side].copy() for side in ("source_port", "destination_port")]
    is_higher = (ports[0] >= ports[1], ports[0] < ports[1])
    again = changed = later_ones(flows)
    # The flows that stay as they are come first, so that none of these is the later of two.
    order = np.argsort(changed, kind="stable")
    rounds = 0
    while again.any():
        for port, higher in zip(ports, is_higher, strict=True):
            chosen = again & (higher | (rounds >= _ROUNDS))
            port[chosen] = _drawn(port[chosen], rng)
        again = np.empty_like(changed)
        again[order] = _later(codes(hosts[order], ports[0][order], ports[1][order]))
        rounds += 1
    return {**flows, "source_port": ports[0], "destination_port": ports[1]}


def _hosts(flows: Mapping[str, npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
    """The columns of a 5-tuple but for its ports."""
    return [*flows["source"].T, *flows["destination"].T, flows["protocol"]]


def _later(code: npt.NDArray[np.int64]) -> Mask:
    """Which numbers have occurred before, bool (F,): new ones are larger than all before them, see `codes`."""
    later: Mask = np.diff(np.maximum.accumulate(code), prepend=-1) == 0
    return later


def _drawn(ports: npt.NDArray[np.uint16], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    user = (ports >= SYSTEM_END) & (ports < DYNAMIC)
    return rng.integers(np.where(user, SYSTEM_END, DYNAMIC), np.where(user, DYNAMIC, PORTS))
