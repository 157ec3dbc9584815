"""For what conditions flows are made, when they are, and how many packets there are."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from made_cascadenet import fitted, flows
from ntgbench_cascadenet import sampling
from ntgbench_cascadenet.conditions import NAMES, middle_ns
from ntgbench_cascadenet.layout import Scale
from ntgbench_cascadenet.sampling import counts, sampled, windows
from ntgbench_trace_records.copies import timelines

from ntgbench.errors import PluginError
from ntgbench.tracks.headers.example import example_trace

TRAIN = example_trace()

SECONDS = 10**9

START, END = NAMES.index("start"), NAMES.index("end")

# Sparse enough that a random time is rarely near that of a flow.
SINGLE = flows(np.sort(np.random.default_rng(1).choice(100 * SECONDS, 400, replace=False)))


def rng(seed=1):
    return np.random.default_rng(seed)


def middles(system):
    table = system.model.table
    return middle_ns(table[:, START], table[:, END])


def test_flows_of_one_packet_are_at_their_true_times_with_oracle_conditions_and_only_then():
    found = {}
    for conditions in ("oracle", "resampled", "generated"):
        system = fitted(SINGLE, conditions=conditions, timestamps="sp", steps=1)
        made = system.sample(len(SINGLE), SINGLE.span_ns, rng())
        assert len(made.flows) == len(made) == len(SINGLE)
        found[conditions] = timelines(SINGLE, made, 1)
    assert found["oracle"]["timeline_copies"] == 1
    assert all(one["timeline_copies@chance"] < 0.02 for one in found.values())
    assert found["resampled"]["timeline_copies"] < 0.02
    assert found["generated"]["timeline_copies"] < 0.02


def test_oracle_takes_each_training_flow_once_with_its_middle():
    system = fitted(TRAIN, conditions="oracle")
    # More packets than flows ever have here, so that all flows are taken.
    made = sampled(system.model, len(TRAIN), TRAIN.span_ns, rng())
    some = np.isin(np.rint(made.middle_ns), np.rint(middles(system)))
    assert some.all()
    assert len(np.unique(made.middle_ns)) == len(made.middle_ns)
    assert not np.array_equal(made.middle_ns, np.sort(made.middle_ns))


@pytest.mark.parametrize(("times", "rounds"), [(1, 1), (2, 2), (2.5, 3)])
def test_oracle_takes_flows_again_for_a_larger_request(times, rounds):
    system = fitted(SINGLE, conditions="oracle", steps=1)
    packets = int(times * len(SINGLE))
    made = sampled(system.model, packets, SINGLE.span_ns, rng())
    number = np.unique(np.rint(made.middle_ns), return_counts=True)[1]
    assert made.packets.sum() == packets
    assert number.max() == rounds
    assert number.min() >= rounds - 1


def test_oracle_makes_no_more_than_its_flows_have(monkeypatch):
    system = fitted(flows([0, SECONDS], packets=10, gap_ns=10**7), conditions="oracle", totals="series")
    monkeypatch.setattr(sampling, "counts", lambda series, _: (torch.arange(20) == 0).float().expand(len(series), 20))
    made = system.sample(20, 2 * SECONDS, rng())
    assert len(made) == 2


def test_resampled_flows_are_training_flows_moved_by_up_to_half_a_step():
    system = fitted(TRAIN, conditions="resampled")
    middle = sampled(system.model, 2_000, TRAIN.span_ns, rng()).middle_ns
    distance = np.abs(middle[:, None] - middles(system)).min(axis=1)
    assert distance.max() <= system.model.layout.grid.step_ns / 2
    assert np.count_nonzero(distance > 0) > 0.9 * len(middle)
    assert middle.min() >= 0
    assert middle.max() <= TRAIN.span_ns


def test_generated_middles_are_those_of_the_times_that_the_first_generator_makes(monkeypatch):
    system = fitted(TRAIN, balance=0.0)
    layout, g1 = system.model.layout, system.model.generators.g1
    seen = []
    forward = g1.forward
    monkeypatch.setattr(g1, "forward", lambda *inputs: seen.append(forward(*inputs)) or seen[-1])
    middle = sampled(system.model, 50, TRAIN.span_ns, rng()).middle_ns
    ends = np.concatenate([one.numpy() for one in seen])[: len(middle), [START, END]].astype(np.float64)
    np.testing.assert_allclose(middle, (ends * layout.top[[START, END]]).mean(axis=1))


@pytest.mark.parametrize("conditions", ["generated", "resampled", "oracle"])
@pytest.mark.parametrize("share", [0, 0.1, 10])
def test_another_span_stretches_the_middles(conditions, share):
    system = fitted(TRAIN, conditions=conditions)
    as_trained = sampled(system.model, 50, TRAIN.span_ns, rng()).middle_ns
    other = sampled(system.model, 50, int(TRAIN.span_ns * share), rng()).middle_ns
    np.testing.assert_allclose(other, as_trained * share, rtol=1e-6)
    made = system.sample(50, int(TRAIN.span_ns * share), rng())
    assert TRAIN.time_ns[0] <= made.time_ns[0] <= made.time_ns[-1] <= TRAIN.time_ns[0] + int(TRAIN.span_ns * share)


def test_a_span_that_floats_cannot_hold_is_not_exceeded():
    system = fitted(SINGLE, conditions="oracle", steps=1)
    span_ns = 2**55 - 1
    made = system.sample(len(SINGLE), span_ns, rng())
    assert made.span_ns <= span_ns


def test_the_last_flow_is_cut_and_what_comes_before_stays():
    system = fitted(TRAIN)
    many, few = (sampled(system.model, packets, TRAIN.span_ns, rng()) for packets in (60, 59))
    assert (many.packets.sum(), few.packets.sum()) == (60, 59)
    np.testing.assert_array_equal(few.middle_ns[:5], many.middle_ns[:5])
    np.testing.assert_array_equal(few.flows["source"][:5], many.flows["source"][:5])
    assert len(few.middle_ns) == len(few.flows["source"]) == few.flow[-1] + 1
    assert len(few.records) == len(few.place) == 59


def test_pieces_change_nothing_that_counts(monkeypatch):
    monkeypatch.setattr(sampling, "PACKETS", 7)
    monkeypatch.setattr(sampling, "FLOWS", 5)
    system = fitted(TRAIN)
    monkeypatch.setattr(type(system.model.generators.g3), "most", 2)
    made = sampled(system.model, 500, TRAIN.span_ns, rng())
    assert made.packets.sum() == len(made.records) == 500
    np.testing.assert_array_equal(np.unique(made.flow), np.arange(len(made.middle_ns)))
    assert (np.diff(made.flow) >= 0).all()
    assert made.packets.max() > 2
    assert len(np.unique(made.records, axis=0)) == 500


def test_counts_are_those_of_the_rate_where_the_flags_say_so():
    layout = replace(fitted(TRAIN).model.layout, rate=Scale(float(np.log(2)), float(np.log(8))))
    series = torch.zeros(1, 4, layout.step)
    series[0, :, 0] = torch.tensor([0.0, 1.0, 1.0, 0.5])
    series[0, :, layout.plain] = torch.tensor([0.0, 1.0, 0.0, 1.0])
    series[0, :, layout.plain + 1] = torch.tensor([1.0, 0.0, 1.0, 0.0])
    assert counts(series, layout).tolist() == [[1, 7, 0, 3]]


def test_windows_are_the_steps_around_one_and_inactive_outside():
    layout = fitted(TRAIN, window=5).model.layout
    series = torch.arange(2 * 20 * layout.step, dtype=torch.float32).view(2, 20, layout.step)
    found = windows(series, torch.tensor([0, 19, 10]), layout, torch.tensor([1, 0, 0]))
    outside = torch.zeros(2, layout.step)
    outside[:, -1] = 1
    assert torch.equal(found[0], torch.cat([outside, series[1, :3]]))
    assert torch.equal(found[1], torch.cat([series[0, 17:], outside]))
    assert torch.equal(found[2], series[0, 8:13])
    assert torch.equal(windows(series, torch.tensor([10, 10]), layout)[0], found[2])


def test_networks_that_give_no_numbers_are_said(monkeypatch):
    system = fitted(TRAIN)
    with torch.no_grad():
        system.model.generators.g2.head.bias.fill_(float("nan"))
    with pytest.raises(PluginError, match="not finite: the training diverged"):
        system.sample(10, TRAIN.span_ns, rng())


def test_no_packet_in_the_span_is_said_when_flows_are_not_moved():
    system = fitted(flows([0, SECONDS], packets=10, gap_ns=10**7), repeats="ref", timestamps="eq")
    with pytest.raises(PluginError, match="no packet lies in the time asked for"):
        system.sample(2, 0, rng())


IPV4 = TRAIN.select(TRAIN.is_ipv4())
ONE_TOS = replace(IPV4, tos=np.full(len(IPV4), 8, np.uint8))


def test_fields_stay_in_the_range_of_training_and_one_value_stays_one():
    made = fitted(ONE_TOS, fields="observed").sample(len(ONE_TOS), ONE_TOS.span_ns, rng())
    assert not made.fragment_offset.any()
    assert (made.tos == 8).all()
    for name in ("ip_id", "ttl", "ip_length"):
        own, found = getattr(ONE_TOS, name), getattr(made, name)
        assert own.min() <= found.min() <= found.max() <= own.max(), name


def test_fields_as_the_code_of_the_paper_has_them_leave_it():
    made = fitted(ONE_TOS, fields="type").sample(len(ONE_TOS), ONE_TOS.span_ns, rng())
    assert made.fragment_offset.any()
    assert (made.tos > 8).any()
    assert made.ttl.max() > ONE_TOS.ttl.max()
