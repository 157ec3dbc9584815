"""Fetching, against a server on the loopback interface."""

import hashlib
import http.server
import io
import json
import tarfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

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
    """Serves one file; `script` says how requests are answered: 'ok', 'break' or 'not found'."""

    def __init__(self, content):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.script, self.asked = content, [], 0
        self.url = f"http://127.0.0.1:{self.server_address[1]}/data/m.tar.gz"

    def handle_error(self, request, client_address):
        """A client may go away at any time."""


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.asked += 1
        step = server.script.pop(0) if server.script else "ok"
        if step == "not found":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(server.content)))
        self.end_headers()
        self.wfile.write(server.content[: len(server.content) // 2] if step == "break" else server.content)

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
    biflows = load_dataset("mirage-2019", packets=3, pl_max=1000).traffic
    assert biflows.classes == tuple(sorted(APPS))
    assert biflows.class_counts().tolist() == [120, 120]
    assert biflows.signed_pl[0].tolist() == [100, -1000, 0]
    assert load_dataset("mirage-2019", pl_max=5000).traffic.signed_pl.min() == -2000
    assert fetched.table == folder / "mirage-2019.parquet"
    assert fetched.sha256 == hashlib.sha256(server.content).hexdigest()
    manifest = json.loads((folder / "mirage-2019.json").read_text())
    assert manifest["sha256"] == fetched.sha256
    assert manifest["url"] == server.url
    assert (manifest["flows"], manifest["classes"]) == (240, sorted(APPS))
    assert manifest["bytes"] == len(server.content)


def test_the_command_says_as_json_what_it_fetched(server, folder, command):
    told = json.loads(command("datasets", "fetch", "mirage-2019", "--url", server.url, "--json").stdout)
    assert (told["name"], told["table"]) == ("mirage-2019", str(folder / "mirage-2019.parquet"))
    assert told["sha256"] == hashlib.sha256(server.content).hexdigest()


def test_what_is_there_is_not_downloaded_again(server):
    fetch.fetch("mirage-2019", url=server.url)
    fetch.fetch("mirage-2019", url=server.url, sha256=hashlib.sha256(server.content).hexdigest())
    assert server.asked == 1


def test_a_broken_download_leaves_nothing_and_can_be_repeated(server, folder):
    server.script = ["break"]
    with pytest.raises(DatasetError, match=r"cannot download http://127\..*; --url names another address"):
        fetch.fetch("mirage-2019", url=server.url)
    assert list((folder / "downloads").glob("[!.]*")) == []
    assert not (folder / "mirage-2019.parquet").exists()
    progress = []
    fetched = fetch.fetch("mirage-2019", url=server.url, progress=lambda *step: progress.append(step))
    assert fetched.archive.read_bytes() == server.content
    size = len(server.content)
    arrived = [done for done, total, note in progress if note == "downloading" and total == size]
    assert arrived == sorted(arrived)
    assert arrived[-1] == size


def test_what_a_killed_download_left_is_removed(server, folder):
    (folder / "downloads").mkdir(parents=True)
    (folder / "downloads" / "tmpabc123").write_bytes(b"half")
    fetched = fetch.fetch("mirage-2019", url=server.url)
    assert list((folder / "downloads").glob("[!.]*")) == [fetched.archive]


def test_an_archive_that_is_not_what_the_checksum_says_is_downloaded_again(server):
    fetched = fetch.fetch("mirage-2019", url=server.url)
    whole = fetched.archive.read_bytes()
    fetched.archive.write_bytes(whole[:-1])
    again = fetch.fetch("mirage-2019", url=server.url, sha256=hashlib.sha256(whole).hexdigest().upper())
    assert (again.archive.read_bytes(), server.asked) == (whole, 2)


def test_two_at_once_download_once(server):
    with ThreadPoolExecutor(2) as pool:
        fetched = list(pool.map(lambda _: fetch.fetch("mirage-2019", url=server.url), range(2)))
    assert server.asked == 1
    assert fetched[0] == fetched[1]


def test_a_wrong_checksum_is_refused_and_nothing_is_kept(server, folder):
    with pytest.raises(DatasetError, match=r"its SHA-256 is .*, which does not match 000"):
        fetch.fetch("mirage-2019", url=server.url, sha256="0" * 64)
    assert list((folder / "downloads").glob("[!.]*")) == []
    assert not (folder / "mirage-2019.parquet").exists()


@pytest.mark.parametrize("name", ["../../{number}_{app}_x.json", "/tmp/{number}_{app}_x.json"])
def test_an_archive_that_leads_out_of_itself_is_refused(server, folder, name):
    server.content = archive(name)
    with pytest.raises(DatasetError, match="holds a path that leads out of it"):
        fetch.fetch("mirage-2019", url=server.url)
    assert [path.name for path in folder.iterdir()] == ["downloads"]


def test_not_found(server):
    server.script = ["not found"]
    with pytest.raises(DatasetError, match=r"cannot download .*404.*; --url names another address"):
        fetch.fetch("mirage-2019", url=server.url)
    assert server.asked == 1


def test_nobody_there():
    with pytest.raises(DatasetError, match="cannot download http://127"):
        fetch.fetch("mirage-2019", url="http://127.0.0.1:9/m.tar.gz")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/m.tar.gz", "m.tar.gz"])
def test_only_web_addresses(url):
    with pytest.raises(DatasetError, match="is not an http or https address"):
        fetch.fetch("mirage-2019", url=url)


def test_an_unknown_name():
    with pytest.raises(DatasetError, match="'mirage' cannot be fetched; did you mean mirage-2019"):
        fetch.fetch("mirage")


def test_the_data_folder_is_the_users_cache_unless_said_otherwise(monkeypatch):
    monkeypatch.delenv(cache.DATA)
    assert cache.data_folder().name == "ntgbench"
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert cache.data_folder() == Path("/caches/ntgbench")
