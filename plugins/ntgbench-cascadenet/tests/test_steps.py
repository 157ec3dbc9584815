"""Batches, and one step of each phase, are what a plain implementation makes of the same random numbers."""

import copy
import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from ntgbench_cascadenet.phases import Phase

from ntgbench.tracks.headers.example import example_trace

_spec = importlib.util.spec_from_file_location("plain_cascadenet", Path(__file__).with_name("plain_cascadenet.py"))
plain = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(plain)

TRACE = example_trace(flows=40)
TRACE = TRACE.select(np.flatnonzero(TRACE.is_ipv4()))
SMALL = {"hidden": 12, "noise": 5, "batch": 16}


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"steps": 7, "window": 3, "conditions": "oracle"},
        {"steps": 33, "ports": "bits", "span": "log", "without": "max_rate"},
        {"steps": 12, "window": 31, "zero_flag": False, "throughput": False, "without": "all"},
        {"steps": 1, "sub_period": False},
        {"steps": 9, "ports": "bits", "timestamps": "gaps"},
    ],
)
def test_batches_are_what_a_dense_encoding_by_loops_has(settings):
    layout, batches, _ = plain.prepared(TRACE, hidden=4, **settings)
    dense = plain.Dense(TRACE, layout)
    rng = np.random.default_rng(1)
    flows, packets = (rng.integers(count, size=200) for count in (batches.flows, batches.packets))
    for found, expected in (
        (batches.flow(torch.from_numpy(flows)), torch.cat(dense.flow(flows), 1)),
        (batches.series(torch.from_numpy(flows)).flatten(1), dense.series(flows)),
        (batches.packet_inputs(torch.from_numpy(packets)), dense.packet_inputs(packets)),
        (batches.records(torch.from_numpy(packets)), dense.records(packets)),
    ):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_the_packet_of_a_flow_is_any_of_its_own():
    _, batches, _ = plain.prepared(TRACE, hidden=4, ports="bits")
    torch.manual_seed(1)
    rows = torch.arange(batches.flows)
    drawn = torch.stack([batches.one_packet_each(rows) for _ in range(2000)]).numpy()
    flows = TRACE.flows
    for flow, (first, count) in enumerate(zip(flows.first, flows.count, strict=True)):
        often = np.bincount(drawn[:, flow] - first, minlength=count)
        assert len(often) == count
        assert (abs(often - 2000 / count) < 6 * np.sqrt(2000 / count)).all()


def phases(name, **settings):
    """The phase and its plain form, on equal weights, with the batches of its first steps."""
    layout, batches, cascade = plain.prepared(TRACE, **SMALL, learning_rate=2e-3, ports="bits", **settings)
    other = copy.deepcopy(cascade)
    phase = Phase(name, cascade, batches, layout)
    plainly = plain.PlainPhase(name, other, plain.Dense(TRACE, layout), layout)
    for one in (phase, plainly):
        for optimiser in (one.critic_optimiser, one.generator_optimiser):
            # Biases before batch norm have no gradient but rounding, which Adam would scale up to the learning rate.
            optimiser.param_groups[0]["eps"] = 1e-3
    return phase, plainly, cascade, other


@pytest.mark.parametrize("fresh", [False, True], ids=["reused", "fresh"])
@pytest.mark.parametrize("conditions", ["generated", "oracle"])
@pytest.mark.parametrize("name", ["g1", "g2", "g3", "joint"])
def test_steps_are_those_of_the_plain_training(name, conditions, fresh):
    phase, plainly, cascade, other = phases(name, conditions=conditions, fresh_batch_per_critic_step=fresh)
    for seed in range(2):
        torch.manual_seed(seed)
        losses = phase.step(phase.draws(1, seed))
        torch.manual_seed(seed)
        expected = plainly.step(phase.draws(1, seed))
        assert losses.tolist() == pytest.approx(expected, rel=1e-4, abs=2e-5)
    found, expected = cascade.state_dict(), other.state_dict()
    for key in found:
        torch.testing.assert_close(found[key], expected[key], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("side", ["critics", "generators"])
@pytest.mark.parametrize("name", ["g1", "g2", "g3", "joint"])
def test_each_side_learns_by_its_own_steps_only(name, side):
    phase, _, cascade, _ = phases(name)
    other = phase.generator_optimiser if side == "critics" else phase.critic_optimiser
    other.param_groups[0]["lr"] = 0.0
    before = {name: weight.detach().clone() for name, weight in cascade.named_parameters()}
    phase.step(phase.draws(1, 0))
    changed = {name for name, weight in cascade.named_parameters() if not torch.equal(weight, before[name])}
    own = {id(weight) for weight in getattr(phase, side).parameters()}
    own = {name for name, weight in cascade.named_parameters() if id(weight) in own}
    # Some biases have no gradient: before batch norm, and at the end of a critic.
    assert {name for name in own if "weight" in name} <= changed <= own
    assert all(weight.requires_grad and weight.grad is None for weight in cascade.parameters())


def test_batches_are_rounds_over_all_items_without_what_is_left_over():
    phase, *_ = phases("g2")
    assert (phase.items, phase.batch) == (len(TRACE.flows), 16)
    draws = phase.draws(1, 0)
    first, second = ([next(draws).tolist() for _ in range(phase.items // 16)] for _ in range(2))
    for round_ in (first, second):
        assert len({flow for batch in round_ for flow in batch}) == phase.items // 16 * 16
    assert first != second
    assert next(phase.draws(1, phase.items // 16 + 1)).tolist() == second[1]


@pytest.mark.parametrize("balance", [0.5, 1.0])
def test_large_flows_are_drawn_as_often_as_the_balance_wants(balance):
    phase, *_ = phases("g2", balance=balance)
    power = TRACE.flows.count**balance
    wanted = phase.items * power / power.sum()
    rounds = [phase._round(np.random.default_rng(seed)) for seed in range(400)]
    often = np.array([np.bincount(one, minlength=phase.items) for one in rounds])
    assert (often.sum(1) == phase.items).all()
    assert ((often >= np.floor(wanted - 1e-9)) & (often <= np.ceil(wanted + 1e-9))).all()
    # A number that is rounded down or up varies by at most a half.
    np.testing.assert_allclose(often.mean(0), wanted, atol=6 * 0.5 / np.sqrt(400))
    assert wanted.max() > 2 > 1 > wanted.min()
    assert not any((np.diff(one) >= 0).all() for one in rounds)


@pytest.mark.parametrize(("name", "balance"), [("g2", 0.0), ("g3", 0.5)])
def test_packets_and_flows_without_a_balance_are_drawn_once_each(name, balance):
    phase, *_ = phases(name, balance=balance)
    assert np.sort(phase._round(np.random.default_rng(1))).tolist() == list(range(phase.items))


@pytest.mark.parametrize(("falling", "shares"), [(True, [1, 0.75, 0.5, 0.25]), (False, [1, 1, 1, 1])])
def test_learning_rates_fall_in_a_line(falling, shares):
    phase, *_ = phases("joint", falling=falling)
    for step, share in enumerate(shares):
        phase.prepare(step / len(shares))
        for optimiser in (phase.critic_optimiser, phase.generator_optimiser):
            assert [group["lr"] for group in optimiser.param_groups] == [pytest.approx(share * 2e-3)]


def test_fresh_batches_go_on_where_a_step_left_them():
    phase, *_ = phases("g2", fresh_batch_per_critic_step=True, critic_steps=2)
    draws = phase.draws(1, 0)
    rows = [next(draws).tolist() for _ in range(12)]
    for step in range(4):
        assert next(phase.draws(1, step)).tolist() == rows[3 * step]


@pytest.mark.parametrize("balance", [0.0, 0.5])
@pytest.mark.parametrize(("flows", "batch"), [(1, 2), (5, 5), (40, 16)])
def test_a_batch_has_no_more_rows_than_there_are_flows_and_at_least_two(flows, batch, balance):
    few = TRACE.select(np.flatnonzero(TRACE.flows.number < flows))
    layout, batches, cascade = plain.prepared(few, **SMALL, ports="bits", balance=balance)
    phase = Phase("joint", cascade, batches, layout)
    rows = next(phase.draws(1, 0))
    assert (len(rows), int(rows.max()) < batches.flows) == (min(batch, max(2, batches.flows)), True)
    assert phase.step(phase.draws(1, 0)).isfinite().all()


def test_the_step_of_a_packet_is_drawn_in_proportion_to_counts():
    phase, *_ = phases("joint")
    layout = phase.layout
    series = torch.zeros(1, 20, layout.step)
    series[..., layout.plain + 1] = 1  # no packets
    wanted = {0: 1, 3: 4, 19: 5}
    for step, count in wanted.items():
        rate = (np.log1p(count) - layout.rate.low) / (layout.rate.high - layout.rate.low)
        series[0, step, 0], series[0, step, layout.plain], series[0, step, layout.plain + 1] = rate, 1, 0
    torch.manual_seed(1)
    often = np.bincount(phase._step_drawn(series.expand(10_000, -1, -1)), minlength=20)
    assert set(np.flatnonzero(often)) == set(wanted)
    for step, count in wanted.items():
        assert often[step] == pytest.approx(1000 * count, abs=300)
