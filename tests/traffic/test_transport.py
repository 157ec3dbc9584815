"""Transport, server port and start of flows: with them through tables and files, and no part of their identity."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ntgbench.datasets.reading import read_biflows, read_flows
from ntgbench.errors import TrafficError
from ntgbench.testing import example_traffic
from ntgbench.traffic.biflows import Biflows
from ntgbench.traffic.export import write_pcap
from ntgbench.traffic.flows import FlowTable
from ntgbench.traffic.transport import KINDS, Transport

if TYPE_CHECKING:
    from pathlib import Path


def made() -> Biflows:
    plain = example_traffic()
    count = np.arange(len(plain))
    ports = Transport(
        np.where(count % 3, 6, 17).astype(np.uint8), (count + 1).astype(np.uint16), (count * 10**9).astype(np.int64)
    )
    return replace(plain, transport=ports)


def same(one: Transport | None, other: Transport | None) -> bool:
    return (
        one is not None
        and other is not None
        and all(np.array_equal(getattr(one, name), getattr(other, name)) for name in KINDS)
    )


def test_it_is_no_part_of_the_identity():
    assert made() == example_traffic()
    assert made().digest() == example_traffic().digest()


def test_it_goes_where_the_biflows_go(tmp_path: Path):
    biflows = made()
    rows = np.array([5, 0, 7])
    assert biflows.transport is not None
    assert same(biflows.select(rows).transport, biflows.transport.select(rows))
    assert same(Biflows.concat([biflows.select([0]), biflows.select([1])]).transport, biflows.select([0, 1]).transport)
    assert Biflows.concat([biflows, example_traffic()]).transport is None
    biflows.to_parquet(tmp_path / "made.parquet")
    assert same(Biflows.from_parquet(tmp_path / "made.parquet").transport, biflows.transport)
    read, _, _ = read_biflows(tmp_path / "made.parquet", biflows.packets, biflows.pl_max)
    assert same(read.transport, biflows.transport)
    flows, _ = read_flows(tmp_path / "made.parquet")
    assert same(flows.transport, biflows.transport)
    flows.to_parquet(tmp_path / "again.parquet")
    assert same(FlowTable.from_parquet(tmp_path / "again.parquet")[0].transport, biflows.transport)


def test_a_capture_tells_it(tmp_path: Path):
    biflows = made()
    shuffled = biflows.select(np.random.default_rng(1).permutation(len(biflows)))
    write_pcap(shuffled, tmp_path / "made.pcap", payload=False)
    flows, _ = read_flows(tmp_path / "made.pcap")
    back, _ = flows.to_biflows(biflows.packets, biflows.pl_max)
    assert same(back.transport, biflows.transport)
    assert np.array_equal(back.signed_pl, biflows.signed_pl)


@pytest.mark.parametrize(
    "columns",
    [
        {"protocol": [6, 17]},
        {"protocol": ["tcp", "udp"], "server_port": [1, 2], "start_ns": [0, 1]},
        {"protocol": [6, None], "server_port": [1, 2], "start_ns": [0, 1]},
        {"protocol": [6, 1], "server_port": [1, 2], "start_ns": [0, 1]},
        {"protocol": [6, 17], "server_port": [1, 70_000], "start_ns": [0, 1]},
        {"protocol": [6, 17], "server_port": [1, 2], "start_ns": [0.5, 1.5]},
    ],
)
def test_columns_of_another_meaning_are_passed_over(tmp_path: Path, columns: dict[str, list[object]]):
    flows = {"app": ["a", "b"], "pkts_len": [[10, 20], [30]], "pkts_dir": [[1, -1], [1]]}
    pq.write_table(pa.table({**flows, **columns}), tmp_path / "made.parquet")
    found, _ = read_flows(tmp_path / "made.parquet")
    assert (len(found), found.transport) == (2, None)


@pytest.mark.parametrize(("protocol", "count"), [(1, 2), (6, 3)])
def test_its_rules(protocol: int, count: int):
    plain = example_traffic().select([0, 1])
    with pytest.raises(TrafficError):
        replace(
            plain,
            transport=Transport(
                np.full(count, protocol, np.uint8), np.zeros(count, np.uint16), np.zeros(count, np.int64)
            ),
        )
