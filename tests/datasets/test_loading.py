"""From an argument to a dataset: names, paths, advice, and the real collections."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ntgbench.datasets import loading
from ntgbench.datasets.describe import describe
from ntgbench.datasets.loading import dataset_name, load_dataset
from ntgbench.datasets.reading import ENDINGS, Reading, read_flows
from ntgbench.errors import DatasetError
from ntgbench.interfaces import DatasetSpec
from ntgbench.plugins import Plugin, Registry
from ntgbench.tracks.biflows import ntgbench_tracks
from ntgbench.traffic.biflows import Biflows


def table(path, apps, lengths=None, directions=None):
    columns = {
        "app": apps,
        "pkts_len": lengths or [[100]] * len(apps),
        "pkts_dir": directions or [[1]] * len(apps),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)
    return path


def test_a_path(tmp_path):
    path = table(tmp_path / "Mine.parquet", ["b", "a"], [[100, 2000, 7], [5]], [[1, -1, 1], [1]])
    dataset = load_dataset(path, packets=2, pl_max=1000)
    assert dataset.name == "mine"
    assert dataset.traffic.classes == ("a", "b")
    assert dataset.traffic.signed_pl.tolist() == [[100, -1000], [5, 0]]
    assert dataset.traffic.pl_max == 1000
    assert dataset.notes == (
        "clipped 1 payload length (33.33%) to 1000 bytes",
        "2 of 2 classes train but are never tested, having one biflow only: a, b",
    )
    assert load_dataset(str(path)).traffic == load_dataset(path).traffic


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/Flows.parquet", "flows"),
        ("flows.csv.gz", "flows"),
        ("My Captures (2024)", "my-captures-2024"),
        ("v1.2.pcapng", "v1.2"),
        ("MIRAGE_v2.tar.gz", "mirage_v2"),
        ("..hidden..", "hidden"),
        ("übung.csv", "bung"),
        ("日本.csv", "dataset"),
    ],
)
def test_names_of_paths_are_safe_file_names(tmp_path, path, name):
    assert dataset_name(tmp_path / path, ENDINGS) == name


def test_the_name_of_the_folder_one_is_in(tmp_path, monkeypatch):
    (tmp_path / "Lab").mkdir()
    monkeypatch.chdir(tmp_path / "Lab")
    assert dataset_name(loading.Path("."), ENDINGS) == "lab"


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        (
            "simulatd",
            r"no dataset is called 'simulatd' \(did you mean simulated\?\), and there is no such file or folder",
        ),
        ("qqq", r"known: .*mirage-2019, simulated"),
        ("no/such/thing", "there is no file or folder no/such/thing"),
        ("nothing.parquet", "there is no file or folder nothing.parquet"),
        ("", "the name of the dataset is empty"),
    ],
)
def test_what_is_neither_a_name_nor_a_path(argument, message):
    with pytest.raises(DatasetError, match=message):
        load_dataset(argument)


def test_a_name_wins_over_a_folder_of_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "simulated").mkdir()
    assert len(load_dataset("simulated").traffic) == 6150
    with pytest.raises(DatasetError, match="no MIRAGE-2019 JSON file and no capture"):
        load_dataset("./simulated")


@pytest.mark.parametrize(("apps", "message"), [([], "holds no usable flow"), (["a"], r"1 usable biflow found")])
def test_too_little(tmp_path, apps, message):
    path = tmp_path / "t.parquet"
    lists = pa.list_(pa.int32())
    columns = {"app": pa.array(apps, pa.string())}
    columns |= {name: pa.array([[1]] * len(apps), lists) for name in ("pkts_len", "pkts_dir")}
    pq.write_table(pa.table(columns), path)
    with pytest.raises(DatasetError, match=message):
        load_dataset(path)


def test_one_class_is_enough(tmp_path):
    assert load_dataset(table(tmp_path / "t.parquet", ["a", "a"])).traffic.classes == ("a",)


def test_pl_max_beyond_int16_is_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"t\.parquet: pl_max must be in"):
        load_dataset(table(tmp_path / "t.parquet", ["a", "a"]), pl_max=40_000)


def test_flows_that_begin_downstream_are_suspicious(tmp_path):
    path = table(tmp_path / "t.parquet", ["a"] * 3, directions=[[-1], [-1], [1]])
    assert load_dataset(path).notes == ("only 33% of the flows begin upstream: check which direction is which",)


@pytest.mark.parametrize("name", ["x.txt", "x"])
def test_files_of_unknown_kind(tmp_path, name):
    (tmp_path / name).write_text("?")
    with pytest.raises(DatasetError, match=r"has no ending that is known; files that can be read end in \.parquet"):
        load_dataset(tmp_path / name)


def test_a_folder_of_two_kinds(tmp_path):
    for name in ("a.json", "b.pcap"):
        (tmp_path / name).write_text("")
    with pytest.raises(DatasetError, match="holds JSON files and captures"):
        load_dataset(tmp_path)


@pytest.mark.parametrize(
    ("reading", "message"),
    [
        (Reading(exact=True), "'exact' is about mirage, but .* is read as table"),
        (Reading(label_pattern="x"), "'label_pattern' is about captures"),
    ],
)
def test_what_says_nothing_about_a_format_is_refused(tmp_path, reading, message):
    with pytest.raises(DatasetError, match=message):
        read_flows(table(tmp_path / "t.parquet", ["a", "b"]), reading)


def test_small_classes_go_when_asked(tmp_path):
    path = table(tmp_path / "t.parquet", ["a", "b", "b", "c"])
    flows, notes = read_flows(path, Reading(min_class=2))
    assert flows.classes == ("b",)
    assert notes == ("dropped 2 classes with fewer than 2 flows (2 flows)",)


def test_an_empty_path_is_not_the_current_folder():
    with pytest.raises(DatasetError, match="the path is empty"):
        read_flows("")


def test_classes_that_cannot_be_tested_are_named(tmp_path):
    path = table(tmp_path / "t.parquet", ["z", "y", "y", *"abcdef"])
    assert load_dataset(path).notes == (
        "7 of 8 classes train but are never tested, having one biflow only: a, b, c, d, e and 2 more",
    )
    rows = pq.read_table(path).append_column("session", pa.array([1, 1, 2, *[3] * 6]))
    pq.write_table(rows, path)
    assert "7 of 8 classes train but are never tested, having one session only: a" in load_dataset(path).notes[0]
    pq.write_table(rows.slice(1, 2), path)
    assert load_dataset(path).notes == ()


def empty_class(packets, pl_max):
    rows = np.zeros((2, packets), np.int16)
    rows[:, 0] = 5
    return Biflows(rows, np.array([0, 2], np.int32), ("a", "none", "c"), pl_max=pl_max)


def wrong_shape(packets, pl_max):
    return empty_class(packets + 1, pl_max)


def failing(packets, pl_max):
    raise ZeroDivisionError("oops")


@pytest.fixture
def plugin(monkeypatch):
    def install(function):
        spec = DatasetSpec("theirs", f"{__name__}:{function.__name__}", "", "", "", "")
        monkeypatch.setattr(loading, "registry", lambda: Registry((Plugin("p", "d", "1", (spec, *ntgbench_tracks())),)))
        monkeypatch.setattr(loading, "resolve", lambda _: function)

    return install


def test_classes_without_biflows_go(plugin):
    plugin(empty_class)
    dataset = load_dataset("theirs")
    assert dataset.traffic.classes == ("a", "c")
    assert dataset.traffic.label.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            wrong_shape,
            "the loader of theirs must return traffic of the track biflows, BiflowLayout",
        ),
        (failing, "the loader of theirs failed: ZeroDivisionError: oops"),
    ],
)
def test_a_loader_of_a_plugin_that_breaks_its_contract(plugin, function, message):
    plugin(function)
    with pytest.raises(DatasetError, match=message):
        load_dataset("theirs")


def test_a_description():
    rows = np.array([[100, -1460, 0], [100, -1460, 0], [-5, 0, 0], [7, 8, 9]], np.int16)
    found = describe(
        Biflows(rows, np.array([1, 1, 0, 1], np.int32), ("a", "b"), session=np.array([3, 3, 4, 9], np.int32))
    )
    assert (found.biflows, found.packets, found.pl_max) == (4, 3, 1460)
    assert list(found.classes.items()) == [("b", 3), ("a", 1)]
    assert found.sessions == 3
    assert found.length_quantiles == (1, 1.75, 2, 2.25, 3)
    assert found.full_share == 0.25
    assert found.upstream_first_share == 0.75
    assert found.distinct_share == 0.75
    assert found.pl_max_share == 0.25
    assert not found.has_iat
    assert len(found.digest) == 32


REAL = {
    # biflows, classes, clipped share of the first 10 packets, share of biflows that begin upstream
    "fgnet_d1": (99_994, 53, 0.0068, 0.997),
    "mirage_appxact2024": (16_310, 14, 0.0, 0.970),
    "iot_sentinel": (14_082, 27, 0.0, 0.998),
    "ndpi_flows": (6_234, 383, 0.0223, 0.987),
    "cesnet_quic22_demo": (150, 10, None, 1.0),
    "cesnet_tlsyear22_5flows": (5, 1, None, 1.0),
    "ucdavis_icdm19_quic": (150, 5, None, 1.0),
}


@pytest.mark.parametrize("name", REAL)
def test_real_collections_load_as_they_are_documented(real_flows, name):
    biflows, classes, clipped, upstream = REAL[name]
    path = real_flows / f"{name}.parquet"
    dataset = load_dataset(path)
    found = describe(dataset.traffic)
    assert (found.biflows, len(found.classes)) == (biflows, classes)
    assert found.upstream_first_share == pytest.approx(upstream, abs=0.001)
    if clipped is not None:
        first = np.abs(read_flows(path)[0].first(10).signed_pl)
        assert (first > 1460).mean() == pytest.approx(clipped, abs=0.0001)
        assert any("clipped" in note for note in dataset.notes) == bool(clipped)


def test_the_figures_of_fgnet(real_flows):
    found = describe(load_dataset(real_flows / "fgnet_d1.parquet").traffic)
    assert found.full_share == 1.0
    assert found.distinct_share == pytest.approx(0.56, abs=0.005)
    assert (min(found.classes.values()), max(found.classes.values())) == (239, 8339)
    assert found.sessions is not None


def test_the_figures_of_mirage_appxact(real_flows):
    found = describe(load_dataset(real_flows / "mirage_appxact2024.parquet").traffic)
    assert found.full_share == pytest.approx(0.78, abs=0.005)
    assert found.sessions is None
