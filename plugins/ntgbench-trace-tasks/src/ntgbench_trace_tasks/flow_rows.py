"""The flows of both traces as rows, as the suites anomaly and detectors share them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench_trace_tasks.representations import REPRESENTATIONS, WITHOUT_LENGTHS, FlowPackets, Measures, Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ntgbench.traffic.trace import PacketTrace

Labels = npt.NDArray[np.bool_]

MOST_FLOWS = 3500
"""Flows of each trace that detectors see: the time and memory of a one-class SVM grow with their square."""


def judged(
    real: PacketTrace,
    synthetic: PacketTrace,
    seed: int,
    keys: Sequence[str],
    judge: Callable[[Rows, Rows, bool], dict[str, float]],
) -> dict[str, float | str]:
    """What `judge` says of each representation: a number for each of `keys` as `f1_NAMEkey`, and other forms of it.

    `judge(real rows, synthetic rows, True)` is called on true lengths and gives all of `keys`; where lengths matter, it
    is called once more on headers alone, with False, and what it gives then is kept as `@ref`. A text instead of each
    number when a trace has no flow of two packets.
    """
    flows = FlowPackets.of(real, MOST_FLOWS, seed), FlowPackets.of(synthetic, MOST_FLOWS, seed)
    if not all(map(len, flows)):
        which = "synthetic" if len(flows[0]) else "real"
        return {
            f"f1_{name}{key}": f"no flow of the {which} trace has two packets"
            for name in REPRESENTATIONS
            for key in keys
        }
    bare = [side.headers_alone() for side in flows]
    measures = Measures.of(flows[0])
    values: dict[str, float | str] = {}
    for name, rows in REPRESENTATIONS.items():
        found = judge(rows(flows[0], measures), rows(flows[1], measures), True)
        as_reference = found
        if name not in WITHOUT_LENGTHS:
            as_reference = judge(rows(bare[0], measures), rows(bare[1], measures), False)
        values |= {f"f1_{name}{key}": value for key, value in found.items()}
        values |= {f"f1_{name}{key}@ref": as_reference[key] for key in keys if key in as_reference}
    return values


def f1(found: Labels, truth: Labels) -> float:
    """F1 of labels, 0 when neither side has a positive one, as in the reference's code."""
    both = int(found.sum() + truth.sum())
    return 2 * int((found & truth).sum()) / both if both else 0.0
