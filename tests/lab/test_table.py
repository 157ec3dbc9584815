"""A biflow belongs to the session whose address it has, and to its class when the port is one of the class's."""

from contextlib import nullcontext

import numpy as np
import pyarrow.parquet as pq
import pytest
from made_packets import TCP, UDP, ethernet, ipv4, pcap, tcp, udp

from benchmarks.lab.hosts import SERVER, Line
from benchmarks.lab.plan import Session
from benchmarks.lab.table import PACKETS, read_flows, write_parquet, write_samples
from benchmarks.lab.workload import Workload
from ntgbench.datasets.captures import read_captures
from ntgbench.datasets.tables import read_table
from ntgbench.traffic.flows import FlowTable

LINE = Line(rate=10, mtu=1500, delay=0, jitter=0, loss=0)
WEB = Workload("web", "", lambda site: nullcontext(), lambda visit: None, (80, 443), (1, 1), "", ())
NAMES = Workload("names", "", lambda site: nullcontext(), lambda visit: None, (53,), (1, 1), "", ())
FIRST = Session("web", 1, 7, 1, 0, LINE)
SECOND = Session("names", 2, 300, 1, 0, LINE)


def up(session, payload, port, client=40000, protocol=TCP):
    body = tcp(payload, ports=(client, port)) if protocol == TCP else udp(payload, ports=(client, port))
    return ethernet(ipv4(body, protocol, source=session.address, destination=SERVER))


def down(session, payload, port, client=40000, protocol=TCP):
    body = tcp(payload, ports=(port, client)) if protocol == TCP else udp(payload, ports=(port, client))
    return ethernet(ipv4(body, protocol, source=SERVER, destination=session.address))


@pytest.fixture
def capture(tmp_path):
    """A biflow of each session, and one of the second to a port that is not its class's."""
    packets = [up(SECOND, 30, 53, protocol=UDP), up(FIRST, 0, 443), up(FIRST, 517, 443), down(FIRST, 1400, 443)]
    packets += [down(SECOND, 90, 53, protocol=UDP), up(SECOND, 10, 80, client=50000)]
    path = tmp_path / "slot.pcap"
    path.write_bytes(pcap(packets, times=[(100 + 2 * number, 0) for number in range(len(packets))]))
    return path


def test_biflows_are_labelled_by_address_and_port(capture):
    flows, changes = read_flows([capture], [FIRST, SECOND], [WEB, NAMES])
    assert [flows.classes[label] for label in flows.label] == ["web", "names"]
    assert flows.session.tolist() == [FIRST.code, SECOND.code]
    assert flows.signed_pl.tolist() == [517, -1400, 30, -90]
    assert changes["left out {} biflows that are no session's or on other ports"] == 1


def test_a_session_that_failed_leaves_no_biflows(capture):
    flows, _ = read_flows([capture], [SECOND], [WEB, NAMES])
    assert flows.classes == ("names",)


def test_a_connection_that_the_server_opens_is_the_sessions_too(tmp_path):
    path = tmp_path / "slot.pcap"
    path.write_bytes(pcap([down(FIRST, 5, 80), up(FIRST, 6, 80)]))
    flows, _ = read_flows([path], [FIRST], [WEB])
    assert flows.signed_pl.tolist() == [5, -6]


def test_the_table_is_read_back_with_its_days(capture, tmp_path):
    flows, _ = read_flows([capture], [FIRST, SECOND], [WEB, NAMES])
    path = tmp_path / "lab.parquet"
    write_parquet(flows, path, {"seed": 1})
    read, _ = read_table(path)
    assert read.signed_pl.tolist() == flows.signed_pl.tolist()
    assert pq.read_table(path)["day"].to_pylist() == [1, 2]
    again, head = FlowTable.from_parquet(path)
    assert head["seed"] == 1
    assert again.session.tolist() == flows.session.tolist()


def test_iat_keeps_three_digits(tmp_path):
    rng = np.random.default_rng(0)
    count = 2 * PACKETS
    iat = rng.lognormal(-6, 3, count)
    flows, _ = FlowTable.from_packets([count], [1] * count, [True] * count, ["web"], iat, session=[FIRST.code])
    write_parquet(flows, tmp_path / "lab.parquet", {})
    read = pq.read_table(tmp_path / "lab.parquet")["pkts_iat"].to_pylist()[0]
    assert len(read) == PACKETS
    assert read[0] == 0
    np.testing.assert_allclose(read[1:], iat[1:PACKETS], rtol=0.002)


def test_samples_are_captures_of_headers_that_say_the_same(capture, tmp_path):
    folder = tmp_path / "samples"
    written = write_samples([capture], [FIRST, SECOND], [WEB, NAMES], folder, of_class=1, biflows=2, packets=9)
    files = sorted(folder.rglob("*.pcap"))
    assert [str(file.relative_to(folder)) for file in files] == [f"names/{SECOND.code}.pcap", f"web/{FIRST.code}.pcap"]
    assert written == sum(file.stat().st_size for file in files)
    flows, _ = read_captures(folder, files)
    assert flows.classes == ("names", "web")
    assert flows.signed_pl.tolist() == [30, -90, 517, -1400]
    assert bytes(200) not in b"".join(file.read_bytes() for file in files), "payload is cut"
