"""A WebSocket service: a chat, a ticker and a document that is edited, on websockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from pathlib import Path

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from benchmarks.lab.contents import text, token, word
from benchmarks.lab.servers import settings
from benchmarks.lab.tls import Certificate, server_context


class Service:
    """What the service says on each path."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._symbols = [token(rng, 4).upper() for _ in range(rng.randint(4, 30))]
        self._batch = rng.randint(1, 8)

    async def talk(self, peer: ServerConnection) -> None:
        """One connection, until the client ends it."""
        path = peer.request.path if peer.request else "/"
        with contextlib.suppress(ConnectionClosed):
            if path == "/ticker":
                await self._ticker(peer)
            else:
                await self._answer(peer, echo=path == "/chat")

    async def _ticker(self, peer: ServerConnection) -> None:
        rng = self._rng
        await peer.send(json.dumps({"event": "welcome", "symbols": self._symbols}))
        pause = rng.choice((0.01, 0.03, 0.08))
        for _ in range(400):
            rows = [{"s": rng.choice(self._symbols), "p": round(rng.uniform(1, 999), 4)} for _ in range(self._batch)]
            await peer.send(json.dumps(rows))
            await asyncio.sleep(rng.expovariate(1 / pause))

    async def _answer(self, peer: ServerConnection, *, echo: bool) -> None:
        rng = self._rng
        async for message in peer:
            if echo:
                await peer.send(message)
                if rng.random() < 0.3:
                    await peer.send(json.dumps({"from": word(rng), "text": text(rng, rng.randint(5, 200))}))
            else:
                await peer.send(json.dumps({"ok": True, "revision": rng.randint(1, 10**6)}))


async def _run() -> None:
    given, rng = settings()
    service = Service(rng)
    context = server_context(Certificate(Path(given["chain"]), Path(given["key"])))
    compression = rng.choice(("deflate", None))
    async with (
        serve(service.talk, given["address"], given["plain"], compression=compression),
        serve(service.talk, given["address"], given["encrypted"], ssl=context, compression=compression),
    ):
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(_run())
