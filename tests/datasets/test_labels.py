"""Labels: what is no label is left out and counted, whatever the column that it stands in."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ntgbench.datasets.columns import MISSING, names_of
from ntgbench.datasets.loading import load_dataset
from ntgbench.datasets.reading import read_flows
from ntgbench.errors import DatasetError
from ntgbench.traffic.biflows import Biflows

NAN = float("nan")


def table(path, label, **more):
    count = len(label)
    lengths = [[number + 1] for number in range(count)]
    pq.write_table(pa.table({"label": label, "pkts_len": lengths, "pkts_dir": [[1]] * count, **more}), path)
    return path


@pytest.mark.parametrize(
    "label",
    [
        pa.array([1.0, NAN, 2.0]),
        pa.array([1.0, None, 2.0]),
        pa.array(np.array([1, NAN, 2], np.float16)),
        pa.array([1, None, 2]),
        pa.array(["1.0", "nan", "2.0"]),
        pa.array(["1", "NaN", "2"], pa.large_string()),
        pa.array(["1", "None", "2"], pa.string_view()),
        pa.array(["1", " <NA> ", "2"]).dictionary_encode(),
        pa.array(["1", "", "2"]),
        pa.array([b"1", b"null", b"2"]),
        pa.array([1.0, None, 2.0]).dictionary_encode(),
    ],
    ids=lambda label: f"{label.type} {label[1].as_py()!r}",
)
def test_a_missing_label_is_left_out_and_counted(tmp_path, label):
    flows, notes = read_flows(table(tmp_path / "t.parquet", label))
    assert flows.classes == ("1", "2")
    assert flows.signed_pl.tolist() == [1, 3]
    assert len(notes) == 1
    assert notes[0].startswith("left out 1 of 3 flows without a label")


def test_the_note_tells_texts_that_were_taken_for_no_label(tmp_path):
    _, notes = read_flows(table(tmp_path / "t.parquet", pa.array(["a", "NA", None, "none"])))
    assert notes == ("left out 3 of 4 flows without a label ('NA', 'none' among them)",)


@pytest.mark.parametrize("cell", ["", "nan", "NaN", "None"])
def test_a_csv_file_of_floats(tmp_path, cell):
    path = tmp_path / "t.csv"
    path.write_text(f"app,pkts_len,pkts_dir\n1.0,5,1\n{cell},6,1\n2.0,7,1\n")
    assert read_flows(path)[0].classes == ("1", "2")


def test_names_with_decimals_that_say_something_stay(tmp_path):
    assert names_of(pa.chunked_array([["1.0", "1.2"]]), "x").names == ("1.0", "1.2")
    assert names_of(pa.chunked_array([[1.0, 1.5, NAN]]), "x").names == ("1", "1.5")


def test_no_label_at_all(tmp_path):
    path = table(tmp_path / "t.parquet", pa.array([NAN, NAN]))
    with pytest.raises(DatasetError, match="no usable flow: left out 2 of 2 flows without a label"):
        read_flows(path)


def test_a_session_that_is_missing_is_refused(tmp_path):
    path = table(tmp_path / "t.parquet", pa.array(["a", "b"]), session=[1.0, NAN])
    with pytest.raises(DatasetError, match="'session': 1 row has no session"):
        read_flows(path)


@pytest.mark.parametrize("name", [name for name in MISSING if name])
def test_a_class_of_our_own_files_may_be_called_so(tmp_path, name):
    made = Biflows(np.array([[1], [2], [3]], np.int16), np.array([0, 1, 1], np.int32), ("", name))
    made.to_parquet(tmp_path / "t.parquet")
    assert load_dataset(tmp_path / "t.parquet", packets=1).traffic.classes == ("", name)


@pytest.mark.parametrize("label", [pa.array([["a"], ["b"]]), pa.array([{"x": 1}, {"x": 2}])])
def test_a_label_is_one_name(tmp_path, label):
    with pytest.raises(DatasetError, match="'label' must hold one name a row"):
        read_flows(table(tmp_path / "t.parquet", label))
