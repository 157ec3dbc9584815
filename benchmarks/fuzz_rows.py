"""Damaged rows against `ntgbench leaderboard --merge`: the folder stays unchanged, or is valid afterwards.

    python -m benchmarks.fuzz_rows 10000

Each mutant is a file of rows with one to three changes: any value at any path replaced, keys deleted, added or renamed,
and sometimes bytes of the file. An escape is an exception other than NtgbenchError, a folder changed by a refused file,
or a folder that is stale after a merge.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import io
import json
import random
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from ntgbench.cli.leaderboard import leaderboard
from ntgbench.errors import NtgbenchError
from ntgbench.results import ROWS_FILE

LEADERBOARDS = Path(__file__).parent.parent / "leaderboards"

VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 0.5, -0.0, 5e-324, 1e15, 1.7e308, -1.7e308, 10**400, -(10**30), 2**63, float("nan"),
    float("inf"), "", "x", "0", "\ud800", "a\udfffb", "\x00", "a\nb", "\x1b[2J", "\u202eabc", "<script>", "|", "`",
    "\\", "[x](http://x)", "../../x", "/dev/null", "readme", "x" * 3_000, "é", "\U0001f600", [], {}, [1], [None],
    {"a": 1}, {"": ""}, {"\ud800": 1}, [[[[]]]], ["\ud800"], "fidelity/x", "tradeoff/x", "ok", "failed", "min", "max",
)  # fmt: skip


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value below `value`, each a tuple of keys and places."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [*([path] if path else []), *(found for key, one in inside for found in paths(one, (*path, key)))]


def change(row: Any, rng: random.Random) -> None:
    """Change one value of `row`, or one key."""
    *way, last = rng.choice(paths(row))
    parent = row
    for key in way:
        parent = parent[key]
    what = rng.random()
    value = copy.deepcopy(rng.choice(VALUES))
    if isinstance(parent, dict) and what < 0.1:
        del parent[last]
    elif isinstance(parent, dict) and what < 0.2:
        parent[rng.choice([one for one in VALUES if isinstance(one, str)])] = value
    elif isinstance(parent, dict) and what < 0.25:
        parent[rng.choice([one for one in VALUES if isinstance(one, str)])] = parent.pop(last)
    elif isinstance(parent[last], bool) and what < 0.7:
        parent[last] = not parent[last]
    elif isinstance(parent[last], int) and what < 0.7:
        parent[last] = rng.choice([0, 1, 2, 12, 13, 10**6, 10**12, parent[last] + 1])
    elif isinstance(parent[last], float) and what < 0.7:
        parent[last] = parent[last] * rng.choice([-1, 0, 2, 1e3, 1e12, 1e-300]) + rng.choice([0, 1e-9, 0.5])
    elif isinstance(parent[last], str) and what < 0.7:
        place = rng.randrange(len(parent[last]) + 1)
        parent[last] = parent[last][:place] + chr(rng.choice([*range(32, 128), 0xD800, 0x202E])) + parent[last][place:]
    else:
        parent[last] = value


def mutant(rows: list[Any], rng: random.Random) -> bytes:
    """A file of a few rows with something wrong."""
    chosen = [copy.deepcopy(rng.choice(rows)) for _ in range(rng.randint(1, 3))]
    for _ in range(rng.choice([1, 1, 2, 3])):
        change(rng.choice(chosen), rng)
    lines = [json.dumps(row, ensure_ascii=rng.random() < 0.8) for row in chosen]
    file = bytearray("\n".join(lines).encode("utf-8", "surrogatepass"))
    if rng.random() < 0.1:
        for _ in range(rng.randint(1, 4)):
            file[rng.randrange(len(file))] = rng.randrange(256)
    if rng.random() < 0.05:
        del file[rng.randrange(len(file)) :]
    return bytes(file)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def merge(folder: Path, file: bytes) -> str:
    """Merge a file into the folder; "merged" or "refused". Raises AssertionError for an escape."""
    given = folder.parent / "given.jsonl"
    given.write_bytes(file)
    before, message = contents(folder), ""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            leaderboard.main(["--out", str(folder), "--merge", str(given)], standalone_mode=False)
    except NtgbenchError as error:
        message = str(error)
    if message:
        assert message.isprintable(), f"the message is not printable: {message!r}"
        assert len(message) < 1_000, "the message is too long"
        assert contents(folder) == before, f"a refused file has changed the folder: {message}"
        return "refused"
    stale = leaderboard.main(["--out", str(folder), "--check"], standalone_mode=False)
    assert not stale, "the folder is stale after a merge"
    return "merged"


def fuzz(count: int, seed: int) -> tuple[Counter[str], list[str]]:
    """Merge `count` mutants; how many were merged and refused, and a sentence for each escape."""
    rng = random.Random(seed)
    rows = [json.loads(line) for line in (LEADERBOARDS / ROWS_FILE).read_text(encoding="utf-8").splitlines()]
    failed = {**rows[0], "status": "failed", "reason": "boom", "metrics": {}, "log": "a/b/log.txt"}
    tracked = {**rows[1], "track": "headers", "keys": {"efficiency": "0a1b"}}
    rows = [*rng.sample(rows, 8), failed, tracked]
    counts: Counter[str] = Counter()
    escapes = []
    with tempfile.TemporaryDirectory() as name:
        folder, clean = Path(name) / "boards", Path(name) / "clean"
        clean.mkdir()
        merge(clean, "\n".join(json.dumps(row) for row in rows).encode())
        shutil.copytree(clean, folder)
        for number in range(count):
            file = mutant(rows, rng)
            try:
                outcome = merge(folder, file)
                counts[outcome] += 1
            except (Exception, RecursionError) as error:  # all that can happen is what this looks for
                outcome = "escaped"
                escapes.append(f"mutant {number}: {type(error).__name__}: {error}")
            if outcome == "escaped" or number % 50 == 49:
                shutil.rmtree(folder)
                shutil.copytree(clean, folder)
    return counts, escapes


def main() -> None:
    """Run as many mutants as the command line says; fails when one escapes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    counts, escapes = fuzz(wanted.count, wanted.seed)
    print(*escapes, sep="\n")
    print(
        f"{wanted.count:,} mutants: {counts['merged']:,} merged, {counts['refused']:,} refused, {len(escapes)} escaped"
    )
    raise SystemExit(bool(escapes))


if __name__ == "__main__":
    main()
