"""The datasets `lab`, `lab-pcap` and `lab-trace`: real programs that talked over a real network stack.

`make lab` builds them anew (`benchmarks/lab`); how is in datasheet.md and trace.md beside this.
"""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ntgbench.traffic.biflows import Biflows
    from ntgbench.traffic.trace import PacketTrace

FLOWS = "flows.parquet"  # the first 30 packets with payload of each biflow, with iat, session and day
CAPTURES = "captures"  # folder of captures, one folder a class, one capture a session: headers of some biflows
TRACE = "trace.parquet"  # the headers of all packets on one link, in the order of time


def load(packets: int, pl_max: int) -> Biflows:
    """Both days."""
    return _load(packets, pl_max)


def load_day1(packets: int, pl_max: int) -> Biflows:
    """The first day."""
    return _load(packets, pl_max, 1)


def load_day2(packets: int, pl_max: int) -> Biflows:
    """The second day: most of the same programs set up and used otherwise."""
    return _load(packets, pl_max, 2)


def load_captures(packets: int, pl_max: int) -> Biflows:
    """The biflows of the captures, read as anybody's are."""
    from ntgbench.datasets.reading import read_flows

    with resources.as_file(resources.files(__name__) / CAPTURES) as folder:
        return read_flows(folder)[0].to_biflows(packets, pl_max)[0]


def load_trace() -> PacketTrace:
    """Five minutes of one link, on which sessions of both days were placed at drawn times."""
    from ntgbench.traffic.trace_files import read_trace_file

    with resources.as_file(resources.files(__name__) / TRACE) as path:
        return read_trace_file(path)


def _load(packets: int, pl_max: int, day: int | None = None) -> Biflows:
    import pyarrow.parquet as pq

    from ntgbench.traffic.flows import FlowTable

    with resources.as_file(resources.files(__name__) / FLOWS) as path:
        flows = FlowTable.from_parquet(path)[0]
        if day is not None:
            flows = flows.select(np.flatnonzero(pq.read_table(path, columns=["day"])["day"].to_numpy() == day))
    return flows.to_biflows(packets, pl_max)[0]
