"""HTTP/1.1 as browsers and scripts speak it: connections that are kept, shared, resumed and given up."""

from __future__ import annotations

import http.client
import random
import re
import socket
import ssl
from collections.abc import Mapping

from benchmarks.lab.contents import habits
from benchmarks.lab.hosts import NAMES
from benchmarks.lab.nginx import ENCRYPTED, PLAIN
from benchmarks.lab.workload import Visit

PATIENCE = 8.0
"""Seconds without an answer after which a client gives up."""


class User:
    """One user's program: the header fields it sends, how it speaks TLS, and how many connections it has made."""

    def __init__(self, visit: Visit, context: ssl.SSLContext | None) -> None:
        self.visit = visit
        self.rng = visit.rng
        self.name = visit.rng.choice(NAMES)
        self.fields = {"Host": self.name, **habits(visit.rng, visit.day)}
        self.connections = 0
        self._context = context
        self._resumes = visit.rng.random() < 0.4
        self._session: ssl.SSLSession | None = None

    @property
    def done(self) -> bool:
        """Whether the session has its biflows, or its time is over."""
        return self.connections >= self.visit.biflows or self.visit.over

    def connect(self) -> http.client.HTTPConnection:
        """A new connection: a biflow."""
        self.connections += 1
        port = PLAIN if self._context is None else ENCRYPTED
        wire = socket.create_connection((self.visit.server, port), timeout=PATIENCE)
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = http.client.HTTPConnection(self.name, port, timeout=PATIENCE)
        if self._context is None:
            connection.sock = wire
        else:
            session = self._session if self._resumes else None
            connection.sock = self._context.wrap_socket(wire, server_hostname=self.name, session=session)
        return connection

    def get(
        self,
        connection: http.client.HTTPConnection,
        path: str,
        *,
        method: str = "GET",
        fields: Mapping[str, str] | None = None,
        body: bytes | None = None,
        stop: float = 0.0,
    ) -> bytes:
        """The answer to one request; with probability `stop` it is given up half-way, and empty."""
        connection.request(method, path, body=body, headers={**self.fields, **(fields or {})})
        answer = connection.getresponse()
        if self.rng.random() < stop:
            answer.read(self.rng.randint(1, 8000))
            connection.close()
            return b""
        content = answer.read()
        if isinstance(connection.sock, ssl.SSLSocket):
            self._session = connection.sock.session
        return content


def objects(page: bytes) -> list[str]:
    """Paths of what a page is made of besides itself."""
    return re.findall(r'src="([^"]+)"', page.decode(errors="replace"))


def split(rng: random.Random, values: list[str], parts: int) -> list[list[str]]:
    """Values dealt to so many lists at random, none of them empty."""
    dealt: list[list[str]] = [[] for _ in range(parts)]
    for value in values:
        rng.choice(dealt).append(value)
    return [part for part in dealt if part]
