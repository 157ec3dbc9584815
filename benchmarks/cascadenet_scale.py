"""Time and memory of CascadeNet by size of the trace: `python -m benchmarks.cascadenet_scale PACKETS [PACKETS ...]`.

The traces are made up: a minute of flows with heavy-tailed sizes, ten packets each unless --flows says how many flows
there are. For each size, prints the seconds and the largest resident memory of everything that `fit` does before it
trains, the seconds of a training step in each of the four phases, which must not depend on the size, and the seconds
and the memory of a sample as large as the trace, which must be in proportion to it. One thread, a process each.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise

import numpy as np

from ntgbench.interfaces import Context
from ntgbench.traffic.trace import TCP, UDP, PacketTrace

EPOCH_NS = 1_521_118_773 * 10**9
SPAN_NS = 60 * 10**9
PHASES = ("g1", "g2", "g3", "joint")


def made_trace(packets: int, flows: int) -> PacketTrace:
    """A trace of exactly so many packets and flows (unless two flows have one 5-tuple by chance)."""
    rng = np.random.default_rng(1)
    weight = np.minimum(rng.zipf(1.6, flows), packets // 50 + 1).astype(float)
    flow = rng.permutation(
        np.concatenate([np.arange(flows), rng.choice(flows, packets - flows, p=weight / sum(weight))])
    )
    start = rng.uniform(0, SPAN_NS, flows)
    after = start[flow] + rng.lognormal(16, 2.5, packets)
    hosts = 0x0A00_0000 + rng.integers(0, 2**24, (2, flows))
    udp = rng.random(flows) < 0.3
    return PacketTrace.of(
        time_ns=EPOCH_NS + (after % SPAN_NS).astype(np.int64),
        source=hosts[0][flow],
        destination=hosts[1][flow],
        source_port=rng.integers(1024, 65_536, flows)[flow],
        destination_port=rng.choice([53, 80, 443, 8080], flows)[flow],
        protocol=np.where(udp, UDP, TCP)[flow],
        ip_length=np.where(rng.random(packets) < 0.4, 1500, rng.integers(40, 300, packets)),
        ttl=rng.integers(30, 65, flows)[flow],
    ).sorted_by_time()


def fitted(trace: PacketTrace, system: str, steps: int):
    """A system trained for so many steps a phase; the seconds before the first, and between steps of each phase."""
    from ntgbench_cascadenet.generator import CascadeNet
    from ntgbench_cascadenet.parameters import CascadeNetParameters, TunedParameters

    kind = {"cascadenet": CascadeNetParameters, "cascadenet-tuned": TunedParameters}[system]
    generator = CascadeNet(kind(**{f"{phase}_steps": steps for phase in PHASES}))
    ticks: dict[str, list[float]] = {phase: [] for phase in PHASES}

    def progress(_done: float, _total: float, note: str = "") -> None:
        if note in ticks:
            ticks[note].append(time.perf_counter())

    begin = time.perf_counter()
    generator.fit(trace, Context(seed=1, progress=progress))
    seconds = time.perf_counter() - begin
    return generator, seconds, {phase: [b - a for a, b in pairwise(times)] for phase, times in ticks.items()}


def preprocessing(packets: int, flows: int, system: str) -> str:
    trace = made_trace(packets, flows)
    before = gibibytes()
    seconds = fitted(trace, system, 0)[1]
    return f"preprocessing {seconds:.1f} s, {gibibytes():.2f} GiB ({before:.2f} with the trace alone)"


def training_and_sampling(packets: int, flows: int, system: str) -> str:
    trace = made_trace(packets, flows)
    generator, _, between = fitted(trace, system, 20)
    begin = time.perf_counter()
    made = generator.sample(packets, trace.span_ns, np.random.default_rng(1))
    seconds = time.perf_counter() - begin
    steps = ", ".join(f"{phase} {np.median(times) * 1e3:.0f} ms" for phase, times in between.items())
    return f"a step {steps}; {len(made):,} packets sampled in {seconds:.1f} s, {gibibytes():.2f} GiB"


def gibibytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    """Measure, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packets", type=int, nargs="+")
    parser.add_argument("--flows", type=int)
    parser.add_argument("--system", choices=("cascadenet", "cascadenet-tuned"), default="cascadenet")
    given = parser.parse_args()
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, max_tasks_per_child=1) as processes:
        for packets in given.packets:
            flows = given.flows or max(packets // 10, 1)
            print(f"{given.system}, {packets:,} packets, {flows:,} flows", flush=True)
            for part in (preprocessing, training_and_sampling):
                print("  " + processes.submit(part, packets, flows, given.system).result(), flush=True)


if __name__ == "__main__":
    main()
