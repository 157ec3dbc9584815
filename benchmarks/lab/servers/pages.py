"""Files of a folder over HTTP/1.1, for what runs inside of tunnels."""

from __future__ import annotations

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

from benchmarks.lab.servers import settings
from benchmarks.lab.serving import become_nobody


class Handler(SimpleHTTPRequestHandler):
    """Keeps connections open, as HTTP/1.1 does."""

    protocol_version = "HTTP/1.1"


if __name__ == "__main__":
    told, _ = settings()
    server = ThreadingHTTPServer(("", told["port"]), partial(Handler, directory=told["root"]))
    become_nobody()
    server.serve_forever()
