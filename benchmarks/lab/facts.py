"""What the datasheet of a build is made from: versions, settings, counts, failures."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks.lab.build import Outcome
from benchmarks.lab.plan import NUMBERS, Session
from benchmarks.lab.workload import Workload
from ntgbench.traffic.flows import FlowTable
from ntgbench.traffic.notes import filled

_NETEM = "tc netem, drawn for each session: delay 2..63 ms one way, jitter up to 30% of it, loss 0..1%"
_NO_NETEM = "none: the kernel has no netem; only the rates of the lines and the programs' own think times"


@dataclass(frozen=True)
class Request:
    """What was asked for; see `benchmarks.lab.plan.plan`."""

    seed: int
    scale: float
    slots: int
    days: tuple[int, ...]


def facts_of(
    request: Request,
    workloads: Sequence[Workload],
    versions: Mapping[str, str],
    outcome: Outcome,
    flows: FlowTable,
    changes: Counter[str],
) -> dict[str, Any]:
    """The facts of a build, as JSON holds them."""
    return {
        **asdict(request),
        "biflows": len(flows),
        "sessions": len(outcome.made),
        "failed_sessions": _failures(outcome.failures),
        "packets_not_captured": outcome.dropped,
        "left_out": filled(changes),
        "rate": "tc tbf on both ends, drawn for each session: 6..200 Mbit/s, log-uniform",
        "delay_jitter_loss": _NETEM if outcome.netem else _NO_NETEM,
        "mtu": "1500 on the cable; the client's route 1400..1500, drawn for each session",
        "system": {"kernel": platform.release(), "machine": platform.machine(), "python": platform.python_version()},
        "versions": dict(versions),
        "classes": {
            workload.name: {
                "summary": workload.summary,
                "changed_on_day_2": workload.changed,
                "ports": _ranges(workload.ports),
                **_counts(workload, outcome, flows),
            }
            for workload in workloads
        },
    }


def _counts(workload: Workload, outcome: Outcome, flows: FlowTable) -> dict[str, Any]:
    assert flows.session is not None
    rows = np.flatnonzero(np.array(flows.classes)[flows.label] == workload.name)
    sessions = flows.session[rows]
    lengths = np.diff(flows.offsets)[rows]
    return {
        "biflows": {str(day): int(np.count_nonzero(sessions // NUMBERS == day)) for day in (1, 2)},
        "sessions": {str(day): len(np.unique(sessions[sessions // NUMBERS == day])) for day in (1, 2)},
        "packets_with_payload": [int(value) for value in np.quantile(lengths, (0.1, 0.5, 0.9))] if len(lengths) else [],
        "slot_seconds": round(outcome.seconds[workload.name], 1),
    }


def _failures(failures: Mapping[Session, str]) -> dict[str, dict[str, int]]:
    reasons: dict[str, Counter[str]] = {}
    for session, why in failures.items():
        reasons.setdefault(session.workload, Counter())[why] += 1
    return {name: dict(counter.most_common()) for name, counter in sorted(reasons.items())}


def _ranges(ports: Sequence[int]) -> str:
    """Ports as text, runs of them by their ends."""
    runs: list[list[int]] = []
    for port in sorted(ports):
        if runs and runs[-1][1] == port - 1:
            runs[-1][1] = port
        else:
            runs.append([port, port])
    return ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)
