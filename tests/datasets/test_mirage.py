"""MIRAGE-2019: files made from the published schema, with everything that curation must see."""

import json
import tarfile
import zipfile

import numpy as np
import pytest

from ntgbench.datasets.reading import Reading, read_flows
from ntgbench.errors import DatasetError

KEEP_ALL = Reading(min_class=1)


def biflow(label, lengths, directions, iat=None, labelling="exact"):
    return {
        "packet_data": {
            "src_port": [50000] * len(lengths),
            "packet_dir": directions,
            "L4_payload_bytes": lengths,
            "iat": iat or [0.0] * len(lengths),
            "L4_raw_payload": [[] for _ in lengths],
        },
        "flow_features": {"packet_length": {"biflow": {"std": float("nan")}}},
        "flow_metadata": {"BF_label": label, "BF_labeling_type": labelling, "BF_num_packets": len(lengths)},
    }


def key(port):
    return f"10.0.0.1,{port},1.2.3.4,443,6"


WAZE = {
    key(1): biflow("com.waze", [0, 517, 0, 1448, 64], [0, 0, 1, 1, 0], [0.0, 0.5, 0.25, 0.25, 1.0]),
    key(2): biflow("com.waze", [100], [0], labelling="most-common"),
    key(3): biflow("com.android.vending", [200, 300], [0, 1]),
    key(4): biflow("com.waze", [0, 0], [0, 1]),
}
TRELLO = {key(1): biflow("com.trello", [80, 90], [0, 1], [0.0, 2.0])}
FILES = {
    "Mi5/1494924402_com.waze_mirage2019.json": WAZE,
    "Nexus7/1494924500_com.trello_mirage2019.json": TRELLO,
    "Nexus7/1494924600_com.trello_mirage2019.json": TRELLO,
}


@pytest.fixture
def folder(tmp_path):
    for name, content in FILES.items():
        path = tmp_path / "MIRAGE" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    return tmp_path / "MIRAGE"


def check(flows):
    assert flows.classes == ("com.trello", "com.waze")
    assert [flows.classes[code] for code in flows.label] == ["com.waze", "com.waze", "com.trello", "com.trello"]
    assert flows.signed_pl.tolist() == [517, -1448, 64, 100, 80, -90, 80, -90]
    assert flows.offsets.tolist() == [0, 3, 4, 6, 8]
    np.testing.assert_allclose(flows.iat, [0, 0.5, 1.0, 0, 0, 2, 0, 2])
    assert flows.session.tolist() == [0, 0, 1, 2]


def test_curation_keeps_short_biflows_and_counts_what_it_drops(folder):
    flows, notes = read_flows(folder, KEEP_ALL)
    check(flows)
    assert notes == (
        "dropped 1 biflow: background traffic of other apps",
        "left out 4 packets without payload",
        "left out 1 flow that carries no payload",
    )


def test_the_files_hold_nan_which_json_does_not_have(folder):
    assert "NaN" in next(folder.rglob("*waze*")).read_text()


def test_exact_labels_only(folder):
    flows, notes = read_flows(folder, Reading(exact=True, min_class=1))
    assert np.bincount(flows.label).tolist() == [2, 1]
    assert "dropped 1 biflow: their label is not exact" in notes


def test_small_classes_go(folder):
    flows, notes = read_flows(folder, Reading(min_class=2, exact=True))
    assert flows.classes == ("com.trello",)
    assert notes[-1] == "dropped 1 class with fewer than 2 flows (1 flow)"
    with pytest.raises(DatasetError, match=r"no usable flow: .*fewer than 100 flows"):
        read_flows(folder)


@pytest.mark.parametrize("ending", ["tar", "tar.gz", "tgz", "tar.xz", "zip"])
def test_an_archive_reads_like_the_folder(folder, tmp_path, ending):
    path = tmp_path / f"m.{ending}"
    if ending == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for file in sorted(folder.rglob("*.json")):
                archive.write(file, file.relative_to(tmp_path))
    else:
        with tarfile.open(path, f"w:{'gz' if ending == 'tgz' else ending.partition('.')[2]}") as archive:
            for file in sorted(folder.rglob("*.json")):
                archive.add(file, str(file.relative_to(tmp_path)))
    seen = []
    flows, _ = read_flows(path, KEEP_ALL, lambda done, total, note="": seen.append((done, total, note)))
    check(flows)
    assert len(seen) == 3
    assert all(0 < done <= total for done, total, _ in seen)
    assert seen[0][2] == "1494924402_com.waze_mirage2019.json"


def test_one_file_is_a_dataset_too(folder):
    flows, _ = read_flows(folder / "Mi5/1494924402_com.waze_mirage2019.json", KEEP_ALL)
    assert flows.classes == ("com.waze",)


BROKEN = {
    "1_com.a_x.json": "{ half",
    "2_com.a_x.json": "[]",
    "3_com.a_x.json": json.dumps({key(1): {}}),
    "noapp.json": json.dumps(TRELLO),
    "empty.json": "",
    "0_com.a_x.json": "",
    "4_com.a_x.json": json.dumps({key(1): biflow("com.a", [1, 2], [0])}),
    "5_com.a_x.json": json.dumps({key(1): biflow("com.a", [1, 2], [0, 7])}),
    "6_com.a_x.json": json.dumps({key(1): biflow("com.a", [1, 2], [0, 1], [0.0])}),
    "7_com.a_x.json": "\x00",
    "8_com.a_x.json": "[" * 100_000,
    "9_com.a_x.json": json.dumps({key(1): biflow("com.a", [1], [0], [10**400])}),
}


def test_files_of_another_kind_are_named(folder):
    for name, content in BROKEN.items():
        (folder / name).write_text(content)
    flows, notes = read_flows(folder, KEEP_ALL)
    assert len(flows) == 4
    assert any("skipped 12 files that are not of MIRAGE-2019, such as" in note for note in notes)


@pytest.mark.parametrize("name", BROKEN)
def test_nothing_but_broken_files_is_an_error(tmp_path, name):
    (tmp_path / name).write_text(BROKEN[name])
    with pytest.raises(DatasetError, match=f"none of 1 JSON files is of MIRAGE-2019; the first is .*{name}"):
        read_flows(tmp_path)


def test_a_file_that_is_named_otherwise_says_how_it_must_be_named(tmp_path):
    (tmp_path / "flows.json").write_text("{}")
    with pytest.raises(DatasetError, match=r"flows\.json \(ValueError: it must be named PREFIX_APP_….json"):
        read_flows(tmp_path)


@pytest.mark.parametrize("length", ["1e400", "9" * 31, "1.7", "-1", "NaN", "null"])
def test_a_biflow_with_an_impossible_length_is_dropped_and_counted(tmp_path, length):
    content = {key(1): biflow("com.a", [1, 2], [0, 1]), key(2): biflow("com.a", [3, 987654], [0, 1])}
    path = tmp_path / "1_com.a_x.json"
    path.write_text(json.dumps(content).replace("987654", length))
    flows, notes = read_flows(tmp_path, KEEP_ALL)
    assert flows.signed_pl.tolist() == [1, -2]
    assert notes == ("dropped 1 biflow: they have a payload length that is not a number of bytes",)
    path.write_text(json.dumps({key(2): content[key(2)]}).replace("987654", length))
    with pytest.raises(DatasetError, match="no usable flow: dropped 1 biflow: they have a payload length"):
        read_flows(tmp_path, KEEP_ALL)


def test_missing_iat_becomes_zero_and_is_counted(tmp_path):
    content = {key(1): biflow("com.a", [1, 2, 3, 4], [0, 1, 0, 1], [0.0, float("nan"), 1e300, 2.0])}
    (tmp_path / "1_com.a_x.json").write_text(json.dumps(content))
    flows, notes = read_flows(tmp_path, KEEP_ALL)
    assert flows.iat.tolist() == [0, 0, 0, 2]
    assert notes == ("set 2 missing iat values to 0",)
