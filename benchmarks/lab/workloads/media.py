"""Media and files over HTTP: video in segments, and downloads."""

from __future__ import annotations

import contextlib
import http.client
import random
import time
from collections.abc import Iterator

from benchmarks.lab.contents import size, token, word
from benchmarks.lab.hosts import NAMES
from benchmarks.lab.nginx import ENCRYPTED, PLAIN, nginx
from benchmarks.lab.requests import User
from benchmarks.lab.tls import client_context
from benchmarks.lab.workload import Site, Visit, Workload

_VIDEOS = 4
_SEGMENTS = 10
_LADDER = {1: (15_000, 40_000, 90_000, 200_000), 2: (10_000, 30_000, 120_000, 320_000)}
"""Median bytes of a segment on each rung, by day."""

_FILES = 16


@contextlib.contextmanager
def _serve_video(site: Site) -> Iterator[None]:
    rng, root = site.rng, site.folder / "root"
    for number in range(_VIDEOS):
        audio = rng.random() < 0.5
        folder = root / f"v{number}"
        folder.mkdir(parents=True)
        rungs = _LADDER[site.day]
        tracks = [*((f"r{rung}", median) for rung, median in enumerate(rungs)), *([("audio", 12_000)] if audio else [])]
        comment = f"# {' '.join(word(rng) for _ in range(rng.randint(0, 120)))}\n"
        listing = [f"#EXTM3U\n{comment}"]
        for track, median in tracks:
            listing.append(f"#EXT-X-STREAM-INF:BANDWIDTH={median * 8},NAME={track}\n{track}.m3u8\n")
            lines = ["#EXTM3U\n#EXT-X-TARGETDURATION:2\n"]
            for segment in range(_SEGMENTS):
                (folder / f"{track}-{segment}.m4s").write_bytes(rng.randbytes(size(rng, median, 0.4, 2000, 600_000)))
                lines.append(f"#EXTINF:{rng.uniform(1.8, 2.2):.3f},\n{track}-{segment}.m4s\n")
            (folder / f"{track}.m3u8").write_text("".join(lines), encoding="ascii")
        (folder / "master.m3u8").write_text("".join(listing), encoding="ascii")
    with nginx(site, root, encrypted=True, elliptic=0.3 if site.day == 1 else 0.8):
        yield


def _watch(visit: Visit) -> None:
    """A player: playlists, then segments at the rate that the last one came in, on connections it changes at times."""
    rng = visit.rng
    user = User(visit, client_context(rng, ["http/1.1"], 0.2 if visit.day == 1 else 0.05))
    per_connection = rng.choice((2, 3, 5))
    separate_audio = rng.random() < 0.5
    think = rng.choice((0.0, 0.03, 0.1))
    stop = rng.choice((0.0, 0.0, 0.05))
    signed = f"?{word(rng)}={token(rng, rng.choice((40, 90, 180)))}" if rng.random() < 0.8 else ""
    user.fields.update({"Origin": f"https://{user.name}", "Referer": f"https://{user.name}/watch/{token(rng, 11)}"})
    while not user.done:
        video = f"/v{rng.randrange(_VIDEOS)}"
        connection = user.connect()
        listing = user.get(connection, f"{video}/master.m3u8{signed}").decode()
        tracks = [line for line in listing.split() if line.endswith("m3u8")]
        if rng.random() < 0.3:  # the listings and the segments come from different hosts
            connection.close()
            connection = user.connect()
        rungs, audio = tracks[:4], tracks[4:]
        rung = rng.randrange(2)
        user.get(connection, f"{video}/{rungs[rung]}{signed}")
        sound: http.client.HTTPConnection | None = user.connect() if audio and separate_audio else None
        first = rng.randrange(_SEGMENTS // 2)
        for count, segment in enumerate(range(first, rng.randint(first + 1, _SEGMENTS)), start=1):
            if user.visit.over:
                break
            if connection.sock is None or count % per_connection == 0:
                connection.close()
                connection = user.connect()
            began = time.monotonic()
            track = rungs[rung].removesuffix(".m3u8")
            got = len(user.get(connection, f"{video}/{track}-{segment}.m4s{signed}", stop=stop))
            if audio:
                user.get(
                    sound or (connection if connection.sock else user.connect()), f"{video}/audio-{segment}.m4s{signed}"
                )
            rate = got / (time.monotonic() - began)
            rung = min(rung + 1, 3) if rate > 1_500_000 else max(rung - 1, 0) if rate < 400_000 else rung
            visit.think(think + 0.001)
        for other in (connection, sound):
            if other is not None:
                other.close()


@contextlib.contextmanager
def _serve_files(site: Site) -> Iterator[None]:
    rng, root = site.rng, site.folder / "root"
    root.mkdir()
    median = 250_000 if site.day == 1 else 400_000
    for number in range(_FILES):
        (root / f"file{number}.bin").write_bytes(rng.randbytes(size(rng, median, 1.0, 20_000, 2_500_000)))
        (root / f"file{number}.sha256").write_text(f"{rng.randbytes(32).hex()}  file{number}.bin\n", encoding="ascii")
    with nginx(site, root, plain=True, encrypted=True, elliptic=0.3 if site.day == 1 else 0.8):
        yield


def _signed(rng: random.Random) -> str:
    """What stores of objects add to the address of a file, as who gives the link away wants; often nothing."""
    if rng.random() < 0.35:
        return ""
    scope = f"{token(rng, 20)}%2F20260102%2Feu-1%2Fstore%2Frequest"
    return (
        f"?Algorithm=HMAC-SHA256&Credential={scope}&Expires=3600&Signature={rng.randbytes(rng.choice((32, 128))).hex()}"
    )


def _download(visit: Visit) -> None:
    rng = visit.rng
    encrypted = rng.random() < (0.6 if visit.day == 1 else 0.8)
    if rng.random() < 0.35:
        _download_with_programs(visit, "https" if encrypted else "http")
        return
    user = User(visit, client_context(rng, ["http/1.1"], 0.3) if encrypted else None)
    checksum = rng.random() < 0.4
    end = f".bin{_signed(rng)}"
    ranges = rng.random() < 0.4
    stop = rng.choice((0.0, 0.05, 0.2))
    while not user.done:
        path = f"/file{rng.randrange(_FILES)}"
        connection = user.connect()
        if checksum:
            user.get(connection, f"{path}.sha256")
        if ranges:
            _in_ranges(user, rng, connection, f"{path}{end}")
        else:
            user.get(connection, f"{path}{end}", stop=stop)
        connection.close()
        visit.think(0.02)


def _in_ranges(user: User, rng: random.Random, connection: http.client.HTTPConnection, path: str) -> None:
    """Parts of a file, each on a connection of its own but the first."""
    part = rng.choice((30_000, 100_000, 300_000))
    for number in range(rng.randint(1, 4)):
        if number:
            connection.close()
            connection = user.connect()
        user.get(connection, path, fields={"Range": f"bytes={number * part}-{(number + 1) * part - 1}"})
    connection.close()


def _download_with_programs(visit: Visit, scheme: str) -> None:
    rng = visit.rng
    name = rng.choice(NAMES)
    curl = rng.random() < 0.5
    end = f".bin{_signed(rng)}"
    for _ in range(visit.biflows):
        if visit.over:
            return
        url = f"{scheme}://{name}/file{rng.randrange(_FILES)}{end}"
        if curl:
            options = ["-r", f"{rng.randint(0, 50_000)}-"] if rng.random() < 0.3 else []
            visit.run(["curl", "-sk", "--http1.1", "--max-time", "5", "-o", "/dev/null", *options, url])
        else:
            visit.run(["wget", "-q", "--no-check-certificate", "-T", "5", "-t", "1", "-O", "/dev/null", url])
        visit.think(0.02)


_CHANGED = "more header fields, mostly ECDSA keys and TLS 1.3"

WORKLOADS = (
    Workload(
        name="video",
        summary="HLS: playlists and segments of four rates over HTTPS from nginx, by an adaptive player",
        serve=_serve_video,
        visit=_watch,
        ports=(ENCRYPTED,),
        biflows=(10, 30),
        changed=f"rates further apart; {_CHANGED}",
        packages=("nginx-light", "openssl"),
        modules=("benchmarks.lab.requests",),
        visitors=2,
        weight=0.9,
    ),
    Workload(
        name="download",
        summary="files over HTTP and HTTPS from nginx, whole, in ranges or given up, by a script, curl and wget",
        serve=_serve_files,
        visit=_download,
        ports=(PLAIN, ENCRYPTED),
        biflows=(8, 24),
        changed=f"larger files, more of them over HTTPS; {_CHANGED}",
        packages=("nginx-light", "curl", "wget", "openssl"),
        modules=("benchmarks.lab.requests",),
        visitors=2,
        weight=0.8,
    ),
)
