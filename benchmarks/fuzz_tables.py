"""Readers of tables, archives, labels, protocols and requests, tried with damaged files.

    python -m benchmarks.fuzz_tables 10000 [READER …]

Each mutant must be read, or refused by an error of ntgbench: no other exception, no warning, no crash, and no more than
some seconds. Each reader runs in a process of its own; its latest mutant stands in build/fuzz, and so do those that
escaped. Mutants are the same in every run.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.fuzz_mutations import damaged, packet_table, repacked, table
from ntgbench.errors import NtgbenchError

ROOT = Path(__file__).parent.parent

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tar.bz2", ".tar.xz")

NAMES = (
    *("own-parquet", "foreign-parquet", "typed-parquet", "biflows-parquet", "csv", "csv.gz", "mirage-json"),
    *(f"mirage{ending}" for ending in ARCHIVES),
    *("labels", "sidecar", "protocol", "request"),
    *("trace-csv", "trace-csv.gz", "trace-own-parquet", "trace-parquet", "trace-typed-parquet"),
)
"""What `readers` gives, in that order."""

SLOW = 20.0
"""Seconds that one mutant may take, on a busy machine too."""


@dataclass(frozen=True)
class Reader:
    """What is tried.

    Attributes:
        ending: of the mutant's file name.
        make: the bytes of a mutant.
        read: reads the mutant at a path.
    """

    ending: str
    make: Callable[[random.Random], bytes]
    read: Callable[[Path], object]


def readers(folder: Path) -> dict[str, Reader]:
    """All readers, by name; captures that they need are put into `folder`."""
    from ntgbench.datasets.reading import Reading, read_flows
    from ntgbench.datasets.traces import read_trace
    from ntgbench.protocol import read as read_protocol
    from ntgbench.systems import choose
    from ntgbench.traffic.biflows import Biflows
    from ntgbench.traffic.sidecar import read_sidecar

    def flows(**options: Any) -> Callable[[Path], object]:
        reading = Reading(min_class=1, **options)
        return lambda path: read_flows(path, reading)[0].to_biflows(10, 1460)

    def labelled(path: Path) -> object:
        return read_flows(captures, Reading(labels=path))

    def sidecar(path: Path) -> object:
        return read_sidecar(path.with_suffix(""))

    captures = _captures(folder / "captures")
    own, foreign, biflows, csv, mirage = _own(), _foreign(), _biflows(), _csv(), _mirage()
    trace_csv, (own_trace, *traces) = _trace_csv(), _traces()
    listing = [b"file,app,session\na/1.pcap,x,1\n1.pcap,y,\n", b'"file","app"\n"a/1.pcap","multi\nline"\n']
    toml = [path.read_bytes() for path in (ROOT / "ntgbench" / "protocols").glob("*.toml")]
    texts = [b"markov[order=2]", b"llama[layers=2,lr=0.1]", b"netdiffus-nr", b"smote[k=5]"]
    archives = {f"mirage{ending}": Reader(ending, _packed(mirage, ending), flows()) for ending in ARCHIVES}
    return {
        "own-parquet": Reader(".parquet", _damaged(own), flows()),
        "foreign-parquet": Reader(".parquet", _damaged(foreign), flows(upstream="0")),
        "typed-parquet": Reader(".parquet", _typed, flows()),
        "biflows-parquet": Reader(".parquet", _damaged(biflows), Biflows.from_parquet),
        "csv": Reader(".csv", _damaged(csv), flows()),
        "csv.gz": Reader(".csv.gz", _gzipped(csv), flows()),
        "mirage-json": Reader("_com.app_x.json", _damaged(mirage), flows()),
        **archives,
        "labels": Reader(".csv", _damaged(listing), labelled),
        "sidecar": Reader(".csv", _damaged([b"flow,app\n0,a\n1,b\n2,\xc3\xbc\n", b'flow,app\n0,"a\nb"\n']), sidecar),
        "protocol": Reader(".toml", _damaged(toml), read_protocol),
        "request": Reader(".txt", _damaged(texts), lambda path: choose(path.read_bytes().decode("latin-1"))),
        "trace-csv": Reader(".csv", _damaged(trace_csv), read_trace),
        "trace-csv.gz": Reader(".csv.gz", _gzipped(trace_csv), read_trace),
        "trace-own-parquet": Reader(".parquet", _damaged([own_trace]), read_trace),
        "trace-parquet": Reader(".parquet", _damaged(traces), read_trace),
        "trace-typed-parquet": Reader(".parquet", lambda rng: _parquet(packet_table(rng)), read_trace),
    }


def tried(reader: Reader, name: str, first: int, count: int, folder: Path) -> dict[str, Any]:
    """Try mutants `first`..`first + count - 1` in `folder`: how many were read and refused, and those that escaped."""
    outcomes: Counter[str] = Counter()
    escaped: list[str] = []
    slowest = 0.0
    for number in range(first, first + count):
        path = folder / f"mutant{reader.ending}"
        path.write_bytes(reader.make(random.Random(f"{name} {number}")))
        began = time.monotonic()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                reader.read(path)
            outcomes["read"] += 1
        except NtgbenchError as error:
            outcomes["refused"] += 1
            if not str(error).isprintable():
                escaped.append(f"{number}: a message that is not printable: {error!r}")
        except BaseException as error:
            where = traceback.extract_tb(error.__traceback__)
            lines = " < ".join(f"{Path(one.filename).name}:{one.lineno}" for one in where[-6:][::-1])
            escaped.append(f"{number}: {type(error).__name__}: {str(error)[:200]} at {lines}")
            path.rename(folder / f"escaped-{number}{reader.ending}")
        taken = time.monotonic() - began
        slowest = max(slowest, taken)
        if taken > SLOW:
            escaped.append(f"{number}: took {taken:.0f} s")
    return {**outcomes, "slowest": round(slowest, 2), "escaped": escaped}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", type=int)
    parser.add_argument("reader", nargs="*")
    parser.add_argument("--here", action="store_true", help="In this process, which a crash would end.")
    chosen = parser.parse_args()
    if chosen.here:
        for name in chosen.reader:
            folder = ROOT / "build" / "fuzz" / name
            folder.mkdir(parents=True, exist_ok=True)
            print(json.dumps(tried(readers(folder)[name], name, 0, chosen.count, folder)))
        return 0
    failed = False
    for name in chosen.reader or NAMES:
        command = [sys.executable, "-m", "benchmarks.fuzz_tables", "--here", str(chosen.count), name]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            print(f"{name}: crashed with status {done.returncode} at the mutant in build/fuzz/{name}")
            print(done.stderr[-2000:])
            failed = True
            continue
        found = json.loads(done.stdout)
        failed |= bool(found["escaped"])
        print(
            f"{name}: {found.get('read', 0)} read, {found.get('refused', 0)} refused, "
            f"{len(found['escaped'])} escaped, slowest {found['slowest']} s",
            flush=True,
        )
        for line in found["escaped"][:10]:
            print(f"  {line}")
    return int(failed)


def _damaged(seeds: list[bytes]) -> Callable[[random.Random], bytes]:
    return lambda rng: damaged(rng.choice(seeds), seeds, rng)


def _gzipped(seeds: list[bytes]) -> Callable[[random.Random], bytes]:
    import gzip

    packed = [gzip.compress(seed) for seed in seeds]
    return lambda rng: (
        damaged(rng.choice(packed), packed, rng)
        if rng.random() < 0.5
        else gzip.compress(damaged(rng.choice(seeds), seeds, rng))
    )


def _packed(seeds: list[bytes], ending: str) -> Callable[[random.Random], bytes]:
    return lambda rng: repacked(rng.choice(seeds), ending, seeds, rng)


def _typed(rng: random.Random) -> bytes:
    return _parquet(table(rng))


def _parquet(columns: Any, **options: Any) -> bytes:
    import pyarrow.parquet as pq

    written = io.BytesIO()
    pq.write_table(columns, written, **options)
    return written.getvalue()


def _own() -> list[bytes]:
    from ntgbench.datasets.reading import Reading, read_flows

    with tempfile.TemporaryDirectory() as folder:
        source, own = Path(folder) / "a.parquet", Path(folder) / "b.parquet"
        source.write_bytes(_foreign()[0])
        read_flows(source, Reading(upstream="0"))[0].to_parquet(own)
        return [own.read_bytes()]


def _biflows() -> list[bytes]:
    from ntgbench.testing import example_traffic

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.parquet"
        few = example_traffic()
        few.select(range(20)).to_parquet(path)
        return [path.read_bytes()]


def _foreign() -> list[bytes]:
    import pyarrow as pa

    lengths = [[100, 200 + row, 7] for row in range(30)]
    common = {"label": pa.array([f"class {row % 3}" for row in range(30)]), "pkts_size": lengths}
    timed = {**common, "pkts_dir": [[0, 1, 0]] * 30, "timetofirst": [[0.0, 0.5, 1.5]] * 30, "session": ["s"] * 30}
    signed = {**common, "pkts_size": pa.array([[1, -2, 3]] * 30, pa.list_view(pa.int16()))}
    cesnet = {"APP": ["a", "b"] * 15, "PPI": [[[0, 5], [0, 1], [30, 40]]] * 30}
    tables = [pa.table(one) for one in (timed, signed, cesnet)]
    plain: dict[str, Any] = {"compression": "none", "use_dictionary": False}
    return [_parquet(one, **options) for one in tables for options in ({}, plain, {"data_page_version": "2.0"})]


def _csv() -> list[bytes]:
    rows = b"".join(b'a,"[100, 200]","[1, -1]","[0.0, 0.5]",s\nb,5,1,0,t\n' for _ in range(10))
    ppi = b'APP,PPI\n"multi\nline","[[0, 5], [1, -1], [300, 1400]]"\nb,"[[0], [1], [9]]"\n'
    return [b"app,pkts_len,pkts_dir,pkts_iat,session\n" + rows, ppi, b"app,signed_pl\na,1 -2 3\nb,(4;-5)\n"]


def _trace_csv() -> list[bytes]:
    names = b"srcip,dstip,srcport,dstport,proto,time,pkt_len,version,ihl,tos,id,flag,off,ttl\n"
    rows = b"".join(
        b"167772161,167772162,1000,80,6,150000000000%d,100,4,5,0,7,DF,0,64\n10.0.0.1,::1,53,5,17,1.5e15,28.5,4,5,,,,0,1\n"
        % (1000 + row)
        for row in range(10)
    )
    ints = names + rows.replace(b"10.0.0.1,::1", b"1,2")
    texts = names + rows.replace(b"167772161,167772162", b"10.0.0.7,10.0.0.8")
    captures = b"timestamp,srcip,dstip,srcport,dstport,proto,pkt_len,ttl,device,capture\n"
    captures += b"1.5,1,2,3,4,6,40,64,a,b\n1.25,1,2,3,4,17,28,64,,c\n" * 10
    return [ints, texts, captures]


def _traces() -> list[bytes]:
    """Our Parquet of a trace, and tables that others write."""
    import pyarrow.parquet as pq

    from ntgbench.tracks.headers.example import example_trace
    from ntgbench.traffic.trace_files import write_trace_file

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.parquet"
        write_trace_file(example_trace(flows=10), path)
        own = path.read_bytes()
        foreign = pq.read_table(path).replace_schema_metadata({})
    plain: dict[str, Any] = {"compression": "none", "use_dictionary": False}
    captures = foreign.append_column("capture", [[f"c{row % 3}" for row in range(len(foreign))]])
    return [own, *(_parquet(one, **options) for one in (foreign, captures) for options in ({}, plain))]


def _mirage() -> list[bytes]:
    packets = {"packet_dir": [0, 1, 0], "L4_payload_bytes": [5, 0, 7], "iat": [0.0, 0.5, 0.25]}
    about = {"BF_label": "com.app", "BF_labeling_type": "exact"}
    file = {f"10.0.0.1,{port},1.2.3.4,443,6": {"packet_data": packets, "flow_metadata": about} for port in range(3)}
    return [json.dumps(file).encode(), json.dumps(file, indent=1).encode()]


def _captures(folder: Path) -> Path:
    from ntgbench.testing import example_traffic
    from ntgbench.traffic.export import write_pcap

    (folder / "a").mkdir(parents=True, exist_ok=True)
    write_pcap(example_traffic().select(range(2)), folder / "a" / "1.pcap")
    return folder


if __name__ == "__main__":
    sys.exit(main())
