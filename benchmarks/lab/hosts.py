"""Hosts of the lab: pairs of network namespaces joined by a virtual Ethernet cable, and the line between them."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.lab.workload import LabError

SERVER = "10.0.0.1"
"""Address of every slot's server; a slot sees no other slot."""

NAMES = tuple(f"{name}lab.test" for name in ("", "www.", "api.", "cdn.", "mail.", "news.", "shop.", "wiki.", "git."))
"""Names by which programs of the lab find the server without asking any other."""

_CABLE = "eth0"
_OFF = tuple(word for offload in ("tx", "sg", "tso", "gso", "gro") for word in (offload, "off"))
_RESOLVERS = Path("/etc/netns")
_PATIENCE = 2.0
"""Seconds that programs have between being asked to end and being killed."""


@dataclass(frozen=True)
class Line:
    """A session's access line.

    Attributes:
        rate: Mbit/s both ways.
        mtu: bytes of the largest packet of the client's route: below 1500 behind tunnels and PPPoE.
        delay, jitter: milliseconds one way.
        loss: share of packets lost, 0..1.
    """

    rate: float
    mtu: int
    delay: float
    jitter: float
    loss: float


@dataclass(frozen=True)
class _Program:
    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def last_words(self) -> str:
        """What became of it, and the end of its output."""
        status = self.process.poll()
        how = "runs" if status is None else f"has ended with status {status}"
        words = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-3:]
        return f"{self.name} {how}, its last lines: {' | '.join(words) or 'none'}"


@dataclass
class Namespace:
    """A network namespace with one address; see `benchmarks.lab.workload.Host`."""

    name: str
    address: str
    started: list[_Program] = field(default_factory=list)

    def start(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        log: str,
        env: dict[str, str] | None = None,
        user: str | None = None,
    ) -> subprocess.Popen[bytes]:
        """See `benchmarks.lab.workload.Host.start`."""
        become: tuple[str, ...] = ()
        if user is not None:
            _run(["chown", "-R", f"{user}:", str(folder)])
            become = ("setpriv", f"--reuid={user}", "--regid", _primary_group(user), "--clear-groups")
        with (folder / log).open("ab") as output:
            process = subprocess.Popen(
                [*self.inside, *become, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=None if env is None else {**os.environ, **env},
                start_new_session=True,
            )
        self.started.append(_Program(command[0], process, folder / log))
        return process

    @property
    def inside(self) -> tuple[str, ...]:
        """What runs a command in this namespace."""
        return ("ip", "netns", "exec", self.name)

    def wait_for(self, port: int, *, udp: bool = False, seconds: float = 15.0) -> None:
        """See `benchmarks.lab.workload.Host.wait_for`."""
        listening = ["ss", "-N", self.name, "-H", "-l", "-n", "-u" if udp else "-t", "sport", "=", f":{port}"]
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if _run(listening).strip():
                return
            for program in self.started:
                if program.process.poll():
                    raise LabError(program.last_words())
            time.sleep(0.05)
        texts = "; ".join(program.last_words() for program in self.started)
        raise LabError(f"nothing listens on {'UDP' if udp else 'TCP'} port {port} after {seconds:g} s: {texts}")

    def end(self, spared: Iterable[int] = ()) -> None:
        """End all programs of this namespace but those of the process ids `spared`: asked first, then killed."""
        for program in self.started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(program.process.pid, signal.SIGTERM)
        until = time.monotonic() + _PATIENCE
        for program in self.started:
            with contextlib.suppress(subprocess.TimeoutExpired):
                program.process.wait(max(until - time.monotonic(), 0.01))
        _kill(self.name, set(spared))
        for program in self.started:
            program.process.wait()
        self.started.clear()


@dataclass(frozen=True)
class Slot:
    """A server and a client joined by a cable; sessions run in it one after the other."""

    server: Namespace
    client: Namespace
    netem: bool

    @staticmethod
    def make(name: str, number: int) -> Slot:
        """A new pair of namespaces, called after `name`: MTU 1500, no offloads, no IPv6.

        Raises:
            LabError: it cannot be made.
        """
        server, client = (Namespace(f"{name}-{number}{side}", address) for side, address in (("s", SERVER), ("c", "")))
        hosts = f"127.0.0.1 localhost {client.name} {server.name}\n{SERVER} {' '.join(NAMES)}\n"
        for namespace in (server, client):
            resolver = _RESOLVERS / namespace.name
            resolver.mkdir(parents=True, exist_ok=True)
            (resolver / "hosts").write_text(hosts, encoding="utf-8")
            # Nothing listens there, so that what is not in the list above is refused at once.
            (resolver / "resolv.conf").write_text("nameserver 127.0.0.1\noptions attempts:1\n", encoding="utf-8")
        _batch(
            ["ip", "-batch", "-"],
            f"netns add {server.name}",
            f"netns add {client.name}",
            f"link add {_CABLE} mtu 1500 netns {server.name} type veth peer name {_CABLE} mtu 1500 netns {client.name}",
        )
        for namespace in (server, client):
            _run([*namespace.inside, "ethtool", "-K", _CABLE, *_OFF])
            _batch(["ip", "-n", namespace.name, "-batch", "-"], "link set lo up", f"link set {_CABLE} up")
            # What one session taught the kernel of a path is nothing that the next one's line knows.
            settings = (
                "ipv6.conf.all.disable_ipv6=1",
                "ipv4.ip_unprivileged_port_start=0",
                "ipv4.tcp_no_metrics_save=1",
            )
            _run([*namespace.inside, "sysctl", "-eqw", *(f"net.{setting}" for setting in settings)])
        _batch(["ip", "-n", server.name, "-batch", "-"], f"address add {SERVER}/8 dev {_CABLE}")
        probe = ["tc", "-n", client.name, "qdisc", "add", "dev", _CABLE, "root", "netem", "delay", "1ms"]
        return Slot(server, client, subprocess.run(probe, capture_output=True, check=False).returncode == 0)

    def connect(self, address: str, line: Line) -> None:
        """Give the client this address and this line."""
        _batch(
            ["ip", "-n", self.client.name, "-batch", "-"],
            f"address flush dev {_CABLE}",
            f"address add {address}/8 dev {_CABLE} noprefixroute",
            f"route replace 10.0.0.0/8 dev {_CABLE} src {address} mtu {line.mtu}",
        )
        self.client.address = address
        # A burst of 4 ms, and a queue as routers at the edge have them.
        burst = max(int(line.rate * 1e6 / 8 * 0.004), 6000)
        for namespace in (self.client, self.server):
            settings = [
                f"qdisc replace dev {_CABLE} root handle 1: tbf rate {line.rate:.3f}mbit burst {burst} latency 200ms"
            ]
            if self.netem:
                settings.append(
                    f"qdisc replace dev {_CABLE} parent 1:1 handle 10: netem"
                    f" delay {line.delay:.2f}ms {line.jitter:.2f}ms loss {line.loss:.3%}"
                )
            _batch(["tc", "-n", namespace.name, "-batch", "-"], *settings)

    def remove(self) -> None:
        """End everything that runs here and remove both namespaces, with the cable."""
        for namespace in (self.client, self.server):
            namespace.end()
            _remove(namespace.name)


def remove_leftovers(name: str) -> list[str]:
    """Remove the namespaces of an earlier lab called `name`, with all that runs in them; their names."""
    listed = [line.split()[0] for line in _run(["ip", "netns", "list"]).splitlines() if line.strip()]
    known = set(listed) | {path.name for path in _RESOLVERS.glob(f"{name}-*")}
    old = sorted(entry for entry in known if re.fullmatch(rf"{re.escape(name)}-\d+[cs]", entry))
    for entry in old:
        _kill(entry, set())
        _remove(entry)
    return old


def _remove(namespace: str) -> None:
    subprocess.run(["ip", "netns", "delete", namespace], capture_output=True, check=False)
    for name in ("hosts", "resolv.conf"):
        (_RESOLVERS / namespace / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # another's file lies in it, or it is gone
        (_RESOLVERS / namespace).rmdir()
        _RESOLVERS.rmdir()


def _kill(namespace: str, spared: set[int]) -> None:
    """Kill what runs in a namespace; twice, as what is killed may be about to start another."""
    for _ in range(2):
        found = subprocess.run(["ip", "netns", "pids", namespace], capture_output=True, text=True, check=False)
        for process in {int(line) for line in found.stdout.split()} - spared:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


def _primary_group(user: str) -> str:
    return _run(["id", "-g", user]).strip()


def _batch(command: Sequence[str], *lines: str) -> None:
    _run(command, "".join(f"{line}\n" for line in lines))


def _run(command: Sequence[str], text: str | None = None) -> str:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        given = "" if text is None else f" with {text!r}"
        raise LabError(f"{' '.join(command)}{given} failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout
