"""Runs that are killed at random: `python -m benchmarks.kills 200 [--seed 1]`.

A small protocol is run again and again in one folder, and a process of it is killed each time, until all is done;
then in a new folder, until there were as many kills as asked for. Every row must be that of a run that nobody has
disturbed, to the last bit but for times and memory; no process may be left, no file half-written, and the boards must
be those of the rows. What is killed, with which signal and when follows from the seed; what the run does then does not.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from ntgbench.plugins import RESTRICT
from ntgbench.report.publish import stale
from ntgbench.testing import example_traffic

PLUGIN = """
from ntgbench import GeneratorSpec, hookimpl
from ntgbench_llama.parameters import LlamaParameters

@hookimpl
def ntgbench_generators():
    return [GeneratorSpec("often-saved", "often_saved_llama:OftenSaved", "llama, saved each epoch", LlamaParameters)]
"""

CLASS = """
from ntgbench.learning import resume
from ntgbench_llama.generator import LlamaGenerator

resume.SAVE_EVERY = 0.0

class OftenSaved(LlamaGenerator):
    pass
"""

LEARNS = "often-saved[epochs=8,hidden=16,intermediate=32,layers=1,heads=2]"
SYSTEMS = ("copy", "smote", LEARNS)
PLUGINS = "baselines,fast-retransmit,fidelity,llama,often-saved,smote"

RUNNER, KEEPER, WORKER, ALL = "runner", "keeper", "worker", "all"
SIGNALS = {
    RUNNER: (signal.SIGKILL, signal.SIGTERM, signal.SIGINT),
    KEEPER: (signal.SIGKILL, signal.SIGTERM),
    WORKER: (signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV),
    ALL: (signal.SIGKILL,),
}

PUBLISHING = 0.25
"""Share of kills that come when the boards are being written."""

MAY_DIFFER = {"phases", "peak_memory_mib"}
"""What a row says of times and memory."""

RESUMED = "the training was interrupted and resumed"
"""Begin of the note that says so, about the time of the fit."""

_ENDS_WITHIN = 60.0
"""Seconds in which processes must end that belonged to a killed run."""


class Fault(Exception):
    """A kill has left something that it should not."""


def main(kills: int, seed: int, systems: Sequence[str] = SYSTEMS) -> Counter[str]:
    """Kill so often, and return how often what was killed. Raises Fault with the folder, which is then kept."""
    rng, done = np.random.default_rng(seed), Counter[str]()
    with tempfile.TemporaryDirectory(prefix="kills-") as name:
        place = Path(name)
        _install(place)
        begun = time.monotonic()
        whole = _Life(place, "undisturbed", systems)
        whole.start().wait()
        longest = time.monotonic() - begun
        expected = whole.rows()
        if set(expected) != set(systems) or any(row["status"] != "ok" for row in expected.values()):
            raise Fault(f"the undisturbed run failed: {whole.said()}")
        for number in range(kills):
            life = _Life(place, f"life-{number}", systems)
            while sum(done.values()) < kills:
                what = life.start_and_kill(rng, longest)
                if what is None:
                    break
                done[what] += 1
                print(f"{sum(done.values())} of {kills}: {life.folder.name}, {what}", flush=True)
            life.check(expected)
            print(f"{life.folder.name}: its rows are those of the undisturbed run", flush=True)
            if sum(done.values()) >= kills:
                return done
    return done


def _install(place: Path) -> None:
    site = place / "site"
    declared = site / "often_saved-1.0.dist-info"
    declared.mkdir(parents=True)
    (site / "often_saved.py").write_text(PLUGIN)
    (site / "often_saved_llama.py").write_text(CLASS)
    (declared / "METADATA").write_text("Metadata-Version: 2.1\nName: often-saved\nVersion: 1.0\n")
    (declared / "entry_points.txt").write_text("[ntgbench]\noften-saved = often_saved\n")


class _Life:
    """One folder of runs and boards."""

    def __init__(self, place: Path, name: str, systems: Sequence[str]) -> None:
        self.folder, self.site, self.systems = place / name, place / "site", systems
        self.folder.mkdir()
        # The same file for all, and so the same source in their rows.
        example_traffic().to_parquet(self.folder / "example.parquet")

    def start(self) -> subprocess.Popen[bytes]:
        """Start the run, or go on with it."""
        words = [word for system in self.systems for word in ("-s", system)]
        command = [sys.executable, "-m", "ntgbench", "run", "-d", "example.parquet", *words, "--seeds", "1"]
        path = filter(None, (str(self.site), os.getenv("PYTHONPATH")))
        with (self.folder / "said").open("ab") as said:
            return subprocess.Popen(
                [*command, "--suite", "fidelity", "--jobs", "2", "--retry"],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path), RESTRICT: PLUGINS},
                start_new_session=True,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )

    def said(self) -> str:
        """The end of what all its runs have printed."""
        return (self.folder / "said").read_text(errors="replace")[-2000:]

    def rows(self) -> dict[str, dict[str, Any]]:
        """The rows on the board, by system."""
        path = self.folder / "leaderboards" / "rows.jsonl"
        rows = list(map(json.loads, path.read_text().splitlines()))
        for row in rows:
            row["notes"] = [note for note in row["notes"] if not note.startswith(RESUMED)]
        return {row["system"]: row for row in rows}

    def start_and_kill(self, rng: np.random.Generator, longest: float) -> str | None:
        """Start the run and kill something of it; what, or None when the run was through before that."""
        target = str(rng.choice([RUNNER, KEEPER, WORKER, ALL]))
        number = SIGNALS[target][rng.integers(len(SIGNALS[target]))]
        publishing, moment = rng.random() < PUBLISHING, rng.uniform(0, longest)
        run = self.start()
        begun, before, killed = time.monotonic(), self._published(), False
        while run.poll() is None and not killed:
            due = self._published() != before if publishing else time.monotonic() - begun >= moment
            # A keeper or a worker may not be there at the moment: then the next one is killed.
            killed = due and self._kill(run, RUNNER if publishing else target, number, rng)
            time.sleep(0.0 if publishing else 0.002)
        if publishing and not killed:
            return None
        run.wait()
        if not killed:
            return None
        when = "while boards are written" if publishing else f"after {moment:.2f} s"
        return f"{RUNNER if publishing else target} by {number.name} {when}"

    def _published(self) -> set[tuple[str, int]]:
        with contextlib.suppress(OSError):
            return {(entry.name, entry.inode()) for entry in os.scandir(self.folder / "leaderboards")}
        return set()

    def _kill(self, run: subprocess.Popen[bytes], target: str, number: int, rng: np.random.Generator) -> bool:
        if target == RUNNER:
            run.send_signal(number)
            return True
        below = {KEEPER: "keeper.py", WORKER: "ntgbench.running.worker", ALL: ""}[target]
        found = [one for one in _below(run.pid) if below in " ".join(_words(one))]
        # A keeper names its worker on its command line.
        found = [one for one in found if target != WORKER or "keeper.py" not in " ".join(_words(one))]
        if target == ALL:
            found = [found[place] for place in rng.permutation(len(found))]
            run.send_signal(number)
        elif not found:
            return False
        for one in found if target == ALL else [found[rng.integers(len(found))]]:
            with contextlib.suppress(psutil.Error):
                one.send_signal(number)
        return True

    def check(self, expected: dict[str, dict[str, Any]]) -> None:
        """Finish the run, and raise Fault unless all is as it is after an undisturbed one."""
        run = self.start()
        if run.wait() != 0:
            self._fault(f"the last run ended with {run.returncode}")
        found = self.rows()
        for system, row in expected.items():
            wrong = [key for key in {*row, *found[system]} - MAY_DIFFER if row.get(key) != found[system].get(key)]
            if wrong:
                self._fault(f"{system}: {[(key, row.get(key), found[system].get(key)) for key in wrong]}")
        if found.keys() != expected.keys():
            self._fault(f"there are rows of {sorted(found)}")
        for path in self.folder.rglob("*.json"):
            json.loads(path.read_text())
        left = [path for path in self.folder.rglob("*") if path.name.endswith(".tmp") or path.name == "unfinished"]
        left += [self.folder / "leaderboards" / name for name in stale(self.folder / "leaderboards")]
        if left:
            self._fault(f"left or stale: {', '.join(map(str, left))}")
        ends = time.monotonic() + _ENDS_WITHIN
        while running := list(_working_below(self.folder)):
            if time.monotonic() > ends:
                self._fault(f"still running: {running}")
            time.sleep(0.05)

    def _fault(self, what: str) -> None:
        raise Fault(f"{self.folder.name}: {what}\n{self.said()}")


def _below(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        return psutil.Process(pid).children(recursive=True)
    return []


def _words(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []


def _working_below(folder: Path) -> Iterator[psutil.Process]:
    """Processes whose working directory is in `folder`, as that of all processes of a run is."""
    for one in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if one.status() != psutil.STATUS_ZOMBIE and f"{one.cwd()}/".startswith(f"{folder}/"):
                yield one


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kills", type=int)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    try:
        counts = main(asked.kills, asked.seed)
    except Fault as fault:
        sys.exit(f"FAULT: {fault}")
    parts = Counter(what.split(" by ")[0] for what in counts.elements())
    print(f"{sum(counts.values())} of {asked.kills} kills left the rows as they were:", dict(parts))
