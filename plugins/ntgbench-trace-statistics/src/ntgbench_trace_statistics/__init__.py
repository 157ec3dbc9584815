"""Statistics, timing and bursts of packet traces."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import MetricSpec

STATISTICS = "ntgbench_trace_statistics.fields:statistics"
TEMPORAL = "ntgbench_trace_statistics.timing:temporal"
BURSTS = "ntgbench_trace_statistics.link:bursts"


def _divergence(name: str, field: str) -> MetricSpec:
    summary = f"Jensen-Shannon divergence of {field}, a packet each, in bits"
    return MetricSpec(name, STATISTICS, summary, "statistics", "min", track="headers")


def _distance(name: str, target: str, of: str, unit: str, digits: int, primary: bool = False) -> MetricSpec:
    suite = target.split(":")[1]
    summary = f"Earth mover's distance of {of}, in {unit}"
    return MetricSpec(
        name, target, summary, suite, "min", highest=None, digits=digits, track="headers", primary=primary
    )


@hookimpl
def ntgbench_metrics() -> list[MetricSpec]:
    """Fields of packets and sizes of flows, times of packets and flows, bursts of the link."""
    return [
        _divergence("sa", "source addresses"),
        _divergence("da", "destination addresses"),
        _divergence("sp", "source ports"),
        _divergence("dp", "destination ports"),
        _divergence("pr", "protocols"),
        _distance("pl", STATISTICS, "IP lengths of packets", "bytes", 2),
        _distance("ttl", STATISTICS, "times to live of packets", "hops", 2),
        _distance("npf", STATISTICS, "packets of flows", "packets", 3),
        _distance("nbf", STATISTICS, "bytes of flows", "bytes", 1),
        _distance("it", TEMPORAL, "gaps between packets of the trace", "seconds", 5),
        _distance("fit", TEMPORAL, "gaps between packets of a flow", "seconds", 4),
        _distance("lfit", TEMPORAL, "log10 of one plus gaps between packets of a flow", "decades of us", 3, primary=True),
        _distance("fd", TEMPORAL, "durations of flows", "seconds", 4),
        _distance("lfd", TEMPORAL, "log10 of one plus durations of flows", "decades of us", 3),
        _distance("at", TEMPORAL, "mean throughputs of flows", "bytes a second", 1),
        _distance("bu", TEMPORAL, "burstiness of flows (coefficient of variation of packet counts)", "standard deviations a mean", 4),
        _distance("ld", TEMPORAL, "Hurst exponents of flows", "units of the exponent", 4),
        _distance("bd", BURSTS, "durations of bursts", "us", 0),
        _distance("tb", BURSTS, "times between bursts", "us", 0),
        _distance("nu", BURSTS, "utilisations of the link, relative to its maximum", "shares", 4, primary=True),
        _distance("bps", BURSTS, "bytes of bursts", "bytes", 0),
        _distance("nps", BURSTS, "bytes between bursts", "bytes", 0),
    ]
