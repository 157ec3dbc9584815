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
