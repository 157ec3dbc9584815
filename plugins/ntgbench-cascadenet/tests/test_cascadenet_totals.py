"""How many packets flows have, and how often large flows are learnt from and made."""

import numpy as np
import pytest
import torch
from made_cascadenet import fitted, flows
from ntgbench_cascadenet import sampling
from ntgbench_cascadenet.sampling import sampled

SECOND = 10**9

# The largest flow has 40 packets.
TRAIN = flows([0, 10**8, 2 * SECOND], packets=40, gap_ns=10**7)


def model_of(monkeypatch, wanted, steps, **changes):
    """A model whose flows want so many packets by their condition, in turn, and have so many in each step."""
    model = fitted(TRAIN, steps=len(steps), **changes).model
    g1, top = model.generators.g1, float(model.layout.top[0])
    forward = g1.forward

    def with_conditions(conditions, noise):
        made = forward(conditions, noise)
        given = torch.tensor(wanted, dtype=made.dtype).repeat(len(made) // len(wanted) + 1)
        made[:, 0] = given[: len(made)].log1p() / top
        return made

    monkeypatch.setattr(g1, "forward", with_conditions)
    numbers = torch.tensor([steps], dtype=torch.float32)
    monkeypatch.setattr(sampling, "counts", lambda series, _: numbers.repeat(len(series), 1))
    return model


@pytest.mark.parametrize(
    ("wanted", "steps", "found"),
    [
        (12, [1, 0, 3], [3, 0, 9]),
        (4, [1, 0, 3], [1, 0, 3]),
        (40, [7, 7, 0, 6], [14, 14, 0, 12]),
        # 2.9, 8.7 and 17.4
        (29, [1, 3, 6], [3, 9, 17]),
        # A step with packets keeps one.
        (3, [1, 1, 28], [1, 1, 3]),
        (1, [1, 2, 1], [1, 1, 1]),
    ],
)
def test_steps_of_a_flow_are_scaled_to_its_condition(monkeypatch, wanted, steps, found):
    model = model_of(monkeypatch, [wanted], steps, totals="condition", balance=0.0)
    made = sampled(model, 5 * sum(found), TRAIN.span_ns, np.random.default_rng(1))
    places, packets = np.flatnonzero(found), np.array(found)[np.flatnonzero(found)]
    assert made.step.tolist() == places.tolist() * 5
    assert made.packets.tolist() == packets.tolist() * 5


def test_flows_have_the_packets_of_their_series_otherwise(monkeypatch):
    model = model_of(monkeypatch, [40], [1, 0, 3], totals="series", balance=0.0)
    made = sampled(model, 20, TRAIN.span_ns, np.random.default_rng(1))
    assert made.packets.tolist() == [1, 3] * 5


@pytest.mark.parametrize(
    ("conditions", "balance", "share"),
    [
        ("generated", 0.0, 1 / 2),
        ("generated", 0.5, 1 / 5),
        ("generated", 1.0, 1 / 17),
        # Given conditions are those of training flows, which are drawn as often as they occur.
        ("resampled", 0.5, 1 / 2),
    ],
)
def test_as_many_large_flows_are_left_out_as_were_learnt_from_too_often(monkeypatch, conditions, balance, share):
    # Flows of 1 and of 16 packets come equally often, of which 1 and 16^-balance are kept.
    model = model_of(monkeypatch, [1, 16], [1], conditions=conditions, totals="condition", balance=balance)
    made = sampled(model, 10_000, TRAIN.span_ns, np.random.default_rng(1))
    sizes, often = np.unique(made.packets[:-1], return_counts=True)
    assert sizes.tolist() == [1, 16]
    assert abs(often[1] / often.sum() - share) < 6 * np.sqrt(share * (1 - share) / often.sum())


def test_a_request_that_is_smaller_than_most_flows_is_met(monkeypatch):
    # Five flows at a time, of each of which one in forty is kept: most of the time all are left out.
    monkeypatch.setattr(sampling, "FLOWS", 5)
    model = model_of(monkeypatch, [40], [1], totals="condition", balance=1.0)
    made = sampled(model, 1, TRAIN.span_ns, np.random.default_rng(1))
    assert made.packets.tolist() == [1]
