"""Every option of the paper's ablations changes what it should, and nothing else."""

import numpy as np
import pytest
import torch
from made_cascadenet import fitted, flows, tiny
from ntgbench_cascadenet.conditions import NAMES, TIMES
from ntgbench_cascadenet.decoding import in_flow
from ntgbench_cascadenet.generator import CascadeNet
from ntgbench_cascadenet.parameters import CascadeNetParameters, TunedParameters
from ntgbench_cascadenet.sampling import sampled

from ntgbench.errors import NtgbenchError
from ntgbench.interfaces import Context
from ntgbench.parameters import build_parameters
from ntgbench.tracks.headers.example import example_trace

TRAIN = example_trace()


def rng():
    return np.random.default_rng(1)


def weights(system):
    return dict(system.model.generators.named_parameters())


def same(one, other):
    return all(torch.equal(weight, weights(other)[name]) for name, weight in weights(one).items())


def phases(**changes):
    """Steps of each phase, as they are reported."""
    seen = []
    system = CascadeNet(tiny(**changes))
    system.fit(TRAIN, Context(seed=1, progress=lambda *told: seen.append(told[2])))
    return {name: seen.count(name) for name in sorted(set(seen))}


def test_timestamps_are_three_decodings_of_one_model():
    systems = [fitted(TRAIN, timestamps=name) for name in ("eq", "sp", "ml")]
    assert all(same(systems[0], other) for other in systems[1:])
    eq, sp, ml = (system.sample(200, TRAIN.span_ns, rng()) for system in systems)
    assert len({trace.time_ns.tobytes() for trace in (eq, sp, ml)}) == 3
    for name in ("source", "destination_port", "ip_length", "ip_id"):
        columns = [np.sort(getattr(trace, name), axis=0) for trace in (eq, sp, ml)]
        assert all(np.array_equal(columns[0], other) for other in columns[1:])


def test_gaps_are_one_number_more_of_each_packet_and_give_other_times():
    systems = {name: fitted(TRAIN, timestamps=name) for name in ("gaps", "sp")}
    wide, narrow = (systems[name].model.layout for name in ("gaps", "sp"))
    assert wide.records.width == narrow.records.width + 1
    made = sampled(systems["gaps"].model, 500, TRAIN.span_ns, rng())
    # As networks give them: more than nothing, and less than a step.
    assert 0 < made.gap_ns.min() < made.gap_ns.max() < wide.grid.step_ns
    assert not sampled(systems["sp"].model, 500, TRAIN.span_ns, rng()).gap_ns.any()
    assert not np.allclose(in_flow(made, "gaps"), in_flow(made, "sp"))


def test_series_features_can_be_left_out():
    whole = fitted(TRAIN).model.layout
    assert (whole.plain, whole.step) == (4, 8)
    for changes, plain, step in (
        ({"throughput": False}, 3, 7),
        ({"sub_period": False, "timestamps": "eq"}, 2, 6),
        ({"zero_flag": False}, 4, 6),
        ({"sub_period": False, "throughput": False, "zero_flag": False, "timestamps": "ml"}, 1, 3),
    ):
        system = fitted(TRAIN, **changes)
        layout = system.model.layout
        assert (layout.plain, layout.step) == (plain, step)
        assert system.model.generators.g2.head.out_features == 5 * step
        assert len(system.sample(100, TRAIN.span_ns, rng())) == 100


def test_without_the_zero_flag_a_rate_of_zero_means_no_packet():
    train = flows([0, 10**9], packets=5, gap_ns=0)
    with_flag, without = (fitted(train, zero_flag=flag).model.layout for flag in (True, False))
    assert with_flag.rate.low == pytest.approx(np.log(6))
    assert without.rate.low == 0


@pytest.mark.parametrize("name", [*(name for name in NAMES if name not in TIMES), "all"])
def test_conditions_can_be_left_out_and_times_stay(name):
    model = fitted(TRAIN, conditions="oracle", without=name, g3_steps=0, totals="series", balance=0.0).model
    left = [NAMES[index] for index in model.layout.conditions]
    assert left == (list(TIMES) if name == "all" else [one for one in NAMES if one != name])
    assert model.generators.g1.body[0].in_features == len(left) + 4
    assert sampled(model, 100, TRAIN.span_ns, rng()).packets.sum() <= 100


def test_generated_conditions_are_outputs_and_given_ones_are_inputs():
    layout, g1 = (getattr(fitted(TRAIN).model, name) for name in ("layout", "generators"))
    assert (g1.g1.body[0].in_features, g1.g1.body[-1].out_features) == (4, 9 + layout.tuples.width)
    g1 = fitted(TRAIN, conditions="resampled").model.generators
    assert (g1.g1.body[0].in_features, g1.g1.body[-1].out_features) == (4 + 9, layout.tuples.width)


@pytest.mark.parametrize("steps", [1, 3, 50])
@pytest.mark.parametrize("series", ["lstm", "mlp"])
def test_the_series_has_as_many_steps_as_asked_for(steps, series):
    model = fitted(TRAIN, steps=steps, series=series).model
    g2 = model.generators.g2
    flow = torch.zeros(2, model.layout.flow)
    assert g2(flow, g2.draw(2, flow)).shape == (2, steps, model.layout.step)
    assert any(isinstance(part, torch.nn.LSTM) for part in g2.modules()) == (series == "lstm")
    assert sampled(model, 500, TRAIN.span_ns, rng()).step.max() < steps


def test_phases_have_their_steps_and_can_be_left_out():
    assert phases(g1_steps=1, g2_steps=2, g3_steps=3, joint_steps=4) == {"g1": 1, "g2": 2, "g3": 3, "joint": 4}
    assert phases(joint_steps=0) == {"g1": 2, "g2": 2, "g3": 2}


def test_the_joint_phase_changes_all_generators():
    alone, together = (weights(fitted(TRAIN, joint_steps=steps)) for steps in (0, 1))
    for network in ("g1", "g2", "g3"):
        assert any(not torch.equal(alone[name], together[name]) for name in alone if name.startswith(network))


def test_without_any_phase_the_networks_are_as_they_were_drawn():
    none = {f"{name}_steps": 0 for name in ("g1", "g2", "g3", "joint")}
    assert same(fitted(TRAIN, **none), fitted(TRAIN, **none, learning_rate=1.0, critic_steps=3))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"window": 4}, "window must be odd"),
        ({"timestamps": "sp", "sub_period": False}, 'timestamps "sp" needs sub_period'),
        ({"timestamps": "gaps", "sub_period": False}, 'timestamps "gaps" needs sub_period'),
        ({"totals": "condition", "balance": 0, "without": "packets"}, "need the condition of packets"),
        ({"totals": "condition", "balance": 0, "without": "all"}, "need the condition of packets"),
        ({"totals": "series", "balance": 0.5, "without": "packets"}, "need the condition of packets"),
        ({"balance": 1.5}, "balance"),
        ({"average": 1}, "average"),
        ({"without": "start"}, "without"),
        ({"step_packets": 0}, "step_packets"),
    ],
)
@pytest.mark.parametrize("kind", [CascadeNetParameters, TunedParameters])
def test_parameters_that_contradict_are_refused(kind, values, message):
    with pytest.raises(NtgbenchError, match=message):
        build_parameters(kind, values, "cascadenet")


@pytest.mark.parametrize("kind", [CascadeNetParameters, TunedParameters])
@pytest.mark.parametrize(
    "values",
    [
        {"timestamps": "ml", "sub_period": False},
        {"totals": "series", "balance": 0, "without": "packets"},
        {"totals": "condition", "balance": 1, "without": "duration"},
    ],
)
def test_parameters_that_do_not_contradict_are_taken(kind, values):
    made = build_parameters(kind, values, "cascadenet")
    assert {name: getattr(made, name) for name in values} == values


@pytest.mark.parametrize("span", ["linear", "log"])
def test_spans_come_back_from_their_scale(span):
    layout = fitted(TRAIN, span=span).model.layout
    spans = np.array([0, 1e-9, 1e-3, 0.3, 0.5])
    units = layout.span_to_unit(spans)
    assert units[0] == 0
    assert units[-1] == pytest.approx(1)
    np.testing.assert_allclose(layout.unit_to_span(units), spans, atol=1e-15)
    assert (units[2] > 0.5) == (span == "log")
