"""How servers of the lab are started, and ended again."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.lab.workload import LabError, Site

NOBODY = 65534


def newer(site: Site) -> bool:
    """Whether a server has the settings that most have on day 2, and some already on day 1."""
    return site.rng.random() < (0.1 if site.day == 1 else 0.9)


@contextmanager
def running(
    site: Site,
    command: Sequence[str],
    *ports: int,
    udp: bool = False,
    user: str | None = "nobody",
    env: dict[str, str] | None = None,
) -> Iterator[None]:
    """A server that listens on the ports, as that user; it is ended when the block is left."""
    process = site.host.start(command, folder=site.folder, log=f"{Path(command[0]).name}.log", env=env, user=user)
    try:
        for port in ports:
            site.host.wait_for(port, udp=udp)
        yield
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def give(folder: Path) -> None:
    """The folder and all in it to nobody."""
    subprocess.run(["chown", "-R", "nobody:nogroup", str(folder)], check=True)


def prepare(site: Site, command: Sequence[str], stdin: str | None = None) -> None:
    """Run a program to its end as nobody, to whom the site's folder then belongs, before a server starts.

    Raises:
        LabError: it failed.
    """
    give(site.folder)
    become = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    done = subprocess.run(
        [*become, *command], input=stdin, text=True, capture_output=True, cwd=site.folder, check=False, timeout=60
    )
    if done.returncode:
        raise LabError(f"{command[0]} ended with status {done.returncode}: {(done.stderr or done.stdout)[-300:]}")


def become_nobody() -> None:
    """What a server of Python does once its ports are open; it starts as root, as nobody may not read every library."""
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
