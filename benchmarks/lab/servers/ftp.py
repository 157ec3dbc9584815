"""Files by pyftpdlib: every account and anonymous in the same folder, in the clear and after AUTH TLS."""

from __future__ import annotations

from pyftpdlib.authorizers import DummyAuthorizer  # type: ignore[import-untyped]
from pyftpdlib.handlers import TLS_FTPHandler  # type: ignore[import-untyped]
from pyftpdlib.servers import FTPServer  # type: ignore[import-untyped]

from benchmarks.lab.servers import settings
from benchmarks.lab.serving import become_nobody
from benchmarks.lab.users import accounts


def main() -> None:
    """Answer for ever."""
    told, _ = settings()
    authorizer = DummyAuthorizer()
    for who in accounts():
        authorizer.add_user(who.name, who.password, told["root"], perm="elradfmwMT")
    authorizer.add_anonymous(told["root"])
    handler = TLS_FTPHandler
    handler.authorizer = authorizer
    handler.certfile, handler.keyfile = told["chain"], told["key"]
    handler.passive_ports = range(*told["passive"])
    handler.use_sendfile = False
    longer = "Welcome to the archive of lab.test. Unauthorised access is prohibited. All transfers are logged."
    handler.banner = longer if told["newer"] else "FTP server ready."
    server = FTPServer((told["address"], 21), handler)
    become_nobody()
    server.serve_forever(handle_exit=False)


if __name__ == "__main__":
    main()
