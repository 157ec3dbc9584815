"""The same cells in different surroundings, and what of them differs: `python tests/same_numbers.py [--steps N]`.

Called by hand, it runs all bundled systems of a track; a test runs some of them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SHOWN = ("metrics", "params", "notes", "keys", "code", "versions", "status", "reason")
"""What of a row must not depend on the surroundings; the others are times, memory and the machine."""


@dataclass(frozen=True)
class Surroundings:
    """Where and how a run is started."""

    name: str
    variables: Mapping[str, str] = field(default_factory=dict)
    folder: str = "here"
    jobs: int = 1
    one_core: bool = False
    reverse: bool = False  # the order of the systems


PLAIN = Surroundings("plain", {"PYTHONHASHSEED": "1"})

EACH = (
    Surroundings("hash seed, threads", {"PYTHONHASHSEED": "2", "OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"}),
    Surroundings("zone, language, folder", {"TZ": "Asia/Kolkata", "LC_ALL": "C"}, folder="another folder/ü"),
    Surroundings("one core, other order", one_core=True, reverse=True),
    # What is read before it is written would have other values.
    Surroundings("two at a time, other memory", {"MALLOC_PERTURB_": "165"}, jobs=2),
)

ALL = Surroundings(
    "all at once",
    {name: value for one in EACH for name, value in one.variables.items()},
    folder="another folder/ü",
    jobs=3,
    one_core=True,
    reverse=True,
)


def numbers(folder: Path, protocol: Mapping[str, object], given: Surroundings) -> dict[str, object]:
    """What a run in these surroundings finds, by system and file or key of a row."""
    home = folder / given.name.replace(", ", "-").replace(" ", "-") / given.folder
    home.mkdir(parents=True)
    systems = list(protocol["systems"])  # type: ignore[call-overload]
    values = {**protocol, "systems": systems[::-1] if given.reverse else systems}
    budget = f"[budget]\nsteps = {values.pop('steps')}\n"
    lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())
    (home / "same.toml").write_text(lines + budget, encoding="utf-8")
    command = [sys.executable, "-m", "ntgbench", "run", "same.toml", "-j", str(given.jobs)]
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if given.one_core and cores:
        # A process inherits the cores of the one that starts it.
        os.sched_setaffinity(0, cores[:1])
    try:
        done = subprocess.run(command, cwd=home, env={**os.environ, **given.variables}, capture_output=True)
    finally:
        if cores:
            os.sched_setaffinity(0, cores)
    if done.returncode:
        print(done.stderr.decode(errors="replace"), file=sys.stderr)
    found: dict[str, object] = {}
    for line in (home / "leaderboards" / "rows.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        name = f"{row['system']} {row['seed']}"
        for key in SHOWN:
            value = row.get(key)
            parts = value.items() if key == "metrics" and isinstance(value, dict) else [("", value)]
            found |= {f"{name}: {key} {part}": one for part, one in parts}
    for path in (home / "runs").glob("*/*/*/*/**/*"):
        cell, inside = path.relative_to(home / "runs").parts[2:4], "/".join(path.parts[len(home.parts) + 5 :])
        if path.is_file() and (inside == "synthetic.parquet" or inside.startswith("fitted/")):
            # The mark of a cell names its folder apart from others, and is the same everywhere.
            found["/".join((*cell, inside))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def differences(protocol: Mapping[str, object], others: Iterable[Surroundings] = (ALL,)) -> dict[str, list[str]]:
    """What differs from a run in plain surroundings, by the name of the others."""
    with tempfile.TemporaryDirectory() as name:
        plain = numbers(Path(name), protocol, PLAIN)
        assert {key.rpartition("/")[2] for key in plain} >= {"synthetic.parquet", "system.json"}
        assert not [key for key, value in plain.items() if key.endswith(": status ") and value != "ok"]
        found = {}
        for given in others:
            other = numbers(Path(name), protocol, given)
            found[given.name] = sorted(key for key in plain.keys() | other.keys() if plain.get(key) != other.get(key))
    return found


def main() -> int:
    """Run all systems of a track and print what differs."""
    from ntgbench.protocol import bundled

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--protocol", default="quick", help="a bundled protocol: its systems and suites are run")
    parser.add_argument("--dataset", default="simulated")
    parser.add_argument("--system", action="append", help="only this one; repeatable")
    parser.add_argument("--items", type=int, default=600, help="of the data set")
    parser.add_argument("--steps", type=int, default=20, help="of training")
    parser.add_argument("--each", action="store_true", help="one change after the other, to find which one matters")
    chosen = parser.parse_args()
    base = bundled()[chosen.protocol]
    protocol = {
        "version": 1,
        "summary": "the same cells",
        "track": base.track,
        "datasets": [chosen.dataset],
        "systems": chosen.system or list(base.systems),
        "suites": list(base.suites),
        "seeds": 1,
        "max_items": chosen.items,
        "steps": chosen.steps,
        "test_share": base.test_share,
    }
    found = differences(protocol, EACH if chosen.each else (ALL,))
    for name, keys in found.items():
        print(f"{name}: {len(keys)} differ", *keys[:40], sep="\n  ")
    return int(any(found.values()))


if __name__ == "__main__":
    sys.exit(main())
