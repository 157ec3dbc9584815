"""Captures: tcpdump on a client's end of the cable, headers only."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from pathlib import Path

from benchmarks.lab.hosts import Namespace
from benchmarks.lab.workload import LabError

_SNAPLEN = 94
"""Bytes kept of a packet: Ethernet, IPv4 and the longest TCP header; all lengths are read from the headers."""


LATE = 1.2
"""Seconds after which a packet is in the file: the kernel hands packets over in blocks, once a second at least."""


class Tcpdump:
    """A capture of the TCP and UDP packets of a namespace."""

    def __init__(self, namespace: Namespace, path: Path) -> None:
        self.path = path
        self._words = path.with_suffix(".log")
        command = ["tcpdump", "-i", "eth0", "-n", "-s", str(_SNAPLEN), "-B", "16384"]
        command += ["--time-stamp-precision=nano", "-w", "-", "tcp or udp"]
        # The file is opened here, as tcpdump may have given up the right to by then.
        with path.open("wb") as packets, self._words.open("wb") as words:
            self._process = subprocess.Popen(
                [*namespace.inside, *command],
                stdin=subprocess.DEVNULL,
                stdout=packets,
                stderr=words,
                start_new_session=True,
            )
        until = time.monotonic() + 10
        while "listening on" not in self._said():
            if self._process.poll() is not None or time.monotonic() > until:
                self.kill()
                raise LabError(f"tcpdump does not capture in {namespace.name}: {self._said().strip()}")
            time.sleep(0.02)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def end(self) -> int:
        """End the capture, `LATE` seconds after the last packet; how many packets the kernel did not hand over."""
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()
            raise LabError(f"tcpdump did not end: {self._said().strip()}") from None
        dropped = re.search(r"(\d+) packets? dropped by kernel", self._said())
        return int(dropped[1]) if dropped else 0

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()

    def _said(self) -> str:
        return self._words.read_text(encoding="utf-8", errors="replace")
