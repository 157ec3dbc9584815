"""Mail by aiosmtpd on the three ports of SMTP: it refuses recipients without an account and forgets what it takes."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from benchmarks.lab.servers import settings
from benchmarks.lab.serving import become_nobody
from benchmarks.lab.tls import Certificate, server_context
from benchmarks.lab.users import accounts

KNOWN = {who.mail for who in accounts()}
PASSWORDS = {who.name.encode(): who.password.encode() for who in accounts()}


class Handler:
    """What becomes of a mail; newer servers tell it in more words."""

    def __init__(self, newer: bool) -> None:
        self._newer = newer

    async def handle_RCPT(self, _: SMTP, __: Session, envelope: Envelope, recipient: str, ___: list[str]) -> str:  # noqa: N802
        """Take those with an account."""
        if recipient not in KNOWN:
            return f"550 5.1.1 <{recipient}>: Recipient address rejected: User unknown"
        envelope.rcpt_tos.append(recipient)
        return "250 2.1.5 Recipient ok" if self._newer else "250 OK"

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802
        """Forget it."""
        queued = f"250 2.0.0 Ok: queued as {hash(envelope.content) & 0xFFFFFFFFFF:010X}"
        return queued if self._newer else "250 OK"


def let_in(_: SMTP, __: Session, ___: Envelope, ____: str, given: Any) -> AuthResult:
    """Whether the password is the account's."""
    return AuthResult(success=isinstance(given, LoginPassword) and PASSWORDS.get(given.login) == given.password)


async def serve(address: str, newer: bool, context: ssl.SSLContext) -> None:
    """Answer on all ports for ever."""

    def server(**more: Any) -> Callable[[], SMTP]:
        options: dict[str, Any] = {
            "hostname": "mx1.mail.lab.test" if newer else "lab.test",
            "ident": "lab.test ESMTP Service ready; unsolicited mail is not welcome" if newer else "ESMTP",
            "data_size_limit": 10_240_000 if newer else 33_554_432,
            "enable_SMTPUTF8": newer,
            "authenticator": let_in,
            "auth_require_tls": False,
        }
        return lambda: SMTP(Handler(newer), **options, **more)

    loop = asyncio.get_running_loop()
    await loop.create_server(server(tls_context=context), address, 25)
    await loop.create_server(server(tls_context=context), address, 587)
    await loop.create_server(server(), address, 465, ssl=context)
    become_nobody()
    await asyncio.Event().wait()


if __name__ == "__main__":
    told, _ = settings()
    asyncio.run(serve(told["address"], told["newer"], server_context(Certificate(told["chain"], told["key"]))))
