"""The suite `statistics`: fields of packets, and packets and bytes of flows."""

from __future__ import annotations

from math import log, sqrt
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench.traffic.trace_flows import codes
from ntgbench_trace_statistics.distances import Sample, emd, jsd_bits

if TYPE_CHECKING:
    from ntgbench.traffic.trace import PacketTrace

FIELDS = {"sa": "source", "da": "destination", "sp": "source_port", "dp": "destination_port", "pr": "protocol"}
"""Columns of a trace that are parts of the 5-tuple, by the name of the metric."""


def statistics(real: PacketTrace, synthetic: PacketTrace, seed: int) -> dict[str, float | str]:  # noqa: ARG001
    """Divergences of addresses, ports and protocol; distances of lengths, TTL, packets and bytes of flows.

    A divergence stands in bits; beside it, as `@ref`, the form of the reference code of CascadeNet: the square root of
    the divergence in nats, at most 0.833.
    """
    values: dict[str, float | str] = {
        "pl": emd(Sample.of(real.ip_length), Sample.of(synthetic.ip_length)),
        "ttl": emd(Sample.of(real.ttl), Sample.of(synthetic.ttl)),
        "npf": emd(Sample.of(real.flows.count), Sample.of(synthetic.flows.count)),
        "nbf": emd(Sample.of(bytes_of_flows(real)), Sample.of(bytes_of_flows(synthetic))),
    }
    for name, column in FIELDS.items():
        values[name] = divergence = jsd_bits(*_packets_by_value(real, synthetic, column))
        values[f"{name}@ref"] = sqrt(divergence * log(2))
    return values


def bytes_of_flows(trace: PacketTrace) -> npt.NDArray[np.int64]:
    """Bytes of IP packets of each flow, int64 (F,)."""
    return trace.flows.sums(trace.ip_length.astype(np.int64)).astype(np.int64)


def _packets_by_value(
    real: PacketTrace, synthetic: PacketTrace, column: str
) -> tuple[npt.NDArray[np.number], npt.NDArray[np.number]]:
    """Packets on each side of every value that the column has on one of them, counted flow by flow."""
    values = np.concatenate([getattr(trace, column)[trace.flows.heads()] for trace in (real, synthetic)])
    code = codes(*values.reshape(len(values), -1).T)
    flows, distinct = len(real.flows), int(code.max()) + 1
    return (
        np.bincount(code[:flows], real.flows.count, distinct),
        np.bincount(code[flows:], synthetic.flows.count, distinct),
    )
