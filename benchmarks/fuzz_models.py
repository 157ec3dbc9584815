"""Damaged models against `ntgbench generate --model`: an NtgbenchError or valid traffic, and never huge memory.

    python -m benchmarks.fuzz_models 10000
    python -m benchmarks.fuzz_models 300 --systems llama mamba netdiffus-nr

Each mutant is the folder of a small fitted system with one or two changes: a value of a JSON file, the names, types,
shapes or numbers of tensors, or bytes of any file. The process may take `MOST_GIB` more than it has, so what asks for
more is an escape, as is any exception that is no NtgbenchError.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import io
import json
import logging
import random
import resource
import shutil
import tempfile
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.fuzz_rows import VALUES, paths
from ntgbench import Context
from ntgbench.cli.generate import generate
from ntgbench.errors import NtgbenchError
from ntgbench.interfaces import Budget
from ntgbench.systems import MODEL_FOLDER, choose
from ntgbench.testing import example_traffic
from ntgbench.traffic.biflows import Biflows

CHEAP = ("real", "copy", "marginals", "markov", "markov[order=2]", "fast-retransmit", "smote")

SMALL = {
    "cvae": "cvae[outer=16,inner=8,latent=4]",
    "llama": "llama[hidden=8,intermediate=8,layers=2,heads=2]",
    "mamba": "mamba[hidden=8,layers=2,state=2]",
    "netdiffus-nr": "netdiffus-nr[channels=8,blocks=1,heads=1,noise_steps=4,steps=2]",
}
"""Systems that learn, as small as they can be."""

BASED = tuple(f"{base}-{name}" for base in ("llama", "mamba") for name in ("int8-wo", "int8-da", "onnx", "onnx-int8"))

MOST_GIB = 3

NUMBERS = (0, 1, 2, 3, 4, 9, 11, 255, 32_767, 32_768, 65_536, 3_000_000_000, 2**31, 2**62, 2**63, 10**30)


def saved(system: str, folder: Path) -> None:
    """Fit a system on a little traffic, and what it starts from before it, and save it."""
    folder.mkdir()
    base = None
    if system in BASED:
        base = folder.parent / f"{system}-base"
        saved(SMALL[system.partition("-")[0]], base)
        base /= MODEL_FOLDER
    text = SMALL.get(system, system)
    choose(text).fit(example_traffic(pl_max=40), Context(seed=1, budget=Budget(epochs=1), base=base)).save(folder)


def change_json(value: Any, rng: random.Random) -> Any:
    """A JSON value with another value somewhere in it."""
    value = copy.deepcopy(value)
    places = paths(value)
    if not places:
        return rng.choice(VALUES)
    *way, last = rng.choice(places)
    parent = value
    for key in way:
        parent = parent[key]
    if isinstance(parent, dict) and rng.random() < 0.1:
        del parent[last]
    elif isinstance(parent[last], str) and parent[last][:1] in "[{" and rng.random() < 0.7:
        with contextlib.suppress(ValueError):
            parent[last] = json.dumps(change_json(json.loads(parent[last]), rng))
    else:
        parent[last] = copy.deepcopy(rng.choice(NUMBERS if rng.random() < 0.5 else VALUES))
    return value


def change_tensors(file: bytes, rng: random.Random) -> bytes:
    """A safetensors file with other numbers, types, shapes or names of tensors; see its format's description.

    https://github.com/huggingface/safetensors#format
    """
    size = int.from_bytes(file[:8], "little")
    head, numbers = json.loads(file[8 : 8 + size]), bytearray(file[8 + size :])
    name = rng.choice(sorted(head))
    begin, end = head[name].get("data_offsets", (0, len(numbers)))
    what = rng.random()
    if what < 0.6 and end > begin:
        width = rng.choice([1, 2, 4, 8])
        first = rng.randrange(begin, end, width)
        last = min(end, first + width * rng.choice([1, 1, 2, 1 << 20]))
        word = rng.choice([b"\x00", b"\xff", b"\x7f", b"\x80", rng.randbytes(1)]) * width
        if rng.random() < 0.3:
            word = rng.choice(NUMBERS[:-2]).to_bytes(8, "little")[:width]
        numbers[first:last] = (word * (last - first))[: last - first]
    elif what < 0.8:
        head = change_json(head, rng)
    elif name in head and "shape" in head[name]:
        head[name]["shape"] = rng.choice(
            [[], [0], [0, 3_000_000_000], [*head[name]["shape"], 1], head[name]["shape"][::-1]]
        )
        head[name]["dtype"] = rng.choice([head[name]["dtype"], "F32", "I64", "I16", "BF16", "BOOL", "F64", "U8"])
    text = json.dumps(head).encode("utf-8", "surrogatepass")
    return len(text).to_bytes(8, "little") + text + bytes(numbers)


def change(folder: Path, rng: random.Random) -> None:
    """Change one file of a saved system."""
    path = rng.choice(sorted(path for path in folder.rglob("*") if path.is_file()))
    file = path.read_bytes()
    if rng.random() < 0.2 or path.suffix == ".onnx":
        changed = bytearray(file)
        for _ in range(rng.randint(1, 8)):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        path.write_bytes(changed[: rng.choice([len(changed), rng.randrange(len(changed))])])
        return
    # What an earlier change has damaged may be past another.
    with contextlib.suppress(AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError):
        if path.suffix == ".json":
            path.write_bytes(json.dumps(change_json(json.loads(file), rng)).encode("utf-8", "surrogatepass"))
        elif path.suffix == ".safetensors":
            path.write_bytes(change_tensors(file, rng))


def made(folder: Path, out: Path) -> str:
    """Let the command line make traffic; "made" or "refused". Raises for an escape."""
    out.unlink(missing_ok=True)
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            generate.main(["--model", str(folder), "-n", "3", "--out", str(out)], standalone_mode=False)
    except NtgbenchError as error:
        cause: BaseException | None = error
        while cause is not None:
            asked = isinstance(cause, MemoryError) or "allocate" in str(cause)
            if asked:
                raise RuntimeError(f"asked for too much memory: {cause}") from error
            cause = cause.__cause__
        return "refused"
    except click.ClickException as error:
        raise RuntimeError(f"misused: {error.message}") from error
    Biflows.from_parquet(out)
    return "made"


def fuzz(systems: Sequence[str], count: int, seed: int) -> tuple[Counter[str], list[str]]:
    """Try `count` mutants of the systems in turn; how many made traffic and were refused, and the escapes."""
    rng = random.Random(seed)
    counts: Counter[str] = Counter()
    escapes = []
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        for system in systems:
            saved(system, home / system)
            if made(home / system, home / "out.parquet") != "made":
                raise RuntimeError(f"{system} as it was saved is refused")
        with _little_memory():
            for number in range(count):
                system = systems[number % len(systems)]
                mutant = home / "mutant"
                shutil.rmtree(mutant, ignore_errors=True)
                shutil.copytree(home / system, mutant)
                for _ in range(rng.choice([1, 1, 2])):
                    change(mutant, rng)
                try:
                    counts[made(mutant, home / "out.parquet")] += 1
                except Exception as error:  # all that can happen is what this looks for
                    escapes.append(f"mutant {number} of {system}: {type(error).__name__}: {error}")
    return counts, escapes


@contextlib.contextmanager
def _little_memory() -> Any:
    """Let this process take a little more address space than it has."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MOST_GIB * 2**30, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def main() -> None:
    """Run as many mutants as the command line says; fails when one escapes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", type=int, nargs="?", default=10_000)
    parser.add_argument("--systems", nargs="+", choices=[*CHEAP, *SMALL, *BASED], default=CHEAP)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    logging.disable(logging.WARNING)
    counts, escapes = fuzz(wanted.systems, wanted.count, wanted.seed)
    print(*escapes, sep="\n")
    told = f"{counts['made']:,} made traffic, {counts['refused']:,} refused, {len(escapes)} escaped"
    print(f"{wanted.count:,} mutants of {', '.join(wanted.systems)}: {told}")
    raise SystemExit(bool(escapes))


if __name__ == "__main__":
    main()
