"""Copies kept in step: rsync and git, over SSH and by protocols of their own."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.lab.contents import size, text, word
from benchmarks.lab.serving import newer, prepare, running
from benchmarks.lab.users import accounts, each, lines
from benchmarks.lab.workload import Site, Visit, Workload
from benchmarks.lab.workloads.shell import (
    FILES,
    SSH,
    SSH_CHANGED,
    SSH_PACKAGES,
    Custom,
    User,
    fill,
    local_file,
    serve_ssh,
)

RSYNC, GIT = 873, 9418
REPOSITORIES = 3
BACKUPS = Custom(asyncssh=0, rsa=0.1, ciphers=0.6, macs=0.05, compression=0.4, strict=0.5)
SHARED = Custom(asyncssh=0, rsa=0.2, ciphers=0.05, macs=0, compression=0.05, strict=0.85)


@contextmanager
def serve_rsync(site: Site) -> Iterator[None]:
    """The servers of SSH, and rsync's own over the same files."""
    with serve_ssh(site, BACKUPS):
        home = site.folder / "home"
        (site.folder / "secrets").write_text("".join(f"{who.name}:{who.password}\n" for who in accounts()))
        (site.folder / "secrets").chmod(0o600)
        motd = f"motd file = {home}/notes.txt\n" if newer(site) else ""
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
        user = User(visit, BACKUPS)
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
        move = [local_file(visit, its), f"{host}incoming/"] if its.random() < up else [f"{host}{what}", str(local)]
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
    with serve_ssh(site, SHARED):
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
    user = User(visit, SHARED, "git")
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

    each(visit, work)  # one after the other: what is there to fetch depends on what came before


WORKLOADS = (
    Workload(
        "rsync",
        "Files by rsync, over OpenSSH and by its own protocol",
        serve_rsync,
        visit_rsync,
        (SSH, RSYNC),
        (16, 32),
        SSH_CHANGED + ", a message of the day",
        ("rsync", *SSH_PACKAGES),
        visitors=3,
        weight=0.75,
    ),
    Workload(
        "git",
        "Repositories by git, over OpenSSH and by its own protocol",
        serve_git,
        visit_git,
        (SSH, GIT),
        (16, 32),
        SSH_CHANGED + ", version 2 of git's protocol",
        ("git", *SSH_PACKAGES),
        visitors=4,
        weight=0.75,
    ),
)
