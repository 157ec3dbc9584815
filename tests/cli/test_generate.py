"""`ntgbench generate`: which files it writes, and what it refuses before it loads the model."""

from pathlib import Path

import numpy as np
import pytest

from ntgbench import Context
from ntgbench.datasets.reading import read_flows
from ntgbench.systems import choose
from ntgbench.testing import example_traffic


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fitted system."""
    folder = tmp_path_factory.mktemp("fitted")
    choose("copy").fit(example_traffic(), Context(seed=1)).save(folder)
    return folder


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("made.txt", "made.txt must end in .parquet or .pcap"),
        ("made", "made must end in .parquet or .pcap"),
        ("nowhere/made.pcap", "there is no folder nowhere to write made.pcap to"),
    ],
)
def test_a_wrong_place_to_write_is_noticed_before_the_model(command, tmp_path: Path, out: str, said: str) -> None:
    # There is no model either: the first error is of what is checked first.
    done = command("generate", "--model", "nowhere", "--out", out)
    assert (done.returncode, done.stderr) == (1, f"error: {said}\n")
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_model_or_class_is_named(command, model: Path, tmp_path: Path) -> None:
    assert "holds no fitted system" in command("generate", "--model", tmp_path, "--out", "x.parquet").stderr
    wrong = command("generate", "--model", model, "--class", "vidio", "--out", "x.parquet")
    assert "did you mean video" in wrong.stderr


@pytest.mark.parametrize("existing", ["made.pcap", "made.pcap.csv", "made.parquet"])
def test_an_existing_file_is_overwritten_only_by_force(command, model: Path, tmp_path: Path, existing: str) -> None:
    made = existing.removesuffix(".csv")
    (tmp_path / existing).write_text("mine")
    arguments = ("generate", "--model", model, "--class", "video", "-n", 1, "--out", made)
    refused = command(*arguments)
    assert refused.returncode == 1
    assert refused.stderr == f"error: {existing} is there already; give --force to overwrite it\n"
    assert (tmp_path / existing).read_text() == "mine"
    forced = command(*arguments, "--force")
    assert forced.returncode == 0, forced.stderr
    labels = ", their classes in made.pcap.csv" if made == "made.pcap" else ""
    assert forced.stdout.splitlines()[0] == f"1 biflow, 1 class in {made}{labels}"
    assert (tmp_path / existing).read_bytes() != b"mine"
    if made == "made.pcap":
        assert (tmp_path / made).read_bytes()[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1")


@pytest.mark.usefixtures("misbehaving")
def test_what_a_system_writes_into_its_working_directory_is_not_left(command, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    choose("writes-here").fit(example_traffic(), Context(seed=1)).save(tmp_path / "model")
    before = {*tmp_path.iterdir(), tmp_path / "made.parquet"}
    done = command("generate", "--model", "model", "-n", 3, "--out", "made.parquet")
    assert done.returncode == 0, done.stderr
    assert set(tmp_path.iterdir()) == before


def test_a_capture_is_made_at_the_pace_that_is_asked_for(command, model: Path, tmp_path: Path) -> None:
    arguments = ("generate", "--model", model, "-n", 50, "--seed", 7, "--span", 30)
    for name in ("one.pcap", "two.pcap"):
        done = command(*arguments, "--out", name)
        assert done.returncode == 0, done.stderr
    assert "200 biflows begin within 30.0 s, 6.67 a second" in done.stdout
    assert "transport and ports: not known of the training traffic; TCP to port 443" in done.stdout
    assert (tmp_path / "one.pcap").read_bytes() == (tmp_path / "two.pcap").read_bytes()
    flows, _ = read_flows(tmp_path / "one.pcap")
    assert flows.transport is not None
    assert 25 < np.ptp(flows.transport.start_ns) / 1e9 <= 30
    assert sorted(flows.class_counts()) == [50] * 4


@pytest.mark.parametrize(
    "words",
    [
        ("--span", 1, "--rate", 1, "--out", "x.pcap"),
        ("--span", 1, "--out", "x.parquet"),
        ("--rate", 0, "--out", "x.pcap"),
    ],
)
def test_a_pace_that_makes_no_sense_is_misuse(command, model: Path, tmp_path: Path, words) -> None:
    assert command("generate", "--model", model, *words).returncode == 2
    assert list(tmp_path.glob("x*")) == []
