"""What goes over SSH: shells, SCP and SFTP."""

from __future__ import annotations

import contextlib
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.lab.contents import size, text, word
from benchmarks.lab.servers import start
from benchmarks.lab.serving import give, newer, running
from benchmarks.lab.users import Account, accounts, each, lines, succeed
from benchmarks.lab.workload import Site, Visit, Workload

SSH, ASYNCSSH = 22, 2222
FILES = 12
COMMANDS = ("ls", "ls -la", "pwd", "uname -a", "id", "date", "cat notes.txt", "df -h .", "wc -l *", "uptime", "env")
_CIPHERS = {
    1: ("aes128-gcm@openssh.com,aes256-ctr", "aes256-gcm@openssh.com", "aes128-ctr,aes256-ctr", "aes256-ctr"),
    2: ("aes256-gcm@openssh.com,aes128-gcm@openssh.com", "aes128-gcm@openssh.com", "aes256-ctr,aes192-ctr,aes128-ctr"),
}
_STRICT = (
    "Ciphers aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes256-ctr,aes128-ctr\n"
    "MACs hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha2-256,hmac-sha2-512\n"
    "KexAlgorithms curve25519-sha256,ecdh-sha2-nistp256,sntrup761x25519-sha512@openssh.com\n"
)


@dataclass(frozen=True)
class Custom:
    """How likely those who do one kind of thing over SSH have what all may have.

    Attributes:
        asyncssh: an account on the server of asyncssh.
        rsa: a key of RSA.
        ciphers, macs: a choice of their own of these.
        compression: asked for, on day 1; on day 2 twice as likely.
        strict: an OpenSSH that offers few algorithms.
    """

    asyncssh: float
    rsa: float
    ciphers: float
    macs: float
    compression: float
    strict: float


PEOPLE = Custom(asyncssh=0.45, rsa=0.15, ciphers=0.15, macs=0.1, compression=0.15, strict=0.2)
COPIES = Custom(asyncssh=0.1, rsa=0.3, ciphers=0.85, macs=0.15, compression=0.05, strict=0.25)
EXCHANGE = Custom(asyncssh=0.6, rsa=0.7, ciphers=0.4, macs=0.7, compression=0.05, strict=0.75)


@contextmanager
def serve_ssh(site: Site, custom: Custom) -> Iterator[None]:
    """OpenSSH, and asyncssh where some use it, in a folder of files; both let every account in by any key."""
    folder = site.folder
    home = folder / "home"
    if not home.exists():
        fill(home, site.rng)
    names = [who.name for who in accounts()]
    passwd = "".join(f"{name}:x:65534:65534:{name}:{home}:/bin/sh\n" for name in [*names, "nobody", "git"])
    (folder / "passwd").write_text(passwd)
    (folder / "group").write_text("nogroup:x:65534:\n")
    new, strict = newer(site), site.rng.random() < custom.strict
    kinds = (("ecdsa", "256"), ("rsa", "3072")) if new else (("ed25519", "256"), ("rsa", "2048"))
    for kind, bits in kinds:
        subprocess.run(
            ["ssh-keygen", "-q", "-t", kind, "-b", bits, "-N", "", "-f", folder / f"host_{kind}"], check=True
        )
    (folder / "sshd_config").write_text(
        f"Port {SSH}\nListenAddress {site.host.address}\nPidFile none\nUsePAM no\nStrictModes no\n"
        + "".join(f"HostKey {folder}/host_{kind}\n" for kind, _ in kinds)
        # What a client shows as its key is a key that is let in.
        + "AuthorizedKeysFile none\nAuthorizedKeysCommand /bin/echo %t %k\nAuthorizedKeysCommandUser nobody\n"
        + "PasswordAuthentication no\nSubsystem sftp internal-sftp\nMaxStartups 100\nLogLevel ERROR\nPrintLastLog no\n"
        + (f"Banner {home}/notes.txt\nVersionAddendum none\n" if new else "")
        + (_STRICT if strict else "")
    )
    # The accounts are nobody under other names: the machine's own know nothing of them.
    names_of = {"NSS_WRAPPER_PASSWD": str(folder / "passwd"), "NSS_WRAPPER_GROUP": str(folder / "group")}
    env = {"LD_PRELOAD": "libnss_wrapper.so", **names_of}
    give(folder)
    told = {"address": site.host.address, "port": ASYNCSSH, "root": str(home), "newer": new}
    with running(site, ["/usr/sbin/sshd", "-D", "-e", "-f", str(folder / "sshd_config")], SSH, env=env):
        if custom.asyncssh:
            start(site, "ssh", told)
            site.host.wait_for(ASYNCSSH)
        yield


def fill(home: Path, rng: random.Random) -> None:
    """Files `file0` ..., some notes, and a folder `more` of small ones."""
    (home / "more").mkdir(parents=True)
    (home / "incoming").mkdir()
    for number in range(FILES):
        length = size(rng, 4000, 1.4, largest=150_000)
        content = rng.randbytes(length) if rng.random() < 0.4 else text(rng, length).encode()
        (home / f"file{number}").write_bytes(content)
    (home / "notes.txt").write_text(lines(rng, size(rng, 400, largest=3000)))
    for number in range(rng.randint(3, 15)):
        (home / "more" / f"{word(rng)}{number}.txt").write_text(lines(rng, size(rng, 500, largest=5000)))


class User:
    """Somebody with a key, and an ssh with options of its own, which stay the same for a session.

    Attributes:
        command: ssh with all options but the host.
        options: what scp and sftp are told likewise.
        name: of the account, as in `name@host`.
        port: of the server that the user has an account on.
    """

    def __init__(self, visit: Visit, custom: Custom, name: str | None = None) -> None:
        rng = visit.rng
        who: Account = rng.choice(accounts())
        self.name = name or who.name
        self.port = ASYNCSSH if rng.random() < custom.asyncssh else SSH
        others = (("ed25519", "256"), ("ed25519", "256"), ("ecdsa", "256"), ("ecdsa", "521"))
        kind, bits = ("rsa", "2048") if rng.random() < custom.rsa else rng.choice(others)
        key = visit.folder / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-b", bits, "-N", "", "-C", word(rng), "-f", key], check=True)
        settings = {
            "StrictHostKeyChecking": "no",
            "UserKnownHostsFile": "/dev/null",
            "LogLevel": "ERROR",
            "BatchMode": "yes",
            "IdentitiesOnly": "yes",
            "ConnectTimeout": "8",
        }
        # The newest is slow to compute, so that few sessions use it.
        if rng.random() > (0.1 if visit.day == 1 else 0.2):
            settings["KexAlgorithms"] = rng.choice(
                ("curve25519-sha256", "curve25519-sha256,ecdh-sha2-nistp256", "ecdh-sha2-nistp256,curve25519-sha256")
            )
        if rng.random() < custom.ciphers:
            settings["Ciphers"] = rng.choice(_CIPHERS[visit.day])
        if rng.random() < custom.macs:
            settings["MACs"] = rng.choice(
                ("hmac-sha2-256", "hmac-sha2-256-etm@openssh.com,hmac-sha2-512", "hmac-sha2-512")
            )
        if rng.random() < custom.compression * visit.day:
            settings["Compression"] = "yes"
        self.options = ["-F", "none", "-i", str(key), *(w for item in settings.items() for w in ("-o", "=".join(item)))]
        self.command = ["ssh", *self.options, "-p", str(self.port), "-l", self.name]


def visit_ssh(visit: Visit) -> None:
    """Somebody types commands, line by line or key by key, or a program runs some, one a connection."""
    user = User(visit, PEOPLE)
    mode = visit.rng.choices(("keys", "lines", "commands"), (4, 3, 3))[0]
    host = [*user.command, visit.server]

    def work(rng: random.Random) -> None:
        commands = [rng.choice(COMMANDS) for _ in range(rng.choice((1, 2, 2, 4)))]
        if mode == "commands":
            succeed(visit, [*host, "; ".join(commands)], allowed=(1, 2))
            return
        typed = "".join(f"{command}\r" for command in [*commands, "exit"])
        pieces = list(typed) if mode == "keys" else typed.splitlines(keepends=True)
        _type(visit, [*host[:1], "-tt", *host[1:]], pieces, rng)

    each(visit, work, at_once=4)


def _type(visit: Visit, command: list[str], pieces: list[str], rng: random.Random) -> None:
    """Type into a program; a quick typist, as sessions are short."""
    until = min(visit.deadline, time.monotonic() + 6)
    with (visit.folder / "output.log").open("ab") as log:
        program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log)
    assert program.stdin is not None
    try:
        with contextlib.suppress(BrokenPipeError):
            time.sleep(0.15)
            for piece in pieces:
                if time.monotonic() > until:
                    break
                program.stdin.write(piece.encode())
                program.stdin.flush()
                time.sleep(min(rng.lognormvariate(-3.9, 0.6), 0.2))
            program.stdin.close()
        program.wait(max(until - time.monotonic(), 0.5))
    except subprocess.TimeoutExpired:
        pass  # somebody who goes away
    finally:
        program.kill()
        program.wait()


def local_file(visit: Visit, rng: random.Random) -> str:
    path = visit.folder / f"{word(rng)}{rng.randrange(1000)}"
    length = size(rng, 4000, 1.4, largest=150_000)
    path.write_bytes(rng.randbytes(length) if rng.random() < 0.4 else text(rng, length).encode())
    return str(path)


def visit_scp(visit: Visit) -> None:
    """Files copied one way or the other, by the old protocol or, as newer clients do, by that of SFTP."""
    user, rng = User(visit, COPIES), visit.rng
    old = ["-O"] if rng.random() < (0.6 if visit.day == 1 else 0.25) else []
    command = ["scp", "-q", *old, *user.options, "-P", str(user.port)]
    host, up = f"{user.name}@{visit.server}:", rng.choice((0.1, 0.5, 0.9))

    # asyncssh ends a transfer by the newer protocol without a status, which scp takes for a failure.
    allowed = (1,) if user.port == ASYNCSSH and not old else ()

    def work(its: random.Random) -> None:
        if its.random() < up:
            succeed(visit, [*command, local_file(visit, its), f"{host}incoming/"], allowed=allowed)
        elif its.random() < 0.15:
            succeed(visit, [*command, "-r", f"{host}more", str(visit.folder)], allowed=allowed)
        else:
            file, here = f"{host}file{its.randrange(FILES)}", visit.folder / f"got{its.random()}"
            succeed(visit, [*command, file, str(here)], allowed=allowed)

    each(visit, work, at_once=2)


def visit_sftp(visit: Visit) -> None:
    """Folders listed, and files fetched, stored, renamed and removed, in one connection or in many."""
    user = User(visit, EXCHANGE)
    command = ["sftp", "-q", *user.options, "-P", str(user.port), "-b", "-", f"{user.name}@{visit.server}"]

    def work(rng: random.Random) -> None:
        choices: list[Callable[[], str]] = [
            lambda: "ls",
            lambda: "ls -l more",
            lambda: "pwd",
            lambda: f"get file{rng.randrange(FILES)} {visit.folder}/got{rng.random()}",
            lambda: f"get file{rng.randrange(FILES)} {visit.folder}/got{rng.random()}",
            lambda: f"put {local_file(visit, rng)} incoming/",
            lambda: f"-mkdir incoming/{word(rng)}",
            lambda: f"-rm incoming/{word(rng)}",
        ]
        batch = [rng.choice(choices)() for _ in range(rng.choice((1, 1, 2, 3, 6)))]
        succeed(visit, command, "\n".join(batch) + "\n")

    each(visit, work, at_once=2)


SSH_PACKAGES = ("openssh-server", "openssh-sftp-server", "openssh-client", "libnss-wrapper", "pypi:asyncssh")
SSH_CHANGED = "most servers with other host keys and a banner, other ciphers, more compression and hybrid key exchanges"

WORKLOADS = (
    Workload(
        "ssh",
        "Shells and commands by OpenSSH's client, from OpenSSH and asyncssh",
        partial(serve_ssh, custom=PEOPLE),
        visit_ssh,
        (SSH, ASYNCSSH),
        (20, 40),
        SSH_CHANGED,
        SSH_PACKAGES,
        visitors=3,
    ),
    Workload(
        "scp",
        "Files by OpenSSH's scp, old protocol and new, from and to OpenSSH and asyncssh",
        partial(serve_ssh, custom=COPIES),
        visit_scp,
        (SSH, ASYNCSSH),
        (16, 32),
        SSH_CHANGED + ", the newer protocol of scp",
        SSH_PACKAGES,
        visitors=3,
        weight=0.75,
    ),
    Workload(
        "sftp",
        "Files and folders by OpenSSH's sftp, from and to OpenSSH and asyncssh",
        partial(serve_ssh, custom=EXCHANGE),
        visit_sftp,
        (SSH, ASYNCSSH),
        (16, 32),
        SSH_CHANGED,
        SSH_PACKAGES,
        visitors=3,
        weight=0.75,
    ),
)
