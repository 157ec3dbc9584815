"""Folders of captures: every capture is labelled, skipped or refused, and it is always said which."""

import gzip
import os
import struct
from functools import partial

import pytest
from click.testing import CliRunner

from ntgbench.cli.datasets import datasets
from ntgbench.datasets.captures import read_captures
from ntgbench.datasets.loading import load_dataset
from ntgbench.datasets.reading import Reading, read_flows
from ntgbench.errors import DatasetError
from ntgbench.traffic.capture_flows import capture_flows


def packet(sport, dport, payload, client=True):
    source, destination = (b"\x0a\0\0\1", b"\x01\2\3\4") if client else (b"\x01\2\3\4", b"\x0a\0\0\1")
    ports = (sport, dport) if client else (dport, sport)
    udp = struct.pack("!HHHH", *ports, 8 + payload, 0) + bytes(payload)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, source, destination)
    return bytes(12) + b"\x08\0" + ip + udp


def capture(*frames):
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    return head + b"".join(
        struct.pack("<IIII", 1000 + number, 0, len(frame), len(frame)) + frame for number, frame in enumerate(frames)
    )


def gre(frame):
    """The packet of an Ethernet frame inside GRE inside IPv4."""
    inside = b"\0\0\x08\0" + frame[14:]
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(inside), 1, 0, 64, 47, 0, b"\x0a\0\0\1", b"\x01\2\3\4")
    return bytes(12) + b"\x08\0" + ip + inside


def conversation(port, size):
    return packet(port, 53, size), packet(port, 53, size + 1, client=False)


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "lab"
    for name, content in {
        "chat/monday_alice.pcap": capture(*conversation(1000, 10), *conversation(1001, 20)),
        "chat/tuesday_bob.pcap": capture(*conversation(1000, 30)),
        "web/monday_bob.pcap": capture(*conversation(1000, 40)),
        "web/notes.txt": b"nothing to see",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def rows(flows):
    """(class, session, signed lengths) of each flow."""
    return [
        (
            flows.classes[code],
            None if flows.session is None else int(flows.session[f]),
            flows.signed_pl[flows.offsets[f] : flows.offsets[f + 1]].tolist(),
        )
        for f, code in enumerate(flows.label)
    ]


def test_a_class_is_a_folder_and_a_session_a_capture(folder):
    progress = []
    flows, notes = read_flows(folder, progress=lambda *step: progress.append(step))
    assert rows(flows) == [
        ("chat", 0, [10, -11]),
        ("chat", 0, [20, -21]),
        ("chat", 1, [30, -31]),
        ("web", 2, [40, -41]),
    ]
    assert notes == ()
    assert progress == [
        (1, 3, "chat/monday_alice.pcap"),
        (2, 3, "chat/tuesday_bob.pcap"),
        (3, 3, "web/monday_bob.pcap"),
    ]


def test_a_class_from_a_pattern(folder):
    flows, notes = read_flows(folder, Reading(label_pattern=r"day_(?P<app>b\w+)"))
    assert rows(flows) == [("bob", 0, [30, -31]), ("bob", 1, [40, -41])]
    assert notes == ("skipped 1 capture without a label: chat/monday_alice.pcap",)


def test_classes_and_sessions_from_a_csv_file(folder, tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_text(
        "file,app,session\nchat/monday_alice.pcap,a,s1\ntuesday_bob.pcap,a,s2\nweb/monday_bob.pcap,b,s1\n"
    )
    flows, _ = read_flows(folder, Reading(labels=labels))
    assert rows(flows) == [("a", 0, [10, -11]), ("a", 0, [20, -21]), ("a", 1, [30, -31]), ("b", 0, [40, -41])]


def test_without_a_session_column_a_capture_is_a_session(folder, tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_text("app,file\na,monday_alice.pcap\na,monday_bob.pcap\n")
    flows, notes = read_flows(folder, Reading(labels=labels))
    assert [session for _, session, _ in rows(flows)] == [0, 0, 1]
    assert notes == ("skipped 1 capture without a label: chat/tuesday_bob.pcap",)


def test_one_capture_is_a_class_without_sessions(folder):
    flows, notes = read_flows(folder / "chat/monday_alice.pcap")
    assert rows(flows) == [("monday_alice", None, [10, -11]), ("monday_alice", None, [20, -21])]
    assert notes == ("no class has two sessions: training and test traffic will come from the same captures",)


def test_classes_beside_a_capture(folder):
    (folder / "chat/monday_alice.pcap.csv").write_text("flow,app\n0,first\n1,second\n")
    flows, _ = read_flows(folder / "chat/monday_alice.pcap")
    assert [app for app, _, _ in rows(flows)] == ["first", "second"]
    flows, _ = read_flows(folder)
    assert [app for app, _, _ in rows(flows)] == ["first", "second", "chat", "web"]


def test_a_damaged_capture_is_used_as_far_as_it_goes(folder):
    path = folder / "chat/monday_alice.pcap"
    path.write_bytes(path.read_bytes()[:-10])
    flows, notes = read_flows(folder)
    assert rows(flows)[1] == ("chat", 0, [20])
    assert any(note.startswith("1 capture is damaged and used as far as it goes: chat/monday") for note in notes)


def test_packets_that_biflows_lack_are_the_first_note_of_all_captures(folder):
    for name in ("chat/monday_alice.pcap", "web/monday_bob.pcap"):
        path = folder / name
        path.write_bytes(path.read_bytes() + capture(packet(2000, 53, 5)[:12] + b"\x89\x99" + bytes(50))[24:])
    (folder / "chat/broken.pcapng").write_bytes(b"this is no capture")
    flows, notes = read_flows(folder)
    assert len(flows) == 4
    assert notes[0].startswith("warning: 2 packets behind a header of EtherType 0x8999 cannot be read")
    assert notes[1].startswith("skipped 1 capture that cannot be read")


def test_packets_that_biflows_lack_are_a_warning_of_the_import(folder, tmp_path):
    path = folder / "chat/monday_alice.pcap"
    path.write_bytes(path.read_bytes() + capture(packet(2000, 53, 5)[:12] + b"\x89\x99" + bytes(50))[24:])
    result = CliRunner().invoke(datasets, ["import", str(folder), "--out", str(tmp_path / "out.parquet")])
    assert result.exit_code == 0, result.output
    assert result.stderr.startswith("warning: 1 packet behind a header of EtherType 0x8999 cannot be read")


def test_a_capture_that_expands_too_far_is_skipped_with_the_limit(folder):
    files = sorted(folder.rglob("*.pcap"))
    packed = folder / "web/packed.pcap.gz"
    packed.write_bytes(gzip.compress(capture(*[packet(1, 53, 1000)] * 100)))
    _, notes = read_captures(folder, [*files, packed], read=partial(capture_flows, size_limit=50_000))
    assert any("expands to more than the size limit of 50,000 bytes" in note for note in notes)


def test_a_capture_that_cannot_be_read_is_skipped_and_named(folder):
    (folder / "chat/broken.pcapng").write_bytes(b"this is no capture")
    flows, notes = read_flows(folder)
    assert len(flows) == 4
    assert any(note.startswith("skipped 1 capture that cannot be read: chat/broken.pcapng") for note in notes)


def test_nothing_but_broken_captures_is_an_error(tmp_path):
    for number in range(7):
        (tmp_path / f"{number}.pcap").write_bytes(b"this is no capture")
    with pytest.raises(DatasetError, match=r"no capture in .* can be read: 0\.pcap .*; 4\.pcap"):
        read_flows(tmp_path)


def test_captures_without_any_payload_hold_no_flow(tmp_path):
    (tmp_path / "empty.pcap").write_bytes(capture(packet(1, 2, 0)))
    with pytest.raises(DatasetError, match="holds no usable flow: left out 1 packet without payload"):
        read_flows(tmp_path)


def test_a_capture_of_a_header_alone_has_no_packet(tmp_path):
    (tmp_path / "a.pcap").write_bytes(capture())
    with pytest.raises(DatasetError, match=r"a\.pcap holds no usable flow: 1 capture has no packet$"):
        read_flows(tmp_path / "a.pcap")


def test_a_capture_that_is_damaged_twice_is_one_damaged_capture(tmp_path):
    (tmp_path / "a.pcap.gz").write_bytes(gzip.compress(capture(packet(1, 2, 10), packet(1, 2, 20)), 0)[:-30])
    (note,) = (note for note in read_flows(tmp_path / "a.pcap.gz")[1] if "damaged" in note)
    assert note.startswith("1 capture is damaged and used as far as it goes: a.pcap.gz (damaged gzip data after ")
    assert "; cut or damaged at byte " in note


def test_packets_inside_tunnels_are_read_when_asked(tmp_path):
    for name in ("a.pcap", "b.pcap"):
        (tmp_path / name).write_bytes(capture(*conversation(1000, 10), gre(packet(2000, 53, 30))))
    flows, notes = read_flows(tmp_path)
    assert [signed for _, _, signed in rows(flows)] == [[10, -11], [10, -11]]
    assert any(note.startswith("left out 2 packets: tunnel") for note in notes)
    flows, notes = read_flows(tmp_path, Reading(inner=True))
    assert [signed for _, _, signed in rows(flows)] == [[10, -11], [30], [10, -11], [30]]
    assert notes == ()


@pytest.mark.parametrize("timeout", ["idle_timeout", "active_timeout"])
def test_timeouts_end_biflows(tmp_path, timeout):
    # One packet a second.
    (tmp_path / "a.pcap").write_bytes(capture(*(packet(1000, 53, size) for size in (1, 2, 3))))
    assert [signed for _, _, signed in rows(read_flows(tmp_path)[0])] == [[1, 2, 3]]
    flows, _ = read_flows(tmp_path, Reading(**{timeout: 0.5}))
    assert [signed for _, _, signed in rows(flows)] == [[1], [2], [3]]
    with pytest.raises(DatasetError, match="timeouts are positive seconds"):
        read_flows(tmp_path, Reading(**{timeout: -1.0}))


def test_what_is_left_out_is_summed_over_captures(tmp_path):
    for name in ("a.pcap", "b.pcap"):
        frames = (*conversation(1000, 10), packet(1000, 53, 0), packet(3000, 53, 0))
        (tmp_path / name).write_bytes(capture(*frames))
    assert read_flows(tmp_path)[1] == (
        "left out 4 packets without payload",
        "left out 2 flows that carry no payload",
    )


def test_classes_of_one_session_are_named(folder):
    assert load_dataset(folder).notes == ("1 of 2 classes train but are never tested, having one session only: web",)


def test_compressed_captures_count_too(folder):
    path = folder / "web/monday_bob.pcap"
    (folder / "web/monday_bob.pcap.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    assert rows(read_flows(folder)[0])[-1] == ("web", 2, [40, -41])


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(?P<app>", "is not a regular expression"),
        ("chat", "needs a group named app"),
        ("(?P<app>nowhere)", "no capture in"),
    ],
)
def test_patterns_that_do_not_work(folder, pattern, message):
    with pytest.raises(DatasetError, match=message):
        read_flows(folder, Reading(label_pattern=pattern))


def test_labels_that_do_not_work(folder, tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_text("path,app\nx,y\n")
    with pytest.raises(DatasetError, match=r"labels\.csv has no column file"):
        read_flows(folder, Reading(labels=labels))
    with pytest.raises(DatasetError, match=r"cannot read .*nowhere"):
        read_flows(folder, Reading(labels=tmp_path / "nowhere.csv"))
    labels.write_text("file,app\nmonday_bob.pcap,a\nmonday_bob.pcap,a\nmonday_bob.pcap,b\n")
    with pytest.raises(DatasetError, match=r"labels\.csv names 'monday_bob\.pcap' twice, with different labels"):
        read_flows(folder, Reading(labels=labels))
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(DatasetError, match=r"pipe\.csv: it is not a regular file"):
        read_flows(folder, Reading(labels=tmp_path / "pipe.csv"))
    labels.write_bytes("file,app\nweb/monday_bob.pcap,caf\u00e9\n".encode("latin-1"))
    with pytest.raises(DatasetError, match=r"labels\.csv is not a CSV file in UTF-8"):
        read_flows(folder, Reading(labels=labels))
    with pytest.raises(DatasetError, match="not by both"):
        read_flows(folder, Reading(labels=labels, label_pattern="(?P<app>x)"))


def test_folders_that_are_passed_over_are_noted(folder, monkeypatch):
    (folder / "linked").symlink_to(folder / "web")
    read_folder = os.scandir
    closed = str(folder / "chat")

    def scandir(path):
        if os.fspath(path) == closed:  # as root, a test can close no folder to itself
            raise PermissionError(13, "Permission denied", closed)
        return read_folder(path)

    monkeypatch.setattr(os, "scandir", scandir)
    flows, notes = read_flows(folder)
    assert flows.classes == ("web",)
    assert notes[-2:] == (
        "skipped 1 folder that is a symbolic link: linked",
        "skipped 1 folder that cannot be read: chat",
    )


def test_a_pipe_is_not_a_capture(tmp_path):
    os.mkfifo(tmp_path / "pipe.pcap")
    with pytest.raises(DatasetError, match="neither a regular file nor a folder"):
        read_flows(tmp_path / "pipe.pcap")
