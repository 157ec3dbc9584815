"""From a capture file to labelled flows: read, segment, label."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ntgbench.traffic.capture import read_capture
from ntgbench.traffic.segmentation import ACTIVE_TIMEOUT, IDLE_TIMEOUT, flow_table, segment
from ntgbench.traffic.sidecar import read_sidecar

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from ntgbench.traffic.flows import FlowTable


def capture_flows(
    path: str | os.PathLike[str],
    class_of: str | Sequence[str] | None = None,
    *,
    inner: bool = False,
    idle_timeout: float = IDLE_TIMEOUT,
    active_timeout: float = ACTIVE_TIMEOUT,
    size_limit: int | None = None,
) -> tuple[FlowTable, Counter[str], tuple[str, ...]]:
    """Flows of a capture, in the order of their first packets.

    Args:
        path: pcap or pcapng file, plain or gzip.
        class_of: class of all flows, or one for each biflow; None takes them from the sidecar.

        inner: see `read_capture`.
        idle_timeout: seconds, see `segment`.
        active_timeout: seconds, see `segment`.
        size_limit: bytes, see `read_capture`.

    Returns:
        the flows; how often what was left out or changed, see `ntgbench.traffic.notes.filled`, which can be summed
        over captures; and warnings that say what is damaged and how far the capture was read.

    Raises:
        CaptureError: the capture, or the file with its classes, cannot be read at all.
        TrafficError: there is not one class for each biflow, or a timeout is not positive.
    """
    capture = read_capture(path, inner=inner, size_limit=size_limit)
    segmentation = segment(capture.trace, idle_timeout, active_timeout)
    class_of = read_sidecar(path) if class_of is None else class_of
    flows, changes = flow_table(capture.trace, segmentation, class_of)
    return flows, Counter(capture.changes()) + changes, capture.warnings
