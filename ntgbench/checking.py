"""Checks of a plugin in a process of their own: `python -m ntgbench.checking NAME FIRST REPORT HOME FULL [TRACK]`.

It runs the checks of NAME from number FIRST on, and appends a line of JSON to the file REPORT after each. It works in
an empty folder; relative paths in parameters start from HOME. FULL is 1 for calibration with all sizes, else 0.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from ntgbench.probing import PROBED, ended_how
from ntgbench.running.processes import Usage, kept, working_elsewhere

if TYPE_CHECKING:
    from ntgbench.protocol import Limits
    from ntgbench.testing import Check

_LOOK_EVERY = 0.1
_LAST_LINES = 20


@dataclass(frozen=True)
class Checked:
    """How a check ended."""

    check: Check
    reason: str | None  # how the promise is broken, None when it is kept
    said: str = ""  # the last lines that the plugin printed, when it ended or blocked the process
    finished: bool = True  # otherwise the check ended or blocked the process, or did not run


def run_checks(name: str, limits: Limits, track: str | None = None, full: bool = False) -> Iterator[Checked]:
    """Run the checks of a system or metric in a child process; each result is yielded as soon as it is known.

    `track` tells systems of one name apart; `full` is for calibration with all sizes. A check that ends the process has
    failed, and the next ones run in a new process. A check that exceeds `limits`, which apply to each check, has
    failed, and the next ones do not run.
    """
    from ntgbench.testing import checks_of

    checks = checks_of(name, track, full=full)
    done = 0
    with tempfile.TemporaryDirectory() as folder:
        while done < len(checks):
            child = _Child(name, done, Path(folder), limits, track, full)
            for reason in child.run(len(checks)):
                yield Checked(checks[done], reason)
                done += 1
            if done < len(checks):
                yield Checked(checks[done], child.ended, child.said, finished=False)
                done += 1
            if child.over:
                for check in checks[done:]:
                    yield Checked(check, "not run, because an earlier check did not finish", finished=False)
                return


class _Child:
    """One process that runs checks."""

    ended = ""  # why it ended before all checks were over
    said = ""  # the last lines that it printed
    over = False  # whether it exceeded a limit

    def __init__(self, name: str, first: int, folder: Path, limits: Limits, track: str | None, full: bool) -> None:
        self._report, self._log, self._limits = folder / f"report-{first}", folder / f"log-{first}", limits
        self._report.touch()
        self._next, self._unread = first, ""
        self._place = folder / f"place-{first}"
        self._place.mkdir()
        arguments = [name, str(first), str(self._report), str(Path.cwd()), str(int(full))]
        arguments += [] if track is None else [track]
        self._command = [sys.executable, "-P", "-m", "ntgbench.checking", *arguments]

    def run(self, end: int) -> Iterator[str | None]:
        """How each check ended up to number `end`; fewer when the process ended before."""
        environment = {**working_elsewhere(os.environ), PROBED: "1"}
        with (
            self._report.open(encoding="utf-8") as report,
            self._log.open("a+b") as log,
            kept(self._command, log, self._place, environment) as process,
        ):
            usage = Usage(process, self._limits)
            running = True
            while self._next < end and running:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_LOOK_EVERY)
                    running = False
                for reason in self._read(report):
                    yield reason
                    usage = Usage(process, self._limits)
                over = usage.over() if running else None
                if over is not None:
                    self.ended, self.over = over, True
                    break
        usage.kill()
        if not self.over:
            self.ended = f"it ended the process {ended_how(process.returncode)} before the check was over"
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        self.said = "\n".join(lines[-_LAST_LINES:])

    def _read(self, report: TextIO) -> Iterator[str | None]:
        *lines, self._unread = (self._unread + report.read()).split("\n")
        for line in lines:
            try:
                number, reason = json.loads(line)
            except (ValueError, TypeError):
                # A plugin has changed what writes the report.
                number, reason = self._next, f"its report cannot be read: {line:.200}"
            # A plugin that forks and does not end the copy has every check reported twice.
            if number == self._next:
                self._next += 1
                yield reason


def main(name: str, first: int, report: Path, home: Path, full: bool, track: str | None = None) -> None:
    """Run the checks and report on each."""
    from ntgbench.testing import checks_of

    with report.open("a", encoding="utf-8") as file:
        for number, check in enumerate(checks_of(name, track, home, full)[first:], first):
            reason = None
            try:
                check()
            except AssertionError as error:
                reason = str(error)
            except BaseException as error:  # whatever a plugin does, its author wants to know about all of it
                reason = f"{type(error).__name__}: {error}"
            file.write(json.dumps([number, reason]) + "\n")
            file.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]), sys.argv[5] == "1", *sys.argv[6:])
