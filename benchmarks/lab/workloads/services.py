"""Services that programs talk to: REST polling, WebSocket, gRPC."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import random
import struct
from collections.abc import Iterator

from benchmarks.lab import servers
from benchmarks.lab.contents import habits, size, text, token, word
from benchmarks.lab.hosts import NAMES
from benchmarks.lab.nginx import ENCRYPTED, PLAIN
from benchmarks.lab.requests import PATIENCE, User
from benchmarks.lab.tls import certificate, client_context
from benchmarks.lab.workload import Site, Visit, Workload

_PROCEDURES, _SECURE_PROCEDURES = 50051, 50052


def _identity(site: Site) -> dict[str, str]:
    files = certificate(site.folder, site.rng, elliptic=0.3 if site.day == 1 else 0.8)
    return {"address": site.host.address, "chain": str(files.chain), "key": str(files.key)}


@contextlib.contextmanager
def _serve_rest(site: Site) -> Iterator[None]:
    servers.start(site, "rest", {**_identity(site), "port": ENCRYPTED})
    site.host.wait_for(ENCRYPTED)
    yield


def _request(rng: random.Random) -> tuple[str, str, bytes | None]:
    """Method, path and body of a request."""
    kind = rng.choices(("events", "device", "health", "put", "list"), (6, 3, 2, 2, 1))[0]
    if kind == "events":
        return "GET", f"/v1/events?since={rng.randint(10**6, 10**9)}&limit={rng.choice((10, 50, 100))}", None
    if kind == "device":
        return "GET", f"/v1/devices/{rng.randint(0, 99)}", None
    if kind == "put":
        body = {word(rng): token(rng, size(rng, 20, 1.0, 1, 2000)) for _ in range(rng.randint(1, 6))}
        return "PUT", f"/v1/devices/{rng.randint(0, 99)}", json.dumps(body).encode()
    return "GET", "/v1/health" if kind == "health" else "/v1/devices", None


def _poll(visit: Visit) -> None:
    """A program that asks for news: on a new connection each time, or on one that it keeps for a while."""
    rng = visit.rng
    user = User(visit, client_context(rng, ["http/1.1"], 0.3 if visit.day == 1 else 0.1))
    most = rng.choice((1, 3, 12))
    login = rng.random() < 0.6
    same = _request(rng) if rng.random() < 0.4 else None
    think = rng.choice((0.01, 0.05, 0.12))
    fields = {"Accept": "application/json"}
    with contextlib.suppress(TimeoutError):
        while not user.done:
            connection = user.connect()
            if login and rng.random() < 0.5:
                body = json.dumps({"client_id": token(rng, 16), "client_secret": token(rng, rng.choice((24, 64)))})
                user.get(connection, "/v1/token", method="POST", body=body.encode(), fields=fields)
                fields["Authorization"] = f"Bearer {token(rng, rng.choice((32, 200, 600)))}"
            for _ in range(rng.randint(1, most)):
                method, path, body_bytes = same or _request(rng)
                with contextlib.suppress(http.client.HTTPException):
                    user.get(connection, path, method=method, body=body_bytes, fields=fields)
                visit.think(think)
            connection.close()


@contextlib.contextmanager
def _serve_push(site: Site) -> Iterator[None]:
    servers.start(site, "push", {**_identity(site), "plain": PLAIN, "encrypted": ENCRYPTED})
    site.host.wait_for(PLAIN)
    site.host.wait_for(ENCRYPTED)
    yield


async def _subscribe(visit: Visit) -> None:
    """Some connections at once, each a chat, a ticker or an edited document."""
    rng = visit.rng
    encrypted = rng.random() < (0.65 if visit.day == 1 else 0.9)
    context = client_context(rng, ["http/1.1"], 0.2) if encrypted else None
    fields = {
        name: value
        for name, value in habits(rng, visit.day).items()
        if name in ("Cookie", "Authorization", "Traceparent")
    }
    paths = rng.choice((("/chat",), ("/ticker",), ("/edit",), ("/chat", "/ticker", "/edit")))
    gate = asyncio.Semaphore(rng.randint(1, 4))

    async def one() -> None:
        async with gate:
            if not visit.over:
                await _converse(visit, rng.choice(paths), context, fields)

    await asyncio.gather(*(one() for _ in range(visit.biflows)))


async def _converse(visit: Visit, path: str, context: object, fields: dict[str, str]) -> None:
    from websockets.asyncio.client import connect
    from websockets.exceptions import ConnectionClosed

    rng = visit.rng
    scheme, port = ("ws", PLAIN) if context is None else ("wss", ENCRYPTED)
    async with connect(
        f"{scheme}://{rng.choice(NAMES)}:{port}{path}",
        ssl=context,
        additional_headers=fields,
        compression=rng.choice(("deflate", None)),
        user_agent_header=f"{word(rng)}/{rng.randint(1, 9)}.{rng.randint(0, 30)}" if rng.random() < 0.5 else None,
        open_timeout=PATIENCE,
        close_timeout=2,
        proxy=None,
    ) as connection:
        with contextlib.suppress(ConnectionClosed, TimeoutError):
            if rng.random() < (0.4 if visit.day == 1 else 0.7):
                await connection.send(json.dumps({"auth": token(rng, rng.choice((32, 120, 400)))}))
            pause = rng.choice((0.003, 0.02, 0.06))
            for _ in range(rng.randint(1, 16)):
                if path == "/ticker":
                    await asyncio.wait_for(connection.recv(), 2)
                    continue
                length = size(rng, (60 if path == "/chat" else 25) * visit.day, 1.0, 1, 3000)
                message = {"type": path[1:], "id": rng.randint(1, 10**6), "text": text(rng, length)}
                await connection.send(json.dumps(message))
                await asyncio.wait_for(connection.recv(), 2)
                await asyncio.sleep(min(rng.expovariate(1 / pause), 0.3))


@contextlib.contextmanager
def _serve_procedures(site: Site) -> Iterator[None]:
    servers.start(site, "procedures", {**_identity(site), "plain": _PROCEDURES, "encrypted": _SECURE_PROCEDURES})
    site.host.wait_for(_PROCEDURES)
    site.host.wait_for(_SECURE_PROCEDURES)
    yield


def _call(visit: Visit) -> None:
    """Channels with a few calls each; over TLS the server's own certificate is what is trusted."""
    import ssl

    import grpc  # type: ignore[import-untyped]

    rng = visit.rng
    encrypted = rng.random() < (0.35 if visit.day == 1 else 0.7)
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.primary_user_agent", f"{word(rng)}/{rng.randint(1, 9)}.0")]
    options += [("grpc.ssl_target_name_override", NAMES[1])] if encrypted else []
    port = _SECURE_PROCEDURES if encrypted else _PROCEDURES
    pem = ssl.get_server_certificate((visit.server, port)).encode() if encrypted else b""
    metadata = [(word(rng), token(rng, rng.randint(4, 80))) for _ in range(rng.randint(0, 5))]
    if rng.random() < (0.2 if visit.day == 1 else 0.7):
        metadata.append(("authorization", f"Bearer {token(rng, rng.choice((180, 420, 800)))}"))
    median = rng.choice((20, 200, 2000))
    name = f"{visit.server}:{port}"
    for _ in range(visit.biflows):
        if visit.over:
            return
        channel = (
            grpc.secure_channel(name, grpc.ssl_channel_credentials(pem), options)
            if encrypted
            else grpc.insecure_channel(name, options)
        )
        with channel, contextlib.suppress(grpc.RpcError):
            for _ in range(rng.choice((1, 1, 2, 5))):
                _procedure(channel, rng, median, metadata)
                visit.think(0.01)


def _procedure(channel: object, rng: random.Random, median: int, metadata: list[tuple[str, str]]) -> None:
    kind = rng.choices(("Get", "Watch", "Put"), (6, 2, 2))[0]
    asked = struct.pack("<II", size(rng, median, 0.6, 1, 20_000), rng.randint(1, 8)) + rng.randbytes(
        rng.randint(0, 200)
    )
    path = f"/lab.v1.Inventory/{kind}"
    if kind == "Get":
        channel.unary_unary(path)(asked, timeout=PATIENCE, metadata=metadata)  # type: ignore[attr-defined]
    elif kind == "Watch":
        for _ in channel.unary_stream(path)(asked, timeout=PATIENCE, metadata=metadata):  # type: ignore[attr-defined]
            pass
    else:
        parts = [rng.randbytes(size(rng, median, 0.6, 1, 20_000)) for _ in range(rng.randint(1, 6))]
        channel.stream_unary(path)(iter(parts), timeout=PATIENCE, metadata=metadata)  # type: ignore[attr-defined]


_CHANGED = "more header fields, mostly ECDSA keys and TLS 1.3"

WORKLOADS = (
    Workload(
        name="rest",
        summary="a JSON service over HTTPS on uvicorn, polled by programs that keep their connections or do not",
        serve=_serve_rest,
        visit=_poll,
        ports=(ENCRYPTED,),
        biflows=(12, 45),
        changed=f"records with more fields; {_CHANGED}",
        packages=("openssl", "pypi:uvicorn"),
        modules=("benchmarks.lab.requests",),
        visitors=2,
        weight=1.4,
    ),
    Workload(
        name="websocket",
        summary="a chat, a ticker and an edited document on websockets, mostly over TLS",
        serve=_serve_push,
        visit=lambda visit: asyncio.run(_subscribe(visit)),
        ports=(PLAIN, ENCRYPTED),
        biflows=(12, 40),
        changed=f"longer messages, more of them over TLS; {_CHANGED}",
        packages=("openssl", "pypi:websockets"),
        modules=("benchmarks.lab.requests", "websockets.asyncio.client"),
        visitors=2,
        weight=0.9,
    ),
    Workload(
        name="grpc",
        summary="unary calls and streams on grpcio, with and without TLS",
        serve=_serve_procedures,
        visit=_call,
        ports=(_PROCEDURES, _SECURE_PROCEDURES),
        biflows=(12, 40),
        changed=f"tokens in the metadata, more of it over TLS; {_CHANGED}",
        packages=("openssl", "pypi:grpcio"),
        visitors=2,
        weight=0.8,
    ),
)
