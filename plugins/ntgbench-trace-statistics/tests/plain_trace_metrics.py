"""The metrics straight from their definitions, with pandas and loops over flows: slow, and easy to trust."""

from collections import Counter
from math import gamma, log, log2, pi, sqrt

import numpy as np
import pandas as pd
from scipy.stats import wasserstein_distance

FLOW = ["source", "destination", "source_port", "destination_port", "protocol"]
DAY_NS = 86_400 * 10**9


def frame(trace):
    """A row for each packet in the order of time; `t` is nanoseconds from the first one."""
    sides = {
        name: [f"{high:x}:{low:x}" for high, low in getattr(trace, name).tolist()] for name in ("source", "destination")
    }
    names = ["time_ns", "source_port", "destination_port", "protocol", "ip_length", "ttl"]
    table = pd.DataFrame(sides | {name: getattr(trace, name).astype(np.int64) for name in names})
    table["t"] = table.time_ns - table.time_ns.min()
    return table.sort_values("t", kind="stable")


def distance(real, synthetic, none=0.0):
    """Earth mover's distance; the sample of a side without any is `none`; None where both sides have none."""
    if not len(real) and not len(synthetic):
        return None
    return wasserstein_distance(real if len(real) else [none], synthetic if len(synthetic) else [none])


def divergence(real, synthetic):
    """Jensen-Shannon divergence, base 2, of two columns."""
    one, other = Counter(real.tolist()), Counter(synthetic.tolist())
    total = 0.0
    for value in one.keys() | other.keys():
        p, q = one[value] / len(real), other[value] / len(synthetic)
        total += sum(share * log2(2 * share / (p + q)) / 2 for share in (p, q) if share)
    return max(total, 0.0)


def statistics(real, synthetic):
    tables = [frame(trace) for trace in (real, synthetic)]
    values = {}
    for name, column in zip(["sa", "da", "sp", "dp", "pr"], FLOW, strict=True):
        values[name] = divergence(*(table[column] for table in tables))
        values[f"{name}@ref"] = sqrt(values[name] * log(2))
    flows = [[flow for _, flow in table.groupby(FLOW)] for table in tables]
    return values | {
        "pl": distance(*(table.ip_length for table in tables)),
        "ttl": distance(*(table.ttl for table in tables)),
        "npf": distance(*([len(flow) for flow in side] for side in flows)),
        "nbf": distance(*([flow.ip_length.sum() for flow in side] for side in flows)),
    }


def rescaled_range(counts, length):
    """Mean R/S of the blocks of that length whose counts differ; None without one."""
    blocks = counts[: len(counts) // length * length].reshape(-1, length)
    blocks = blocks[(blocks != blocks[:, :1]).any(axis=1)]
    path = np.cumsum(blocks - blocks.mean(axis=1, keepdims=True), axis=1)
    return np.mean(np.ptp(path, axis=1) / blocks.std(axis=1, ddof=1)) if len(blocks) else None


def expected(length):
    """R/S of independent normal numbers, after Anis, Lloyd and Peters."""
    total = sum(sqrt((length - i) / i) for i in range(1, length))
    return (length - 0.5) / length * gamma((length - 1) / 2) / sqrt(pi) / gamma(length / 2) * total


LENGTHS = sorted({round(400 ** (3 / 8 + i / 15 / 4)) for i in range(15)})


def hurst(counts):
    """Rescaled range analysis of 400 counts; None where it has none."""
    points = [(length, rescaled_range(counts, length)) for length in LENGTHS]
    points = [(log(length), log(mean) - log(expected(length))) for length, mean in points if mean is not None]
    return np.polyfit(*zip(*points, strict=True), 1)[0] + 0.5 if len(points) > 1 else None


def times(trace):
    table = frame(trace)
    span = int(table.t.max())
    side = {name: [] for name in ("fit", "fd", "at", "at@ref", "bu", "ld")}
    side["it"] = np.diff(table.t)
    seconds = table.time_ns // 1000 / 1e6
    table["seconds"] = seconds - seconds.min()
    for _, flow in table.groupby(FLOW):
        t, size = flow.t.tolist(), int(flow.ip_length.sum())
        side["fit"] += np.diff(t).tolist()
        side["fd"].append(t[-1] - t[0])
        if t[-1] > t[0]:
            side["at"].append(size / (t[-1] - t[0]) * 1e9)
        first, last = flow.seconds.min(), flow.seconds.max()
        if last > first:
            side["at@ref"].append(size / last - first)
        counts = np.zeros(400)
        for one in t:
            counts[min(one * 400 // span, 399) if span else 399] += 1
        side["bu"].append(counts.std() / counts.mean())
        if (counts > 0).sum() >= 2:
            exponent = hurst(counts)
            side["ld"] += [] if exponent is None else [exponent]
    return side


def temporal(real, synthetic):
    one, other = times(real), times(synthetic)
    values = {name: distance(one[name], other[name], none=0.5 if name == "ld" else 0.0) for name in one}
    if values["at"] is None:
        del values["at@ref"]
    else:
        values["at@ref"] = values["at@ref"] or 0.0  # of flows that last less than a microsecond it knows nothing
    for name in ("it", "fit", "fd"):
        values[name] = None if values[name] is None else values[name] / 1e9
    for name, source in (("lfit", "fit"), ("lfd", "fd")):
        values[name] = distance(*(np.log10(np.array(side[source]) / 1e3 + 1) for side in (one, other)))
    return values


def load(trace, interval, origin):
    """Bursts of a trace, interval by interval; times in ns."""
    index = [(time - origin) // interval for time in trace.time_ns.tolist()]
    begin = min(index)
    carried = [0] * (max(index) - begin + 1)
    for one, length in zip(index, trace.ip_length.tolist(), strict=True):
        carried[one - begin] += length
    busiest = max(carried)
    side = {"bd": [], "tb": [], "nu": [one / busiest for one in carried], "bps": [], "nps": []}
    quiet, idle, burst, lasted = 0, None, 0, 0
    for one in [*carried, None]:
        if one is not None and one > busiest / 2:
            if not lasted:
                side["tb"] += [idle * interval] if idle is not None else []
                side["nps"] += [quiet] if quiet else []
            burst, lasted, quiet, idle = burst + one, lasted + 1, 0, 0
            continue
        if lasted:
            side["bd"].append(lasted * interval)
            side["bps"].append(burst)
            burst, lasted = 0, 0
        if one is not None:
            quiet += one
            idle = None if idle is None else idle + 1
    side["nps"] += [quiet] if quiet else []
    return side


def bursts(real, synthetic):
    span = real.span_ns // 1000
    values = {}
    exact = max(span // 1000, 1)
    rounded = max(int((span // 1000 // 10**6 + span // 1000 % 10**6 / 1e6) * 1e6), 1) if span else 10**6
    for form, interval in (("", exact), ("@ref", rounded)):
        sides = []
        for trace in (real, synthetic):
            begin = min(trace.time_ns.tolist())
            sides.append(load(trace, interval * 1000, begin // DAY_NS * DAY_NS if form else begin))
        for name, unit in (("bd", 1000), ("tb", 1000), ("nu", 1), ("bps", 1), ("nps", 1)):
            samples = [side[name] for side in sides]
            values[name + form] = (distance(*samples) or 0.0) / unit
            if form and name == "nps" and not all(samples):
                values[name + form] = 1.0
    return values
