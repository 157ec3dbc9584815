"""Archives: what is in them is read, and what could do harm is refused; nothing is written."""

import bz2
import gzip
import io
import tarfile
import tracemalloc
import zipfile

import pytest

from ntgbench.datasets import archives
from ntgbench.errors import DatasetError
from ntgbench.limits import Allowance


def tar_with(path, **attributes):
    with tarfile.open(path, "w:gz") as archive:
        good = tarfile.TarInfo("good.json")
        good.size = 2
        archive.addfile(good, io.BytesIO(b"{}"))
        bad = tarfile.TarInfo("bad.json")
        for name, value in attributes.items():
            setattr(bad, name, value)
        archive.addfile(bad)
    return path


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"name": "../../etc/passwd.json"}, "leads out of it: '../../etc/passwd.json'"),
        ({"name": "/etc/passwd.json"}, "leads out of it"),
        ({"name": "a/../../b.json"}, "leads out of it"),
        ({"name": "..\\b.json"}, "leads out of it"),
        ({"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}, "a link or a device: 'bad.json'"),
        ({"type": tarfile.LNKTYPE, "linkname": "good.json"}, "a link or a device"),
        ({"type": tarfile.CHRTYPE}, "a link or a device"),
        ({"type": tarfile.FIFOTYPE}, "a link or a device"),
    ],
)
def test_a_tar_with_something_harmful_is_refused(tmp_path, attributes, message):
    path = tar_with(tmp_path / "a.tar.gz", **attributes)
    with pytest.raises(DatasetError, match=r"a\.tar\.gz holds") as caught:
        list(archives.members(path, ".json"))
    assert message in str(caught.value)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["a.tar.gz", "a.zip", "a.json"])
def test_a_document_over_the_limit_is_refused_before_it_is_read(tmp_path, name):
    path = tmp_path / name
    if name == "a.tar.gz":
        tar_with(path)
    elif name == "a.zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("good.json", "{}")
    else:
        path.write_text("{}")
    allowance = Allowance(path, 2 * archives.JSON_FACTOR - 1)
    with pytest.raises(DatasetError, match=r"json' has 2 bytes .*over the limit of .*--size-limit GIB"):
        list(archives.documents([path], allowance) if name == "a.json" else archives.members(path, ".json", allowance))


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK])
def test_a_header_that_is_a_bomb_is_refused_before_it_is_read(tmp_path, kind):
    path = tmp_path / "a.tar.bz2"
    header = tarfile.TarInfo("x")
    header.type, header.size = kind, 2**33
    path.write_bytes(bz2.compress(header.tobuf(tarfile.GNU_FORMAT) + bytes(2**22)))
    with pytest.raises(DatasetError, match=r"damaged or not an archive: a header of 8,589,934,592 bytes"):
        list(archives.members(path, ".json"))


@pytest.mark.parametrize("name", ["a.zip", "a.tar.bz2"])
def test_an_archive_that_expands_beyond_measure_is_refused_before_it_does(tmp_path, name, monkeypatch):
    monkeypatch.setattr(archives, "_EXPANDED", 2**20)
    path, zeros = tmp_path / name, bytes(2**21)
    if name == "a.zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("good.json", zeros)
    else:
        with tarfile.open(path, "w:bz2") as archive:
            about = tarfile.TarInfo("padding")
            about.size = len(zeros)
            archive.addfile(about, io.BytesIO(zeros))
    monkeypatch.setattr(archives, "_EXPANSION", 100)
    with pytest.raises(DatasetError, match=r"expands to 0\.00 GiB or more, over 100 times its size"):
        list(archives.members(path, ".json"))


def test_the_members_of_a_tar_are_not_kept(tmp_path):
    path = tmp_path / "a.tar.bz2"
    with tarfile.open(path, "w:bz2") as archive:
        for number in range(20_000):
            archive.addfile(tarfile.TarInfo(f"{number}.json"))
    next(archives.members(path, ".json"))  # what is imported on the way does not count
    tracemalloc.start()
    try:
        assert sum(1 for _ in archives.members(path, ".json")) == 20_000
        # Each that is kept takes more than a thousand bytes.
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_of_zip_that_expand_without_limit_are_refused(tmp_path, method):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as archive:
        archive.writestr("a.json", "{}")
    with pytest.raises(DatasetError, match="another method than deflate"):
        list(archives.members(tmp_path / "a.zip", ".json"))


@pytest.mark.parametrize(("name", "mode"), [("../x.json", 0o100644), ("link.json", 0o120777)])
def test_a_zip_with_something_harmful_is_refused(tmp_path, name, mode):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = mode << 16
        archive.writestr(entry, "/etc/passwd")
    with pytest.raises(DatasetError, match=r"leads out of it|a link or a device"):
        list(archives.members(path, ".json"))


def test_only_documents_with_the_ending_are_read(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("folder/", "")
        archive.writestr("folder/a.JSON", "1")
        archive.writestr("readme.txt", "2")
    documents = list(archives.members(path, ".json"))
    assert [(one.name, one.content) for one in documents] == [("folder/a.JSON", b"1")]


def test_an_archive_of_captures_says_that_it_must_be_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("web/1.pcap", b"")
    with pytest.raises(DatasetError, match=r"a\.zip holds no \.json file; captures .* must be unpacked first"):
        list(archives.members(tmp_path / "a.zip", ".json"))


@pytest.mark.parametrize("ending", ["tar", "tar.gz", "zip", "tar.xz", "tar.bz2"])
@pytest.mark.parametrize("content", [b"", b"no archive at all" * 100])
def test_what_is_not_an_archive(tmp_path, ending, content):
    path = tmp_path / f"a.{ending}"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match="is damaged or not an archive"):
        list(archives.members(path, ".json"))


@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
def test_a_tar_that_ends_too_early_is_damaged(tmp_path, share):
    import random

    noise = random.Random(0).randbytes(200_000)
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        for number in range(4):
            member = tarfile.TarInfo(f"{number}.json")
            member.size = len(noise)
            archive.addfile(member, io.BytesIO(noise))
    path = tmp_path / "a.tar.gz"
    data = gzip.compress(whole.getvalue())
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(DatasetError, match="is damaged or not an archive"):
        list(archives.members(path, ".json"))
