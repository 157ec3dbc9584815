"""Fetching, against a server on the loopback interface that behaves, and misbehaves, as real ones do."""

import hashlib
import http.server
import io
import json
import re
import tarfile
import threading

import numpy as np
import pytest

from ntgbench.datasets import cache, fetch
from ntgbench.datasets.loading import load_dataset
from ntgbench.errors import DatasetError

APPS = ("com.waze", "com.trello")


def archive(name="MIRAGE/Mi5/{number}_{app}_mirage2019.json", apps=APPS):
    """A MIRAGE-2019 archive with 120 biflows of each app, and noise so that it is worth cutting in pieces."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        for number, app in enumerate(apps):
            flows = {
                f"10.0.0.1,{port},1.2.3.4,443,6": {
                    "packet_data": {
                        "packet_dir": [0, 1],
                        "L4_payload_bytes": [100 + port, 2000 if port == 0 else 1 + port],
                        "iat": [0.0, 0.5],
                    },
                    "flow_metadata": {"BF_label": app, "BF_labeling_type": "exact"},
                    "noise": np.random.default_rng(port).bytes(2000).hex(),
                }
                for port in range(120)
            }
            content = json.dumps(flows).encode()
            member = tarfile.TarInfo(name.format(number=number, app=app))
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return data.getvalue()


class Server(http.server.ThreadingHTTPServer):
    """Serves one file; `script` says how requests are answered: 'ok', 'break', 'nothing', 'no range' or 'not found'."""

    def __init__(self, content):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.identity, self.script, self.asked = content, '"v1"', [], []
        self.url = f"http://127.0.0.1:{self.server_address[1]}/data/m.tar.gz"

    def handle_error(self, request, client_address):
        """A client that goes away is part of the game."""


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.asked.append(self.headers.get("Range"))
        step = server.script.pop(0) if server.script else "ok"
        if step == "not found":
            self.send_error(404)
            return
        whole, start = server.content, 0
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if wanted and step != "no range" and self.headers.get("If-Range") == server.identity:
            start = int(wanted[1])
            if start >= len(whole):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(whole) - 1}/{len(whole)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(whole) - start))
        if server.identity:
            self.send_header("ETag", server.identity)
        self.end_headers()
        rest = whole[start:]
        self.wfile.write(rest[: len(rest) // 2] if step == "break" else b"" if step == "nothing" else rest)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with Server(archive()) as one:
        thread = threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield one
        one.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(cache.DATA, str(tmp_path / "data"))
    return tmp_path / "data"


def test_a_fetched_dataset_is_known_by_name(server, folder):
    with pytest.raises(DatasetError, match=r"mirage-2019 is not here.*ntgbench datasets fetch mirage-2019"):
        load_dataset("mirage-2019")
    fetched = fetch.fetch("mirage-2019", url=server.url)
    biflows = load_dataset("mirage-2019", packets=3, pl_max=1000).biflows
    assert biflows.classes == tuple(sorted(APPS))
    assert biflows.class_counts().tolist() == [120, 120]
    assert biflows.signed_pl[0].tolist() == [100, -1000, 0]
    assert load_dataset("mirage-2019", pl_max=5000).biflows.signed_pl.min() == -2000
    assert fetched.table == folder / "mirage-2019.parquet"
    assert fetched.sha256 == hashlib.sha256(server.content).hexdigest()
    manifest = json.loads((folder / "mirage-2019.json").read_text())
    assert manifest["sha256"] == fetched.sha256
    assert manifest["url"] == server.url
    assert (manifest["flows"], manifest["classes"]) == (240, sorted(APPS))
    assert manifest["bytes"] == len(server.content)


def test_what_is_there_is_not_downloaded_again(server):
    fetch.fetch("mirage-2019", url=server.url)
    fetch.fetch("mirage-2019", url=server.url, sha256=hashlib.sha256(server.content).hexdigest())
    assert server.asked == [None]


def test_a_broken_download_goes_on_where_it_ended(server):
    server.script = ["break", "break", "ok"]
    progress = []
    fetched = fetch.fetch("mirage-2019", url=server.url, progress=lambda *step: progress.append(step))
    size = len(server.content)
    assert server.asked == [None, f"bytes={size // 2}-", f"bytes={size // 2 + (size - size // 2) // 2}-"]
    assert fetched.archive.read_bytes() == server.content
    assert (size, size, "downloading") in progress


def test_a_later_command_goes_on_too(server, folder):
    server.script = ["break", "nothing"]
    with pytest.raises(DatasetError, match=r"cannot download .*the same command continues where this one ended"):
        fetch.fetch("mirage-2019", url=server.url)
    assert not (folder / "mirage-2019.parquet").exists()
    fetched = fetch.fetch("mirage-2019", url=server.url)
    assert server.asked[-1] == f"bytes={len(server.content) // 2}-"
    assert fetched.archive.read_bytes() == server.content
    assert [path.name for path in (folder / "downloads").iterdir()] == [fetched.archive.name]


def test_a_file_that_changed_meanwhile_is_never_mixed(server):
    server.script = ["break", "nothing"]
    with pytest.raises(DatasetError):
        fetch.fetch("mirage-2019", url=server.url)
    server.content, server.identity = archive(apps=("com.other", "com.apps")), '"v2"'
    assert fetch.fetch("mirage-2019", url=server.url).archive.read_bytes() == server.content


def test_without_an_identity_a_broken_download_begins_anew(server):
    server.identity = ""
    server.script = ["break", "ok"]
    fetched = fetch.fetch("mirage-2019", url=server.url)
    assert server.asked == [None, None]
    assert fetched.archive.read_bytes() == server.content


def test_a_server_without_ranges_begins_anew(server):
    server.script = ["break", "no range"]
    assert fetch.fetch("mirage-2019", url=server.url).archive.read_bytes() == server.content


def test_a_part_longer_than_the_file_is_thrown_away(server, folder):
    server.script = ["break", "nothing"]
    with pytest.raises(DatasetError):
        fetch.fetch("mirage-2019", url=server.url)
    part = next((folder / "downloads").glob("*.part"))
    part.write_bytes(server.content + b"more")
    assert fetch.fetch("mirage-2019", url=server.url).archive.read_bytes() == server.content


def test_a_wrong_checksum_is_refused_and_nothing_is_kept(server, folder):
    with pytest.raises(DatasetError, match=r"hash.*does not match"):
        fetch.fetch("mirage-2019", url=server.url, sha256="0" * 64)
    assert list((folder / "downloads").iterdir()) == []
    assert not (folder / "mirage-2019.parquet").exists()


@pytest.mark.parametrize("name", ["../../{number}_{app}_x.json", "/tmp/{number}_{app}_x.json"])
def test_an_archive_that_leads_out_of_itself_is_refused(server, folder, name):
    server.content = archive(name)
    with pytest.raises(DatasetError, match="holds a path that leads out of it"):
        fetch.fetch("mirage-2019", url=server.url)
    assert [path.name for path in folder.iterdir()] == ["downloads"]


def test_not_found(server):
    server.script = ["not found"]
    with pytest.raises(DatasetError, match="answered 404 Not Found; --url names another place"):
        fetch.fetch("mirage-2019", url=server.url)
    assert len(server.asked) == 1


def test_nobody_there():
    with pytest.raises(DatasetError, match="cannot download http://127"):
        fetch.fetch("mirage-2019", url="http://127.0.0.1:9/m.tar.gz")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/m.tar.gz", "m.tar.gz"])
def test_only_web_addresses(url):
    with pytest.raises(DatasetError, match="is no http or https address"):
        fetch.fetch("mirage-2019", url=url)


def test_an_unknown_name():
    with pytest.raises(DatasetError, match="'mirage' cannot be fetched; did you mean mirage-2019"):
        fetch.fetch("mirage")


def test_the_data_folder_is_the_users_cache_unless_said_otherwise(monkeypatch):
    monkeypatch.delenv(cache.DATA)
    assert cache.data_folder().name == "ntgbench"
