"""Reference systems of packet traces: held-out, shifted, flow bootstrap, Poisson, marginals, zero."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import GeneratorSpec
from ntgbench_trace_references.parameters import FlowBootstrapParameters


@hookimpl
def ntgbench_generators() -> list[GeneratorSpec]:
    """The six reference systems, from the nearest to the farthest."""
    return [
        GeneratorSpec(
            "real",
            "ntgbench_trace_references.replay:Real",
            "The held-out traffic itself in place of synthetic traffic: how far later traffic is",
            reference=True,
            heldout=True,
            track="headers",
        ),
        GeneratorSpec(
            "shifted",
            "ntgbench_trace_references.replay:Shifted",
            "The training trace at another time: near in everything, because it is a copy",
            reference=True,
            track="headers",
        ),
        GeneratorSpec(
            "flow-bootstrap",
            "ntgbench_trace_references.flow_bootstrap:FlowBootstrap",
            "Whole connections of the training trace in another order: as far as copying goes without learning",
            parameters=FlowBootstrapParameters,
            reference=True,
            track="headers",
        ),
        GeneratorSpec(
            "poisson",
            "ntgbench_trace_references.rows:Poisson",
            "Training packets drawn at random, at the times of a Poisson process: no flow and no burst is kept",
            reference=True,
            track="headers",
        ),
        GeneratorSpec(
            "marginals",
            "ntgbench_trace_references.rows:Marginals",
            "Every column of the packets, and the gaps between them, drawn independently",
            reference=True,
            track="headers",
        ),
        GeneratorSpec(
            "zero",
            "ntgbench_trace_references.replay:Zero",
            "The training trace with every flow shrunk to one moment: what no duration at all scores",
            reference=True,
            track="headers",
        ),
    ]
