"""A gRPC service with unary calls and streams both ways; its messages are bytes of the sizes asked for."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]

from benchmarks.lab.contents import size
from benchmarks.lab.servers import settings


class Service:
    """Answers whose sizes are drawn around the median that a call begins with."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def get(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        """One message for one."""
        if self._rng.random() < 0.05:
            context.abort(grpc.StatusCode.NOT_FOUND, "no such record")
        return self._message(request)

    def watch(self, request: bytes, _context: grpc.ServicerContext) -> Iterator[bytes]:
        """Many messages for one."""
        for _ in range(struct.unpack_from("<I", request, 4)[0]):
            yield self._message(request)

    def put(self, requests: Iterator[bytes], _context: grpc.ServicerContext) -> bytes:
        """One message for many."""
        return struct.pack("<I", sum(len(request) for request in requests))

    def _message(self, request: bytes) -> bytes:
        return self._rng.randbytes(size(self._rng, struct.unpack_from("<I", request)[0], 0.8, 1, 60_000))


def main() -> None:
    """Serve until ended."""
    given, rng = settings()
    service = Service(rng)
    handlers: dict[str, Any] = {
        "Get": grpc.unary_unary_rpc_method_handler(service.get),
        "Watch": grpc.unary_stream_rpc_method_handler(service.watch),
        "Put": grpc.stream_unary_rpc_method_handler(service.put),
    }
    server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("lab.v1.Inventory", handlers)])
    server.add_insecure_port(f"{given['address']}:{given['plain']}")
    pair = (Path(given["key"]).read_bytes(), Path(given["chain"]).read_bytes())
    server.add_secure_port(f"{given['address']}:{given['encrypted']}", grpc.ssl_server_credentials([pair]))
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
