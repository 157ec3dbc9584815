"""Readers tried with damaged input for as long as there is time.

    python -m benchmarks.fuzz --minutes 10               every target, one after the other
    python -m benchmarks.fuzz captures rows --minutes 2
    python -m benchmarks.fuzz captures --replay build/fuzz/captures/found-0a1b2c3d

With atheris (`pip install atheris`), what reaches new lines of code is changed further; without it, every mutant is one
of the first inputs. Each target runs in a process of its own. An input that breaks the promise of `targets.Target` is
written into build/fuzz/TARGET, one for each place in the code, and makes the exit status 1.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib.util
import logging
import random
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.fuzz.targets import Target

HOME = Path(__file__).parents[2] / "build" / "fuzz"

LONGEST_INPUT = 2**21
"""Bytes of an input that atheris makes."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="Default: all.")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--replay", type=Path, metavar="FILE", help="Read this one input; its exception is shown.")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.here:
        logging.disable(logging.WARNING)
        _fuzz(wanted.targets[0], wanted.minutes * 60)
        return 0

    from benchmarks.fuzz.targets import TARGETS, tried

    unknown = set(wanted.targets) - TARGETS.keys()
    if unknown or (wanted.replay and len(wanted.targets) != 1):
        parser.error(f"the targets are {', '.join(TARGETS)}")
    if wanted.replay:
        print("read" if tried(TARGETS[wanted.targets[0]], wanted.replay.read_bytes()) else "refused")
        return 0
    return max([_in_its_own_process(name, wanted.minutes) for name in wanted.targets or TARGETS])


def _in_its_own_process(name: str, minutes: float) -> int:
    """Fuzz a target in a child; 1 when something was found."""
    folder = HOME / name
    folder.mkdir(parents=True, exist_ok=True)
    for old in (*folder.glob("found-*"), *folder.glob("latest"), *folder.glob("executions")):
        old.unlink()
    command = [sys.executable, "-m", "benchmarks.fuzz", "--here", name, "--minutes", str(minutes)]
    with (folder / "log.txt").open("w") as log:
        done = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    if done.returncode:
        print(f"{name}: ended with status {done.returncode}, see {folder / 'log.txt'}")
        with contextlib.suppress(FileNotFoundError):
            # The process has ended, so the input that it was at is what it could not stand.
            (folder / "latest").rename(folder / "found-crash")
    found = sorted(folder.glob("found-*"))
    executions = (folder / "executions").read_text() if (folder / "executions").exists() else "no"
    print(f"{name}: {executions} executions, {len(found)} found", flush=True)
    for path in found:
        print(f"  python -m benchmarks.fuzz {name} --replay {path}")
    return int(bool(found) or done.returncode != 0)


def _fuzz(name: str, seconds: float) -> None:
    """Fuzz a target in this process, which a crash ends."""
    if importlib.util.find_spec("atheris") is None:
        from benchmarks.fuzz.targets import TARGETS, mutant

        target = TARGETS[name]
        inputs = target.seeds()
        begun, first, attempt = time.monotonic(), time.time_ns(), Attempt(target, HOME / name)
        while time.monotonic() - begun < seconds:
            attempt(mutant(target, inputs, first + attempt.number))
        return

    import atheris

    with atheris.instrument_imports(include=["ntgbench", *_plugins(), "json", "csv", "tomllib", "zipfile", "tarfile"]):
        from benchmarks.fuzz.targets import TARGETS, tried

        target = TARGETS[name]
        inputs = target.seeds()
        for content in inputs:  # so that all that is imported late is instrumented too
            tried(target, content)
    corpus = HOME / name / "corpus"
    corpus.mkdir(exist_ok=True)
    for content in inputs:
        (corpus / hashlib.sha1(content).hexdigest()).write_bytes(content)

    def change(content: bytes, most: int, number: int) -> bytes:
        rng = random.Random(number)
        if rng.random() < 0.1:
            return atheris.Mutate(content, most)
        changed = target.change(content, inputs, rng)
        return changed if len(changed) <= most else content

    limits = [f"-max_total_time={seconds:.0f}", f"-max_len={LONGEST_INPUT}", "-rss_limit_mb=0", "-timeout=120"]
    atheris.Setup([sys.argv[0], str(corpus), *limits], Attempt(target, HOME / name), custom_mutator=change)
    atheris.Fuzz()


class Attempt:
    """Reads inputs, keeps the first that breaks the promise at each place, and counts."""

    def __init__(self, target: Target, folder: Path) -> None:
        self.target, self.folder = target, folder
        self.number, self.places = 0, set[str]()

    def __call__(self, content: bytes) -> None:
        from benchmarks.fuzz.targets import tried

        self.number += 1
        (self.folder / "latest").write_bytes(content)
        if self.number & (self.number - 1) == 0 or self.number % 100 == 0:
            (self.folder / "executions").write_text(f"{self.number:,}")
        try:
            tried(self.target, content)
        except Exception as error:  # all that can happen is what this looks for
            where = [(Path(one.filename).name, one.lineno) for one in traceback.extract_tb(error.__traceback__)]
            place = hashlib.sha1(repr((type(error).__name__, where[-3:])).encode()).hexdigest()[:8]
            if place not in self.places:
                self.places.add(place)
                (self.folder / f"found-{place}").write_bytes(content)
                traceback.print_exc()


def _plugins() -> list[str]:
    return [path.name for path in (HOME.parents[1] / "plugins").glob("*/src/*") if path.is_dir()]


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
