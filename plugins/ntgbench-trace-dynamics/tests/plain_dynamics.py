"""Plain Python for the same definitions, packet by packet: what the plugin's functions must agree with."""

import itertools
import math

import numpy as np

BINS = 1 << 14
NO_DELAY = "no packet of the real trace waits at this load"


def queue_replay(real, synthetic, seed):
    sides = [
        sorted(zip(t.time_ns.tolist(), t.ip_length.tolist(), strict=True), key=lambda p: p[0])
        for t in (real, synthetic)
    ]
    rate = sum(length for _, length in sides[0]) / (sides[0][-1][0] - sides[0][0][0])
    values = {}
    for name, load in (("50", 0.5), ("80", 0.8), ("95", 0.95)):
        capacity = rate / load
        delays, lost = zip(*(replay(packets, capacity, 100_000) for packets in sides), strict=True)
        mean = sum(delays[0]) / len(delays[0])
        values[f"queue_{name}"] = earth_mover(*map(sorted, delays)) / mean if mean else NO_DELAY
        values[f"loss_{name}"] = abs(lost[1] - lost[0])
    return values


def replay(packets, capacity, buffer):
    """Bytes before each packet in an infinite queue, and the share of bytes that a finite one loses."""
    waiting = level = lost = total = 0.0
    delays, before = [], packets[0][0]
    for time, length in packets:
        sent = capacity * (time - before)
        before = time
        waiting = max(0.0, waiting - sent)
        delays.append(round(waiting, 3))
        waiting += length
        level = max(0.0, level - sent) + length
        if level > buffer:
            lost += level - buffer
            level = buffer
        total += length
    return delays, lost / total


def earth_mover(first, second):
    """Area between the quantile functions of two sorted lists."""
    area, i, j, at = 0.0, 0, 0, 0
    ours, theirs = len(first), len(second)
    while i < ours and j < theirs:
        until = min((i + 1) * theirs, (j + 1) * ours)
        area += (until - at) * abs(first[i] - second[j])
        at = until
        i, j = i + ((i + 1) * theirs == until), j + ((j + 1) * ours == until)
    return area / (ours * theirs)


def diagrams(real, synthetic, seed):
    sides = []
    for trace in (real, synthetic):
        rows = sorted(zip(trace.time_ns.tolist(), rows_of(trace), strict=True), key=lambda row: row[0])
        begin, end = rows[0][0], rows[-1][0]
        flows = {}
        for time, flow in rows:
            flows.setdefault(flow, []).append(time - begin)
        span = end - begin
        times = {
            "diagram": [time - begin for time, _ in rows],
            "diagram_starts": redrawn(flows, span, np.random.default_rng([seed, 1])),
            "diagram_gaps": shuffled(flows, np.random.default_rng([seed, 2])),
        }
        sides.append({name: diagram(counts(one, span)) for name, one in times.items()})
    return {
        name: sum(abs(a - b) for a, b in zip(sides[0][name], sides[1][name], strict=True)) / len(sides[0][name])
        for name in sides[0]
    }


def rows_of(trace):
    columns = (trace.source, trace.destination, trace.source_port, trace.destination_port, trace.protocol)
    return [(*a, *b, c, d, e) for a, b, c, d, e in zip(*(column.tolist() for column in columns), strict=True)]


def counts(times, span):
    found = [0] * BINS
    for time in times:
        found[min(time * BINS // span, BINS - 1)] += 1
    return found


def redrawn(flows, span, rng):
    draws = iter(rng.random(len(flows)).tolist())
    times = []
    for flow in flows.values():
        start = int(next(draws) * (span - (flow[-1] - flow[0]) + 1))
        times += [start + time - flow[0] for time in flow]
    return times


def shuffled(flows, rng):
    draws = iter(rng.random(sum(len(flow) - 1 for flow in flows.values())).tolist())
    times = []
    for flow in flows.values():
        gaps = [(next(draws), after - before) for before, after in itertools.pairwise(flow)]
        time = flow[0]
        times.append(time)
        for _, gap in sorted(gaps):
            time += gap
            times.append(time)
    return times


def diagram(values):
    heights = []
    for octave in range(1, 12):
        pairs = list(zip(values[0::2], values[1::2], strict=True))
        energy = sum((a - b) ** 2 for a, b in pairs) / len(pairs) / 2**octave
        heights.append(math.log2(max(energy, 1 / BINS)))
        values = [a + b for a, b in pairs]
    return heights
