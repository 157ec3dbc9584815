"""The track of header traces: what it accepts, how it splits, what it refuses of a system."""

from dataclasses import replace

import numpy as np
import pytest

from ntgbench.errors import DatasetError, NtgbenchError, PluginError
from ntgbench.limits import VARIABLE
from ntgbench.plugins import registry
from ntgbench.tracks import NoLayout
from ntgbench.tracks.headers.example import example_trace
from ntgbench.tracks.headers.splits import crossing_flows, halves, split
from ntgbench.traffic.trace import PacketTrace

TRACK = registry().track("headers")
TRACE = example_trace()
REQUEST = TRACK.request(TRACE)


def rows(trace: PacketTrace, *index: int) -> PacketTrace:
    return trace.select(np.array(index, int))


def test_the_example_is_in_order_valid_and_holds_what_can_go_wrong():
    assert TRACK.accepts(TRACE, None)
    assert TRACK.check(TRACE, REQUEST, TRACE) is TRACE
    assert set(TRACE.protocol) == {6, 17}
    assert not TRACE.is_ipv4().all()
    assert TRACE.flows.count.min() == 1
    assert TRACE.digest() == example_trace().digest() != example_trace(2).digest()


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.99])
def test_training_is_the_first_part_and_held_out_the_rest(share: float):
    train, test = TRACK.split(TRACE, share, seed=1)
    assert PacketTrace.concat([train, test]).digest() == TRACE.digest()
    assert len(test) == max(round(share * len(TRACE)), 2)
    assert train.time_ns[-1] <= test.time_ns[0]
    assert TRACK.split(TRACE, share, seed=2)[0].digest() == train.digest()


def test_flows_on_both_sides_of_the_cut_are_counted():
    whole = TRACE.flows
    train, test = split(TRACE, 0.5)
    cut = len(train)
    expected = len(set(whole.number[:cut].tolist()) & set(whole.number[cut:].tolist()))
    assert crossing_flows(train, test) == expected > 0
    (note,) = TRACK.split_notes(train, test)
    assert note.startswith(f"{expected} of the {len(train.flows)} flows in the training trace go on")
    assert crossing_flows(*halves(rows(TRACE, 0, 0, 0, 0))) == 1


def with_short_packets() -> PacketTrace:
    """The example, with a packet that is too short for its headers and one whose payload takes their room."""
    length, payload = TRACE.ip_length.copy(), TRACE.payload_length.copy()
    length[10], payload[10] = 27, 0
    payload[20] = length[20] - 1
    return replace(TRACE, ip_length=length, payload_length=payload)


def test_what_the_check_of_made_traces_refuses_is_in_no_dataset():
    short = with_short_packets()
    with pytest.raises(PluginError, match="row 10: a packet has room for its IP, TCP or UDP header"):
        TRACK.check(short, REQUEST, TRACE)
    ready, notes = TRACK.prepare(short, 100)
    assert TRACK.check(ready, (len(ready), ready.span_ns), ready) is ready
    assert ready.digest() == TRACE.select(np.delete(np.arange(100), [10, 20])).digest()
    assert notes == (
        f"cut to the first 100 of {len(TRACE)} packets",
        "left out 2 packets without room for their headers",
    )
    every = replace(TRACE, ip_length=np.full_like(TRACE.ip_length, 20), payload_length=0 * TRACE.payload_length)
    with pytest.raises(DatasetError, match=r"0 usable packets found; .*; left out 430 packets without room"):
        TRACK.prepare(every, None)


@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.parametrize("most", [4, 100, len(TRACE) - 1, len(TRACE), None])
def test_reading_the_first_packets_is_reading_all_and_cutting(tmp_path, monkeypatch, in_order: bool, most: int | None):
    monkeypatch.setattr("ntgbench.traffic.parquet._BATCH_BYTES", 10_000)
    path = tmp_path / "trace.parquet"
    short = with_short_packets()
    TRACK.write(short if in_order else short.select(np.arange(len(short))[::-1]), path)
    whole, notes = TRACK.read(path, NoLayout())
    expected, more = TRACK.prepare(whole, most)
    found, told = TRACK.read_prepared(path, NoLayout(), most)
    assert found.digest() == expected.digest()
    assert told == (*notes, *more)


def test_packets_that_are_not_kept_are_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("ntgbench.traffic.parquet._BATCH_BYTES", 10_000)
    TRACK.write(TRACE, tmp_path / "trace.parquet")
    monkeypatch.setenv(VARIABLE, str(60_000 / 2**30))
    with pytest.raises(NtgbenchError, match="over the limit"):
        TRACK.read_prepared(tmp_path / "trace.parquet", NoLayout(), None)
    assert len(TRACK.read_prepared(tmp_path / "trace.parquet", NoLayout(), 50)[0]) == 50


def test_a_dataset_is_cut_to_its_first_packets_and_needs_four():
    cut, notes = TRACK.prepare(TRACE, 100)
    assert cut.digest() == TRACE.select(np.arange(100)).digest()
    assert notes == (f"cut to the first 100 of {len(TRACE)} packets",)
    assert TRACK.prepare(TRACE, len(TRACE)) == (TRACE, ())
    with pytest.raises(DatasetError, match="3 usable packets found"):
        TRACK.prepare(rows(TRACE, 0, 1, 2), None)


def test_pauses_as_between_captures_are_noted():
    hour = 3600 * 10**9

    def notes(*pauses: int) -> tuple[str, ...]:
        later = np.zeros(len(TRACE), np.int64)
        for at, pause in enumerate(pauses):
            later[100 * (at + 1) :] += pause
        return TRACK.prepare(replace(TRACE, time_ns=TRACE.time_ns + later), None)[1]

    assert notes(hour // 2) == ()
    longest = f"{3600 + np.diff(TRACE.time_ns)[99] / 1e9:,.0f} s"
    assert notes(hour) == (
        f"1 pause of an hour or more takes 99% of the time; the longest one without a packet is {longest}",
    )
    (two,) = notes(5 * 24 * hour, 30 * 24 * hour)
    assert two.startswith(
        "2 pauses of an hour or more take 100% of the time; the longest one without a packet is 2,592,"
    )
    half_hours = TRACE.time_ns[0] + np.arange(len(TRACE)) * (hour // 2)
    half_hours[-1] += hour
    assert TRACK.prepare(replace(TRACE, time_ns=half_hours), None)[1] == ()


def test_a_trace_out_of_order_is_not_accepted():
    assert not TRACK.accepts(rows(TRACE, 5, 0), None)
    assert not TRACK.accepts("trace", None)


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (None, "returned NoneType, not a PacketTrace"),
        (rows(TRACE), "returned 0 packets"),
        (PacketTrace.concat([TRACE, TRACE, TRACE]).sorted_by_time(), "packets; 430 were asked for, and 1..860"),
        (rows(TRACE, 3, 1), "row 1: times are in order"),
        (replace(TRACE, payload_length=TRACE.ip_length - 20), "has room for its IP, TCP or UDP header"),
        (
            replace(TRACE, time_ns=TRACE.time_ns * 2),
            "a trace of .* ns; at most .* ns were asked for",
        ),
    ],
)
def test_a_wrong_trace_is_refused_with_the_reason(made: object, told: str):
    with pytest.raises(PluginError, match=told):
        TRACK.check(made, REQUEST, TRACE)


def test_requests_are_for_packets_in_a_time():
    assert (len(TRACE), TRACE.span_ns) == REQUEST
    assert TRACK.request_for(TRACE, [], 43) == (43, TRACE.span_ns * 42 // 429)
    assert TRACK.checked_request((np.int64(5), np.int64(7)), TRACE, []) == (5, 7)
    with pytest.raises(NtgbenchError, match="have no classes"):
        TRACK.request_for(TRACE, ["mail"], 43)
    for wrong in ((0, 5), (5, -1)):
        with pytest.raises(NtgbenchError, match="at least one packet"):
            TRACK.checked_request(wrong, TRACE, [])


@pytest.mark.parametrize("name", ["trace.parquet", "trace.pcap"])
def test_a_written_trace_is_read_back_with_all_its_columns(tmp_path, name: str):
    TRACK.write(TRACE, tmp_path / name)
    read, notes = TRACK.read(tmp_path / name, None)
    assert read.digest() == TRACE.digest()
    assert not notes


def test_figures_for_people():
    about = TRACK.describe(TRACE)
    assert (about["packets"], about["flows"]) == (len(TRACE), len(TRACE.flows))
    assert about["seconds"] == pytest.approx(TRACE.span_ns / 1e9)
    assert 0 < about["tcp_share"] < 1
    assert TRACK.size(TRACE) == f"{len(TRACE)} packets in {len(TRACE.flows)} flows and 53.9 s"
    assert TRACK.describe(rows(TRACE))["packets_per_second"] == 0.0


def test_noise_is_a_valid_trace_unlike_the_real_one():
    noise = TRACK.noise(TRACE)
    assert TRACK.check(noise, REQUEST, TRACE) is noise
    assert len(noise.flows) == len(noise)
