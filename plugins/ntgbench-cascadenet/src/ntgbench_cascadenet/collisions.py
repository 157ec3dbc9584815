"""Flows that have the same 5-tuple."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.traffic.trace_flows import codes

if TYPE_CHECKING:
    from collections.abc import Mapping

Columns = dict[str, npt.NDArray[Any]]

SYSTEM, DYNAMIC, PORTS = 1024, 49_152, 65_536
"""First user port, first dynamic port, and end of all ports (RFC 6335, section 6)."""

_ROUNDS = 16
"""Rounds in which only the higher port is drawn again; after these both are."""


def later_ones(flows: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.bool_]:
    """Which flows have the 5-tuple of an earlier one, bool (F,)."""
    address = (flows[side][:, half] for side in ("source", "destination") for half in (0, 1))
    code = codes(*address, flows["source_port"], flows["destination_port"], flows["protocol"])
    later = np.ones(len(code), bool)
    later[np.unique(code, return_index=True)[1]] = False
    return later


def kept_apart(flows: Columns, rng: np.random.Generator) -> Columns:
    """The flows with other ports where an earlier one has the same 5-tuple.

    The higher of the two ports, which is the client's as a rule, is drawn again from its range of RFC 6335, and from
    the dynamic ports when it is a system port. Raises nothing: there are more ports than flows between two hosts, and
    when there are not, both ports are drawn.
    """
    flows = {**flows, "source_port": flows["source_port"].copy(), "destination_port": flows["destination_port"].copy()}
    attempt = 0
    while len(again := np.flatnonzero(later_ones(flows))):
        source, destination = flows["source_port"][again], flows["destination_port"][again]
        both = np.full(len(again), attempt >= _ROUNDS)
        for name, old, chosen in (
            ("source_port", source, both | (source >= destination)),
            ("destination_port", destination, both | (source < destination)),
        ):
            low = np.where((old >= SYSTEM) & (old < DYNAMIC), SYSTEM, DYNAMIC)
            high = np.where((old >= SYSTEM) & (old < DYNAMIC), DYNAMIC, PORTS)
            flows[name][again] = np.where(chosen, rng.integers(low, high), old)
        attempt += 1
    return flows
