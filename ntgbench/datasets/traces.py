"""Packet traces from files: captures, folders of captures, CSV and Parquet files with a row for each packet."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from ntgbench.datasets.reading import CAPTURES, TABLES, files_below
from ntgbench.errors import CaptureError, DatasetError, TrafficError
from ntgbench.traffic.capture import read_capture
from ntgbench.traffic.notes import SHOWN, filled, listed
from ntgbench.traffic.trace import PacketTrace

if TYPE_CHECKING:
    from pathlib import Path

ENDINGS = (*TABLES, *CAPTURES)
"""Endings of files that hold packet traces."""

_HEAD = 4096  # bytes of a file in which a log of Zeek shows what it is

Notes = tuple[str, ...]


def read_trace(
    path: Path, *, inner: bool = False, capture: str | None = None, size_limit: int | None = None
) -> tuple[PacketTrace, Notes]:
    """The TCP and UDP packets of a file or folder in the order of time, and what was left out or changed.

    Args:
        path: a capture, see `read_capture`; a folder of captures of one link, whose packets are put in the order of
            time; a Parquet file that ntgbench wrote; or another table, see `read_trace_table`.
        inner: read what captures hold inside tunnels.
        capture: of a table that holds several captures, take only those whose name begins so.
        size_limit: most bytes that a file may expand to; None takes `ntgbench.limits.size_limit()`.

    Raises:
        DatasetError: for a path that is missing, or holds no usable packet, or no packets but flows.
        CaptureError, TrafficError: for a file that cannot be read.
    """
    if not path.exists():
        raise DatasetError(f"there is no file or folder {path}")
    if not path.is_file() and not path.is_dir():
        raise DatasetError(f"{path} is neither a regular file nor a folder")
    try:
        _refuse_zeek(path)
        is_table = path.is_file() and path.name.lower().endswith(TABLES)
        if capture is not None and not is_table:
            raise DatasetError(f"a capture can be chosen by its name in a table of several only, and {path} is none")
        trace, notes = _table(path, capture, size_limit) if is_table else _captures(path, inner, size_limit)
    except OSError as error:
        raise DatasetError(f"cannot read {error.filename or path}: {error.strerror or error}") from error
    if not len(trace):
        raise DatasetError(f"{path} holds no usable packet" + (f": {'; '.join(notes)}" if notes else ""))
    return trace, notes


def _refuse_zeek(path: Path) -> None:
    if path.is_file():
        with path.open("rb") as file:
            head = file.read(_HEAD)
        if head.startswith((b"#separator", b"#fields")) or (head.startswith(b"{") and b'"id.orig_h"' in head):
            raise DatasetError(
                f"{path} is a log of Zeek: a row is a connection, and the lengths and times of its packets, which "
                "header traces are about, are not in it; give the capture that Zeek has read"
            )


def _table(path: Path, capture: str | None, size_limit: int | None) -> tuple[PacketTrace, Notes]:
    from ntgbench.datasets.trace_tables import read_trace_table
    from ntgbench.traffic.trace_files import is_trace_file, read_trace_file

    if path.name.lower().endswith(".parquet") and is_trace_file(path):
        if capture is not None:
            raise DatasetError(f"{path} holds one trace, so no capture can be chosen")
        trace, notes = read_trace_file(path, size_limit), Notes()
    else:
        trace, notes = read_trace_table(path, capture, size_limit)
    return _in_order(trace, notes)


def _in_order(trace: PacketTrace, notes: Notes) -> tuple[PacketTrace, Notes]:
    in_order = trace.sorted_by_time()
    return in_order, notes if in_order is trace else (
        *notes,
        "sorted packets that were not in the order of their times",
    )


def _captures(path: Path, inner: bool, size_limit: int | None) -> tuple[PacketTrace, Notes]:
    """One capture, or all in a folder and its folders: what cannot be read is left out."""
    if path.is_file():
        capture = read_capture(path, inner=inner, size_limit=size_limit)
        return capture.trace, capture.notes()
    found, notes = files_below(path)
    files = [file for file in found if file.name.lower().endswith(CAPTURES)]
    if not files:
        raise DatasetError(f"{path} has no capture; files that can be read end in {', '.join(CAPTURES)}")
    parts: list[PacketTrace] = []
    damaged, broken = [], []
    changes: Counter[str] = Counter()
    for file in files:
        name = file.relative_to(path).as_posix()
        try:
            capture = read_capture(file, inner=inner, size_limit=size_limit)
        except (CaptureError, TrafficError) as error:
            broken.append(f"{name} ({error})")
            continue
        parts.append(capture.trace)
        changes.update(capture.changes())
        damaged += [f"{name} ({'; '.join(capture.warnings)})"] if capture.warnings else []
    if not parts:
        raise DatasetError(f"no capture in {path} can be read: {'; '.join(broken[:SHOWN])}")
    trace = PacketTrace.concat(parts).sorted_by_time()
    pause = np.diff(trace.time_ns).max(initial=0) / 1e9
    return trace, (
        f"merged {len(parts)} captures in the order of time; the longest pause without a packet is {pause:,.6g} s",
        *listed("skipped {} [capture|captures] that cannot be read", broken),
        *listed(
            "{} [capture is damaged and used as far as it goes|captures are damaged and used as far as they go]",
            damaged,
        ),
        *notes,
        *filled(changes),
    )
