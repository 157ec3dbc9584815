import sys
import types
from dataclasses import replace

import numpy as np
import pytest

from ntgbench import MetricSpec
from ntgbench.interfaces import Confusion, Measured
from ntgbench.results import has_failed
from ntgbench.scores import score
from ntgbench.testing import example_traffic


@pytest.fixture
def target(monkeypatch):
    """Make a function importable as a metric's target."""

    def make(function):
        module = types.ModuleType("made_metric")
        module.measure = function
        monkeypatch.setitem(sys.modules, "made_metric", module)
        return "made_metric:measure"

    return make


def specs(target: str, **settings) -> list[MetricSpec]:
    bounds = {"lowest": 0.0, "highest": 1.0, **settings}
    return [MetricSpec(name, target, "…", "fidelity", "min", **bounds) for name in ("first", "second")]


def test_metrics_of_one_target_share_a_call(target) -> None:
    calls = []

    def measure(real, synthetic, seed):
        calls.append(seed)
        return {"first": 0.25, "second": np.float64(0.5)}

    found = score(specs(target(measure)), example_traffic(), example_traffic(), 7, "@train")
    assert {key: s["value"] for key, s in found.items()} == {"first@train": 0.25, "second@train": 0.5}
    assert calls == [7]


def test_a_metric_about_what_the_system_lacks_is_marked_and_not_computed(target) -> None:
    def measure(real, synthetic, seed):
        return {"first": 0.25}

    first, second = specs(target(measure))
    chosen = [
        first,
        replace(second, about=("times",)),
        replace(second, name="third", target="no:such", about=("b", "a")),
    ]
    found = score(chosen, 1, 2, 1, "@test", lacks=[("times", "it has no clock"), ("a", "no a")])
    assert found["first@test"]["value"] == 0.25
    assert found["second@test"]["reason"] == "does not apply: it has no clock"
    assert found["third@test"]["reason"] == "does not apply: no a"
    for name in ("second@test", "third@test"):
        assert found[name]["value"] is None
        assert found[name]["undefined"]
        assert found[name]["inapplicable"]
        assert not has_failed(found[name])
    assert not any("inapplicable" in value for value in score(chosen[:1], 1, 2, 1, lacks=[("times", "…")]).values())


@pytest.mark.parametrize(
    ("returned", "reason"),
    [
        ({"first": 0.1}, "returned no value for second"),
        ({"first": 0.1, "second": float("nan")}, "nan is not a number"),
        ({"first": 0.1, "second": float("inf")}, "inf is above 1, the field `highest`"),
        ({"first": 0.1, "second": 10**400}, "is not a number"),
        ({"first": 0.1, "second": b"0.5"}, "b'0.5' is not a number"),
        ({"first": 0.1, "second": None}, "None is not a number"),
        ({"first": 0.1, "second": 1.5}, "1.5 is above 1, the field `highest`"),
        ({"first": 0.1, "second": -1}, "-1.0 is below 0, the field `lowest`"),
    ],
)
def test_a_bad_number_fails_that_metric_alone(target, returned: dict, reason: str) -> None:
    found = score(specs(target(lambda real, synthetic, seed: returned)), example_traffic(), example_traffic(), 1)
    assert found["first"]["value"] == 0.1
    assert found["second"]["value"] is None
    assert reason in found["second"]["reason"]
    assert has_failed(found["second"])


SQUARE = np.zeros((2, 2), np.int64)


def test_classes_whose_names_differ_in_blanks_stay_apart(target) -> None:
    names = ("a b", "a\tb", " a b", "a  b")
    matrix = Confusion(names, np.eye(4, dtype=np.int64))
    made = target(lambda real, synthetic, seed: {"first": Measured(0.5, confusion=matrix), "second": 0.5})
    found = score(specs(made), example_traffic(), example_traffic(), 1)
    assert found["first"]["confusion"]["classes"] == ["a b", r"a\tb", " a b", "a  b"]


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (Measured(0.5, 0.4), "high: None is not a number"),
        (Measured(0.5, float("nan"), 0.6), "low: nan is not a number"),
        (Measured(0.5, 0.4, 1.1), "high: 1.1 is above 1"),
        (Measured(0.5, 0.6, 0.4), "interval begins at 0.6"),
        (Measured(Measured(0.5)), "is not a number"),
        (Measured(0.5, confusion=SQUARE), "is not a Confusion"),
        (Measured(0.5, confusion=Confusion(None, SQUARE)), "not iterable"),
        (Measured(0.5, confusion=Confusion(("a",), SQUARE)), "confusion: its counts"),
        (Measured(0.5, confusion=Confusion(("a", "b"), SQUARE - 1)), "confusion: its counts"),
        (Measured(0.5, confusion=Confusion(("a", "b"), SQUARE / 1)), "confusion: its counts"),
        (Measured(0.5, drawn=[0.4, 0.6]), "drawn: it is not"),
    ],
)
def test_what_is_broken_beside_a_number_fails_that_metric_alone(target, found: Measured, reason: str) -> None:
    returned = {"first": 0.1, "second": found}
    scores = score(specs(target(lambda real, synthetic, seed: returned)), example_traffic(), example_traffic(), 1)
    assert scores["first"]["value"] == 0.1
    assert reason in scores["second"]["reason"]
    assert has_failed(scores["second"])


def test_a_text_says_why_a_metric_is_undefined_and_is_no_failure(target) -> None:
    returned = {"first": "no flow has\ntwo packets", "second": 0.5}
    found = score(specs(target(lambda real, synthetic, seed: returned)), example_traffic(), example_traffic(), 1)
    assert found["first"].items() >= {"value": None, "undefined": True, "reason": "no flow has two packets"}.items()
    assert not has_failed(found["first"])
    assert "undefined" not in found["second"]


@pytest.mark.parametrize("taken", ["test", "train"])
def test_no_form_passes_for_what_a_suite_compares_with(target, taken) -> None:
    returned = {"first": 0.5, "second": 0.1, f"first@{taken}": 0.0, f"first@{taken}_2": 0.3}
    found = score(specs(target(lambda real, synthetic, seed: returned)), example_traffic(), example_traffic(), 1)
    assert found.keys() == {"first", f"first@{taken}_2", "second"}


def test_other_forms_stand_beside_a_metric_without_its_bounds_and_rank(target) -> None:
    returned = {"first": 0.5, "second": 0.1, "first@ref": 7.5, "first@raw": float("nan"), "first@": 1, "third@ref": 1.0}
    returned["first@floor"] = 0.2
    first, second = specs(target(lambda real, synthetic, seed: returned))
    found = score([replace(first, primary=True), second], example_traffic(), example_traffic(), 1)
    assert found.keys() == {"first", "first@ref", "first@raw", "first@floor", "second"}
    assert (found["first@ref"]["value"], "primary" in found["first@ref"]) == (7.5, False)
    assert found["first@raw"]["reason"] == "nan is not a number"
    assert found["first"].items() >= {"value": 0.5, "primary": True}.items()


@pytest.mark.parametrize("returned", [0.5, None])
def test_what_is_no_mapping_fails(target, returned: object) -> None:
    found = score(specs(target(lambda real, synthetic, seed: returned)), example_traffic(), example_traffic(), 1)
    assert "not numbers by metric name" in found["first"]["reason"]


@pytest.mark.parametrize("error", [ZeroDivisionError("oh"), SystemExit("oh"), KeyboardInterrupt("oh")])
def test_a_metric_that_throws_says_how_and_stops_no_other(target, error) -> None:
    def measure(real, synthetic, seed):
        raise error

    fine = MetricSpec("fine", "tests_fine:measure", "…", "fidelity", "min")
    module = types.ModuleType("tests_fine")
    module.measure = lambda real, synthetic, seed: {"fine": 0.5}
    sys.modules["tests_fine"] = module
    try:
        found = score([*specs(target(measure)), fine], example_traffic(), example_traffic(), 1)
    finally:
        del sys.modules["tests_fine"]
    assert found["first"]["reason"] == f"{type(error).__name__}: oh"
    assert found["fine"]["value"] == 0.5


def test_rounding_beyond_a_bound_is_forgiven(target) -> None:
    found = score(
        specs(target(lambda *a: {"first": -1e-16, "second": 1 + 1e-16})), example_traffic(), example_traffic(), 1
    )
    assert [s["value"] for s in found.values()] == [0.0, 1.0]
