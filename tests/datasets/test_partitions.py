"""Tables in several files: the same flows as in one file, whatever the parts; incomplete folders are refused."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_tables import APPS, GAPS, LENGTHS, signs, write

from ntgbench.datasets.loading import load_dataset
from ntgbench.datasets.reading import read_flows
from ntgbench.errors import DatasetError
from ntgbench.limits import VARIABLE
from ntgbench.tracks.biflows.splits import Thinning, fraction
from ntgbench.traffic.flows import FlowTable

CLASSES = ("chat", "mail", "web")


def made_up(flows, seed=0, session=True, iat=True):
    """Flows of 1 to 14 packets of three classes, the first of which is rare."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 15, flows)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    signed_pl = rng.integers(1, 2000, offsets[-1]) * rng.choice([-1, 1], offsets[-1])
    label = rng.choice(3, flows, p=[0.02, 0.28, 0.7])
    label[:3] = [2, 0, 1]
    return FlowTable(
        offsets=offsets,
        signed_pl=signed_pl.astype(np.int32),
        label=label.astype(np.int32),
        classes=CLASSES,
        iat=rng.random(offsets[-1]).astype(np.float32) if iat else None,
        session=rng.integers(0, 9, flows).astype(np.int32) if session else None,
    )


def write_parts(flows, folder, bounds):
    """The flows in parts that end at `bounds`, each with the classes that it has."""
    folder.mkdir()
    part_of = np.searchsorted(bounds, np.arange(len(flows)), side="right")
    for number in range(len(bounds)):
        flows.select(part_of == number).compact().to_parquet(folder / f"part-{number:05}.parquet")
    return folder


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cuts=st.lists(st.integers(0, 300), max_size=6),
    session=st.booleans(),
    iat=st.booleans(),
    most=st.sampled_from([None, 2, 50, 299, 300]),
)
def test_parts_give_what_one_file_gives(tmp_path_factory, cuts, session, iat, most):
    folder = tmp_path_factory.mktemp("parts")
    flows = made_up(300, session=session, iat=iat)
    flows.to_parquet(folder / "one.parquet")
    parts = write_parts(flows, folder / "several.parquet", sorted([*cuts, 300]))
    (parts / ".DS_Store").touch()  # which a Mac leaves in every folder that someone looks at
    one, several = (load_dataset(path, max_items=most) for path in (folder / "one.parquet", parts))
    assert several.traffic.digest() == one.traffic.digest()
    assert several.notes == one.notes
    assert (several.name, one.name) == ("several", "one")
    whole, same = (read_flows(path)[0] for path in (parts, folder / "one.parquet"))
    assert whole.classes == same.classes == CLASSES
    for name in ("offsets", "signed_pl", "label", "iat", "session"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(same, name))


@pytest.mark.parametrize("most", [2, 40, 390])
def test_thinning_while_reading_chooses_as_in_memory(tmp_path, most):
    flows = made_up(400)
    flows.to_parquet(tmp_path / "flows.parquet")
    whole = load_dataset(tmp_path / "flows.parquet").traffic
    thinned = load_dataset(tmp_path / "flows.parquet", max_items=most)
    assert thinned.traffic == whole.select(Thinning(most).kept(whole.label))
    assert f"thinned to {len(thinned.traffic)} of 400 biflows, the same share of each class" in thinned.notes


def test_thinning_counts_only_flows_that_are_usable(tmp_path):
    path = write(
        tmp_path / "flows.parquet",
        {"app": ["web", None, "web", "chat"] * 50, "signed_pl": [[5, -7], [1, -1], [0, 0], [-3, 9]] * 50},
    )
    whole = load_dataset(path).traffic
    assert len(whole) == 100
    thinned = load_dataset(path, max_items=30)
    assert thinned.traffic == whole.select(Thinning(30).kept(whole.label))
    assert load_dataset(path, max_items=100).traffic == whole


def test_the_chosen_biflows_are_those_of_a_random_order_class_by_class():
    whole = made_up(500, seed=3).to_biflows(10, 1460)[0]
    order = np.random.default_rng(7).permutation(500)
    wanted = np.ceil(0.1 * whole.class_counts() - 1e-9).astype(int)
    rows = [row for c in range(3) for row in [row for row in order if whole.label[row] == c][: wanted[c]]]
    assert fraction(whole, 0.1, 7) == whole.select(sorted(rows))


def test_row_groups_and_blocks_change_nothing(tmp_path, monkeypatch):
    flows = made_up(700)
    flows.to_parquet(tmp_path / "one.parquet")
    expected = load_dataset(tmp_path / "one.parquet").traffic
    pq.write_table(pq.read_table(tmp_path / "one.parquet"), tmp_path / "groups.parquet", row_group_size=90)
    assert load_dataset(tmp_path / "groups.parquet").traffic == expected
    monkeypatch.setattr("ntgbench.traffic.parquet._BATCH_BYTES", 2_000)
    assert load_dataset(tmp_path / "groups.parquet").traffic == expected
    assert load_dataset(tmp_path / "groups.parquet", max_items=50).traffic == expected.select(
        Thinning(50).kept(expected.label)
    )


def test_errors_name_the_row_of_the_table_not_of_the_batch(tmp_path, monkeypatch):
    monkeypatch.setattr("ntgbench.traffic.parquet._BATCH_BYTES", 1_000)
    lengths = [[10, 20]] * 500
    lengths[433] = [10, 0.5]
    path = write(tmp_path / "t.parquet", {"app": ["web"] * 500, "pkts_len": lengths, "pkts_dir": [[1, -1]] * 500})
    with pytest.raises(DatasetError, match=r"column 'pkts_len', row 433: 0\.5 is not an integer"):
        load_dataset(path)


def damaged(folder, how):
    if how == "missing":
        (folder / "part-00001.parquet").unlink()
    elif how == "foreign":
        (folder / "notes.txt").touch()
    elif how == "capture":
        (folder / "more.pcap").touch()
    elif how == "none":
        for path in folder.iterdir():
            path.unlink()
    elif how == "cut":
        content = (folder / "part-00002.parquet").read_bytes()
        (folder / "part-00002.parquet").write_bytes(content[: len(content) // 2])
    elif how == "empty":
        (folder / "part-00002.parquet").write_bytes(b"")
    elif how == "columns":
        pq.write_table(pa.table({"app": ["web"], "pkts_len": [[1]]}), folder / "part-00001.parquet")


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("missing", "1 part is missing: part-00001.parquet"),
        ("foreign", "1 file does not belong there: notes.txt"),
        ("capture", "1 file does not belong there: more.pcap"),
        ("none", "without a part: there is no part-00000.parquet"),
        ("cut", "part-00002.parquet is not a readable Parquet table"),
        ("empty", "part-00002.parquet: the file is empty"),
        ("columns", "part-00001.parquet: its columns are app, pkts_len, and those of part-00000.parquet are"),
    ],
)
def test_incomplete_folders_are_one_clear_error(tmp_path, how, words):
    folder = write_parts(made_up(90), tmp_path / "flows.parquet", [30, 60, 90])
    damaged(folder, how)
    for read in (load_dataset, read_flows):
        with pytest.raises(DatasetError, match=words) as error:
            read(folder)
        assert str(error.value).count(str(folder)) == 1


def test_folders_of_other_tools_are_tables(tmp_path):
    columns = {"app": APPS, "pkts_len": LENGTHS, "pkts_dir": signs(), "pkts_iat": GAPS}
    one = write(tmp_path / "one.parquet", columns)
    spark = tmp_path / "spark"
    spark.mkdir()
    for row in range(3):
        write(
            spark / f"part-0000{row}-c000.snappy.parquet",
            {name: values[row : row + 1] for name, values in columns.items()},
        )
    for name in ("_SUCCESS", ".part-00000-c000.snappy.parquet.crc"):
        (spark / name).touch()
    assert load_dataset(spark).traffic == load_dataset(one).traffic


def test_folders_named_after_a_column_hold_its_value(tmp_path):
    for app in ("chat", "two words", "web"):
        folder = tmp_path / "hive" / f"app={app.replace(' ', '%20')}"
        folder.mkdir(parents=True)
        write(folder / "0.parquet", {"pkts_len": LENGTHS, "pkts_dir": signs()})
    traffic = load_dataset(tmp_path / "hive").traffic
    assert traffic.classes == ("chat", "two words", "web")
    assert traffic.class_counts().tolist() == [3, 3, 3]


def test_more_than_memory_may_hold_asks_for_max_items(tmp_path, monkeypatch):
    folder = write_parts(made_up(4_000), tmp_path / "flows.parquet", [2_000, 4_000])
    monkeypatch.setenv(VARIABLE, str(0.5 / 1024))
    with pytest.raises(DatasetError, match=r"4,000 biflows of 10 packets need .*`max_items = 1_000_000`"):
        load_dataset(folder)
    assert len(load_dataset(folder, max_items=500).traffic) == 502


def test_commands_read_parts(tmp_path):
    flows = made_up(300)
    folder = write_parts(flows, tmp_path / "real.parquet", [100, 300])
    replace(flows, session=None, iat=None).to_parquet(tmp_path / "made.parquet")
    assert "300 biflows" in run(tmp_path, "measure", folder, "made.parquet", "--suite", "fidelity").stderr
    assert "300" in run(tmp_path, "info", folder).stdout
    assert "300 flows of 3 classes" in run(tmp_path, "datasets", "import", folder, "--out", "one.parquet").stdout
    expected = load_dataset(folder).traffic
    assert load_dataset(tmp_path / "one.parquet").traffic == expected
