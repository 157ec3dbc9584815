"""Statistics, timing and bursts of packet traces."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import MetricSpec

STATISTICS = "ntgbench_trace_statistics.fields:statistics"
TEMPORAL = "ntgbench_trace_statistics.timing:temporal"
BURSTS = "ntgbench_trace_statistics.link:bursts"

FLOWS, TIMES = ("flows",), ("times",)
BOTH = FLOWS + TIMES


def _divergence(name: str, field: str) -> MetricSpec:
    summary = f"Jensen-Shannon divergence of the packets' {field}"
    return MetricSpec(name, STATISTICS, summary, "statistics", "min", lowest=0.0, highest=1.0, track="headers")


def _distance(
    name: str, target: str, of: str, digits: int, about: tuple[str, ...] = (), primary: bool = False
) -> MetricSpec:
    summary, suite = f"Earth mover's distance of {of}", target.split(":")[1]
    return MetricSpec(
        name, target, summary, suite, "min", lowest=0.0, primary=primary, digits=digits, track="headers", about=about
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
        _distance("pl", STATISTICS, "IP lengths of packets, in bytes", 2),
        _distance("ttl", STATISTICS, "times to live of packets", 2),
        _distance("npf", STATISTICS, "packets of flows", 3, FLOWS),
        _distance("nbf", STATISTICS, "bytes of flows", 1, FLOWS),
        _distance("it", TEMPORAL, "gaps between packets, in s", 7, TIMES),
        _distance("fit", TEMPORAL, "gaps between packets of a flow, in s", 6, BOTH),
        _distance("lfit", TEMPORAL, "log10(t + 1) of gaps t between packets of a flow, in us", 3, BOTH, primary=True),
        _distance("fd", TEMPORAL, "durations of flows, in s", 5, BOTH),
        _distance("lfd", TEMPORAL, "log10(t + 1) of durations t of flows, in us", 3, BOTH),
        _distance("at", TEMPORAL, "mean throughputs of flows, in bytes/s", 0, BOTH),
        _distance("bu", TEMPORAL, "burstiness of flows: standard deviation of packet counts by their mean", 4, BOTH),
        _distance("ld", TEMPORAL, "Hurst exponents of flows", 4, BOTH),
        _distance("bd", BURSTS, "durations of bursts, in us", 0, TIMES),
        _distance("tb", BURSTS, "times between bursts, in us", 0, TIMES),
        _distance("nu", BURSTS, "loads of the link relative to its maximum", 4, TIMES, primary=True),
        _distance("bps", BURSTS, "bytes of bursts", 0, TIMES),
        _distance("nps", BURSTS, "bytes between bursts", 0, TIMES),
    ]
