"""Privacy metrics for ntgbench: membership attacks and copies."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import MetricSpec

COPIES = "ntgbench_privacy.copies:copies"
MEMBERSHIP = "ntgbench_privacy.membership:membership"


def _share(name: str, target: str, summary: str) -> MetricSpec:
    return MetricSpec(name, target, summary, "privacy", "min", lowest=0.0, highest=1.0, likelihood=target == MEMBERSHIP)


def _area(name: str, summary: str, primary: bool = False) -> MetricSpec:
    return MetricSpec(
        name,
        MEMBERSHIP,
        summary,
        "privacy",
        "near",
        best=0.5,
        lowest=0.0,
        highest=1.0,
        primary=primary,
        likelihood=True,
    )


@hookimpl
def ntgbench_metrics() -> list[MetricSpec]:
    """Attacks on membership of single biflows and of sessions, and shares of copies."""
    return [
        _area(
            "membership_auc",
            "How well the worst of three attacks tells training biflows from held-out ones; 0.5 is not at all",
            primary=True,
        ),
        _share("membership_tpr", MEMBERSHIP, "Training biflows found with 1% of false alarms; not at all is 0.01"),
        _area("session_auc", "As membership_auc, for whole sessions"),
        _share("single_hit", COPIES, "Share of the training biflows that occur once which reappear"),
        _share("exact_copies", COPIES, "Share of the synthetic biflows that equal a training biflow"),
        _share("near_copies", COPIES, "Share of the synthetic biflows that nearly equal a training biflow"),
    ]
