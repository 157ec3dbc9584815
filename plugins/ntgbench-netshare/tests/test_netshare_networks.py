"""The generator: what its numbers are, and where sequences end."""

import pytest
import torch
from made_netshare import numbers, tiny
from ntgbench_netshare.losses import critic_loss
from ntgbench_netshare.networks import Generator, counts, critic

from ntgbench.learning import adversaries
from ntgbench.tracks.headers.example import example_trace

LAYOUT, _ = numbers(example_trace())


def generator(**changes):
    torch.manual_seed(3)
    return Generator(LAYOUT, tiny(**changes))


def made(network, flows=40, seed=1):
    """Attributes as the LSTM gets them, and features."""
    torch.manual_seed(seed)
    chosen = network.chosen(network.attributes(flows))
    torch.manual_seed(seed)
    return chosen, network.features(chosen)


def test_attributes_are_pairs_vectors_and_a_start():
    found = generator().attributes(30)
    assert found.shape == (30, LAYOUT.attributes)
    pairs = found[:, : 2 * LAYOUT.bits].view(30, -1, 2)
    torch.testing.assert_close(pairs.sum(2), torch.ones(30, LAYOUT.bits))
    assert (found[:, 2 * LAYOUT.bits : -1].abs() < 1).all()
    assert ((found[:, -1] > 0) & (found[:, -1] < 1)).all()


def test_the_sequence_generator_gets_decided_pairs_and_gives_no_gradient_to_attributes():
    network = generator()
    soft = network.attributes(30)
    chosen = network.chosen(soft)
    pairs = 2 * LAYOUT.bits
    assert not chosen.requires_grad
    assert set(chosen[:, :pairs].unique().tolist()) == {0.0, 1.0}
    assert torch.equal(chosen[:, :pairs:2] > 0.5, soft[:, :pairs:2] >= 0.5)
    assert torch.equal(chosen[:, pairs:], soft[:, pairs:])


def restless(at_once):
    """A generator whose sequences end here and there."""
    network = generator(packets_a_step=at_once)
    with torch.no_grad():
        network.lstm.weight_ih_l0[:, -3:] *= 20
        network.head.weight *= 6
        network.head.bias.view(at_once, -1)[:, -2] += 2
    return network


@pytest.mark.parametrize("at_once", [1, 5, 7])
def test_all_is_0_after_the_first_packet_that_is_the_last(at_once):
    network = restless(at_once)
    found = made(network)[1]
    assert found.shape == (40, LAYOUT.longest, LAYOUT.features)
    number = counts(found)
    assert len(number.unique()) > 3
    for sequence, count in zip(found, number.tolist(), strict=True):
        goes_on = sequence[:, -2] > sequence[:, -1]
        assert goes_on[: count - 1].all()
        assert count == LAYOUT.longest or not goes_on[count - 1]
        assert not sequence[count:].any()
        torch.testing.assert_close(sequence[:count, -2:].sum(1), torch.ones(count))


def test_leaving_flows_that_have_ended_changes_nothing():
    network = restless(5)
    chosen, found = made(network)
    # All steps for all flows, with the noise in the same order.
    torch.manual_seed(1)
    state = torch.randn(1, 40, 6), torch.randn(1, 40, 6)
    noise = torch.randn(network.steps, 40, 3).transpose(0, 1)
    out, _ = network.lstm(torch.cat([chosen[:, None].expand(-1, network.steps, -1), noise], 2), state)
    packets = network._heads(network.head(out).view(40, -1, LAYOUT.features))[:, : LAYOUT.longest]
    there = torch.arange(LAYOUT.longest) < counts(packets)[:, None]
    assert not there.all()
    torch.testing.assert_close(found, packets * there[..., None], rtol=1e-5, atol=1e-6)


def test_a_sequence_without_a_last_packet_is_as_long_as_all_can_be():
    network = generator()
    with torch.no_grad():
        network.head.bias.view(5, -1)[:, -2] += 1e3
    assert counts(made(network)[1]).tolist() == [LAYOUT.longest] * 40


def test_the_loss_of_a_critic_is_that_of_the_host():
    torch.manual_seed(1)
    judge = critic(30, 9)
    real, fake = torch.randn(2, 7, 30)
    real[:, 20:], fake[:, 20:] = 0, 0
    weights = list(judge.parameters())
    found = []
    for loss in (adversaries.critic_loss, lambda *rows: critic_loss(*rows, 20)):
        torch.manual_seed(2)
        value = loss(judge, real, fake)
        found.append([value, *torch.autograd.grad(value, weights)])
    torch.testing.assert_close(*found, rtol=1e-5, atol=1e-6)
