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

Column = npt.NDArray[np.integer]


def statistics(real: PacketTrace, synthetic: PacketTrace, seed: int) -> dict[str, float | str]:  # noqa: ARG001
    """Divergences of addresses, ports and protocol; distances of lengths, TTL, packets and bytes of flows.

    A divergence stands in bits; beside it, as `@ref`, the form of the reference code of CascadeNet: the square root of
    the divergence in nats, at most 0.833.
    """
    values: dict[str, float | str] = {}
    fields: dict[str, tuple[Column, Column]] = {
        "sa": _addresses(real.source, synthetic.source),
        "da": _addresses(real.destination, synthetic.destination),
        "sp": (real.source_port, synthetic.source_port),
        "dp": (real.destination_port, synthetic.destination_port),
        "pr": (real.protocol, synthetic.protocol),
    }
    for name, columns in fields.items():
        values[name] = divergence = jsd_bits(*columns)
        values[f"{name}@ref"] = sqrt(divergence * log(2))
    return values | {
        "pl": emd(Sample.of(real.ip_length), Sample.of(synthetic.ip_length)),
        "ttl": emd(Sample.of(real.ttl), Sample.of(synthetic.ttl)),
        "npf": emd(Sample.of(real.flows.count), Sample.of(synthetic.flows.count)),
        "nbf": emd(Sample.of(bytes_of_flows(real)), Sample.of(bytes_of_flows(synthetic))),
    }


def _addresses(real: npt.NDArray[np.uint64], synthetic: npt.NDArray[np.uint64]) -> tuple[Column, Column]:
    """The addresses of both sides, uint64 (N, 2), as codes: equal for equal addresses, IPv4 or IPv6."""
    both = np.concatenate([real, synthetic])
    code = codes(both[:, 0], both[:, 1])
    return code[: len(real)], code[len(real) :]


def bytes_of_flows(trace: PacketTrace) -> npt.NDArray[np.int64]:
    """Bytes of IP packets of each flow, int64 (F,)."""
    return trace.flows.sums(trace.ip_length.astype(np.int64)).astype(np.int64)
