"""Plain Python for the same definitions, packet by packet: what the plugin's functions must agree with."""

import bisect
import itertools
import statistics

import numpy as np


def rows_of(trace):
    columns = (trace.source, trace.destination, trace.source_port, trace.destination_port, trace.protocol)
    return [(*a, *b, c, d, e) for a, b, c, d, e in zip(*(column.tolist() for column in columns), strict=True)]


def flows_of(trace):
    """(time, length) of the packets of each flow, in the order of time."""
    flows = {}
    rows = zip(trace.time_ns.tolist(), rows_of(trace), trace.ip_length.tolist(), strict=True)
    for time, flow, length in sorted(rows, key=lambda row: row[0]):
        flows.setdefault(flow, []).append((time, length))
    return flows


def records(real, synthetic, seed):
    known = set(zip(rows_of(real), real.ttl.tolist(), real.ip_length.tolist(), strict=True))
    rows = list(zip(rows_of(synthetic), synthetic.ttl.tolist(), synthetic.ip_length.tolist(), strict=True))
    return {"diversity": sum(row not in known for row in rows) / len(rows)}


def timelines(real, synthetic, seed):
    begin, end = min(real.time_ns.tolist()), max(real.time_ns.tolist())
    tolerance = max(1000, (end - begin) / 2**24)
    known = sorted((flow[0][0] - begin, flow[0][0] + flow[-1][0] - 2 * begin) for flow in flows_of(real).values())
    own = [(flow[0][0] - begin, flow[0][0] + flow[-1][0] - 2 * begin) for flow in flows_of(synthetic).values()]
    shift = int((0.25 + 0.5 * np.random.default_rng(seed).random()) * (end - begin))
    moved = [((start + shift) % (end - begin + 1), twice - 2 * start) for start, twice in own]
    moved = [(start, twice + 2 * start) for start, twice in moved]
    return {
        "timeline_copies": near(known, own, tolerance),
        "timeline_copies@chance": near(known, moved, tolerance),
    }


def near(known, own, tolerance):
    found = 0
    for start, twice in own:
        at = bisect.bisect_left(known, (start - tolerance, -(2**70)))
        while at < len(known) and known[at][0] <= start + tolerance:
            if abs(known[at][1] - twice) <= 2 * tolerance:
                found += 1
                break
            at += 1
    return found / len(own)


def flow_copies(real, synthetic, seed):
    known = {}
    for flow in flows_of(real).values():
        known.setdefault(sizes(flow), []).append(gaps(flow))
    own = [flow for flow in flows_of(synthetic).values() if len(flow) >= 3]
    return {"flow_copies": sum(any(same(gaps(f), g) for g in known.get(sizes(f), ())) for f in own) / len(own)}


def sizes(flow):
    return tuple(length for _, length in flow)


def gaps(flow):
    return [after[0] - before[0] + 100_000 for before, after in itertools.pairwise(flow)]


def same(first, second):
    return all(min(a, b) >= 0.99 * max(a, b) for a, b in zip(first, second, strict=True))


def sketches(real, synthetic, seed):
    sides = []
    for trace in (real, synthetic):
        sources, flows = {}, {}
        for row in rows_of(trace):
            sources[row[:2]] = sources.get(row[:2], 0) + 1
            flows[row] = flows.get(row, 0) + 1
        sides.append({"sources": sorted(sources.values())[::-1], "flows": sorted(flows.values())[::-1]})
    values, ranks = {}, []
    for name in ("sources", "flows"):
        theirs, ours = (side[name] for side in sides)
        count = heavy(theirs)
        missed = sum(
            abs((ours[i] if i < len(ours) else 0) / len(synthetic) - theirs[i] / len(real)) for i in range(count)
        )
        values[f"hh_{name}"] = missed / (sum(theirs[:count]) / len(real))
        true, made = errors(theirs, ours, seed)
        for kind in ("cms", "cs"):
            right = true[kind, 4]
            values[f"{kind}_{name}"] = abs(made[kind, 4] - right) / right if right else NO_ERROR
        if len(set(true.values())) > 1 and len(set(made.values())) > 1:
            ranks.append(spearman(list(true.values()), list(made.values())))
    values["sketch_ranking"] = sum(ranks) / len(ranks) if ranks else NO_ORDER
    return values


NO_ORDER = "all sketches make the same error in one of the traces"
NO_ERROR = "the sketch makes no error in the real trace"


def heavy(counts):
    return min(max(-(-len(counts) // 1000), 10), len(counts))


def errors(real, synthetic, seed):
    """Error of each sketch, by kind and number of rows, in the real trace, and in the synthetic one."""
    rng = np.random.default_rng(seed)
    keys, counters = max(len(real), len(synthetic)), 16
    while counters < len(real) / 4:
        counters *= 2
    found = [{(kind, depth): 0.0 for kind in ("cms", "cs") for depth in (1, 2, 4, 8)} for _ in range(2)]
    for depth in (1, 2, 4, 8):
        width = counters // depth
        for _ in range(20):
            rows = [rng.integers(2 * width, size=keys).tolist() for _ in range(depth)]
            for side, counts in enumerate((real, synthetic)):
                total = sum(counts[: heavy(counts)])
                for kind, estimate in zip(("cms", "cs"), estimates(counts, rows, width), strict=True):
                    found[side][kind, depth] += wrong(estimate, counts) / total / 20
    return found


def spearman(first, second):
    """Correlation of ranks, ties sharing the mean of theirs."""
    ranks = [
        [statistics.mean(i + 1 for i, other in enumerate(sorted(one)) if other == v) for v in one]
        for one in (first, second)
    ]
    return statistics.correlation(*ranks)


def wrong(estimate, counts):
    return sum(abs(told - true) for told, true in zip(estimate, counts, strict=False))


def estimates(counts, rows, width):
    plain, signed = [[0] * width for _ in rows], [[0] * width for _ in rows]
    for row, hashes in enumerate(rows):
        for count, key in zip(counts, hashes, strict=False):
            plain[row][key // 2] += count
            signed[row][key // 2] += -count if key % 2 else count
    count_min, count_sketch = [], []
    for key in range(heavy(counts)):
        buckets = [(row, hashes[key] // 2, -1 if hashes[key] % 2 else 1) for row, hashes in enumerate(rows)]
        count_min.append(min(plain[row][bucket] for row, bucket, _ in buckets))
        count_sketch.append(statistics.median(signed[row][bucket] * sign for row, bucket, sign in buckets))
    return count_min, count_sketch
