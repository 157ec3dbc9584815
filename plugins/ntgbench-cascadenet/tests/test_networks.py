"""Sizes, heads and masks of the networks."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from ntgbench_cascadenet.networks import Cascade
from ntgbench_cascadenet.parameters import CascadeNetParameters
from torch import nn

from ntgbench.learning.checkpoints import sketched
from ntgbench.tracks.headers.example import example_trace

_spec = importlib.util.spec_from_file_location("plain_cascadenet", Path(__file__).with_name("plain_cascadenet.py"))
plain = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(plain)

TRACE = example_trace()
IPV4 = TRACE.select(np.flatnonzero(TRACE.is_ipv4()))


def cascade(**settings):
    """Networks in evaluation, and their layout."""
    layout, _, networks = plain.prepared(IPV4, **{"hidden": 8, "ports": "bits", **settings})
    return networks.eval(), layout


def softmax(first, second):
    return np.exp(first) / (np.exp(first) + np.exp(second))


def sigmoid(value):
    return 1 / (1 + np.exp(-value))


def test_sizes_are_those_of_the_code_of_the_paper():
    layout, *_ = plain.prepared(IPV4, hidden=8)
    # Two combinations of IP flags are the number that fits.
    records = replace(layout.records, flags=(0, 2))
    layout = replace(layout, records=records, parameters=CascadeNetParameters(conditions="oracle", hidden=512))
    networks = sketched(lambda: Cascade(layout))
    sizes = {name: sum(weight.numel() for weight in part.parameters()) for name, part in networks.named_children()}
    assert sizes == {"g1": 402078, "g2": 1620008, "g3": 451080, "d1": 874497, "d2": 956417, "d3": 923649}


def test_batch_norm_is_in_the_generators_without_lstm_only():
    networks, _ = cascade()
    norms = {
        name: sum(isinstance(part, nn.BatchNorm1d) for part in getattr(networks, name).modules())
        for name in ("g1", "g2", "g3", "d1", "d2", "d3")
    }
    assert norms == {"g1": 2, "g2": 0, "g3": 2, "d1": 0, "d2": 0, "d3": 0}
    assert [type(part).__name__ for part in networks.g1.body] == ["Linear", "BatchNorm1d", "GELU"] * 2 + ["Linear"]
    assert [type(part).__name__ for part in networks.d1] == ["Linear", "GELU"] * 4 + ["Linear"]


@pytest.mark.parametrize("conditions", ["generated", "oracle"])
@pytest.mark.parametrize("ports", ["bits", "words"])
def test_heads_of_flows(conditions, ports):
    networks, layout = cascade(conditions=conditions, ports=ports)
    given, noise = torch.rand(6, 9), torch.randn(6, 100)
    found = networks.g1(given, noise)
    inputs = noise if conditions == "generated" else torch.cat([given, noise], 1)
    raw = networks.g1.body(inputs).detach().numpy()
    if conditions == "generated":
        expected, raw = [*sigmoid(raw[:, :9]).T], raw[:, 9:]
    else:
        expected = [*given.numpy().T]
    for bit in range(layout.tuples.bits):
        no, yes = raw[:, 2 * bit], raw[:, 2 * bit + 1]
        expected += [softmax(no, yes), softmax(yes, no)]
    expected += [*np.tanh(raw[:, 2 * layout.tuples.bits :]).T]
    assert len(expected) == 9 + layout.tuples.width
    np.testing.assert_allclose(found.detach().numpy(), np.stack(expected, 1), atol=1e-6)


@pytest.mark.parametrize(
    "settings",
    [
        {"steps": 13},
        {"steps": 13, "zero_flag": False},
        {"steps": 6, "sub_period": False},
        {"steps": 6, "throughput": False, "zero_flag": False},
        {"steps": 13, "series": "mlp"},
    ],
)
def test_heads_and_masks_of_series(settings):
    networks, layout = cascade(**settings)
    g2, plain_numbers, zero_flag = networks.g2, layout.plain, layout.parameters.zero_flag
    torch.manual_seed(1)
    raw = torch.randn(40, layout.parameters.steps, layout.step)
    raw[..., -2] += 1  # most steps are inside
    found, raw = g2.masked(raw).numpy(), raw.numpy()
    for row, made in zip(raw, found, strict=True):
        inside = True
        for step, numbers in enumerate(row):
            inside = step == 0 or (inside and numbers[-2] > numbers[-1])
            filled = step == 0 or not zero_flag or numbers[plain_numbers] > numbers[plain_numbers + 1]
            expected = [sigmoid(number) * inside * filled for number in numbers[:plain_numbers]]
            if zero_flag:
                yes, no = numbers[plain_numbers : plain_numbers + 2]
                expected += [softmax(yes, no) * inside, softmax(no, yes) * inside]
            expected += [softmax(numbers[-2], numbers[-1]), softmax(numbers[-1], numbers[-2])]
            np.testing.assert_allclose(made[step], expected, atol=1e-6)


def test_the_series_is_made_five_steps_at_a_time():
    networks, layout = cascade(steps=13)
    g2, flow = networks.g2, torch.rand(4, layout.flow)
    noise = g2.draw(4, flow, torch.Generator().manual_seed(1))
    assert [tuple(part.shape) for part in noise] == [(4, 3, 100), (1, 4, 8), (1, 4, 8)]
    h, c = noise[1], noise[2]
    chunks = []
    for chunk in range(3):
        # Gates of an LSTM (torch.nn.LSTM): input, forget, cell, output.
        inputs = torch.cat([flow, noise[0][:, chunk]], 1)
        lstm = g2.lstm
        gates = inputs @ lstm.weight_ih_l0.T + lstm.bias_ih_l0 + h[0] @ lstm.weight_hh_l0.T + lstm.bias_hh_l0
        i, f, g, o = gates.chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        chunks.append(g2.head(h[0]).view(4, 5, layout.step))
    expected = g2.masked(torch.cat(chunks, 1)[:, :13])
    torch.testing.assert_close(g2(flow, noise), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("settings", [{"steps": 33}, {"steps": 33, "window": 1}, {"steps": 7, "series": "mlp"}])
def test_a_series_that_stops_early_is_the_same_where_windows_reach(settings):
    networks, layout = cascade(**settings)
    g2, flow = networks.g2, torch.rand(200, layout.flow)
    if g2.recurrent:
        with torch.no_grad():
            g2.head.weight *= 8
            g2.head.bias.view(-1, layout.step)[:, -2] += 2  # flows of all lengths
    noise = g2.draw(200, flow, torch.Generator().manual_seed(1))
    with torch.no_grad():
        whole, early = g2(flow, noise), g2.until_end(flow, noise)
    length = (whole[..., -2] > whole[..., -1])[:, 1:].cumprod(1).sum(1) + 1
    if g2.recurrent:
        assert (length < 3).any()
        assert (length == 33).any()
    read = torch.arange(whole.shape[1]) < (length + layout.parameters.window // 2)[:, None]
    torch.testing.assert_close(early[read], whole[read], rtol=1e-5, atol=1e-6)
    for made in (whole, early):
        assert (made[torch.arange(whole.shape[1]) >= length[:, None]][:, : layout.plain] == 0).all()


def test_no_gradient_passes_through_a_decision():
    networks, layout = cascade(steps=4)
    raw = torch.zeros(1, 4, layout.step, requires_grad=True)
    flags = torch.zeros(1, 4, layout.step)
    flags[..., -2], flags[0, 2, -2], flags[..., layout.plain] = 1, -1, 1
    networks.g2.masked(raw + flags)[..., :4].sum().backward()
    # The third step ends the flow: neither it nor the last one has a way back, and flags have none at all.
    assert (raw.grad[0, :2, :4] != 0).all()
    assert (raw.grad[0, 2:] == 0).all()
    assert (raw.grad[..., 4:] == 0).all()


def test_heads_of_packets():
    networks, layout = cascade()
    inputs, noise = torch.rand(7, layout.packet_input), torch.randn(7, 100)
    raw = networks.g3.body(torch.cat([inputs, noise], 1)).detach().numpy()
    kinds = len(layout.records.flags)
    flags = np.exp(raw[:, 3 : 3 + kinds])
    expected = [sigmoid(raw[:, :3]), flags / flags.sum(1, keepdims=True), sigmoid(raw[:, 3 + kinds :])]
    np.testing.assert_allclose(networks.g3(inputs, noise).detach().numpy(), np.concatenate(expected, 1), atol=1e-6)


def test_packets_that_share_inputs_are_those_of_repeated_inputs():
    networks, layout = cascade()
    inputs, times = torch.rand(5, layout.packet_input), torch.tensor([1, 3, 0, 2, 7])
    noise = torch.randn(13, 100)
    with torch.no_grad():
        expected = networks.g3(inputs.repeat_interleave(times, 0), noise)
        torch.testing.assert_close(networks.g3.repeated(inputs, times, noise), expected, rtol=1e-5, atol=1e-6)
