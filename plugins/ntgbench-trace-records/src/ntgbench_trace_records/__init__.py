"""What of packet traces is copied, what sketches count in them, and whether they are valid."""

from __future__ import annotations

from dataclasses import replace

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import MetricSpec

PACKAGE = "ntgbench_trace_records"


def _copies(name: str, target: str, summary: str, primary: bool = False) -> MetricSpec:
    spec = MetricSpec(
        name, f"{PACKAGE}.{target}", summary, "copies", "min", lowest=0.0, highest=1.0, against="train", track="headers"
    )
    about = () if name == "diversity" else ("flows", "times")
    return replace(spec, primary=primary, goal="max" if name == "diversity" else "min", about=about)


def _sketch(name: str, summary: str, primary: bool = False) -> MetricSpec:
    target = f"{PACKAGE}.sketches:sketches"
    spec = MetricSpec(name, target, summary, "sketches", "min", lowest=0.0, primary=primary, track="headers")
    return replace(spec, about=("flows",) if name.endswith("_flows") else ())


def _valid(name: str, target: str, summary: str, primary: bool = False) -> MetricSpec:
    return MetricSpec(
        name,
        f"{PACKAGE}.{target}",
        summary,
        "validity",
        "max",
        lowest=0.0,
        highest=1.0,
        primary=primary,
        track="headers",
        about=("flows",) if name.endswith("_flows") else (),
    )


@hookimpl
def ntgbench_metrics() -> list[MetricSpec]:
    """Copies of records, timelines and flows; heavy hitters by counting and by sketches; validity."""
    return [
        _copies(
            "flow_copies",
            "sequences:flow_copies",
            "Share of synthetic flows of three packets or more whose sizes, and gaps to 1%, are those of a real flow",
            primary=True,
        ),
        _copies(
            "timeline_copies",
            "copies:timelines",
            "Share of synthetic flows that begin, and have their middle, when one real flow does",
        ),
        _copies(
            "diversity",
            "copies:records",
            "Share of synthetic packets whose 5-tuple, TTL and length occur together in no real packet",
        ),
        _sketch("hh_flows", "Error of the shares of packets of the largest flows", primary=True),
        _sketch("hh_sources", "Error of the shares of packets of the largest source addresses"),
        _sketch("cms_flows", "Relative difference of a count-min sketch's error about the largest flows"),
        _sketch("cms_sources", "Relative difference of a count-min sketch's error about the largest sources"),
        _sketch("cs_flows", "Relative difference of a count sketch's error about the largest flows"),
        _sketch("cs_sources", "Relative difference of a count sketch's error about the largest sources"),
        MetricSpec(
            "sketch_ranking",
            f"{PACKAGE}.sketches:sketches",
            "Rank correlation of the errors of eight sketches in the synthetic and in the real trace",
            "sketches",
            "max",
            lowest=-1.0,
            highest=1.0,
            track="headers",
            about=("flows",),
        ),
        _valid("valid_packets", "validity:validity", "Share of packets that obey the rules of IP, TCP and UDP", True),
        _valid("valid_tcp_flows", "validity:validity", "Share of TCP flows whose flags can be those of a connection"),
        _valid("tshark_packets", "wireshark:tshark", "Share of packets in which tshark finds no error, after export"),
    ]
