"""What captures of made biflows show beside lengths: kept of the training traffic, drawn, and read back."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ntgbench import Context
from ntgbench.errors import NtgbenchError, PluginError
from ntgbench.plugins import registry
from ntgbench.systems import choose, load, read_surface
from ntgbench.testing import example_traffic
from ntgbench.tracks.biflows import surface
from ntgbench.tracks.biflows.surface import checked_surface, dressed, surface_of
from ntgbench.traffic.biflows import Biflows
from ntgbench.traffic.capture_flows import capture_flows
from ntgbench.traffic.export import write_pcap
from ntgbench.traffic.trace import TCP, UDP
from ntgbench.traffic.transport import Transport

if TYPE_CHECKING:
    from pathlib import Path

CLASSES = ("dns", "web")


def training(count: int = 400, gap: float = 0.5) -> Biflows:
    """Biflows of two classes, one of UDP to port 53 and one of TCP to 443 and 80, which begin `gap` seconds apart."""
    dice = np.random.default_rng(count)
    label = (np.arange(count) % 2).astype(np.int32)
    signed_pl = dice.integers(1, 1461, (count, 6)) * dice.choice([-1, 1], (count, 6))
    iat = np.where(signed_pl > 0, 0.125, 0.25).astype(np.float32)
    iat[:, 0] = 0
    transport = Transport(
        np.where(label == 0, UDP, TCP).astype(np.uint8),
        np.where(label == 0, 53, np.where(np.arange(count) % 8 == 1, 80, 443)).astype(np.uint16),
        (np.arange(count) * gap * 1e9).astype(np.int64),
    )
    return Biflows(signed_pl.astype(np.int16), label, CLASSES, iat=iat, transport=transport)


def test_the_surface_is_counts_and_quantiles():
    found = surface_of(training())
    assert found is not None
    assert found["rate"] == pytest.approx(2.0)
    assert found["classes"]["dns"]["udp"] == {"flows": 200, "ports": {"53": 200}}
    assert found["classes"]["web"]["tcp"] == {"flows": 200, "ports": {"443": 150, "80": 50}}
    assert "tcp" not in found["classes"]["dns"]
    assert set(found["all"]["up"]) == {0.125}
    assert set(found["all"]["down"]) == {0.25}
    assert checked_surface(json.loads(json.dumps(found)), "it") == found
    assert surface_of(replace(training(), transport=None, iat=None)) is None


def test_starts_are_compared_within_sessions_only():
    train = training(8, gap=1.0)
    assert train.transport is not None
    later = train.transport.start_ns + 10**12 * (np.arange(8) // 4)
    apart = replace(
        train,
        transport=replace(train.transport, start_ns=later),
        session=(np.arange(8) // 4).astype(np.int32),
    )
    found = surface_of(apart)
    assert found is not None
    assert found["rate"] == pytest.approx(1.0)


def test_captures_look_like_the_training_traffic():
    train = training(2_000)
    made, notes = dressed(replace(train, transport=None, iat=None), surface_of(train), None, None, seed=1)
    assert made.transport is not None
    assert made.iat is not None
    protocol = np.where(made.label == 0, UDP, TCP)
    assert np.array_equal(made.transport.protocol, protocol)
    assert set(made.transport.server_port[made.label == 0]) == {53}
    ports = made.transport.server_port[made.label == 1]
    assert (ports == 443).mean() == pytest.approx(0.75, abs=0.05)
    assert np.array_equal(made.iat[:, 1:], np.where(made.signed_pl[:, 1:] > 0, 0.125, 0.25).astype(np.float32))
    seconds = np.diff(made.transport.start_ns) / 1e9
    assert seconds.min() >= 0
    assert seconds.sum() == pytest.approx(1_000, rel=0.02)
    # The gaps of a Poisson process vary as much as they last.
    assert seconds.std() / seconds.mean() == pytest.approx(1.0, abs=0.1)
    assert "2 a second, as in training" in notes[0]
    # The classes come mixed.
    assert 0.4 < made.label[:1_000].mean() < 0.6


@pytest.mark.parametrize(
    ("rate", "span", "seconds"), [(None, None, 40.0), (4.0, None, 100.0), (None, 7.0, 7.0), (None, 0.0, 0.0)]
)
def test_the_user_sets_the_pace(rate, span, seconds):
    plain = replace(training(), transport=None, iat=None)
    made, notes = dressed(plain, None, rate, span, seed=1)
    assert made.transport is not None
    assert np.ptp(made.transport.start_ns) / 1e9 == pytest.approx(seconds, rel=0.05)
    assert set(made.transport.server_port) == {443}
    assert set(made.transport.protocol) == {TCP}
    assert notes[1] == "transport and ports: not known of the training traffic; TCP to port 443"


def test_a_class_that_is_not_known_looks_like_all():
    train = training()
    made, notes = dressed(replace(train, classes=("dns", "new")), surface_of(train), None, None, seed=1)
    assert made.transport is not None
    assert set(made.transport.protocol[made.label == 1]) == {TCP, UDP}
    assert notes[1] == "transport and ports: drawn from those of the class in training"


@st.composite
def biflows(draw: st.DrawFn) -> Biflows:
    packets = draw(st.integers(1, 5))
    lengths = st.integers(-1460, 1460).filter(bool)
    rows = draw(st.lists(st.lists(lengths, min_size=1, max_size=packets), min_size=1, max_size=12))
    signed_pl = np.array([[*row, *[0] * (packets - len(row))] for row in rows], np.int16)
    return Biflows(signed_pl, np.arange(len(rows), dtype=np.int32) % 2, CLASSES)


QUANTILES = st.lists(st.floats(0, 1e9), min_size=len(surface.LEVELS), max_size=len(surface.LEVELS)).map(sorted)


@settings(max_examples=40)
@given(biflows(), QUANTILES, st.integers(0, 3), st.integers(0, 3), st.floats(0, 1e5))
def test_a_capture_gives_the_same_biflows_back(tmp_path_factory, made, gaps, tcp, udp, span):
    ports = {"443": 1, "53": 2}
    look = {"tcp": {"flows": tcp, "ports": ports}, "udp": {"flows": udp, "ports": ports}, "up": gaps, "down": gaps}
    known = checked_surface({"format": 1, "all": look, "classes": {}}, "it")
    shown, _ = dressed(made, known, None, span, seed=len(made))
    path = tmp_path_factory.mktemp("made") / "made.pcap"
    write_pcap(shown, path, payload=False)
    back = capture_flows(path)[0].to_biflows(made.packets, made.pl_max)[0]
    assert np.array_equal(back.signed_pl, shown.signed_pl)
    assert [back.classes[code] for code in back.label] == [shown.classes[code] for code in shown.label]
    assert back.transport is not None
    assert shown.transport is not None
    assert np.array_equal(back.transport.protocol, shown.transport.protocol)
    assert np.array_equal(back.transport.server_port, shown.transport.server_port)
    assert np.array_equal(back.transport.start_ns, shown.transport.start_ns)
    # They are those that were made, in another order.
    assert sorted(map(tuple, shown.signed_pl.tolist())) == sorted(map(tuple, made.signed_pl.tolist()))


@pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")
def test_tshark_finds_nothing_wrong(tmp_path: Path):
    train = training()
    shown, _ = dressed(train, surface_of(train), None, None, seed=1)
    write_pcap(shown, tmp_path / "made.pcap", payload=False)
    wrong = "_ws.malformed or _ws.expert.severity >= 0x600000 or ip.checksum.status == 0"

    def tshark(*words: str) -> str:
        command = ["tshark", "-n", "-r", str(tmp_path / "made.pcap"), "-o", "ip.check_checksum:TRUE", *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert tshark("-Y", wrong) == ""
    assert set(tshark("-Y", "udp", "-T", "fields", "-e", "udp.port").replace("\n", ",").split(",")) >= {"53"}
    assert len(tshark("-Y", "tcp.completeness == 31 and tcp.flags.fin == 0").splitlines()) == 200


@pytest.mark.parametrize("name", ["markov", "copy", "smote"])
def test_a_model_keeps_the_surface_and_no_port_of_a_flow(tmp_path: Path, name: str):
    train = training()
    choose(name).fit(train, Context(seed=1)).save(tmp_path)
    assert read_surface(tmp_path) == json.loads(json.dumps(surface_of(train)))
    assert len(load(tmp_path).train.transport or ()) == 0


def test_a_model_of_traffic_without_times_has_no_surface(tmp_path: Path):
    plain = example_traffic()
    choose("markov").fit(replace(plain, iat=None), Context(seed=1)).save(tmp_path)
    assert read_surface(tmp_path) is None


GOOD = {"format": 1, "all": {}, "classes": {}}


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        {**GOOD, "format": 2},
        {**GOOD, "rate": 0},
        {**GOOD, "all": {"up": [1.0]}},
        {**GOOD, "all": {"up": [float("nan")] * len(surface.LEVELS)}},
        {**GOOD, "all": {"tcp": {"flows": -1, "ports": {}}}},
        {**GOOD, "classes": {"web": {"tcp": {"flows": 1, "ports": {"70000": 1}}}}},
        {**GOOD, "classes": {"web": {"tcp": {"flows": 1, "ports": {"x": 1}}}}},
    ],
)
def test_a_surface_from_elsewhere_is_checked(wrong):
    with pytest.raises(PluginError, match=r"^it"):
        checked_surface(wrong, "it")


def test_traces_have_times_of_their_own():
    track = registry().track("headers")
    trace = track.example()
    assert track.dressed(trace, None, None, None, 0) == (trace, ())
    with pytest.raises(NtgbenchError, match="times of its own"):
        track.dressed(trace, None, 1.0, None, 0)
