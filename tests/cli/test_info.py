"""`ntgbench info`: what it tells of each kind of thing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from made_captures import connection
from made_packets import ethernet, pcap

from ntgbench.protocol import bundled
from ntgbench.tracks.headers.example import example_trace
from ntgbench.traffic.biflows import Biflows
from ntgbench.traffic.trace_files import write_trace_file

if TYPE_CHECKING:
    from pathlib import Path

PROTOCOL = """
version = 3
summary = "two systems"
datasets = ["lab", "simulated"]
systems = ["copy", "markov[order=2]", "smote"]
suites = ["fidelity", "utility"]
seeds = 2
[fidelity]
floor_draws = 2
"""


def test_a_dataset_is_drawn(command, flows: Path) -> None:
    told = command("info", flows.name).stdout
    assert "size: 107 biflows, 4 classes" in told
    assert "  mail   60   56.1%  █" in told
    assert "packet counts: 1 |" in told
    assert "upstream lengths: 0 |" in told
    assert "fewer than 10 test biflows" in told
    assert "56% of it is of one class, mail" in told
    assert all(len(line) <= 80 for line in told.splitlines())
    found = json.loads(command("info", flows.name, "--json").stdout)
    assert found["classes"] == {"mail": 60, "video": 40, "chat": 6, "rare": 1}
    assert sum(found["packet_counts"]["counts"]) == found["biflows"] == 107
    assert 0 <= found["duplicates"] < 107


def test_a_terminal_without_block_characters_is_sent_ascii(ntgbench, flows: Path) -> None:
    done = ntgbench("info", flows.name, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii()
    assert "####" in done.stdout


def test_a_wide_terminal_is_used(command, flows: Path) -> None:
    lines = command("info", flows.name, COLUMNS="160").stdout.splitlines()
    assert 120 < max(map(len, lines)) <= 160


def test_a_dataset_that_cannot_be_split_is_warned_of(command, tmp_path: Path) -> None:
    count = 3
    made = Biflows(np.ones((count, 2), np.int16), np.arange(count, dtype=np.int32), ("a", "b", "c"))
    made.to_parquet(tmp_path / "few.parquet")
    assert "cannot be split for training and testing" in command("info", "few.parquet").stdout


def test_a_trace_is_drawn(command, tmp_path: Path) -> None:
    trace = example_trace()
    write_trace_file(trace, tmp_path / "trace.parquet")
    told = command("info", "trace.parquet").stdout
    assert "packets over time: 0 |" in told
    assert "destination ports:" in told
    assert "example: ntgbench run headers -d trace.parquet" in told
    found = json.loads(command("info", "trace.parquet", "--json").stdout)
    assert sum(found["packets_over_time"]["counts"]) == len(trace)
    assert sum(found["packets_of_flows"].values()) == found["flows"]
    assert sum(found["destination_ports"].values()) == sum(found["protocols"].values()) == len(trace)


def test_a_capture_that_is_read_as_a_trace_says_why_it_has_no_biflows(command, tmp_path: Path) -> None:
    (tmp_path / "one.pcap").write_bytes(pcap([ethernet(packet) for packet in connection(0, 0)]))
    done = command("info", "one.pcap")
    assert "track: headers" in done.stdout
    assert "note: not read as biflows: " in done.stderr


def test_a_protocol_of_a_file_is_understood(command, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(PROTOCOL)
    told = command("info", "mine.toml").stdout
    assert "grid: 2 datasets x 3 systems x 2 seeds = 12 cells" in told
    assert "fidelity  floor_draws 2" in told
    assert "utility   as usual" in told
    assert "example: ntgbench run mine.toml" in told
    found = json.loads(command("info", "mine.toml", "--json").stdout)
    assert (found["protocol"], found["version"], found["cells"]) == ("mine", 3, 12)
    assert found["fidelity"]["floor_draws"] == 2
    (tmp_path / "mine.toml").write_text("nothing = 1")
    wrong = command("info", "mine.toml")
    assert wrong.returncode == 1
    assert "unknown key 'nothing'" in wrong.stderr


def test_every_bundled_protocol_is_told(command) -> None:
    for name, protocol in bundled().items():
        assert f"digest: {protocol.digest()}" in command("info", name, "--kind", "protocol").stdout


def test_a_system_with_parameters_is_understood(command) -> None:
    told = command("info", "markov[order=2]").stdout
    assert "system: markov[order=2]" in told
    assert "order     2 chosen; int, default 1; number of previous packets" in told
    assert "example: ntgbench run -s 'markov[order=2]' -s real --seeds 1\n" in told
    assert "example: ntgbench run -s real --seeds 1\n" in command("info", "real").stdout
    settings = json.loads(command("info", "markov[order=2]", "--json").stdout)["settings"]
    assert settings == {"order": 2, "sampling": "independent"}
    assert "order must be" in command("info", "markov[order=x]").stderr
    assert "chosen" not in command("info", "markov").stdout
    inherited = command("info", "llama").stdout
    assert "epochs              int, default 12; " in inherited
    assert "precision           'float32' or 'bfloat16', default 'float32'; " in inherited


def test_what_a_system_needs_is_looked_for(command, install) -> None:
    install(
        "needy",
        """
        from ntgbench import GeneratorSpec, hookimpl

        @hookimpl
        def ntgbench_generators():
            return [GeneratorSpec("needy", "needy:Needy", "needs much", needs=("numpy", "no_such_module"))]
        """,
    )
    told = command("info", "needy").stdout
    assert "  numpy           installed\n" in told
    assert "  no_such_module  not installed\n" in told


def test_metrics_suites_tracks_and_plugins_are_told(command) -> None:
    metric = command("info", "jsd_2gram").stdout
    assert "better: lower is better" in metric
    assert "range: 0 to 1" in metric
    assert "definition: Divergences" in metric
    assert "better: nearer to 0.5 is better" in command("info", "detection_auc").stdout
    suite = command("info", "fidelity", "--kind", "suite").stdout
    assert "floor_draws  default 5" in suite
    assert "jsd_2gram" in suite
    assert "unit: biflow" in command("info", "biflows", "--kind", "track").stdout
    assert "markov" in command("info", "baselines").stdout


def test_of_several_things_with_one_name_the_kind_chooses(command) -> None:
    protocol = command("info", "headers", "--json")
    assert json.loads(protocol.stdout)["protocol"] == "headers"
    assert "--kind track" in protocol.stderr
    track = command("info", "headers", "--kind", "track", "--json")
    assert (json.loads(track.stdout)["track"], track.stderr) == ("headers", "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("fidelty",), "did you mean fidelity"),
        (("baseline",), "did you mean baselines"),
        (("nothing-like-it",), "`ntgbench list` shows what there is"),
        (("markov", "--kind", "metric"), "no metric is called 'markov'"),
        (("nowhere.toml",), "nowhere.toml"),
    ],
)
def test_near_names_are_offered(command, words, said: str) -> None:
    done = command("info", *words)
    assert done.returncode == 1
    assert said in done.stderr
