"""The rows of a small leaderboard on which something of everything is to be seen, hostile names included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from made_rows import make_row, timed

if TYPE_CHECKING:
    from ntgbench.results import Row

HOSTILE = (
    "<script>document.title='taken'</script>",
    "</script><img src=x onerror=\"document.title='taken'\">",
    'pipe | quote " comma, `code` *star* _line_ [link](javascript:alert(1))',
    "=HYPERLINK(1)",
    "שלום עולם",
    "long " * 55,
)
"""Names of classes, reasons and notes from a stranger's rows."""


def number(value: float | None, goal: str = "max", **more: Any) -> dict[str, Any]:
    return {"value": value, "version": 1, "goal": goal, "digits": 3, **more}


def page_rows() -> list[Row]:
    rows = []
    for seed in range(2):
        f1 = {"smote": 0.9, "cvae": 0.8, "mamba": 0.8, "llama[q=4]": 0.7, "real": 0.95, "copy": 0.6}
        for system, value in f1.items():
            metrics = {
                "utility/macro_f1": number(value + seed / 500, primary=True),
                "utility/accuracy": number(1.0 - value),
                "fidelity/jsd_2gram": number(1.0 - value, "min", primary=True),
                "privacy/single_hit": number(0.5 if system == "cvae" else 0.0, "min"),
                "privacy/single_hit@floor": number(0.005, "min"),
            }
            reference = {"reference": system in ("real", "copy")}
            if system == "mamba":
                metrics["utility/accuracy"] = number(None, reason="out of memory " + HOSTILE[0])
            if system == "llama[q=4]":
                metrics["utility/accuracy"] = number(None, reason="it tells no likelihood", undefined=True)
            if system == "smote":
                size = len(HOSTILE)
                counts = [[9 if i == j else i for j in range(size)] for i in range(size)]
                metrics["utility/macro_f1"]["confusion"] = {"classes": list(HOSTILE), "counts": counts}
            cautions = [{"text": "Too few biflows of a class: " + HOSTILE[0]}]
            rows.append(make_row(system, seed, metrics=metrics, notes=[HOSTILE[1]], cautions=cautions, **reference))
        failed = {"status": "failed", "reason": "killed " + HOSTILE[1], "metrics": {}}
        rows.append(make_row("broken", seed, **failed))
        trace = {"track": "headers", "dataset": "trace", "metrics": {"statistics/sa": number(0.1, "min", primary=True)}}
        rows += [make_row(system, seed, **trace) for system in ("cascadenet", "poisson")]
    # Faster ones are larger by name, and one is 1,234.5 times as slow.
    times = {"smote": 1234.5, "cvae": 2.0, "mamba": 10.0, "llama[q=4]": 9.0}
    return rows + [timed(system, ms, ms * 0.9, ms * 1.1) for system, ms in times.items()]
