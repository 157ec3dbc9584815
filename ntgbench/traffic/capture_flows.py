"""From a capture file to labelled flows: read, segment, label, in memory that does not grow with the file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ntgbench.errors import TrafficError
from ntgbench.traffic.capture_files import BLOCK
from ntgbench.traffic.flow_buckets import BUCKET, FlowBuckets
from ntgbench.traffic.flows import WITHOUT_PAYLOAD, FlowTable
from ntgbench.traffic.open_flows import EndedFlows, OpenFlows
from ntgbench.traffic.packet_stream import HOLD, PacketStream
from ntgbench.traffic.segmentation import ACTIVE_TIMEOUT, IDLE_TIMEOUT
from ntgbench.traffic.sidecar import read_sidecar
from ntgbench.traffic.transport import Transport
from ntgbench.words import pluralised

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path


@dataclass
class Account:
    """What became of a capture beside its flows."""

    # How often what was left out or changed, see `ntgbench.traffic.notes.filled`; can be summed over captures
    changes: Counter[str] = field(default_factory=Counter)
    warnings: tuple[str, ...] = ()  # what is damaged, and how far the capture was read


def flow_tables(
    path: str | os.PathLike[str],
    account: Account,
    class_of: str | Sequence[str] | None = None,
    *,
    inner: bool = False,
    idle_timeout: float = IDLE_TIMEOUT,
    active_timeout: float = ACTIVE_TIMEOUT,
    size_limit: int | None = None,
    packets: int | None = None,
    folder: Path | None = None,
    progress: Callable[[int], None] | None = None,
    block: int = BLOCK,
    hold: int = HOLD,
    bucket: int = BUCKET,
) -> Iterator[FlowTable]:
    """Flows of a capture, in the order of their first packets, table after table.

    The capture is read as a stream. In memory are the packets of a block and of open flows, `hold` packets to put in
    the order of time and to find fragments in, and the flows that begin with `bucket` packets; flows that have ended
    wait in a temporary file.

    Args:
        path: pcap or pcapng file, plain or gzip.
        account: filled in; complete after the last table.
        class_of: class of all flows, or one for each biflow; None takes them from the sidecar.
        inner: see `read_capture`.
        idle_timeout: seconds, see `segment`.
        active_timeout: seconds, see `segment`.
        size_limit: bytes, see `read_capture`.
        packets: packets with payload that are kept of each flow; None keeps all.
        folder: where the temporary file may be; None takes the system's folder.
        progress: told how many bytes of the file have been read.
        block: bytes that are read at a time.
        hold: packets. One that comes so many packets late takes the time of the one before it, and the fragments of a
            datagram that are further apart are not put together.
        bucket: packets.

    Raises:
        CaptureError: the capture, or the file with its classes, cannot be read at all.
        TrafficError: there is not one class for each biflow, or a timeout is not positive.
    """
    open_flows = OpenFlows(idle_timeout, active_timeout, packets)
    stream = PacketStream(path, inner=inner, size_limit=size_limit, block=block, progress=progress)
    without_payload = 0
    with FlowBuckets(folder, bucket) as buckets:
        for columns in stream.columns(hold, lambda: max(hold, open_flows.carried)):
            without_payload += int(np.count_nonzero(columns["payload_length"] == 0))
            buckets.add(open_flows.add(columns, last=stream.ended))
        class_of = read_sidecar(path) if class_of is None else class_of
        if not isinstance(class_of, str) and len(class_of) != len(buckets):
            given = pluralised(len(class_of), "class")
            raise TrafficError(f"{given} for {pluralised(len(buckets), 'biflow')}; give one, or one for each")
        account.changes += Counter({**stream.changes(), WITHOUT_PAYLOAD: without_payload})
        account.warnings = stream.warnings
        done = 0
        for flows in buckets.ordered():
            count = len(flows.first)
            table, changes = _table(flows, class_of if isinstance(class_of, str) else class_of[done : done + count])
            account.changes += changes
            done += count
            yield table


def _table(flows: EndedFlows, class_of: str | Sequence[str]) -> tuple[FlowTable, Counter[str]]:
    one = isinstance(class_of, str)
    return FlowTable.from_packets(
        counts=flows.counts,
        length=np.abs(flows.signed_pl),
        upstream=flows.signed_pl > 0,
        class_of=np.zeros(len(flows.first), np.int32) if one else class_of,
        iat=flows.iat,
        classes=[class_of] if isinstance(class_of, str) else None,
        transport=flows.transport,
    )


def capture_flows(
    path: str | os.PathLike[str],
    class_of: str | Sequence[str] | None = None,
    *,
    inner: bool = False,
    idle_timeout: float = IDLE_TIMEOUT,
    active_timeout: float = ACTIVE_TIMEOUT,
    size_limit: int | None = None,
) -> tuple[FlowTable, Counter[str], tuple[str, ...]]:
    """All flows of a capture at once, and what `Account` holds; see `flow_tables`."""
    account = Account()
    tables = flow_tables(
        path,
        account,
        class_of,
        inner=inner,
        idle_timeout=idle_timeout,
        active_timeout=active_timeout,
        size_limit=size_limit,
    )
    return FlowTable.concat([NO_FLOWS, *tables]), account.changes, account.warnings


NO_FLOWS = FlowTable(
    offsets=np.zeros(1, np.int64),
    signed_pl=np.zeros(0, np.int32),
    label=np.zeros(0, np.int32),
    classes=(),
    iat=np.zeros(0, np.float32),
    transport=Transport(np.zeros(0, np.uint8), np.zeros(0, np.uint16), np.zeros(0, np.int64)),
)
