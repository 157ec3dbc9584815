"""What goes over SSH: shells, SCP, SFTP, rsync and git; the last two also by protocols of their own."""

from __future__ import annotations

import contextlib
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.lab.contents import size, text, word
from benchmarks.lab.serving import daemon, give, prepare, running
from benchmarks.lab.users import Account, accounts, each, lines, succeed
from benchmarks.lab.workload import Site, Visit, Workload

SSH, ASYNCSSH, RSYNC, GIT = 22, 2222, 873, 9418
FILES, REPOSITORIES = 12, 3
COMMANDS = (
    "ls",
    "ls -la",
    "pwd",
    "uname -a",
    "id",
    "date",
    "cat notes.txt",
    "df -h .",
    "wc -l *",
    "uptime",
    "head file3",
    "env",
)


@contextmanager
def serve_ssh(site: Site) -> Iterator[None]:
    """OpenSSH and asyncssh side by side, in a folder of files; both let every account in by any key."""
    folder = site.folder
    home = folder / "home"
    if not home.exists():
        fill(home, site.rng)
    names = [who.name for who in accounts()]
    passwd = "".join(f"{name}:x:65534:65534:{name}:{home}:/bin/sh\n" for name in [*names, "nobody", "git"])
    (folder / "passwd").write_text(passwd)
    (folder / "group").write_text("nogroup:x:65534:\n")
    kinds = (("ed25519", "256"), ("rsa", "2048")) if site.day == 1 else (("ecdsa", "256"), ("rsa", "3072"))
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
        + (f"Banner {home}/notes.txt\nCompression yes\nVersionAddendum none\n" if site.day == 2 else "Compression no\n")
    )
    # The accounts are nobody under other names: the machine's own know nothing of them.
    names_of = {"NSS_WRAPPER_PASSWD": str(folder / "passwd"), "NSS_WRAPPER_GROUP": str(folder / "group")}
    env = {"LD_PRELOAD": "libnss_wrapper.so", **names_of}
    give(folder)
    with (
        running(site, ["/usr/sbin/sshd", "-D", "-e", "-f", str(folder / "sshd_config")], SSH, env=env),
        running(site, daemon("ssh", site.host.address, ASYNCSSH, site.day, home), ASYNCSSH, user=None),
    ):
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

    def __init__(self, visit: Visit, name: str | None = None, modern: float = 0.15) -> None:
        rng = visit.rng
        who: Account = rng.choice(accounts())
        self.name = name or who.name
        self.port = SSH if name or rng.random() < 0.6 else ASYNCSSH
        kind, bits = rng.choices(
            (("ed25519", "256"), ("ecdsa", "256"), ("ecdsa", "521"), ("rsa", "2048")), (5, 2, 1, 2)
        )[0]
        key = visit.folder / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-b", bits, "-N", "", "-C", word(rng), "-f", key], check=True)
        exchange = rng.random()
        settings = {
            "StrictHostKeyChecking": "no",
            "UserKnownHostsFile": "/dev/null",
            "LogLevel": "ERROR",
            "BatchMode": "yes",
            "IdentitiesOnly": "yes",
            "ConnectTimeout": "8",
        }
        # The newest is slow to compute, so that few sessions use it.
        if exchange >= (modern if visit.day == 1 else 2 * modern):
            settings["KexAlgorithms"] = rng.choice(
                ("curve25519-sha256", "curve25519-sha256,ecdh-sha2-nistp256", "ecdh-sha2-nistp256,curve25519-sha256")
            )
        if rng.random() < 0.5:
            settings["Ciphers"] = rng.choice(
                ("aes128-gcm@openssh.com,aes256-ctr", "aes256-gcm@openssh.com", "aes128-ctr,aes256-ctr", "aes256-ctr")
            )
        if rng.random() < 0.3:
            settings["MACs"] = rng.choice(
                ("hmac-sha2-256", "hmac-sha2-256-etm@openssh.com,hmac-sha2-512", "hmac-sha2-512")
            )
        if rng.random() < (0.2 if visit.day == 1 else 0.5):
            settings["Compression"] = "yes"
        self.options = ["-F", "none", "-i", str(key), *(w for item in settings.items() for w in ("-o", "=".join(item)))]
        self.command = ["ssh", *self.options, "-p", str(self.port), "-l", self.name]


def visit_ssh(visit: Visit) -> None:
    """Somebody types commands, line by line or key by key, or a program runs some, one a connection."""
    user = User(visit)
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


def _local_file(visit: Visit, rng: random.Random) -> str:
    path = visit.folder / f"{word(rng)}{rng.randrange(1000)}"
    length = size(rng, 4000, 1.4, largest=150_000)
    path.write_bytes(rng.randbytes(length) if rng.random() < 0.4 else text(rng, length).encode())
    return str(path)


def visit_scp(visit: Visit) -> None:
    """Files copied one way or the other, by the old protocol or, as newer clients do, by that of SFTP."""
    user, rng = User(visit), visit.rng
    old = ["-O"] if rng.random() < (0.6 if visit.day == 1 else 0.25) else []
    command = ["scp", "-q", *old, *user.options, "-P", str(user.port)]
    host, up = f"{user.name}@{visit.server}:", rng.choice((0.1, 0.5, 0.9))

    # asyncssh ends a transfer by the newer protocol without a status, which scp takes for a failure.
    allowed = (1,) if user.port == ASYNCSSH and not old else ()

    def work(its: random.Random) -> None:
        if its.random() < up:
            succeed(visit, [*command, _local_file(visit, its), f"{host}incoming/"], allowed=allowed)
        elif its.random() < 0.15:
            succeed(visit, [*command, "-r", f"{host}more", str(visit.folder)], allowed=allowed)
        else:
            file, here = f"{host}file{its.randrange(FILES)}", visit.folder / f"got{its.random()}"
            succeed(visit, [*command, file, str(here)], allowed=allowed)

    each(visit, work, at_once=2)


def visit_sftp(visit: Visit) -> None:
    """Folders listed, and files fetched, stored, renamed and removed, in one connection or in many."""
    user = User(visit)
    command = ["sftp", "-q", *user.options, "-P", str(user.port), "-b", "-", f"{user.name}@{visit.server}"]

    def work(rng: random.Random) -> None:
        choices: list[Callable[[], str]] = [
            lambda: "ls",
            lambda: "ls -l more",
            lambda: "pwd",
            lambda: f"get file{rng.randrange(FILES)} {visit.folder}/got{rng.random()}",
            lambda: f"get file{rng.randrange(FILES)} {visit.folder}/got{rng.random()}",
            lambda: f"put {_local_file(visit, rng)} incoming/",
            lambda: f"-mkdir incoming/{word(rng)}",
            lambda: f"-rm incoming/{word(rng)}",
        ]
        batch = [rng.choice(choices)() for _ in range(rng.choice((1, 1, 2, 3, 6)))]
        succeed(visit, command, "\n".join(batch) + "\n")

    each(visit, work, at_once=2)


@contextmanager
def serve_rsync(site: Site) -> Iterator[None]:
    """The servers of SSH, and rsync's own over the same files."""
    with serve_ssh(site):
        home = site.folder / "home"
        (site.folder / "secrets").write_text("".join(f"{who.name}:{who.password}\n" for who in accounts()))
        (site.folder / "secrets").chmod(0o600)
        motd = f"motd file = {home}/notes.txt\n" if site.day == 2 else ""
        (site.folder / "rsyncd.conf").write_text(
            f"port = {RSYNC}\naddress = {site.host.address}\nuse chroot = no\nreverse lookup = no\n{motd}"
            f"[home]\npath = {home}\nread only = no\n"
            f"[private]\npath = {home}\nread only = no\nauth users = *\nsecrets file = {site.folder}/secrets\n"
        )
        command = ["rsync", "--daemon", "--no-detach", f"--config={site.folder}/rsyncd.conf"]
        with running(site, command, RSYNC):
            yield


def visit_rsync(visit: Visit) -> None:
    """A backup or a mirror: mostly the same files again, over SSH or by rsync's own protocol."""
    rng = visit.rng
    who = rng.choice(accounts())
    options = rng.sample(["-z", "--checksum", "--delete", "--stats", "--times", "--perms", "-W"], rng.randint(0, 3))
    env = {"RSYNC_PASSWORD": who.password}
    if rng.random() < 0.5:
        user = User(visit, modern=0.1)
        user.command[user.command.index("-p") + 1] = str(SSH)
        command = ["rsync", "-r", *options, "-e", " ".join(user.command)]
        host = f"{visit.server}:"
    else:
        command = ["rsync", "-r", *options]
        host = rng.choice((f"rsync://{visit.server}/home/", f"rsync://{who.name}@{visit.server}/private/"))
    local = visit.folder / "copy"
    local.mkdir()
    up = rng.choice((0.0, 0.3, 0.8))

    def work(its: random.Random) -> None:
        what = its.choice(("more", f"file{its.randrange(FILES)}", "notes.txt", f"file{its.randrange(FILES)}"))
        move = [_local_file(visit, its), f"{host}incoming/"] if its.random() < up else [f"{host}{what}", str(local)]
        status = visit.run([*command, *move], env=env)
        if status not in (0, 23, 24):  # of which 23 and 24: files went away meanwhile
            raise RuntimeError(f"rsync ended with status {status}")

    each(visit, work, at_once=2)


@contextmanager
def serve_git(site: Site) -> Iterator[None]:
    """Repositories with some commits, by OpenSSH and by git's own server."""
    rng, home = site.rng, site.folder / "home"
    fill(home, rng)
    for number in range(REPOSITORIES):
        bare = home / f"project{number}.git"
        prepare(site, ["git", "-c", "init.defaultBranch=main", "init", "-q", "--bare", str(bare)])
        prepare(site, ["git", "-C", str(bare), "fast-import", "--quiet"], _history(rng))
    with serve_ssh(site):
        export = ["--base-path=" + str(home), "--export-all", "--reuseaddr", f"--listen={site.host.address}"]
        with running(site, ["git", "daemon", *export, f"--port={GIT}", "--enable=receive-pack", str(home)], GIT):
            yield


def _history(rng: random.Random) -> str:
    """Some commits, as `git fast-import` reads them."""
    parts = []
    for number in range(rng.randint(2, 25)):
        note = text(rng, rng.randint(10, 60))
        parts.append(f"commit refs/heads/main\ncommitter a <a@lab.test> {1_700_000_000 + number} +0000\n")
        parts.append(f"data {len(note)}\n{note}\n")
        for _ in range(rng.randint(1, 4)):
            content = lines(rng, size(rng, 900, 1.2, largest=20_000))
            parts.append(f"M 100644 inline {word(rng)}/{word(rng)}.txt\ndata {len(content)}\n{content}\n")
        if rng.random() < 0.3:
            parts.append(f"reset refs/heads/{word(rng)}-{number}\nfrom refs/heads/main\n\n")
    return "".join(parts)


def visit_git(visit: Visit) -> None:
    """Repositories listed, cloned, fetched from and pushed to, over SSH or by git's own protocol."""
    rng = visit.rng
    user = User(visit, "git", modern=0.1)
    over_ssh = rng.random() < 0.6
    root = f"ssh://git@{visit.server}{{home}}" if over_ssh else f"git://{visit.server}"
    env = {"GIT_SSH_COMMAND": " ".join(user.command[:-2]), "GIT_TERMINAL_PROMPT": "0", "HOME": str(visit.folder)}
    env |= {f"GIT_{role}_{part}": word(rng) for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    version = 2 if rng.random() < (0.6 if visit.day == 1 else 0.9) else 0
    git = ["git", "-c", f"protocol.version={version}", "-c", "gc.auto=0", "-c", "init.defaultBranch=main"]
    root = root.replace("{home}", "/~") if over_ssh else root
    copies: list[Path] = []

    def run(*arguments: str) -> None:
        status = visit.run([*git, *arguments], env=env)
        if status not in (0, 1):  # of which 1: refused, as somebody else's push came first
            raise RuntimeError(f"git {arguments[0]} ended with status {status}")

    def work(its: random.Random) -> None:
        url, choice = f"{root}/project{its.randrange(REPOSITORIES)}.git", its.random()
        if choice < 0.35:
            run("ls-remote", "-q", url)
        elif choice < 0.65 or not copies:
            copy = visit.folder / f"copy{its.random()}"
            run("clone", "-q", *its.choice(([], ["--depth", "1"], ["--bare"], ["--no-checkout"])), url, str(copy))
            if (copy / ".git").is_dir():
                copies.append(copy)
        elif choice < 0.8:
            run("-C", str(its.choice(copies)), "fetch", "-q")
        else:
            copy = its.choice(copies)
            (copy / word(its)).write_text(lines(its, size(its, 600, largest=20_000)))
            run("-C", str(copy), "add", "-A")
            run("-C", str(copy), "commit", "-q", "-m", text(its, 40))
            run("-C", str(copy), "push", "-q", "origin", f"HEAD:refs/heads/{word(its)}{its.randrange(10**6)}")

    each(visit, work)


_SSH_PACKAGES = ("openssh-server", "openssh-sftp-server", "openssh-client", "libnss-wrapper", "pypi:asyncssh")
_SSH_CHANGED = "other host keys, a banner, more compression and more of the hybrid key exchange"

WORKLOADS = (
    Workload(
        "ssh",
        "Shells and commands by OpenSSH's client, from OpenSSH and asyncssh",
        serve_ssh,
        visit_ssh,
        (SSH, ASYNCSSH),
        (20, 40),
        _SSH_CHANGED,
        _SSH_PACKAGES,
    ),
    Workload(
        "scp",
        "Files by OpenSSH's scp, old protocol and new, from and to OpenSSH and asyncssh",
        serve_ssh,
        visit_scp,
        (SSH, ASYNCSSH),
        (16, 32),
        _SSH_CHANGED + ", the newer protocol of scp",
        _SSH_PACKAGES,
        weight=0.75,
    ),
    Workload(
        "sftp",
        "Files and folders by OpenSSH's sftp, from and to OpenSSH and asyncssh",
        serve_ssh,
        visit_sftp,
        (SSH, ASYNCSSH),
        (16, 32),
        _SSH_CHANGED,
        _SSH_PACKAGES,
        weight=0.75,
    ),
    Workload(
        "rsync",
        "Files by rsync, over OpenSSH and by its own protocol",
        serve_rsync,
        visit_rsync,
        (SSH, ASYNCSSH, RSYNC),
        (16, 32),
        _SSH_CHANGED + ", a message of the day",
        ("rsync", *_SSH_PACKAGES),
        weight=0.75,
    ),
    Workload(
        "git",
        "Repositories by git, over OpenSSH and by its own protocol",
        serve_git,
        visit_git,
        (SSH, ASYNCSSH, GIT),
        (16, 32),
        _SSH_CHANGED + ", version 2 of git's protocol",
        ("git", *_SSH_PACKAGES),
        weight=0.75,
    ),
)
