"""The suite `temporal`: gaps, durations, throughput, burstiness and memory of flows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench_trace_statistics.distances import Sample, emd
from ntgbench_trace_statistics.fields import bytes_of_flows
from ntgbench_trace_statistics.steps import StepCounts

if TYPE_CHECKING:
    from ntgbench.traffic.trace import PacketTrace

SECOND = 1e9
"""Nanoseconds."""

WITHOUT_MEMORY = 0.5
"""Hurst exponent of a series of independent values."""

Numbers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Times:
    """What one trace has, times in nanoseconds."""

    gaps: Numbers  # between packets of the trace, (N - 1,)
    flow_gaps: Numbers  # between packets of a flow, (N - F,)
    durations: Numbers  # of all flows, (F,)
    throughput: Reals  # of the flows that last, bytes a second
    throughput_ref: Reals  # the same as the reference code computes it
    burstiness: Reals  # of all flows, (F,)
    hurst: Reals  # of the flows that are active in two steps

    @staticmethod
    def of(trace: PacketTrace) -> _Times:
        flows, time_ns = trace.flows, trace.time_ns - trace.time_ns.min()
        durations = time_ns[flows.order[flows.last]] - time_ns[flows.heads()]
        lasts = durations > 0
        steps = StepCounts.of(trace)
        return _Times(
            gaps=np.diff(np.sort(time_ns)),
            flow_gaps=flows.gaps_ns(time_ns)[0],
            durations=durations,
            throughput=bytes_of_flows(trace)[lasts] / (durations[lasts] / SECOND),
            throughput_ref=_throughput_of_ref(trace),
            burstiness=steps.burstiness(),
            hurst=steps.hurst(),
        )


def temporal(real: PacketTrace, synthetic: PacketTrace, seed: int) -> dict[str, float | str]:  # noqa: ARG001
    """Distances of times; `at@ref` is the reference code of CascadeNet's: bytes / last - first, from the trace's start.

    Each trace is measured from its own first packet. Where one side has nothing to compare, such as gaps where all
    flows have one packet, it counts as a single 0, or as a Hurst exponent of 0.5; where neither has, the value is a
    text.
    """
    one, other = _Times.of(real), _Times.of(synthetic)
    values: dict[str, float | str] = {"bu": emd(Sample.of(one.burstiness), Sample.of(other.burstiness))}
    fd = Sample.of(one.durations), Sample.of(other.durations)
    values |= {"fd": emd(*fd) / SECOND, "lfd": emd(*map(_log, fd))}

    if len(one.gaps) or len(other.gaps):
        values["it"] = emd(Sample.of(one.gaps), Sample.of(other.gaps)) / SECOND
    else:
        values["it"] = "neither trace has two packets"

    if len(one.flow_gaps) or len(other.flow_gaps):
        fit = Sample.of(one.flow_gaps), Sample.of(other.flow_gaps)
        values |= {"fit": emd(*fit) / SECOND, "lfit": emd(*map(_log, fit))}
    else:
        values |= dict.fromkeys(("fit", "lfit"), "neither trace has a flow of two packets")

    if len(one.throughput) or len(other.throughput):
        values["at"] = emd(Sample.of(one.throughput), Sample.of(other.throughput))
        values["at@ref"] = emd(Sample.of(one.throughput_ref), Sample.of(other.throughput_ref))
    else:
        values["at"] = "neither trace has a flow that lasts"

    if len(one.hurst) or len(other.hurst):
        values["ld"] = emd(Sample.of(one.hurst, WITHOUT_MEMORY), Sample.of(other.hurst, WITHOUT_MEMORY))
    else:
        values["ld"] = "neither trace has a flow that is active in two steps"
    return values


def _throughput_of_ref(trace: PacketTrace) -> Reals:
    """Seconds of the epoch are floats before the start is subtracted, and t_first is subtracted after the division."""
    flows, epoch = trace.flows, trace.time_ns // 1000 / 1e6
    seconds = epoch - epoch.min()
    first, last = seconds[flows.heads()], seconds[flows.order[flows.last]]
    lasts = last > first
    throughput: Reals = bytes_of_flows(trace)[lasts] / last[lasts] - first[lasts]
    return throughput


def _log(nanoseconds: Sample) -> Sample:
    """log10(t + 1) of times t in us."""
    return nanoseconds._replace(values=np.log10(nanoseconds.values / 1e3 + 1))
