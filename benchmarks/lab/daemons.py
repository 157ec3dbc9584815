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


def main() -> None:
    """The server that is named first, with what follows as its arguments."""
    name, *arguments = sys.argv[1:]
    {"smtp": smtp}[name](*arguments)
