"""The third generator as an LSTM over the packets of a step."""

from dataclasses import replace

import numpy as np
import torch
from made_cascadenet import fitted, flows
from ntgbench_cascadenet.batches import Batches
from ntgbench_cascadenet.grid import Grid
from ntgbench_cascadenet.packet_sequence import CellBatches
from ntgbench_cascadenet.sampling import sampled
from ntgbench_cascadenet.series import Series

from ntgbench.tracks.headers.example import example_trace


def model_of(train, **changes):
    return fitted(train, packets="lstm", **changes).model


def batches_of(train, layout):
    grid = Grid(int(train.time_ns[0]), train.span_ns, layout.parameters.steps)
    return CellBatches(layout, Series.of(train, grid), train, torch.device("cpu"))


def cells(step_packets=2_000):
    """One flow with cells of 7, 1 and 3 packets."""
    trace = flows([0], 11)
    train = replace(trace, time_ns=np.array([0, 1, 2, 3, 4, 5, 6, 500, 998, 999, 1000]))
    layout = model_of(train, step_packets=step_packets).layout
    return layout, batches_of(train, layout)


def test_a_real_sample_is_the_packets_of_a_cell_and_zeros_after_its_stop():
    layout, batches = cells()
    assert (batches.samples, layout.longest) == (3, 7)
    found = batches.records(torch.tensor([0, 1, 2])).view(3, 7, layout.records.width + 2)
    records = batches._records
    assert torch.equal(found[0, :, :-2], records[:7])
    assert torch.equal(found[1, 0, :-2], records[7])
    assert torch.equal(found[2, :3, :-2], records[8:])
    assert found[1, 1:, :-2].abs().sum() == found[2, 3:, :-2].abs().sum() == 0
    inside = torch.arange(7) < torch.tensor([[7], [1], [3]])
    assert torch.equal(found[..., -2:], torch.stack([inside, ~inside], 2).float())


def test_of_a_cell_that_is_too_large_the_first_packets_are_seen():
    layout, batches = cells(step_packets=4)
    assert layout.longest == 4
    found = batches.records(torch.tensor([0])).view(4, layout.records.width + 2)
    assert torch.equal(found[:, :-2], batches._records[:4])


def test_inputs_are_those_of_any_packet_of_the_cell():
    _, batches = cells()
    found = batches.packet_inputs(torch.tensor([0, 1, 2]))
    assert torch.equal(found, Batches.packet_inputs(batches, torch.tensor([6, 7, 9])))
    drawn = torch.cat([batches.one_packet_each(torch.tensor([0])) for _ in range(200)])
    assert set(drawn.tolist()) == {0, 1, 2}


def test_synthetic_samples_are_zero_after_their_stop_and_never_empty():
    model = model_of(example_trace(), steps=1)
    g3, width = model.generators.g3, model.layout.records.width
    inputs = torch.zeros(200, model.layout.packet_input)
    with torch.no_grad():
        made = g3(inputs, g3.draw(200, inputs)).view(200, model.layout.longest, width + 2)
    pair = made[..., -2:]
    torch.testing.assert_close(pair.sum(2), torch.ones(200, model.layout.longest))
    inside = pair[..., 0] > pair[..., 1]
    inside[:, 0] = True
    inside = inside.cumprod(1).bool()
    assert not inside.all()
    assert (made[..., :-2][inside] != 0).any(1).all()
    assert made[..., :-2][~inside].abs().sum() == 0


def test_gradients_reach_all_that_comes_before_the_stop():
    model = model_of(example_trace(), steps=1)
    g3 = model.generators.g3
    inputs = torch.zeros(4, model.layout.packet_input, requires_grad=True)
    g3(inputs, g3.draw(4, inputs)).sum().backward()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in g3.parameters())
    assert (inputs.grad != 0).any()


def test_sampling_makes_what_the_network_gives_whatever_the_lengths():
    model = model_of(example_trace(), steps=1)
    g3 = model.generators.g3
    times = torch.tensor([1, 12, 3, 1, model.layout.longest, 5, 6])
    inputs = torch.rand(7, model.layout.packet_input)
    with torch.no_grad():
        made = g3.packets(inputs, times, torch.Generator().manual_seed(1))
        # One after the other, with the noise that each group of lengths draws.
        generator, begin = torch.Generator().manual_seed(1), times.cumsum(0) - times
        size = torch.ceil(torch.log2(torch.ceil(times / 5)))
        for group in sorted(set(size.tolist())):
            rows = [row for row in range(7) if size[row] == group]
            noise = g3.draw(len(rows), inputs, generator, int(times[rows].max()))
            for place, row in enumerate(rows):
                own = noise[0][place : place + 1], noise[1][:, place : place + 1], noise[2][:, place : place + 1]
                values = g3._places(inputs[row : row + 1], own)[0][0, : times[row]]
                torch.testing.assert_close(made[begin[row] : begin[row] + times[row]], values)


def test_both_phases_train_it_and_it_makes_as_many_packets_as_the_series_says():
    def of(**changes):
        return dict(model_of(example_trace(), **changes).generators.g3.named_parameters())

    drawn, alone, together = (of(g3_steps=g3, joint_steps=joint) for g3, joint in ((0, 0), (1, 0), (0, 1)))
    for trained in (alone, together):
        assert all(not torch.equal(drawn[name], trained[name]) for name in drawn)
    made = sampled(model_of(example_trace(), steps=1, step_packets=3), 400, 10**9, np.random.default_rng(1))
    assert made.packets.max() > 3
    assert made.packets.sum() == len(made.records) == 400
