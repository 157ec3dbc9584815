"""Systems that read files which their parameters name: from where the run is started, again when they have changed."""

import json
import os

import pytest

from ntgbench.errors import NtgbenchError
from ntgbench.files import content_digest
from ntgbench.testing import example_traffic
from ntgbench.tracks.headers.example import example_trace
from ntgbench.traffic.trace_files import write_trace_file

pytestmark = pytest.mark.usefixtures("quick_cells")

METRIC = """
    from ntgbench import MetricSpec, hookimpl

    @hookimpl
    def ntgbench_metrics():
        return [
            MetricSpec("more_packets", "more_packets:measure", "Packets more or fewer", suite="statistics", goal="min",
                       track="headers", highest=None)
        ]

    def measure(real, synthetic, seed):
        return {"more_packets": float(abs(len(real) - len(synthetic)))}
"""

PROTOCOL = """
version = 1
summary = "of a file"
track = "{track}"
datasets = ["real.parquet"]
systems = ["file[path=in here/made.parquet]"]
suites = ["{suite}"]
seeds = 1
test_share = 0.5
"""


@pytest.mark.parametrize(("track", "suite"), [("biflows", "fidelity"), ("headers", "statistics")])
def test_a_changed_file_is_read_again(track: str, suite: str, install, ntgbench, command, tmp_path) -> None:
    if track == "headers":
        install("more-packets", METRIC)
    (tmp_path / "mine.toml").write_text(PROTOCOL.format(track=track, suite=suite))
    made = tmp_path / "in here" / "made.parquet"
    made.parent.mkdir()

    def write(seed: int, path=made) -> None:
        if track == "headers":
            write_trace_file(example_trace(seed), path)
        else:
            example_traffic(seed=seed).to_parquet(path)

    def rows() -> list[dict]:
        lines = (tmp_path / "leaderboards" / "rows.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    write(1, tmp_path / "real.parquet")
    assert "cannot read in here/made.parquet: No such file or directory" in command("run", "mine.toml").stderr
    write(2)
    done = ntgbench("run", "mine.toml")
    assert done.returncode == 0, done.stderr
    (row,) = rows()
    assert row["system"] == "file[path=in here/made.parquet]"
    assert not row["reference"]
    source = f"made outside of ntgbench: read from in here/made.parquet, BLAKE2b-128 {content_digest(made)}"
    assert source in row["notes"]
    assert str(tmp_path) not in json.dumps(row)
    assert "1 finished earlier" in command("run", "mine.toml").stdout
    write(3)
    done = command("run", "mine.toml")
    assert done.returncode == 0, done.stderr
    assert "0 finished earlier" in done.stdout
    (changed,) = rows()
    assert changed["metrics"] != row["metrics"]
    assert content_digest(made) in json.dumps(changed["notes"])


def test_a_file_that_changes_after_the_plan_is_made_is_not_measured(flows, tmp_path, monkeypatch) -> None:
    from ntgbench.running.run import RunObserver, run

    monkeypatch.chdir(tmp_path)
    example_traffic(seed=2).to_parquet("made.parquet")

    class Changing(RunObserver):
        def planned(self, *_) -> None:
            example_traffic(seed=3).to_parquet("made.parquet")

    wanted = {"datasets": flows, "systems": "file[path=made.parquet]", "suites": "fidelity", "seeds": 1}
    (row,) = run("quick", **wanted, runs="runs", out="out", observer=Changing()).rows
    assert row["reason"] == "a file that file[path=made.parquet] names has changed; run again"


@pytest.mark.parametrize(
    ("system", "message"),
    [
        ("file", r"file needs a file; write file\[path=…\]"),
        ("file[path=a[1].csv]", "with no brackets and backticks in values"),
        ("file[path=a,b.csv]", "with no commas in values"),
    ],
)
def test_paths_that_cannot_be_written_are_refused(system: str, message: str, flows, tmp_path) -> None:
    from ntgbench.running.cells import plan
    from ntgbench.running.run import resolve_protocol

    with pytest.raises(NtgbenchError, match=message):
        plan(resolve_protocol("quick", datasets=[flows], systems=[system]), tmp_path / "runs")


def test_a_digest_is_of_all_that_is_in_a_folder(tmp_path) -> None:
    folder = tmp_path / "captures"
    (folder / "more").mkdir(parents=True)
    (folder / "a.csv").write_bytes(b"1")
    digests = [content_digest(folder)]
    for path, content in (("more/b.csv", b"2"), ("more/b.csv", b"3"), ("c.csv", b"")):
        (folder / path).write_bytes(content)
        digests.append(content_digest(folder))
    (folder / "c.csv").rename(folder / "d.csv")
    digests.append(content_digest(folder))
    assert len(set(digests)) == len(digests)
    # As `printf 1 | b2sum -l 128` prints it.
    assert content_digest(folder / "a.csv") == "cea3878a334b240469d159ff840b6434"
    os.mkfifo(folder / "pipe")
    for path, message in ((folder / "pipe", "not a regular file"), (folder / "nothing", "No such file")):
        with pytest.raises(NtgbenchError, match=message):
            content_digest(path)
    assert content_digest(folder) == digests[-1]
