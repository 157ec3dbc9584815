"""Tables: whatever spelling a maker chose, the same flows come out; what is wrong is named."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_tables import APPS, GAPS, LENGTHS, check, flat, signs, spelt, write

from ntgbench.datasets.reading import read_flows
from ntgbench.datasets.tables import read_table
from ntgbench.errors import DatasetError
from ntgbench.traffic.flows import FlowTable


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.int32()),
        pa.large_list(pa.int16()),
        pa.list_(pa.float64()),
        pa.list_(pa.float16()),
        pa.list_view(pa.uint16()),
        pa.large_list_view(pa.float32()),
        pa.list_(pa.string_view()),
        pa.string_view(),
        pa.large_string(),
        pa.dictionary(pa.int32(), pa.string()),
    ],
    ids=str,
)
def test_lists_of_any_kind(tmp_path, kind):
    path = write(
        tmp_path / "t.parquet",
        {
            "app": pa.array(APPS, pa.string_view()),
            "pkts_len": pa.array(spelt(LENGTHS, kind), kind),
            "pkts_dir": pa.array(signs(), pa.list_(pa.int8())),
        },
    )
    flows, notes = read_table(path)
    check(flows)
    assert notes == ()
    assert flows.iat is None
    assert flows.session is None


def test_lists_of_fixed_size_padded_with_zeros(tmp_path):
    def padded(rows):
        return pa.array([row + [0] * (4 - len(row)) for row in rows], pa.list_(pa.int32(), 4))

    path = write(tmp_path / "t.parquet", {"app": APPS, "pkts_len": padded(LENGTHS), "pkts_dir": padded(signs())})
    flows, notes = read_table(path)
    check(flows)
    assert notes == ("left out 4 packets without payload",)


def test_tcbench_names_directions_and_arrival_times(tmp_path):
    arrivals = [np.cumsum(flow).tolist() for flow in GAPS]
    path = write(
        tmp_path / "t.parquet",
        {
            "app": pa.array(APPS).dictionary_encode(),
            "pkts_size": LENGTHS,
            "pkts_dir": signs(up=0, down=1),
            "timetofirst": arrivals,
        },
    )
    with pytest.raises(DatasetError, match=r"holds 0, 1; `ntgbench datasets import --upstream VALUE`"):
        read_table(path)
    flows, _ = read_table(path, upstream="0")
    check(flows)
    np.testing.assert_allclose(flows.iat, flat(GAPS))


@pytest.mark.parametrize(
    "spell",
    [
        json.dumps,
        lambda row: " ".join(map(str, row)),
        lambda row: "[" + "\n ".join(map(str, row)) + "]",
        lambda row: "(" + "; ".join(map(str, row)) + ")",
        lambda row: ",".join(f"{value:.2f}" for value in row),
    ],
    ids=["json", "spaces", "numpy", "semicolons", "floats"],
)
@pytest.mark.parametrize("ending", [".csv", ".csv.gz"])
def test_lists_in_the_cells_of_a_csv_file(tmp_path, spell, ending):
    columns = {
        "App": APPS,
        "pkts_len": [spell(row) for row in LENGTHS],
        "pkts_dir": [spell(row) for row in signs()],
        "pkts_iat": [spell(row) for row in GAPS],
        "session": [7, 7, 9],
    }
    plain = tmp_path / "t.csv"
    path = write(plain, columns)
    if ending == ".csv.gz":
        import gzip

        path = tmp_path / "t.csv.gz"
        path.write_bytes(gzip.compress(plain.read_bytes()))
    flows, _ = read_table(path)
    check(flows)
    np.testing.assert_allclose(flows.iat, flat(GAPS))
    assert flows.session[0] == flows.session[1] != flows.session[2]


def test_columns_of_other_names(tmp_path):
    path = write(
        tmp_path / "t.parquet",
        {"app": ["x"] * 3, "service": APPS, "L": LENGTHS, "D": signs(), "when": GAPS, "device": ["a", "b", "a"]},
    )
    given_names = {"label": "service", "length": "L", "direction": "D", "iat": "when", "session": "device"}
    flows, _ = read_table(path, given_names)
    check(flows)
    assert flows.session.tolist() == [0, 1, 0]
    np.testing.assert_allclose(flows.iat, flat(GAPS))


def test_numbers_as_labels_are_names(tmp_path):
    path = write(tmp_path / "t.parquet", {"app": [80, 443, 80], "pkts_len": LENGTHS, "pkts_dir": signs()})
    assert read_table(path)[0].classes == ("443", "80")


def test_rows_without_label_or_packets_are_left_out_and_counted(tmp_path):
    path = write(
        tmp_path / "t.parquet",
        {"app": ["web", None, "chat"], "pkts_len": [[1, 2], [3], []], "pkts_dir": [[1, -1], [1], []]},
    )
    flows, notes = read_table(path)
    assert flows.classes == ("web",)
    assert flows.signed_pl.tolist() == [1, -2]
    assert notes == (
        "left out 1 of 3 flows without a label",
        "left out 1 flow that carries no payload",
    )


GOOD = {"app": APPS, "pkts_len": LENGTHS, "pkts_dir": signs()}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pkts_dir": signs(up=2, down=1)}, r"'pkts_dir', row 0: a direction is \+1"),
        ({"pkts_dir": [*signs()[:2], [1, 0, -1, 1]]}, "'pkts_dir', row 2: a direction is"),
        ({"pkts_len": [*LENGTHS[:2], [30, 40, 50]]}, "row 2: 'pkts_dir' has 4 values and 'pkts_len' has 3"),
        ({"pkts_iat": [*GAPS[:1], [], *GAPS[2:]]}, "row 1: 'pkts_iat' has 0 values and 'pkts_len' has 1"),
        ({"pkts_iat": [*GAPS[:2], [0.0, None, 1.0, 2.0]]}, "row 2: iat is finite"),
        ({"pkts_len": [*LENGTHS[:1], [-5], *LENGTHS[2:]]}, "row 1: payload lengths are not negative"),
        ({"pkts_len": [*LENGTHS[:1], [5.5], *LENGTHS[2:]]}, "'pkts_len', row 1: 5.5 is not an integer"),
        ({"pkts_len": [*LENGTHS[:1], [None], *LENGTHS[2:]]}, "'pkts_len', row 1: a value is missing"),
        ({"pkts_len": [*LENGTHS[:1], [1e30], *LENGTHS[2:]]}, r"'pkts_len', row 1: 1e\+30 does not fit 32 bits"),
        ({"pkts_len": ["1 2 3", "1e400", "1 2 3 4"]}, "'pkts_len', row 1: inf does not fit 32 bits"),
        ({"pkts_len": [*LENGTHS[:1], [2**40], *LENGTHS[2:]]}, "'pkts_len', row 1: 1099511627776 does not fit 32 bits"),
        (
            {"pkts_len": pa.array([*LENGTHS[:1], [2**64 - 9], *LENGTHS[2:]], pa.list_(pa.uint64()))},
            "'pkts_len', row 1: 18446744073709551607 does not fit 32 bits",
        ),
        ({"pkts_dir": [*signs()[:1], [-1e30], *signs()[2:]]}, r"'pkts_dir', row 1: -1e\+30 does not fit 32 bits"),
        ({"pkts_iat": [*GAPS[:2], [0.0, 1e300, 1.0, 2.0]]}, "row 2: iat is finite"),
        ({"pkts_len": ["1 2 3", "one", "1 2 3 4"]}, "'pkts_len' must hold lists of numbers"),
        ({"pkts_len": [1, 2, 3]}, "'pkts_len' must hold lists, not int64"),
        ({"pkts_len": [["a"], ["b"], ["c"]]}, "'pkts_len' must hold lists of numbers"),
        ({"session": ["a", None, "b"]}, "'session': 1 row has no session"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path, change, message):
    path = write(tmp_path / "t.parquet", {**GOOD, **change})
    with pytest.raises(DatasetError, match=f"t.parquet: .*({message})"):
        read_flows(path)


@pytest.mark.parametrize(
    ("columns", "names", "message"),
    [
        (
            {"Service": APPS, "L": LENGTHS, "D": signs()},
            {},
            r"There are Service, L, D; `ntgbench datasets import --column label=NAME --column length=NAME",
        ),
        ({"app": APPS, "pkts_len": LENGTHS}, {}, r"no column holds the direction: .*--column direction=pkts_len says"),
        ({"app": APPS}, {}, "no column holds the length: pkts_len or .*direction: pkts_dir"),
        ({"len": LENGTHS, "pkts_dir": signs()}, {"length": "len"}, "no column holds the label: app or label"),
        (GOOD, {"length": "pkts_lenn"}, "no column 'pkts_lenn'; did you mean pkts_len"),
        (GOOD, {"lenght": "pkts_len"}, "no 'lenght'; did you mean length"),
    ],
)
def test_columns_that_are_missing(tmp_path, columns, names, message):
    path = write(tmp_path / "t.parquet", columns)
    with pytest.raises(DatasetError, match=message):
        read_table(path, names)


@pytest.mark.parametrize("name", ["t.parquet", "t.csv", "t.csv.gz"])
@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02 this is no table"])
def test_a_file_that_is_no_table(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=name):
        read_flows(path)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["b", "a", "ü,\"\n'"]),
            st.lists(st.tuples(st.integers(1, 65535), st.booleans()), min_size=1, max_size=40),
        ),
        min_size=1,
        max_size=10,
    )
)
def test_own_tables_come_back_as_they_were_written(tmp_path, flows):
    packets = [packet for _, content in flows for packet in content]
    table, _ = FlowTable.from_packets(
        counts=[len(content) for _, content in flows],
        length=[length for length, _ in packets],
        upstream=[True, *[way for _, way in packets[1:]]],
        class_of=[name for name, _ in flows],
        iat=np.linspace(0, 1, len(packets)),
        session=np.arange(len(flows)) // 2,
    )
    table.to_parquet(tmp_path / "t.parquet")
    again, _ = read_table(tmp_path / "t.parquet")
    assert again.classes == table.classes
    for name in ("offsets", "signed_pl", "label", "iat", "session"):
        np.testing.assert_array_equal(getattr(again, name), getattr(table, name))


@pytest.mark.parametrize("encoding", ["PLAIN", "DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"])
def test_text_in_any_encoding(tmp_path, encoding):
    columns = {"app": APPS, "pkts_len": [str(row) for row in LENGTHS], "pkts_dir": [str(row) for row in signs()]}
    encodings = dict.fromkeys(columns, encoding)
    pq.write_table(pa.table(columns), tmp_path / "t.parquet", use_dictionary=False, column_encoding=encodings)
    check(read_table(tmp_path / "t.parquet")[0])


@pytest.mark.parametrize("name", ["t.parquet", "t.csv"])
def test_a_table_without_a_row_is_empty(tmp_path, name):
    columns = {column: pa.array([], pa.string()) for column in GOOD}
    with pytest.raises(DatasetError, match=f"{name}: the table is empty"):
        read_flows(write(tmp_path / name, columns))


def test_columns_of_one_name(tmp_path):
    table = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"]), pa.array([[1]])], ["app", "app", "pkts_len"])
    pq.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(DatasetError, match="there are 2 columns called 'app'"):
        read_table(tmp_path / "t.parquet")


def test_text_that_is_not_utf8(tmp_path):
    path = write(tmp_path / "t.parquet", {**GOOD, "app": pa.array([b"a", b"\xff", b"b"])})
    with pytest.raises(DatasetError, match="'app' holds text that is not UTF-8"):
        read_flows(path)
