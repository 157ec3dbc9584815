"""Loads and representations of flows packet by packet: the definitions as they are read, and as slow as that is."""

import math
from collections import defaultdict
from itertools import pairwise
from statistics import fmean, pstdev


def flows(trace):
    """Packets (nanoseconds, bytes) of each flow of two packets or more, in the order of the first packets."""
    found = defaultdict(list)
    for row in sorted(range(len(trace)), key=lambda row: trace.time_ns[row]):
        ends = (*trace.source[row].tolist(), *trace.destination[row].tolist())
        key = (*ends, trace.source_port[row], trace.destination_port[row], trace.protocol[row])
        found[key].append((int(trace.time_ns[row]), int(trace.ip_length[row])))
    return [packets for packets in found.values() if len(packets) >= 2]


def quantile(values, share):
    values = sorted(values)
    place = share * (len(values) - 1)
    below = math.floor(place)
    above = min(below + 1, len(values) - 1)
    return values[below] + (values[above] - values[below]) * (place - below)


def representations(of_real, of_synthetic, most):
    """Rows of synthetic flows by name, with what the real ones set."""
    packets = min(math.floor(quantile([len(flow) for flow in of_real], 0.9)), most)
    times = [time for flow in of_real for time, _ in flow]
    window = (max(times) - min(times)) / 1e9 / 200
    rows = {name: [] for name in ("iat", "size", "iat_size", "stats", "samp_num", "samp_size")}
    start = min(time for flow in of_synthetic for time, _ in flow)
    for flow in of_synthetic:
        gap = [(after - before) / 1e9 for (before, _), (after, _) in pairwise(flow)]
        size = [length for _, length in flow]
        both = [value for pair in zip(gap, size, strict=False) for value in pair] + size[-1:]
        seconds = (flow[-1][0] - flow[0][0]) / 1e9
        rates = [amount / seconds if seconds else 0.0 for amount in (len(flow), sum(size))]
        quartiles = [quantile(size, share) for share in (0.25, 0.5, 0.75)]
        rows["iat"].append(padded(gap, packets - 1))
        rows["size"].append(padded(size, packets))
        rows["iat_size"].append(padded(both, 2 * packets - 1))
        rows["stats"].append(
            [seconds, *rates, fmean(size), pstdev(size), *quartiles, min(size), max(size), len(size), sum(size)]
        )
        counts, sums = [0] * 200, [0] * 200
        for time, length in flow:
            place = math.floor(((time - start) / 1e9 - (flow[0][0] - start) / 1e9) / window)
            if place < 200:
                counts[place] += 1
                sums[place] += length
        rows["samp_num"].append(counts)
        rows["samp_size"].append(sums)
    return rows


def padded(values, width):
    return (values + [0] * width)[:width]


def load(trace, span_ns):
    """Packets and bytes in 200 bins of `span_ns`."""
    start = min(trace.time_ns.tolist())
    packets, size = [0] * 200, [0] * 200
    for time, length in zip(trace.time_ns.tolist(), trace.ip_length.tolist(), strict=True):
        if time - start <= span_ns:
            place = min((time - start) * 200 // span_ns, 199)
            packets[place] += 1
            size[place] += length
    return packets, size
