"""Peak memory and CPU time of reading and measuring data sets of 1, 4 and 16 times a size.

`python -m benchmarks.data_scale thin --flows 250000` loads partitioned data sets, tables in one file and header traces
with `max_items` fixed; `measure` measures fidelity on biflows in memory, and shows the CPU time for a biflow. Each load
is a process of its own. The traffic is made up.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.trace_scale import large_trace
from benchmarks.traffic import made_up_biflows
from ntgbench.traffic.flows import FlowTable
from ntgbench.traffic.trace_files import write_trace_file

PART = 62_500  # flows
PACKETS = 30
TIMES = (1, 4, 16)

# VmHWM, as ru_maxrss of a child is no less than that of its parent when it was started.
LOAD = """
import sys, time
from pathlib import Path
from ntgbench.datasets.loading import load_dataset
data = load_dataset(sys.argv[1], track=sys.argv[2], max_items=int(sys.argv[3]))
peak = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
print(len(data.traffic), time.process_time(), peak / 1024)
"""


def part(number: int) -> FlowTable:
    """`PART` flows of 1 to 30 packets of 50 classes with iat and sessions."""
    rng = np.random.default_rng(number)
    offsets = np.concatenate([[0], np.cumsum(rng.integers(1, PACKETS + 1, PART))])
    iat = rng.exponential(size=offsets[-1]).astype(np.float32)
    iat[offsets[:-1]] = 0
    return FlowTable(
        offsets=offsets,
        signed_pl=(rng.integers(1, 1461, offsets[-1]) * rng.choice([-1, 1], offsets[-1])).astype(np.int32),
        label=rng.integers(0, 50, PART).astype(np.int32),
        classes=tuple(f"class {number:02}" for number in range(50)),
        iat=iat,
        session=rng.integers(0, 500, PART).astype(np.int32),
    )


def write_parts(folder: Path, parts: int) -> None:
    """A partitioned data set."""
    folder.mkdir()
    for number in range(parts):
        part(number).to_parquet(folder / f"part-{number:05}.parquet")


def write_one(path: Path, parts: int) -> None:
    """The same flows in one file with a row group for each part, and as CSV."""
    import pyarrow.parquet as pq

    writer = None
    with tempfile.TemporaryDirectory() as name:
        for number in range(parts):
            part(number).to_parquet(Path(name) / "part.parquet")
            table = pq.read_table(Path(name) / "part.parquet")
            writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
            writer.write_table(table)
    assert writer is not None
    writer.close()


def loaded(path: Path, track: str, most: int) -> str:
    """What loading took, in a process of its own."""
    command = [sys.executable, "-c", LOAD, str(path), track, str(most)]
    kept, seconds, peak = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return f"{int(kept):,} kept, {float(seconds):.1f} s of CPU, peak {float(peak):,.0f} MiB"


def thin(flows: int, most: int) -> None:
    """Data sets that grow, thinned to the same number of items."""
    for times in TIMES:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            parts = max(1, flows * times // PART)
            write_parts(folder / "parts.parquet", parts)
            print(f"{parts * PART:,} flows, parts: {loaded(folder / 'parts.parquet', 'biflows', most)}", flush=True)
            write_one(folder / "one.parquet", parts)
            print(f"{parts * PART:,} flows, one file: {loaded(folder / 'one.parquet', 'biflows', most)}", flush=True)
            write_trace_file(large_trace(flows * times, 1), folder / "trace.parquet")
            print(f"{flows * times:,} packets: {loaded(folder / 'trace.parquet', 'headers', most)}", flush=True)


def measure(most: int) -> None:
    """Fidelity of biflows in memory, from 10^5 on either side to `most`."""
    from ntgbench_fidelity.divergence import binned, raw
    from ntgbench_fidelity.uniqueness import uniqueness

    for count in [10**5, 10**6, 10**7]:
        if count > most:
            break
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            continue
        sides = [made_up_biflows(count, 53, seed) for seed in (1, 2)]
        for function in (binned, raw, uniqueness):
            begin = time.process_time()
            function(*sides, 0)
            nanoseconds = (time.process_time() - begin) / (2 * count) * 1e9
            print(f"{count:,} biflows a side, {function.__name__}: {nanoseconds:.0f} ns of CPU a biflow", flush=True)
        os._exit(0)


def main() -> None:
    """Measure, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["thin", "measure"])
    parser.add_argument("--flows", type=int, default=250_000, help="flows and packets of the smallest data set")
    parser.add_argument("--max-items", type=int, default=20_000)
    parser.add_argument("--most", type=int, default=10**7, help="biflows on either side")
    given = parser.parse_args()
    if given.what == "thin":
        thin(given.flows, given.max_items)
    else:
        measure(given.most)


if __name__ == "__main__":
    main()
