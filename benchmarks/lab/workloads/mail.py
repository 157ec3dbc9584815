"""Mail that is sent: SMTP, in the clear, after STARTTLS and over TLS from the start."""

from __future__ import annotations

import contextlib
import random
import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

from benchmarks.lab.contents import size, text, token, word
from benchmarks.lab.servers import start
from benchmarks.lab.serving import newer
from benchmarks.lab.tls import certificate, client_context
from benchmarks.lab.users import Account, accounts, each, lines, succeed
from benchmarks.lab.workload import Site, Visit, Workload

SMTP, SMTPS, SUBMISSION = 25, 465, 587
KINDS = ("clear", "starttls", "tls")


def message(rng: random.Random, sender: str, recipients: list[str], median: float = 900) -> EmailMessage:
    """A mail, as people and as programs write them: some with a second form in HTML, some with an attachment."""
    mail = EmailMessage()
    mail["From"] = f"{word(rng).title()} {word(rng).title()} <{sender}>"
    mail["To"] = ", ".join(recipients)
    mail["Subject"] = " ".join(word(rng) for _ in range(rng.randint(1, 8)))
    mail["Date"] = format_datetime(datetime.fromtimestamp(1.7e9 + rng.randrange(10**7), UTC))
    mail["Message-ID"] = make_msgid(token(rng, 8), domain="lab.test")
    if rng.random() < 0.5:
        mail["User-Agent"] = f"{word(rng).title()}/{rng.randint(1, 120)}.{rng.randint(0, 9)}"
    for number in range(rng.choice((0, 0, 1, 4))):
        mail[f"X-{word(rng).title()}-{number}"] = token(rng, rng.randint(5, 70))
    body = lines(rng, size(rng, median, 1.1, largest=60_000))
    mail.set_content(body)
    if rng.random() < 0.3:
        mail.add_alternative(f"<html><body><p>{body.replace(chr(10), '<br>')}</p></body></html>", subtype="html")
    if rng.random() < 0.15:
        mail.add_attachment(
            rng.randbytes(size(rng, 8000, largest=80_000)), "application", "pdf", filename=f"{word(rng)}.pdf"
        )
    return mail


def tls_kind(visit: Visit) -> str:
    """How a session's program is set up: day 2's see more TLS."""
    return visit.rng.choices(KINDS, (4, 3, 3) if visit.day == 1 else (1, 4, 5))[0]


@contextmanager
def serve_smtp(site: Site) -> Iterator[None]:
    """A server that knows every account, wants to know neither sender nor password, and keeps no mail."""
    made = certificate(site.folder, site.rng, 0.25 if site.day == 1 else 0.75)
    told = {"address": site.host.address, "newer": newer(site)}
    start(site, "smtp", {**told, "chain": str(made.chain), "key": str(made.key)})
    for port in (SMTP, SMTPS, SUBMISSION):
        site.host.wait_for(port)
    yield


def visit_smtp(visit: Visit) -> None:
    """A mail program, a newsletter or another mail server; some sessions are of curl or swaks."""
    rng = visit.rng
    kind, who = tls_kind(visit), rng.choice(accounts())
    relay = rng.random() < 0.4
    port = {"clear": SMTP, "starttls": SMTP if relay else SUBMISSION, "tls": SMTPS}[kind]
    sender, median = (f"{word(rng)}@{word(rng)}.test" if relay else who.mail), rng.choice((300, 900, 3000))
    program = rng.random()
    if program < 0.15:
        each(visit, lambda its: _send_by_curl(visit, its, (kind, port), who, median))
        return
    if program < 0.25:
        each(visit, lambda its: _send_by_swaks(visit, its, (kind, port), sender))
        return
    name = rng.choice((None, f"[10.0.{rng.randint(0, 255)}.9]", f"{word(rng)}.{word(rng)}.test", word(rng)))
    context = client_context(rng, old=0.4 if visit.day == 1 else 0.15)
    log_in = not relay and rng.random() < 0.8
    mechanism = rng.choice(("PLAIN", "LOGIN"))

    def work(its: random.Random) -> None:
        client: smtplib.SMTP
        if kind == "tls":
            client = smtplib.SMTP_SSL(visit.server, port, name or "localhost.localdomain", timeout=8, context=context)
        else:
            client = smtplib.SMTP(visit.server, port, name or "localhost.localdomain", timeout=8)
        with client:
            if kind == "starttls":
                client.starttls(context=context)
            client.ehlo_or_helo_if_needed()
            if log_in:
                client.user, client.password = who.name, who.password
                client.auth(mechanism, client.auth_plain if mechanism == "PLAIN" else client.auth_login)
            for _ in range(its.choice((1, 1, 1, 2, 4))):
                with contextlib.suppress(smtplib.SMTPRecipientsRefused):
                    to = _recipients(its)
                    client.send_message(message(its, sender, to, median), sender, to)
            if its.random() < 0.1:
                client.noop()

    each(visit, work)


def _recipients(rng: random.Random) -> list[str]:
    """A few accounts; now and then somebody the server does not know."""
    to = [who.mail for who in rng.sample(accounts(), rng.choice((1, 1, 1, 2, 3, 6)))]
    return to if rng.random() < 0.92 else [f"{word(rng)}.{word(rng)}@lab.test"]


def _send_by_curl(visit: Visit, rng: random.Random, how: tuple[str, int], who: Account, median: float) -> None:
    kind, port = how
    to = _recipients(rng)
    scheme = ["--ssl-reqd"] if kind == "starttls" else []
    url = f"{'smtps' if kind == 'tls' else 'smtp'}://{visit.server}:{port}/mx.lab.test"
    command = ["curl", "-sSk", *scheme, "--max-time", "8", url, "--user", f"{who.name}:{who.password}"]
    command += [
        "--mail-from",
        who.mail,
        *(word for address in to for word in ("--mail-rcpt", address)),
        "--crlf",
        "-T",
        "-",
    ]
    succeed(visit, command, message(rng, who.mail, to, median).as_string(), allowed=(55, 56))


def _send_by_swaks(visit: Visit, rng: random.Random, how: tuple[str, int], sender: str) -> None:
    kind, port = how
    options = {"clear": [], "starttls": ["-tls"], "tls": ["-tlsc"]}[kind]
    command = ["swaks", "-s", visit.server, "-p", str(port), *options, "-f", sender, "-t", ",".join(_recipients(rng))]
    command += ["--header", f"Subject: {text(rng, rng.randint(5, 60)).strip()}", "--body", lines(rng, size(rng, 300))]
    succeed(visit, command, allowed=(24,))  # of 24: every recipient was refused


CHANGED = "TLS in nine of ten sessions instead of six, ECDSA certificates, "

WORKLOADS = (
    Workload(
        "smtp",
        "aiosmtpd: smtplib, curl and swaks as mail programs and as other servers; in the clear, STARTTLS and TLS",
        serve_smtp,
        visit_smtp,
        (SMTP, SMTPS, SUBMISSION),
        (20, 40),
        CHANGED + "another banner and other extensions",
        ("openssl", "curl", "swaks", "libnet-ssleay-perl", "pypi:aiosmtpd"),
        ("smtplib",),
        visitors=2,
    ),
)
