"""Names that others chose: two datasets of one name are told apart, and no class name breaks a listing."""

import json

import numpy as np
import pytest

from ntgbench.errors import TrafficError
from ntgbench.report.publish import publish, stale
from ntgbench.testing import example_traffic
from ntgbench.traffic.biflows import Biflows
from ntgbench.traffic.export import write_pcap
from ntgbench.traffic.sidecar import read_sidecar
from ntgbench.words import printable, titles

ODD = ("a\nb", "\x1b[31mred", "x|y`z", "tab\there", "line\u2028end", "nul\x00", '"quoted", and comma', "\r")


def odd_traffic() -> Biflows:
    label = np.repeat(np.arange(len(ODD)), 5)
    signed_pl = np.full((len(label), 10), 100, np.int16) * (1 + label[:, None] % 3).astype(np.int16)
    return Biflows(signed_pl, label.astype(np.int32), ODD)


def test_two_datasets_of_one_name_are_told_apart(command, tmp_path) -> None:
    traffic = example_traffic()
    for folder, rows in (("a", np.arange(len(traffic))), ("b", np.arange(len(traffic) - 1))):
        (tmp_path / folder).mkdir()
        traffic.select(rows).to_parquet(tmp_path / folder / "flows.parquet")
    grid = ("-d", "a/flows.parquet", "-d", "b/flows.parquet", "-s", "copy", "--seeds", 1, "--suite", "fidelity")
    planned = command("plan", *grid).stdout
    done = command("run", *grid)
    assert done.returncode == 0, done.stderr
    board = (tmp_path / "leaderboards" / "flows-fidelity.md").read_text()
    for source in ("a/flows.parquet", "b/flows.parquet"):
        assert f"flows ({source})" in planned
        assert f"flows ({source}) / copy / seed 0:" in done.stdout
        assert f", from {source}\n" in done.stdout
        assert f"` from `{source}`," in board
        assert f"ntgbench run quick -d {source} --seeds 1" in board


def test_titles_need_the_source_only_where_names_clash() -> None:
    datasets = [("x", "1", "a/x.csv"), ("x", "1", "a/x.csv"), ("y", "2", "a/y.csv")]
    assert titles(datasets) == {("x", "1"): "x", ("y", "2"): "y"}
    assert titles([*datasets, ("x", "3", "b/x.csv")])["x", "1"] == "x (a/x.csv)"


def test_any_class_name_is_one_line_of_a_listing(command, tmp_path) -> None:
    odd_traffic().to_parquet(tmp_path / "odd.parquet")
    told = command("info", "odd.parquet").stdout
    assert all(f"\n  {printable(name)} " in told for name in ODD)
    assert all(line.isprintable() for line in told.split("\n"))
    assert list(json.loads(command("info", "odd.parquet", "--json").stdout)["classes"]) == sorted(ODD)


def test_any_class_name_stands_in_notes_and_errors(command, tmp_path) -> None:
    traffic = odd_traffic()
    traffic.select(np.flatnonzero(traffic.label > 0)[::2]).to_parquet(tmp_path / "few.parquet")
    done = command("run", "-d", "few.parquet", "-s", "copy", "--seeds", 1, "--suite", "fidelity")
    assert all(line.isprintable() for line in (done.stdout + done.stderr).split("\n"))
    out = tmp_path / "leaderboards"
    assert all(line.isprintable() for line in (out / "few-fidelity.md").read_text().split("\n"))
    assert stale(out) == []
    assert publish([], out)


def test_any_class_name_survives_the_file_beside_a_capture(tmp_path) -> None:
    traffic = odd_traffic()
    write_pcap(traffic, tmp_path / "odd.pcap")
    assert read_sidecar(tmp_path / "odd.pcap") == [traffic.classes[code] for code in traffic.label]


def test_a_class_name_that_no_file_can_hold_is_refused() -> None:
    with pytest.raises(TrafficError, match=r"the class name '\\udcff' cannot be written as UTF-8"):
        Biflows(np.ones((1, 1), np.int16), np.zeros(1, np.int32), ("\udcff",))


@pytest.mark.parametrize(
    ("text", "shown"), [("a\nb", r"a\nb"), ("\x1b", r"\x1b"), ("\udc80", r"\udc80"), ("ü |", "ü |")]
)
def test_printable_text_is_one_line(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert str(TrafficError(text)) == shown
