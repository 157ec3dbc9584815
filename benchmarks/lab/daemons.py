"""Servers of the lab that are libraries of Python: SMTP, FTP, SSH and HTTP, each a command of this module."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from typing import Any

from benchmarks.lab.users import accounts

NOBODY = 65534
FTP_PASSIVE = range(50_000, 50_200)


def become_nobody() -> None:
    """Give up root, once all ports are open and all modules are there."""
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def smtp(address: str, day: str, certificate: str, key: str) -> None:
    """aiosmtpd on the three ports of mail; it refuses recipients without an account and forgets what it takes."""
    import ssl

    from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

    known = {who.mail for who in accounts()}
    passwords = {who.name.encode(): who.password.encode() for who in accounts()}

    class Handler:
        async def handle_RCPT(  # noqa: N802
            self, _: SMTP, __: Session, envelope: Envelope, recipient: str, ___: list[str]
        ) -> str:
            if recipient not in known:
                return f"550 5.1.1 <{recipient}>: Recipient address rejected: User unknown"
            envelope.rcpt_tos.append(recipient)
            return "250 OK" if day == "1" else "250 2.1.5 Recipient ok"

        async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802
            number = f"{hash(envelope.content) & 0xFFFFFFFFFF:010X}"
            return "250 OK" if day == "1" else f"250 2.0.0 Ok: queued as {number}"

    def let_in(_: SMTP, __: Session, ___: Envelope, ____: str, given: Any) -> AuthResult:
        fits = isinstance(given, LoginPassword) and passwords.get(given.login) == given.password
        return AuthResult(success=fits)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def server(**options: Any) -> Callable[[], SMTP]:
        ident = "ESMTP" if day == "1" else "lab.test ESMTP Service ready; unsolicited mail is not welcome"
        settings = {
            "hostname": "lab.test" if day == "1" else "mx1.mail.lab.test",
            "ident": ident,
            "data_size_limit": 33_554_432 if day == "1" else 10_240_000,
            "enable_SMTPUTF8": day == "2",
            "authenticator": let_in,
            "auth_require_tls": False,
        }
        return lambda: SMTP(Handler(), **settings, **options)

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        await loop.create_server(server(tls_context=context), address, 25)
        await loop.create_server(server(tls_context=context), address, 587)
        await loop.create_server(server(), address, 465, ssl=context)
        become_nobody()
        await asyncio.Event().wait()

    asyncio.run(serve())


def ftp(address: str, day: str, folder: str, certificate: str, key: str) -> None:
    """pyftpdlib with every account in the same folder, in the clear and after AUTH TLS."""
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import TLS_FTPHandler
    from pyftpdlib.servers import FTPServer

    authorizer = DummyAuthorizer()
    for who in accounts():
        authorizer.add_user(who.name, who.password, folder, perm="elradfmwMT")
    authorizer.add_anonymous(folder)

    class Handler(TLS_FTPHandler):  # type: ignore[misc, unused-ignore]
        pass

    settings = {
        "authorizer": authorizer,
        "certfile": certificate,
        "keyfile": key,
        "passive_ports": FTP_PASSIVE,
        "banner": "FTP server ready."
        if day == "1"
        else f"Welcome to the archive of lab.test. {'Unauthorised access is prohibited. ' * 2}",
        "use_sendfile": False,
    }
    for name, value in settings.items():
        setattr(Handler, name, value)
    server = FTPServer((address, 21), Handler)
    become_nobody()
    server.serve_forever(handle_exit=False)


def ssh(address: str, port: str, day: str, folder: str) -> None:
    """asyncssh: every account by password or by any key, a shell a line at a time, SCP and SFTP in a folder."""
    import asyncssh

    passwords = {who.name: who.password for who in accounts()}

    class Server(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:  # noqa: ARG002
            return True

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return passwords.get(username) == password

        def public_key_auth_supported(self) -> bool:
            return True

        def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:  # noqa: ARG002
            return username in passwords

    async def session(process: asyncssh.SSHServerProcess[bytes]) -> None:
        async def run(command: str) -> int:
            program = await asyncio.create_subprocess_shell(
                command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE, cwd=folder,
            )  # fmt: skip
            await process.redirect(program.stdin, program.stdout, program.stderr)
            status = await program.wait()
            await process.stdout.drain()
            return status

        if process.command:
            process.exit(await run(process.command))
            return
        process.stdout.write(b"Welcome to lab.test\r\n" if day == "1" else b"")
        process.stdout.write(b"$ ")
        async for line in process.stdin:
            if line.strip() in (b"exit", b""):
                break
            program = await asyncio.create_subprocess_shell(
                line.decode(errors="replace"), stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=folder,
            )  # fmt: skip
            output, _ = await program.communicate()
            process.stdout.write(output.replace(b"\n", b"\r\n") + b"$ ")
        process.exit(0)

    async def serve() -> None:
        kind = "ssh-ed25519" if day == "1" else "ecdsa-sha2-nistp256"
        await asyncssh.create_server(
            Server, address, int(port), server_host_keys=[asyncssh.generate_private_key(kind)],
            process_factory=session, sftp_factory=lambda chan: asyncssh.SFTPServer(chan, chroot=folder.encode()),
            allow_scp=True, encoding=None, login_timeout=20,
        )  # fmt: skip
        become_nobody()
        await asyncio.Event().wait()

    asyncio.run(serve())


def web(port: str, folder: str) -> None:
    """Files of a folder over HTTP/1.1, for what runs inside of tunnels."""
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    class Handler(SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

    server = ThreadingHTTPServer(("", int(port)), partial(Handler, directory=folder))
    become_nobody()
    server.serve_forever()


def main() -> None:
    """The server that is named first, with what follows as its arguments."""
    name, *arguments = sys.argv[1:]
    {"smtp": smtp, "ftp": ftp, "ssh": ssh, "web": web}[name](*arguments)
