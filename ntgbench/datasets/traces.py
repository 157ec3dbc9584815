"""Packet traces from files: captures, CSV files with a row for each packet, Parquet files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ntgbench.traffic.trace_files import read_trace_file

if TYPE_CHECKING:
    from pathlib import Path

    from ntgbench.traffic.trace import PacketTrace

ENDINGS = (".parquet", ".csv", ".csv.gz", ".pcap", ".pcapng", ".cap", ".pcap.gz", ".pcapng.gz")
"""Endings of files that hold packet traces."""


def read_trace(path: Path) -> tuple[PacketTrace, tuple[str, ...]]:
    """The packets of a file in the order of time, and what was left out or changed. Raises NtgbenchError."""
    from ntgbench.traffic.capture import read_capture

    if path.suffix == ".parquet":
        return read_trace_file(path), ()
    capture = read_capture(path)
    return capture.trace, capture.notes()
