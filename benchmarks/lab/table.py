"""From captures to labelled biflows: by the session that each client address belongs to."""

from __future__ import annotations

import json
import struct
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.lab.plan import NUMBERS, Session, code_of_address
from benchmarks.lab.workload import Workload
from ntgbench.files import replacing
from ntgbench.traffic.capture import Capture, read_capture
from ntgbench.traffic.capture_files import read_records
from ntgbench.traffic.flows import FlowTable
from ntgbench.traffic.segmentation import Segmentation, segment

PACKETS = 30
"""Packets with payload kept of each biflow."""

_NANOSECOND_PCAP = struct.pack("<IHHiIII", 0xA1B2_3C4D, 2, 4, 0, 0, 262_144, 1)
_MANTISSA = np.uint32(0xFFFF_8000)

Codes = npt.NDArray[np.int64]


def read_flows(
    captures: Iterable[Path], sessions: Sequence[Session], workloads: Sequence[Workload]
) -> tuple[FlowTable, Counter[str]]:
    """The biflows of the sessions, `session` being the sessions' codes; and what was left out, by reason."""
    parts: list[FlowTable] = []
    changes: Counter[str] = Counter()
    for path in captures:
        capture = read_capture(path)
        segmentation = segment(capture.trace)
        code, app = label(capture, segmentation, sessions, workloads)
        order, offsets = segmentation.order, segmentation.offsets
        gaps = np.diff(capture.trace.time_ns[order], prepend=0) / 1e9
        gaps[offsets[:-1]] = 0.0
        kept = np.array([bool(name) for name in app], np.bool_)
        changes["left out {} biflows that are no session's or on other ports"] += int(np.count_nonzero(~kept))
        changes.update(capture.changes())
        if not kept.any():
            continue
        counts = np.diff(offsets)
        of_kept = np.repeat(kept, counts)
        flows, changed = FlowTable.from_packets(
            counts=counts[kept],
            length=capture.trace.payload_length[order][of_kept],
            upstream=segmentation.upstream[order][of_kept],
            class_of=[name for name in app if name],
            iat=gaps[of_kept],
            session=code[kept],
        )
        changes.update(changed)
        parts.append(flows)
    joined = FlowTable.concat(parts)
    codes = np.concatenate([part.session for part in parts if part.session is not None])
    return replace(joined, session=codes).select(np.argsort(codes, kind="stable")), changes


def label(
    capture: Capture, segmentation: Segmentation, sessions: Sequence[Session], workloads: Sequence[Workload]
) -> tuple[Codes, list[str]]:
    """Session code and class of each biflow, int64 (F,); the class is "" where the biflow has none.

    A biflow is a session's when one end of it has that session's address, and it is of the session's class when the
    other end's port is one of the class's.
    """
    trace = capture.trace
    first = segmentation.order[segmentation.offsets[:-1]]
    ends = [
        (trace.source[first, 1], trace.destination_port[first]),
        (trace.destination[first, 1], trace.source_port[first]),
    ]
    class_of = {session.code: session.workload for session in sessions}
    ports = {workload.name: frozenset(workload.ports) for workload in workloads}
    code = np.full(len(first), -1, np.int64)
    app = [""] * len(first)
    for addresses, others in ends:
        for row, (address, port) in enumerate(zip(addresses.tolist(), others.tolist(), strict=True)):
            found = code_of_address(address & 0xFFFF_FFFF)
            name = class_of.get(found)
            if name is not None and port in ports[name]:
                code[row], app[row] = found, name
    return code, app


def write_parquet(flows: FlowTable, path: Path, head: Mapping[str, Any]) -> None:
    """The first packets of each biflow: columns app, pkts_len, pkts_dir, pkts_iat, session and day.

    Lengths are int16, directions +1 upstream and -1 downstream, gaps seconds since the previous packet with payload, to
    three digits, which is what a capture on a shared machine is worth.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    short = flows.first(PACKETS)
    assert short.iat is not None
    assert short.session is not None
    offsets = pa.array(short.offsets.astype(np.int32))
    gaps = ((short.iat.view(np.uint32) + np.uint32(0x4000)) & _MANTISSA).view(np.float32)
    lengths = np.minimum(np.abs(short.signed_pl), np.iinfo(np.int16).max).astype(np.int16)
    columns = {
        "app": pa.DictionaryArray.from_arrays(pa.array(short.label), pa.array(short.classes, pa.string())),
        "pkts_len": pa.ListArray.from_arrays(offsets, pa.array(lengths)),
        "pkts_dir": pa.ListArray.from_arrays(offsets, pa.array(np.sign(short.signed_pl).astype(np.int8))),
        "pkts_iat": pa.ListArray.from_arrays(offsets, pa.array(gaps)),
        "session": pa.array(short.session),
        "day": pa.array((short.session // NUMBERS).astype(np.int8)),
    }
    metadata = {"ntgbench": json.dumps({"classes": short.classes, **head})}
    with replacing(path) as temporary:
        pq.write_table(
            pa.table(columns).replace_schema_metadata(metadata),
            temporary,
            compression="zstd",
            compression_level=19,
            use_dictionary=["app", "pkts_len.list.element", "pkts_dir.list.element"],
            use_byte_stream_split=["pkts_iat.list.element"],
        )


def write_samples(
    captures: Iterable[Path],
    sessions: Sequence[Session],
    workloads: Sequence[Workload],
    folder: Path,
    *,
    of_class: int,
    biflows: int,
    packets: int,
) -> int:
    """Small captures, FOLDER/CLASS/SESSION.pcap: headers of the first packets of a few biflows; bytes written.

    Args:
        captures: of the lab.
        sessions: to choose from, in order.
        workloads: the classes.
        folder: where to write.
        of_class: sessions of each class on each day.
        biflows: of each session.
        packets: of each biflow.
    """
    taken: Counter[tuple[str, int]] = Counter()
    chosen: dict[int, Session] = {}
    for session in sessions:
        kind = (session.workload, session.day)
        if taken[kind] < of_class:
            taken[kind] += 1
            chosen[session.code] = session
    written = 0
    for path in captures:
        capture, records = read_capture(path), read_records(path)
        segmentation = segment(capture.trace)
        code, app = label(capture, segmentation, list(chosen.values()), workloads)
        named = np.array([bool(name) for name in app], np.bool_)
        bounds = segmentation.offsets
        for one in np.unique(code[named]).tolist():
            rows = np.flatnonzero(named & (code == one))[:biflows]
            packet = np.concatenate([segmentation.order[bounds[row] : bounds[row + 1]][:packets] for row in rows])
            target = folder / chosen[one].workload / f"{one}.pcap"
            target.parent.mkdir(parents=True, exist_ok=True)
            pieces = [_NANOSECOND_PCAP]
            for frame in np.sort(capture.frame[packet]).tolist():
                start, wire = int(records.start[frame]), int(records.wire[frame])
                captured = int(min(records.captured[frame], _headers(records.data[start : start + 48])))
                seconds, nanoseconds = divmod(int(records.time_ns[frame]), 1_000_000_000)
                pieces.append(struct.pack("<IIII", seconds, nanoseconds, captured, wire))
                pieces.append(records.data[start : start + captured].tobytes())
            written += target.write_bytes(b"".join(pieces))
    return written


def _headers(frame: npt.NDArray[np.uint8]) -> int:
    """Bytes of Ethernet, IPv4 and TCP or UDP headers."""
    ip = 14 + (int(frame[14]) & 15) * 4
    return ip + (int(frame[ip + 12]) >> 4) * 4 if frame[23] == 6 else ip + 8
