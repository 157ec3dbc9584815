"""Mutants of small captures of every format and link type: reading one gives a capture or a CaptureError.

    python benchmarks/fuzz_captures.py [NUMBER] [--seed SEED]

Prints how many mutants were captures, how long the slowest took, and the most memory that the process had. Any other
error ends the run; the mutant is then in the file that is named.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import tempfile
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from damaged_captures import damaged, read_it
from made_captures import files, link_files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("number", type=int, nargs="?", default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    warnings.simplefilter("error")
    dice = random.Random(arguments.seed)
    kinds = files(), link_files()
    path = Path(tempfile.mkdtemp()) / "mutant.cap"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    readable, slowest = 0, 0.0
    for number in range(arguments.number):
        path.write_bytes(damaged(dice.choice(dice.choice(kinds)), dice))
        start = time.process_time()
        try:
            readable += read_it(path, dice.random() < 0.5)
        except BaseException:
            print(f"mutant {number} of seed {arguments.seed} is in {path}")
            raise
        slowest = max(slowest, time.process_time() - start)
    path.unlink(missing_ok=True)
    path.parent.rmdir()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{arguments.number:,} mutants: {readable:,} captures, {arguments.number - readable:,} errors that say so")
    print(f"slowest {slowest:.2f} s; memory {before / 1024:,.0f} MiB before, at most {most / 1024:,.0f} MiB")


if __name__ == "__main__":
    main()
