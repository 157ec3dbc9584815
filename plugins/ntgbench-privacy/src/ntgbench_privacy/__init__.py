"""Privacy metrics for ntgbench: membership attacks and copies."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import MetricSpec

COPIES = "ntgbench_privacy.copies:copies"
MEMBERSHIP = "ntgbench_privacy.membership:membership"


_ATTACK = ("copies", "held-out", "order-invariance")


def _area(name: str, summary: str, primary: bool = False) -> MetricSpec:
    return MetricSpec(
        name,
        MEMBERSHIP,
        summary,
        "privacy",
        "near",
        version=2,
        best=0.5,
        lowest=0.0,
        highest=1.0,
        primary=primary,
        likelihood=True,
        passes=_ATTACK,
    )


def _copies(name: str, summary: str, passes: tuple[str, ...]) -> MetricSpec:
    return MetricSpec(name, COPIES, summary, "privacy", "min", version=2, lowest=0.0, highest=1.0, passes=passes)


@hookimpl
def ntgbench_metrics() -> list[MetricSpec]:
    """Attacks on membership of single biflows and of sessions, and shares of copies."""
    return [
        _area(
            "membership_auc",
            "How well the worst of three attacks tells training biflows from held-out ones; 0.5 is not at all",
            primary=True,
        ),
        MetricSpec(
            "membership_tpr",
            MEMBERSHIP,
            "Share of the training biflows found with 1% of false alarms; not at all is 0.01",
            "privacy",
            "min",
            version=2,
            lowest=0.0,
            highest=1.0,
            likelihood=True,
            passes=_ATTACK,
        ),
        _area("session_auc", "As membership_auc, for whole sessions"),
        _copies(
            "single_hit",
            "Of the training biflows that occur once, the share that comes out again",
            ("copies", "order-invariance"),
        ),
        _copies(
            "exact_copies",
            "Share of the synthetic biflows that equal a training biflow",
            ("copies", "order-invariance"),
        ),
        # What copies more exactly has fewer that are only near.
        _copies(
            "near_copies",
            "Share of the synthetic biflows that nearly equal a training biflow and equal none",
            ("order-invariance",),
        ),
    ]
