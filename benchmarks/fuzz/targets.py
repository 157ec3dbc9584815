"""What is tried: every reader of data from outside, with inputs that it takes and the way in which they are changed."""

from __future__ import annotations

import random
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.fuzz import readers, seeds, tables
from benchmarks.fuzz.mutations import Mutation, as_archive, as_folder, as_gzip, as_json, as_json_lines, plain
from ntgbench.datasets.traces import read_trace
from ntgbench.errors import NtgbenchError
from ntgbench.limits import GIB, memory_limit

MEMORY = 3 * GIB
"""Bytes that a reader may take beyond what the process has."""

SLOW = 20.0
"""CPU seconds that one input may take."""

LONGEST = 2_000
"""Characters of a message."""

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tar.bz2", ".tar.xz")


@dataclass(frozen=True)
class Target:
    """A reader.

    Attributes:
        seeds: makes inputs that it takes.
        change: makes a mutant of one of them.
        read: reads an input, in an empty folder. It must return, or raise NtgbenchError or OSError with a number.
    """

    seeds: Callable[[], list[bytes]]
    change: Mutation
    read: Callable[[bytes, Path], object]


def tried(target: Target, content: bytes) -> bool:
    """Whether an input is read; False when it is refused as it should be. Anything else is an exception."""
    begun = time.process_time()
    with tempfile.TemporaryDirectory() as folder, memory_limit(MEMORY), warnings.catch_warnings():
        warnings.simplefilter("error")
        read = True
        try:
            target.read(content, Path(folder))
        except NtgbenchError as error:
            read, told = False, str(error)
            if not told.isprintable() or len(told) > LONGEST:
                raise RuntimeError(f"a message of {len(told):,} characters: {told[:200]!r}") from error
        except OSError as error:
            if error.errno is None:
                raise
            read = False
    taken = time.process_time() - begun
    if taken > SLOW:
        raise RuntimeError(f"took {taken:.0f} s")
    return read


def mutant(target: Target, inputs: Sequence[bytes], number: int) -> bytes:
    """The mutant of that number, always the same for the same inputs."""
    rng = random.Random(number)
    return target.change(rng.choice(inputs), inputs, rng)


def _at(name: str, read: Callable[[Path], object]) -> Callable[[bytes, Path], object]:
    """Reads an input from a file of that name."""

    def from_file(content: bytes, folder: Path) -> object:
        path = folder / name
        path.write_bytes(content)
        return read(path)

    return from_file


def _made(make: Callable[[random.Random], Any]) -> Mutation:
    """A new table in place of a changed one."""
    return lambda _content, _others, rng: tables.to_parquet(make(rng))


def _packed(ending: str) -> Callable[[], list[bytes]]:
    return lambda: [seeds.packed(one, ending) for one in seeds.mirage()]


def _compressed(make: Callable[[], list[bytes]]) -> Callable[[], list[bytes]]:
    import gzip

    return lambda: [gzip.compress(one, mtime=0) for one in make()]


def _models(systems: Sequence[str], track: str = "biflows") -> Target:
    return Target(partial(seeds.models, systems, track), as_folder, readers.generate)


flows = readers.flows

TARGETS: dict[str, Target] = {
    "captures": Target(seeds.captures, plain, _at("a.cap", readers.capture)),
    "captures-gz": Target(_compressed(seeds.captures_to_compress), as_gzip(plain), _at("a.cap.gz", readers.capture)),
    "flows-own": Target(seeds.own_flows, plain, _at("a.parquet", flows())),
    "flows-parquet": Target(seeds.foreign_flows, plain, _at("a.parquet", readers.foreign_flows)),
    "flows-typed": Target(seeds.own_flows, _made(tables.flow_table), _at("a.parquet", flows())),
    "flows-csv": Target(seeds.flow_csv, plain, _at("a.csv", flows())),
    "flows-csv-gz": Target(_compressed(seeds.flow_csv), as_gzip(plain), _at("a.csv.gz", flows())),
    "biflows": Target(seeds.biflows, plain, _at("a.parquet", readers.biflows)),
    "mirage": Target(seeds.mirage, as_json, _at("1_com.app_x.json", flows())),
    **{f"mirage{end}": Target(_packed(end), as_archive(end, as_json), _at(f"a{end}", flows())) for end in ARCHIVES},
    "labels": Target(seeds.labels, plain, readers.labelled),
    "sidecar": Target(seeds.sidecars, plain, readers.with_sidecar),
    "trace-csv": Target(seeds.trace_csv, plain, _at("a.csv", read_trace)),
    "trace-csv-gz": Target(_compressed(seeds.trace_csv), as_gzip(plain), _at("a.csv.gz", read_trace)),
    "trace-parquet": Target(seeds.traces, plain, _at("a.parquet", read_trace)),
    "trace-typed": Target(seeds.traces, _made(tables.packet_table), _at("a.parquet", read_trace)),
    "protocol": Target(seeds.protocols, plain, _at("a.toml", readers.protocol)),
    "system": Target(seeds.requests, plain, readers.system),
    "rows": Target(seeds.row_files, as_json_lines, readers.merge),
    "repair": Target(seeds.repairs, as_folder, readers.repaired),
    "cell": Target(seeds.cells, as_folder, readers.cell),
    "models": _models(
        ("real", "copy", "marginals", "markov", "markov[order=2]", "backoff", "fast-retransmit", "smote")
    ),
    "models-headers": _models(("shifted", "flow-bootstrap", "poisson", "marginals", "cascadenet-copy"), "headers"),
    "models-cascadenet": _models((seeds.SMALL["cascadenet"],), "headers"),
    "models-torch": _models([seeds.SMALL[name] for name in ("crossfit", "cvae", "llama", "mamba", "netdiffus-nr")]),
    "models-int8": _models(("llama-int8-wo", "llama-int8-da", "mamba-int8-wo", "mamba-int8-da")),
    "models-onnx": _models(("llama-onnx", "llama-onnx-int8", "mamba-onnx", "mamba-onnx-int8")),
}
