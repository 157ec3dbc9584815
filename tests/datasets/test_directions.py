"""Directions: +1 and -1 need no word, of any other two values the user says which means upstream."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ntgbench.datasets.tables import read_table
from ntgbench.errors import DatasetError

SIGNED = [5, -6, 7, -8]


def table(path, up, down, kind=None):
    directions = [[up, down], [up, down]]
    columns = {"app": ["a", "b"], "pkts_len": [[5, 6], [7, 8]], "pkts_dir": pa.array(directions, kind)}
    pq.write_table(pa.table(columns), path)
    return path


@pytest.mark.parametrize(
    ("up", "down", "kind", "said"),
    [
        (0, 1, pa.list_(pa.int8()), "0"),
        (1, 0, pa.list_(pa.uint8()), "1"),
        (1.0, 0.0, pa.list_(pa.float16()), "1"),
        (-1, 1, pa.list_(pa.int8()), "-1"),
        (True, False, pa.list_(pa.bool_()), "True"),
        (False, True, pa.list_(pa.bool_()), "false"),
        ("up", "down", pa.list_(pa.string()), "up"),
        ("C2S", "S2C", pa.list_(pa.dictionary(pa.int32(), pa.string())), "c2s"),
        (b"->", b"<-", pa.list_(pa.binary()), "->"),
        ("0", "1", pa.list_(pa.string_view()), "0"),
        (443, 50000, pa.list_(pa.int32()), "443"),
    ],
)
def test_two_values_and_a_word(tmp_path, up, down, kind, said):
    path = table(tmp_path / "t.parquet", up, down, kind)
    assert read_table(path, upstream=said)[0].signed_pl.tolist() == SIGNED
    if (up, down) != (-1, 1):
        with pytest.raises(DatasetError, match=r"'pkts_dir', row 0: a direction is \+1 .*--upstream VALUE"):
            read_table(path)


@pytest.mark.parametrize("spell", ["{0} {1}", "['{0}', '{1}']", "[{0},{1}]"])
@pytest.mark.parametrize(("up", "down"), [("up", "down"), ("True", "False"), ("0", "1")])
def test_words_in_the_cells_of_a_csv_file(tmp_path, spell, up, down):
    path = tmp_path / "t.csv"
    cell = spell.format(up, down)
    path.write_text(f'app,pkts_len,pkts_dir\na,5 6,"{cell}"\nb,7 8,"{cell}"\n')
    assert read_table(path, upstream=up)[0].signed_pl.tolist() == SIGNED


@pytest.mark.parametrize("said", ["2", "client"])
def test_a_word_that_is_not_there(tmp_path, said):
    with pytest.raises(DatasetError, match=f"one of them '{said}' for upstream; it holds 0, 1"):
        read_table(table(tmp_path / "t.parquet", 0, 1), upstream=said)


def test_more_than_two_values(tmp_path):
    columns = {"app": ["a"], "pkts_len": [[5, 6, 7]], "pkts_dir": [[0, 1, 2]]}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    with pytest.raises(DatasetError, match="must hold two directions"):
        read_table(tmp_path / "t.parquet", upstream="0")


@pytest.mark.parametrize("direction", [[[1, None]], [["up", None]], [[True, None]]])
def test_a_missing_direction(tmp_path, direction):
    pq.write_table(pa.table({"app": ["a"], "pkts_len": [[5, 6]], "pkts_dir": direction}), tmp_path / "t.parquet")
    with pytest.raises(DatasetError, match=r"'pkts_dir', row 0: .*(missing|not an integer)"):
        read_table(tmp_path / "t.parquet", upstream="up")


def test_a_column_of_directions_that_are_all_upstream_is_a_warning(tmp_path):
    pq.write_table(pa.table({"app": ["a"], "pkts_len": [[5, 6]], "pkts_dir": [[1, 1]]}), tmp_path / "t.parquet")
    notes = read_table(tmp_path / "t.parquet")[1]
    assert notes == ("warning: all packets go upstream by column 'pkts_dir': check that it holds directions",)


def test_what_carries_no_payload_may_have_any_direction(tmp_path):
    columns = {"app": ["a"], "pkts_len": [[5, 0, 6, 0]], "pkts_dir": [[1, 7, -1, 0]]}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet")[0].signed_pl.tolist() == [5, -6]


def test_a_word_about_directions_needs_directions(tmp_path):
    pq.write_table(pa.table({"app": ["a"], "pkts_len": [[5, -6]]}), tmp_path / "t.parquet")
    with pytest.raises(DatasetError, match="--upstream is about a column of directions"):
        read_table(tmp_path / "t.parquet", upstream="1")
