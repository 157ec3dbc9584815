"""The lab's command: `python -m benchmarks.lab --out FOLDER --seed N`."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click

from benchmarks.lab.build import build, count_silent
from benchmarks.lab.facts import Request, facts_of
from benchmarks.lab.hosts import remove_leftovers
from benchmarks.lab.packages import needed, versions
from benchmarks.lab.plan import plan
from benchmarks.lab.table import read_flows, write_parquet, write_samples
from benchmarks.lab.trace import build_trace, read_programs
from benchmarks.lab.workload import LabError
from benchmarks.lab.workloads import chosen
from ntgbench.errors import NtgbenchError
from ntgbench.files import write_text
from ntgbench.traffic.trace_files import write_trace_file


@click.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder to write to.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of everything random.")
@click.option(
    "--scale",
    type=click.FloatRange(0, 10, min_open=True),
    default=1.0,
    show_default=True,
    help="Of the number of biflows.",
)
@click.option("--class", "names", multiple=True, help="Only these classes; may be given more than once.")
@click.option("--day", "days", type=click.Choice(["1", "2"]), multiple=True, help="Only this day.")
@click.option(
    "--slots", type=click.IntRange(1, 64), default=12, show_default=True, help="Servers and clients side by side."
)
@click.option(
    "--name",
    default="ntglab",
    show_default=True,
    help="Of the namespaces; labs of different names may be built at once.",
)
def main(
    out: Path, seed: int, scale: float, names: tuple[str, ...], days: tuple[str, ...], slots: int, name: str
) -> None:
    """Build the lab's data sets: lab.parquet, lab-trace.parquet, a folder lab-pcap of small captures, and lab.json."""
    signal.signal(signal.SIGTERM, _terminate)
    began = time.monotonic()
    try:
        if os.geteuid() != 0:
            raise LabError("the lab makes network namespaces, which needs root: run it with sudo")
        if not re.fullmatch(r"[a-z][a-z0-9]{0,7}", name):
            raise LabError(f"a lab is called by up to eight small letters and digits, not {name!r}")
        workloads = chosen(names)
        present = versions(needed(workloads))
        request = Request(seed, scale, slots, tuple(sorted({int(day) for day in days or (1, 2)})))
        jobs = plan(workloads, request.days, seed, scale)
        out.mkdir(parents=True, exist_ok=True)
        with _workplace(name) as folder:
            outcome = build(jobs, name, slots, folder, _say)
            _say(f"all sessions made after {time.monotonic() - began:.0f} s")
            flows, changes = read_flows(outcome.captures, outcome.made, workloads)
            count_silent(outcome, set(flows.session.tolist()) if flows.session is not None else set())
            facts = facts_of(request, workloads, present, outcome, flows, changes)
            write_parquet(flows, out / "lab.parquet", {"seed": seed, "scale": scale})
            trace, facts["trace"] = build_trace(read_programs(outcome.captures, outcome.made, workloads), seed)
            write_trace_file(trace, out / "lab-trace.parquet")
            shutil.rmtree(out / "lab-pcap", ignore_errors=True)
            order = sorted(outcome.made, key=lambda session: session.seed)
            write_samples(outcome.captures, order, workloads, out / "lab-pcap", of_class=1, biflows=6, packets=24)
        facts["seconds"] = round(time.monotonic() - began, 1)
        write_text(out / "lab.json", json.dumps(facts, indent=2) + "\n")
        count = f"{len(flows):,} biflows of {len(flows.classes)} classes and a trace of {len(trace):,} packets"
        _say(f"{count} in {out}, {facts['seconds']:.0f} s")
    except NtgbenchError as error:
        raise SystemExit(f"error: {error}") from error


@contextmanager
def _workplace(name: str) -> Iterator[Path]:
    """A folder for one build called `name`, which there is once at a time; what an earlier one left is removed."""
    base = Path(tempfile.gettempdir())
    with Path(f"/run/{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise LabError(f"a lab called {name} is being built; wait for it, or choose another --name") from error
        if leftovers := remove_leftovers(name):
            _say(f"removed what an earlier build left: {', '.join(leftovers)}")
        for old in base.glob(f"{name}.????????"):
            shutil.rmtree(old, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=base))
        folder.chmod(0o711)  # servers that are not root find their folders below it
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _terminate(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
