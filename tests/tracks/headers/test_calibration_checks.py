"""Calibration of the metrics of header traces."""

from ntgbench.calibrating import calibrate
from ntgbench.interfaces import MetricSpec
from ntgbench.plugins import registry


def test_a_metric_of_copies_and_one_that_sees_nothing() -> None:
    constant = MetricSpec("constant", "made_metrics:flat", "Always 0.5", "queue", "min", track="headers")
    metrics = registry().metrics()
    found = {one.metric.name: one for one in calibrate([metrics["flow_copies"], metrics["sa"], constant])}
    states = {name: {check: verdict.state for check, verdict in one.verdicts.items()} for name, one in found.items()}
    # The training trace itself is the worst that a metric of copies can see.
    assert (states["flow_copies"]["identity"], states["flow_copies"]["copies"]) == ("fails", "passes")
    assert states["sa"]["identity"] == "passes"
    assert states["constant"] == {"identity": "passes", "structure": "fails", "copies": "fails"}
