"""Mail that is fetched: IMAP and POP3, in the clear, after STARTTLS and over TLS from the start."""

from __future__ import annotations

import imaplib
import poplib
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.lab.contents import word
from benchmarks.lab.serving import give, newer, running
from benchmarks.lab.tls import certificate, client_context
from benchmarks.lab.users import Account, accounts, each, succeed
from benchmarks.lab.workload import Site, Visit, Workload
from benchmarks.lab.workloads.mail import CHANGED, message, tls_kind

IMAP, IMAPS, POP3, POP3S = 143, 993, 110, 995
MESSAGES = 12


@contextmanager
def _serve_dovecot(site: Site, protocol: str, clear: int, tls: int) -> Iterator[None]:
    folder, rng = site.folder, site.rng
    made = certificate(folder, site.rng, 0.25 if site.day == 1 else 0.75)
    mails = [message(rng, f"{word(rng)}@{word(rng)}.test", [f"{word(rng)}@lab.test"]).as_bytes() for _ in range(40)]
    for who in accounts():
        box = folder / "mail" / who.name
        for part in ("cur", "new", "tmp"):
            (box / part).mkdir(parents=True)
        for number, mail in enumerate(rng.sample(mails, rng.randint(1, 2 * MESSAGES))):
            seen = rng.random() < 0.6
            name = f"{1_700_000_000 + number}.{number}.lab{':2,S' if seen else ''}"
            (box / ("cur" if seen else "new") / name).write_bytes(mail)
    (folder / "users").write_text("".join(f"{who.name}:{{PLAIN}}{who.password}\n" for who in accounts()))
    greeting = "Welcome to lab.test. Unauthorised access is prohibited." if newer(site) else "Dovecot ready."
    (folder / "dovecot.conf").write_text(
        f"base_dir = {folder}/run\nstate_dir = {folder}/state\nlog_path = {folder}/mail.log\nprotocols = {protocol}\n"
        f"listen = {site.host.address}\nmail_location = maildir:{folder}/mail/%u\nfirst_valid_uid = 1\n"
        f"ssl = yes\nssl_cert = <{made.chain}\nssl_key = <{made.key}\ndisable_plaintext_auth = no\n"
        f"auth_mechanisms = plain login\nlogin_greeting = {greeting}\nmail_fsync = never\n"
        f"passdb {{\n  driver = passwd-file\n  args = {folder}/users\n}}\n"
        "userdb {\n  driver = static\n  args = uid=nobody gid=nogroup\n}\n"
        # Processes are used for many connections: starting one for each is what the lab would then mostly do.
        "service imap-login {\n  service_count = 0\n}\nservice pop3-login {\n  service_count = 0\n}\n"
        "service imap {\n  service_count = 500\n}\nservice pop3 {\n  service_count = 500\n}\n"
    )
    give(folder / "mail")  # to the user of the userdb; the server's master is root, its other processes are not
    with running(site, ["dovecot", "-F", "-c", str(folder / "dovecot.conf")], clear, tls, user=None):
        yield


@contextmanager
def serve_imap(site: Site) -> Iterator[None]:
    """Dovecot with a mailbox for every account."""
    with _serve_dovecot(site, "imap", IMAP, IMAPS):
        yield


@contextmanager
def serve_pop3(site: Site) -> Iterator[None]:
    """Dovecot with a mailbox for every account."""
    with _serve_dovecot(site, "pop3", POP3, POP3S):
        yield


def visit_imap(visit: Visit) -> None:
    """A mail program with one way of looking after a mailbox, here for several accounts; some sessions are of curl."""
    rng = visit.rng
    kind, context = tls_kind(visit), client_context(rng, old=0.4 if visit.day == 1 else 0.15)
    people = rng.sample(accounts(), rng.randint(1, 6))
    if rng.random() < 0.2:
        each(visit, lambda its: _fetch_by_curl(visit, its, "imap", kind, people))
        return
    habits = _Habits(rng, visit.day)

    def work(its: random.Random) -> None:
        who = its.choice(people)
        if kind == "tls":
            client: imaplib.IMAP4 = imaplib.IMAP4_SSL(visit.server, IMAPS, ssl_context=context, timeout=8)
        else:
            client = imaplib.IMAP4(visit.server, IMAP, timeout=8)
        with client:
            if kind == "starttls":
                client.starttls(context)
            habits.look(client, who, its)

    each(visit, work)


class _Habits:
    """What a mail program asks a server of IMAP for."""

    def __init__(self, rng: random.Random, day: int) -> None:
        self.authenticate = rng.random() < (0.3 if day == 1 else 0.7)
        self.names_itself = rng.random() < (0.3 if day == 1 else 0.6)
        self.name = f'("name" "{word(rng)}" "version" "{rng.randint(1, 120)}.{rng.randint(0, 9)}")'
        self.lists = rng.random() < 0.5
        self.header = rng.choice(("(FLAGS UID RFC822.SIZE BODY.PEEK[HEADER])", "(UID FLAGS ENVELOPE)", "FAST", "FULL"))
        self.body = rng.choice(("(RFC822)", "(BODY.PEEK[])", "(BODY[TEXT])", "(BODY.PEEK[]<0.4096>)"))
        self.criterion = rng.choice(("ALL", "UNSEEN", "SINCE 1-Jan-2023", f'SUBJECT "{word(rng)}"', "UNDELETED"))
        self.appends = rng.random() < 0.2

    def look(self, client: imaplib.IMAP4, who: Account, rng: random.Random) -> None:
        """One connection."""
        if self.authenticate:
            client.authenticate("PLAIN", lambda _: f"\0{who.name}\0{who.password}".encode())
        else:
            client.login(who.name, who.password)
        if self.names_itself:
            client.xatom("ID", self.name)
        if self.lists:
            client.list()
            client.status("INBOX", "(MESSAGES UNSEEN UIDNEXT)")
        _, (count, *_) = client.select("INBOX", readonly=rng.random() < 0.3)
        found = int(count or b"0")
        if rng.random() < 0.7:
            client.search(None, self.criterion)
        if found and rng.random() < 0.8:
            client.fetch(f"{max(1, found - rng.randint(0, 20))}:*", self.header)
        for _ in range(rng.choice((0, 0, 1, 2, 5)) if found else 0):
            client.fetch(str(rng.randint(1, found)), self.body)
            if rng.random() < 0.2:
                client.store(str(rng.randint(1, found)), "+FLAGS", rng.choice((r"\Flagged", r"\Seen", r"\Answered")))
        if self.appends and rng.random() < 0.5:
            mail = message(rng, who.mail, [who.mail])
            client.append("INBOX", r"\Seen", imaplib.Time2Internaldate(time.time()), mail.as_bytes())
        client.noop()


def visit_pop3(visit: Visit) -> None:
    """A mail program that takes new mail away or leaves it, for several accounts; some sessions are of curl."""
    rng = visit.rng
    kind, context = tls_kind(visit), client_context(rng, old=0.4 if visit.day == 1 else 0.15)
    people = rng.sample(accounts(), rng.randint(1, 6))
    if rng.random() < 0.2:
        each(visit, lambda its: _fetch_by_curl(visit, its, "pop3", kind, people))
        return
    capabilities, identities, peeks = rng.random() < 0.5, rng.random() < 0.6, rng.random() < 0.4

    def work(its: random.Random) -> None:
        who = its.choice(people)
        if kind == "tls":
            client: poplib.POP3 = poplib.POP3_SSL(visit.server, POP3S, context=context, timeout=8)
        else:
            client = poplib.POP3(visit.server, POP3, timeout=8)
        if capabilities:
            client.capa()
        if kind == "starttls":
            client.stls(context)
        client.user(who.name)
        client.pass_(who.password)
        count, _ = client.stat()
        if identities:
            client.uidl()
        if its.random() < 0.5:
            client.list()
        for number in range(1, count + 1)[-its.choice((1, 2, 8)) :]:
            if peeks and its.random() < 0.5:
                client.top(number, 0)
            else:
                client.retr(number)
        client.quit()

    each(visit, work)


def _fetch_by_curl(visit: Visit, rng: random.Random, protocol: str, kind: str, people: list[Account]) -> None:
    who = rng.choice(people)
    what = {"imap": ("", "INBOX", "INBOX;MAILINDEX=1", "INBOX?ALL"), "pop3": ("", "1")}[protocol]
    url = f"{protocol}{'s' if kind == 'tls' else ''}://{visit.server}/{rng.choice(what)}"
    command = ["curl", "-sSk", "--max-time", "8", *(["--ssl-reqd"] if kind == "starttls" else []), url]
    succeed(visit, [*command, "--user", f"{who.name}:{who.password}"])


WORKLOADS = (
    Workload(
        "imap",
        "Dovecot: imaplib and curl; in the clear, STARTTLS and TLS",
        serve_imap,
        visit_imap,
        (IMAP, IMAPS),
        (20, 40),
        CHANGED + "another greeting, clients that name themselves and that use AUTHENTICATE",
        ("openssl", "curl", "dovecot-imapd"),
        ("imaplib",),
        visitors=4,
    ),
    Workload(
        "pop3",
        "Dovecot: poplib and curl; in the clear, STARTTLS and TLS",
        serve_pop3,
        visit_pop3,
        (POP3, POP3S),
        (20, 40),
        CHANGED + "another greeting",
        ("openssl", "curl", "dovecot-pop3d"),
        ("poplib",),
        visitors=4,
        weight=0.8,
    ),
)
