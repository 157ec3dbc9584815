"""Systems of one name in two tracks: the default track's is meant, unless a track is given."""

import json

import pytest

from ntgbench.errors import PluginError
from ntgbench.interfaces import Context
from ntgbench.plugins import registry
from ntgbench.probing import PROBED
from ntgbench.systems import choose
from ntgbench.testing import system_checks
from ntgbench.tracks.headers.example import example_trace
from ntgbench.traffic.export import write_pcap
from ntgbench.traffic.trace_files import read_trace_file, write_trace_file

TWINS = """
    import numpy as np
    from ntgbench import GeneratorSpec, hookimpl
    from ntgbench.traffic.trace_files import read_trace_file, write_trace_file

    @hookimpl
    def ntgbench_generators():
        return [
            GeneratorSpec("twin", "twins:Steady", "of traces", track="headers"),
            GeneratorSpec("lone", "twins:Steady", "of traces", track="headers"),
            GeneratorSpec("twin", "twins:Ones", "of biflows"),
        ]

    class Ones:
        def __init__(self, parameters): pass
        def fit(self, train, context): self.packets = train.packets
        def sample(self, labels, rng): return np.ones((len(labels), self.packets), np.int64)
        def save(self, folder): (folder / "packets").write_text(str(self.packets))
        def load(self, folder): self.packets = int((folder / "packets").read_text())

    class Steady:
        def __init__(self, parameters): pass
        def fit(self, train, context): self.train = train
        def sample(self, packets, span_ns, rng):
            from dataclasses import replace
            made = self.train.select(rng.integers(0, len(self.train), packets))
            return replace(made, time_ns=np.linspace(0, span_ns, packets).astype(np.int64))
        def save(self, folder): write_trace_file(self.train, folder / "train.parquet")
        def load(self, folder): self.train = read_trace_file(folder / "train.parquet")
"""


@pytest.fixture(autouse=True)
def _twins(install, monkeypatch) -> None:
    monkeypatch.setenv(PROBED, "1")  # they do not end the process; trying that takes a second each time
    install("twins", TWINS)


def test_systems_are_found_by_name_and_track() -> None:
    assert registry().tracks_of("twin") == ["headers", "biflows"]
    assert (choose("twin").spec.track, choose("twin", "headers").spec.track) == ("biflows", "headers")
    assert choose("lone").spec.track == "headers"
    assert registry().systems("headers").keys() >= {"twin", "lone"}
    assert "copy" not in registry().systems("headers")
    with pytest.raises(PluginError, match="the system lone is of the track headers, and biflows is asked for"):
        choose("lone", "biflows")
    names = {track: {check.name for check in system_checks("twin", track=track)} for track in (None, "headers")}
    assert "one-protocol" in names["headers"] - names[None]


@pytest.mark.parametrize(("options", "promise"), [((), "any labels"), (("--track", "headers"), "numbers of packets")])
def test_check_says_which_one_it_checks(command, options, promise: str) -> None:
    done = command("check", "twin", *options)
    assert promise in done.stdout
    assert (done.stderr == "") == bool(options)
    if not options:
        assert done.stderr == "note: twin of the track biflows; for the other one, --track headers\n"


def test_info_and_the_lists_tell_them_apart(command) -> None:
    assert json.loads(command("info", "twin", "--track", "headers", "--json").stdout)["summary"] == "of traces"
    default = command("info", "twin", "--json")
    assert json.loads(default.stdout)["track"] == "biflows"
    assert "--track headers" in default.stderr
    assert command("info", "lone").stderr == ""
    twins = [row for row in json.loads(command("list", "systems", "--json").stdout) if row["name"] == "twin"]
    assert {row["track"] for row in twins} == {"biflows", "headers"}
    brought = {row["plugin"]: row["brings"] for row in json.loads(command("plugins", "--json").stdout)}
    assert brought["twins"] == "twin (headers), lone, twin (biflows)"
    assert "of the track biflows, and headers is asked for" in command("info", "copy", "--track", "headers").stderr
    assert (
        "of the track biflows, and headers is asked for" in command("check", "jsd_1gram", "--track", "headers").stderr
    )


def test_info_tells_the_track_of_a_file_unless_it_is_given(command, tmp_path) -> None:
    trace = example_trace()
    write_trace_file(trace, tmp_path / "trace.parquet")
    write_pcap(trace, tmp_path / "trace.pcap")
    told = [
        json.loads(command("info", *words, "--json").stdout)
        for words in (("trace.parquet",), ("trace.pcap", "--track", "headers"), ("trace.pcap",))
    ]
    assert [one["track"] for one in told] == ["headers", "headers", "biflows"]
    assert told[0]["packets"] == told[1]["packets"] == len(trace)


def test_a_saved_system_of_traces_makes_packets_at_the_rate_of_its_training_trace(command, tmp_path) -> None:
    train = example_trace()
    (tmp_path / "fitted").mkdir()
    choose("twin", "headers").fit(train, Context(seed=1)).save(tmp_path / "fitted")
    kept = read_trace_file(tmp_path / "fitted" / "train.parquet")
    assert not {tuple(one) for one in kept.source} & {tuple(one) for one in train.source}
    done = command("generate", "--model", "fitted", "-n", 2 * len(train), "--out", "made.parquet")
    assert done.returncode == 0, done.stderr
    made = read_trace_file(tmp_path / "made.parquet")
    assert len(made) == 2 * len(train)
    assert made.span_ns == pytest.approx(2 * train.span_ns, rel=0.01)


def test_a_new_plugin_gets_no_name_of_any_track(command) -> None:
    assert "a system of twins has that name" in command("new", "lone").stderr
