"""Dynamics of packet traces: a queue fed by them, and their scaling behaviour."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import MetricSpec

QUEUE = "ntgbench_trace_dynamics.queue:queue_replay"
SCALING = "ntgbench_trace_dynamics.scaling:diagrams"


def _queue(load: int) -> MetricSpec:
    summary = f"Distance of the delays in a queue at {load}% load, relative to the mean delay of real packets"
    primary = load == 80
    return MetricSpec(
        f"queue_{load}", QUEUE, summary, "queue", "min", lowest=0.0, primary=primary, track="headers", about=("times",)
    )


def _loss(load: int) -> MetricSpec:
    summary = f"Difference of the shares of bytes lost by a buffer of 100 kB at {load}% load"
    return MetricSpec(
        f"loss_{load}",
        QUEUE,
        summary,
        "queue",
        "min",
        lowest=0.0,
        highest=1.0,
        digits=4,
        track="headers",
        about=("times",),
    )


def _scaling(name: str, summary: str, primary: bool = False) -> MetricSpec:
    about = ("times",) if primary else ("flows", "times")  # the semi-experiments change times of flows
    return MetricSpec(
        name, SCALING, summary, "scaling", "min", lowest=0.0, primary=primary, track="headers", about=about
    )


@hookimpl
def ntgbench_metrics() -> list[MetricSpec]:
    """Queue replay at three loads; the log-scale diagram and its semi-experiments."""
    return [
        *map(_queue, (50, 80, 95)),
        *map(_loss, (50, 80, 95)),
        _scaling("diagram", "Mean distance of the log-scale diagrams of packet counts", primary=True),
        _scaling("diagram_starts", "As diagram, after the starts of flows are drawn at random in both traces"),
        _scaling("diagram_gaps", "As diagram, after the gaps inside flows are shuffled in both traces"),
    ]
