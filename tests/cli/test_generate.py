"""`ntgbench generate` looks at where it shall write before it does anything else."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from ntgbench.cli.generate import generate
from ntgbench.errors import NtgbenchError


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("made.txt", "made.txt must end in .parquet or .pcap"),
        ("made", "made must end in .parquet or .pcap"),
        ("nowhere/made.pcap", "there is no folder nowhere to write made.pcap to"),
    ],
)
def test_a_wrong_place_to_write_is_noticed_before_the_model(tmp_path: Path, monkeypatch, out: str, said: str) -> None:
    monkeypatch.chdir(tmp_path)
    # There is no model either: what is said is what was looked at first.
    done = CliRunner().invoke(generate, ["--model", "nowhere", "--out", out])
    assert isinstance(done.exception, NtgbenchError)
    assert str(done.exception) == said
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_overwritten_only_by_force(ntgbench, flows, tmp_path: Path) -> None:
    assert ntgbench("run", "-d", flows, "-s", "copy", "--seeds", 1, "--suite", "fidelity").returncode == 0
    model = next(tmp_path.glob("runs/quick/*/copy/*/fitted"))
    for there in ("made.pcap", "made.pcap.csv", "made.parquet"):
        made = there.removesuffix(".csv")
        (tmp_path / there).write_text("mine")
        command = ("generate", "--model", model, "--class", "video", "-n", 1, "--out", made)
        refused = ntgbench(*command)
        assert refused.returncode == 1
        assert refused.stderr == f"error: {there} is there already; give --force to overwrite it\n"
        assert (tmp_path / there).read_text() == "mine"
        forced = ntgbench(*command, "--force")
        assert forced.returncode == 0, forced.stderr
        labels = ", their classes in made.pcap.csv" if made == "made.pcap" else ""
        assert forced.stdout == f"1 biflow of 1 class in {made}{labels}\n"
        assert (tmp_path / there).read_bytes() != b"mine"
        for path in tmp_path.glob("made*"):
            path.unlink()
