"""Patterns and files that label captures: what matches nothing is said, and how much of it there is."""

import pytest

from ntgbench.datasets.reading import Reading, read_flows
from ntgbench.errors import DatasetError
from ntgbench.testing import example_traffic
from ntgbench.traffic.export import write_pcap


@pytest.fixture
def captures(tmp_path):
    for number in range(3):
        path = tmp_path / "captures" / f"{number}.pcap"
        path.parent.mkdir(exist_ok=True)
        write_pcap(example_traffic().select([number]), path)
    return tmp_path / "captures"


def test_a_pattern_that_matches_nothing(captures):
    with pytest.raises(DatasetError, match=r"pattern .* labels no capture in .*: 3 captures have no label: 0\.pcap, 1"):
        read_flows(captures, Reading(label_pattern="(?P<app>x+)_"))


def test_a_file_that_labels_nothing(captures, tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_text("file,app\nnone.pcap,a\n")
    with pytest.raises(DatasetError, match=r"labels\.csv labels no capture in .*: 3 captures have no label"):
        read_flows(captures, Reading(labels=labels))


def test_rows_of_a_file_that_belong_to_no_capture_are_counted(captures, tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_text("file,app\n0.pcap,a\n7.pcap,b\n8.pcap,b\n")
    _, notes = read_flows(captures, Reading(labels=labels))
    assert "2 files named by the labels are not there: 7.pcap, 8.pcap" in notes
    assert "skipped 2 captures without a label: 1.pcap, 2.pcap" in notes
