"""The web: pages over HTTP/1.1, the same over TLS, and over HTTP/2."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import random
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.lab.contents import size, text, word
from benchmarks.lab.hosts import NAMES
from benchmarks.lab.nginx import ENCRYPTED, PLAIN, nginx
from benchmarks.lab.requests import PATIENCE, User, objects, split
from benchmarks.lab.tls import client_context
from benchmarks.lab.workload import Site, Visit, Workload

_PAGES = 24
_ASSETS = 60


def _write_pages(site: Site) -> Path:
    """A site of pages, each made of some of its assets; pages are larger on day 2."""
    rng, root = site.rng, site.folder / "root"
    root.mkdir()
    larger = 1.0 if site.day == 1 else 1.6
    assets = []
    for number in range(_ASSETS):
        kind = rng.choices(("png", "js", "css"), (5, 3, 2))[0]
        length = size(rng, larger * {"png": 6000, "js": 9000, "css": 4000}[kind], 1.2, 60, 250_000)
        name = f"{word(rng)}-{number}.{kind}"
        (root / name).write_bytes(rng.randbytes(length) if kind == "png" else text(rng, length).encode())
        assets.append(f"/{name}")
    for number in range(_PAGES):
        used = rng.sample(assets, rng.choice((0, 1, 3, 6, 10, 16)))
        body = text(rng, size(rng, larger * 7000, 1.0, 150, 150_000))
        parts = "".join(f'<div class="{word(rng)}"><x src="{name}"/></div>\n' for name in used)
        (root / f"page{number}.html").write_text(f"<html><body>{body}{parts}</body></html>", encoding="utf-8")
    return root


def _compression(site: Site) -> list[str]:
    probability = 0.8 if site.day == 1 else 0.4
    if site.rng.random() < probability:
        return ["gzip on;", f"gzip_comp_level {site.rng.randint(1, 9)};", "gzip_types *;", "gzip_min_length 200;"]
    return ["gzip off;"]


@contextlib.contextmanager
def _serve(site: Site, *, encrypted: bool, http2: bool = False) -> Iterator[None]:
    elliptic = 0.25 if site.day == 1 else 0.75
    settings = _compression(site)
    with nginx(
        site,
        _write_pages(site),
        plain=not encrypted,
        encrypted=encrypted,
        http2=http2,
        settings=settings,
        elliptic=elliptic,
        protocols="TLSv1.2 TLSv1.3" if site.day == 2 or site.rng.random() < 0.6 else "TLSv1.2",
    ):
        yield


def _page(rng: random.Random) -> str:
    return f"/page{min(int(rng.expovariate(0.15)), _PAGES - 1)}.html"


def _browse(visit: Visit, user: User) -> None:
    """Pages one after the other, their parts over several connections, some of which are kept for the next page."""
    rng = visit.rng
    most = rng.randint(1, 5)
    keep = rng.choice((0.2, 0.6, 0.9))
    think = rng.choice((0.02, 0.08, 0.2))
    stop = rng.choice((0.0, 0.02, 0.1))
    kept: list[http.client.HTTPConnection] = []
    while not user.done:
        connection = kept.pop() if kept else user.connect()
        page = user.get(connection, _page(rng), stop=stop)
        open_now = [connection] if connection.sock is not None else []
        for part in split(rng, objects(page), rng.randint(1, most)):
            other = open_now[0] if len(open_now) == 1 and rng.random() < 0.5 else user.connect()
            for path in part:
                user.get(other, path, fields={"Referer": f"http://{user.name}/"}, stop=stop)
                if other.sock is None:
                    break
            if other not in open_now:
                open_now.append(other)
        for connection in open_now:
            if connection.sock is not None and rng.random() < keep and len(kept) < most:
                kept.append(connection)
            else:
                connection.close()
        visit.think(think)
    for connection in kept:
        connection.close()


def _fetch_with_programs(visit: Visit, scheme: str, options: list[str], wget: float = 0.4) -> None:
    """curl with options, or with probability `wget` that, one run a connection, some pages in one run."""
    rng = visit.rng
    name = rng.choice(NAMES)
    curl = rng.random() >= wget
    fields = [f"{word(rng)}: {word(rng)}" for _ in range(rng.randint(0, 3))]
    think = rng.choice((0.02, 0.1))
    for _ in range(visit.biflows):
        if visit.over:
            return
        urls = [f"{scheme}://{name}{_page(rng)}" for _ in range(rng.choices((1, 2, 4), (6, 3, 2))[0])]
        if curl:
            command = ["curl", "-sk", "--max-time", "8", *options]
            command += [word for field in fields for word in ("-H", field)]
            command += ["--compressed"] * (rng.random() < 0.5) + ["-I"] * (rng.random() < 0.1)
            command += [word for url in urls for word in ("-o", "/dev/null", url)]
        else:
            command = ["wget", "-q", "--no-check-certificate", "-T", "8", "-t", "1", "-O", "/dev/null"]
            command += ["-p"] * (rng.random() < 0.2) + [f"--header={field}" for field in fields] + urls
        visit.run(command)
        visit.think(think)


def _http(visit: Visit) -> None:
    if visit.rng.random() < 0.3:
        _fetch_with_programs(visit, "http", [])
    else:
        with contextlib.suppress(TimeoutError):
            _browse(visit, User(visit, None))


def _https(visit: Visit) -> None:
    old = 0.35 if visit.day == 1 else 0.1
    if visit.rng.random() < 0.3:
        _fetch_with_programs(visit, "https", ["--http1.1", *(["--tls-max", "1.2"] * (visit.rng.random() < old))])
    else:
        with contextlib.suppress(TimeoutError):
            _browse(visit, User(visit, client_context(visit.rng, ["http/1.1"], old)))


def _http2(visit: Visit) -> None:
    if visit.rng.random() < 0.35:
        options = ["--http2", *(["-Z"] * (visit.rng.random() < 0.5))]
        _fetch_with_programs(visit, "https", options, wget=0.0)
    else:
        asyncio.run(_multiplex(visit))


async def _multiplex(visit: Visit) -> None:
    """A page and then its parts at once on one connection, for some pages."""
    import httpx

    rng = visit.rng
    user = User(visit, None)
    fields = {name: value for name, value in user.fields.items() if name != "Host"}
    context = client_context(rng, ["h2"], 0.2 if visit.day == 1 else 0.05)
    context.set_alpn_protocols(["h2", "http/1.1"] if rng.random() < 0.7 else ["h2"])
    at_once = rng.randint(2, 12)
    think = rng.choice((0.02, 0.1))
    for _ in range(visit.biflows):
        if visit.over:
            return
        async with httpx.AsyncClient(http2=True, verify=context, timeout=PATIENCE, headers=fields) as client:
            with contextlib.suppress(httpx.TimeoutException):
                for _ in range(rng.choices((1, 2, 4), (6, 3, 1))[0]):
                    page = await client.get(f"https://{user.name}{_page(rng)}")
                    parts = objects(page.content)[:at_once]
                    await asyncio.gather(*(client.get(f"https://{user.name}{path}") for path in parts))
                    await asyncio.sleep(min(rng.expovariate(1 / think), 0.5))


def _served(*, encrypted: bool, http2: bool = False) -> Callable[[Site], contextlib.AbstractContextManager[None]]:
    return lambda site: _serve(site, encrypted=encrypted, http2=http2)


_CHANGED = "larger pages, less compression, more header fields"

WORKLOADS = (
    Workload(
        name="http",
        summary="pages and their parts over HTTP/1.1 from nginx, by a browser-like client, curl and wget",
        serve=_served(encrypted=False),
        visit=_http,
        ports=(PLAIN,),
        biflows=(12, 45),
        changed=_CHANGED,
        packages=("nginx-light", "curl", "wget", "openssl"),
        modules=("benchmarks.lab.requests",),
        visitors=2,
        weight=1.4,
    ),
    Workload(
        name="https",
        summary="the same over TLS 1.2 and 1.3, with certificate chains of several lengths and resumed sessions",
        serve=_served(encrypted=True),
        visit=_https,
        ports=(ENCRYPTED,),
        biflows=(12, 45),
        changed=f"{_CHANGED}; mostly ECDSA keys and TLS 1.3",
        packages=("nginx-light", "curl", "wget", "openssl"),
        modules=("benchmarks.lab.requests",),
        visitors=2,
        weight=2.0,
    ),
    Workload(
        name="http2",
        summary="pages and their parts multiplexed over HTTP/2 and TLS from nginx, by httpx and curl",
        serve=_served(encrypted=True, http2=True),
        visit=_http2,
        ports=(ENCRYPTED,),
        biflows=(12, 40),
        changed=f"{_CHANGED}; mostly ECDSA keys and TLS 1.3",
        packages=("nginx-light", "curl", "openssl", "pypi:httpx", "pypi:h2"),
        modules=("benchmarks.lab.requests", "httpx", "h2.connection"),
        visitors=2,
        weight=1.3,
    ),
)
