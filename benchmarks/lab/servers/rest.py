"""A REST service with JSON answers, on uvicorn."""

from __future__ import annotations

import hashlib
import json
import random
from typing import Any

import uvicorn

from benchmarks.lab.contents import token, word
from benchmarks.lab.servers import settings


class Service:
    """Devices with fields, and events about them that come by chance; an ASGI application."""

    def __init__(self, rng: random.Random, day: int) -> None:
        self._rng = rng
        fields = [word(rng) for _ in range(rng.randint(3, 9) + 4 * (day - 1))]
        self._devices = [
            {"id": token(rng, 12), **{name: self._value() for name in fields}} for _ in range(rng.randint(20, 60))
        ]
        self._frame = rng.choice(("bare", "paged", "wrapped"))
        self._extra = [
            (f"x-{word(rng)}".encode(), token(rng, rng.randint(4, 60)).encode()) for _ in range(rng.randint(0, 8))
        ]
        self._token = rng.choice((32, 200, 600))

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        while (await receive()).get("more_body"):
            pass
        status, answer = self._answer(scope["method"], scope["path"], scope["query_string"].decode())
        body = b"" if answer is None else json.dumps(answer).encode()
        tag = b'"' + hashlib.sha1(body, usedforsecurity=False).hexdigest().encode() + b'"'
        if body and (b"if-none-match", tag) in scope["headers"]:
            status, body = 304, b""
        fields = [(b"content-type", b"application/json"), (b"etag", tag), *self._extra]
        if status not in (204, 304):
            fields.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": fields})
        await send({"type": "http.response.body", "body": body})

    def _answer(self, method: str, path: str, query: str) -> tuple[int, Any]:
        rng = self._rng
        if path.endswith("/token"):
            return 200, {"access_token": token(rng, self._token), "expires_in": 3600, "token_type": "Bearer"}
        if path.endswith("/health"):
            return 200, {"status": "ok"}
        if method in ("PUT", "DELETE"):
            return 204, None
        if "/devices/" in path:
            return 200, self._devices[int(path.rpartition("/")[2]) % len(self._devices)]
        many = rng.choices((0, 1, 3, 10, 30), (5, 4, 3, 2, 1))[0] if "since" in query else 20
        rows = [{**rng.choice(self._devices), "at": rng.randint(10**9, 2 * 10**9)} for _ in range(many)]
        if self._frame == "bare":
            return 200, rows
        if self._frame == "paged":
            return 200, {"items": rows, "next": token(rng, 24), "total": rng.randint(many, 10_000)}
        return 200, {"data": {"events": rows}, "meta": {"request": token(rng, 36), "version": "1.4.2"}, "errors": []}

    def _value(self) -> str | int | float | bool:
        rng = self._rng
        return rng.choice(
            (word(rng), rng.randint(0, 10**6), round(rng.uniform(0, 100), 3), rng.random() < 0.5, token(rng, 20))
        )


def main() -> None:
    """Serve until ended."""
    given, rng = settings()
    uvicorn.run(
        Service(rng, given["day"]),
        host=given["address"],
        port=given["port"],
        ssl_certfile=given["chain"],
        ssl_keyfile=given["key"],
        log_level="warning",
        lifespan="off",
        timeout_keep_alive=rng.choice((2, 5, 20)),
    )


if __name__ == "__main__":
    main()
