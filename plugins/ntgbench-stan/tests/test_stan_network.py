"""A head sees the columns before its own and the window, and nothing else; sampling computes what training does."""

import numpy as np
import pytest
import torch
from made_stan import ipv4_example, tiny
from ntgbench_stan.layout import Layout
from ntgbench_stan.links import links
from ntgbench_stan.networks import Network
from ntgbench_stan.sampling import Memory
from ntgbench_stan.training import Chunks, linked_vectors, loss

TRACE = ipv4_example()


def parts(**changes):
    p = tiny(**changes)
    layout = Layout.of(TRACE, p)
    torch.manual_seed(1)
    codes = layout.encode(TRACE, links(TRACE, p.links) if p.links else None)
    return p, layout, Network(layout, p).eval(), codes


@pytest.mark.parametrize("linked", [0, 3])
def test_changing_a_column_changes_no_head_up_to_its_own_and_some_after_it(linked):
    _, layout, network, codes = parts(links=linked)
    context = torch.randn(1, network.enter.out_features)
    row = torch.from_numpy(codes[5:6])
    vector = torch.randn(1, network.start.numel()) if linked else None
    before = network.outputs(context, network.embed(row), vector)
    for i, column in enumerate(layout.columns):
        other = row.clone()
        other[0, i] = (row[0, i] + 1 + column.size // 2) % max(column.size, 1)
        if other[0, i] == row[0, i]:
            continue
        after = network.outputs(context, network.embed(other), vector)
        changed = [not torch.equal(a, b) for a, b in zip(before, after, strict=True)]
        assert not any(changed[: i + 1])
        assert all(changed[i + 1 :])


def test_only_heads_after_the_link_see_the_linked_packet():
    _, layout, network, codes = parts(links=3)
    context, own = torch.randn(1, network.enter.out_features), network.embed(torch.from_numpy(codes[5:6]))
    one, other = (network.outputs(context, own, torch.randn(1, own.shape[1])) for _ in range(2))
    changed = [not torch.equal(a, b) for a, b in zip(one, other, strict=True)]
    assert changed == [i > layout.at["link"] for i in range(len(layout.columns))]


@pytest.mark.parametrize("window", [2, 4, 16])
def test_a_context_is_that_of_the_packets_of_its_window_alone(window):
    _, _, network, codes = parts(window=window, hidden=32)
    vectors = network.embed(torch.from_numpy(codes[:40])).unsqueeze(0)
    before = network.context(vectors)
    assert before.shape == (1, 41 - window, network.enter.out_features)
    for place in (0, 17, 39):
        other = vectors.clone()
        other[0, place] += 1
        changed = (network.context(other) != before).any(-1)[0].nonzero()[:, 0].tolist()
        # The context at j is that of the packets j … j + window - 1.
        assert changed == list(range(max(0, place - window + 1), min(place + 1, 41 - window)))


def test_the_memory_of_sampling_gives_the_contexts_of_training():
    _, _, network, codes = parts(window=8)
    vectors = network.embed(torch.from_numpy(codes[:30])).unsqueeze(0)
    begun = torch.cat([network.start.expand(1, 8, -1), vectors], 1)
    memory = Memory(network, 1)
    for at, expected in enumerate(network.context(begun)[0]):
        torch.testing.assert_close(memory.context[0], expected, rtol=1e-4, atol=1e-5)
        if at < 30:
            memory.add(vectors[:, at])


def test_values_of_a_column_have_the_same_vectors_alone_and_in_a_packet():
    _, layout, network, codes = parts()
    rows = torch.from_numpy(codes)
    alone = [network.embed_column(i, rows[:, i]) for i in range(len(layout.columns))]
    torch.testing.assert_close(torch.cat(alone, 1), network.embed(rows))


@pytest.mark.parametrize("links_back", [0, 9])
def test_chunks_are_following_packets_and_what_is_known_is_not_learnt(links_back):
    p, layout, _, codes = parts(links=links_back, cut=0.5)
    chunks = Chunks(codes, layout, p, torch.device("cpu"))
    before = max(p.window, links_back)
    torch.manual_seed(3)
    found, there, learnt = chunks.draw(200)
    assert found.shape == (200, before + p.chunk, len(layout.columns))
    assert learnt.shape == (200, p.chunk, len(layout.columns))
    others = [i for i, column in enumerate(layout.columns) if column.name != "link"]
    whole = [tuple(row) for row in codes[:, others].tolist()]
    at = layout.at
    for chunk in range(200):
        known = there[chunk].nonzero()[:, 0].tolist()
        assert known == list(range(known[0], known[-1] + 1))
        part = [tuple(row) for row in found[chunk, known][:, others].tolist()]
        assert any(whole[i : i + len(part)] == part for i in range(len(whole)))
    exact = found[:, before:, at["exact"]] < len(layout.values["length"])
    inside = there[:, before:]
    assert torch.equal(learnt[..., at["length"]], inside & ~exact)
    if links_back:
        link = found[:, before:, at["link"]]
        back = torch.arange(before, before + p.chunk) - (link + 1) // 2
        assert there.gather(1, back.clamp(min=0))[inside & (link > 0)].all()
        assert torch.equal(learnt[..., at["source0"]], inside & (link == 0))
    else:
        assert torch.equal(learnt[..., at["source0"]], inside)


def test_linked_vectors_are_those_of_the_packets_linked_to():
    vectors = torch.arange(7.0).view(1, 7, 1) + 1
    link = torch.tensor([[0, 1, 4, 7]])
    assert linked_vectors(vectors, link, 3)[0, :, 0].tolist() == [0, 4, 4, 3]


def test_the_loss_is_the_mean_of_the_columns_that_are_learnt():
    p, layout, network, codes = parts(cut=0.0, chunk=1, batch=1)
    chunks = Chunks(codes, layout, p, torch.device("cpu"))
    torch.manual_seed(5)
    found = loss(network, chunks, 1).item()
    torch.manual_seed(5)
    batch, there, learnt = chunks.draw(1)
    vectors = torch.where(there.unsqueeze(-1), network.embed(batch), network.start)
    outputs = network.outputs(network.context(vectors[:, :-1]), vectors[:, -1:])
    expected = 0.0
    for i, column in enumerate(layout.columns):
        if learnt[0, 0, i] and not column.mixture:
            expected -= torch.log_softmax(outputs[i][0, 0], 0)[batch[0, -1, i]].item()
        elif learnt[0, 0, i]:
            expected -= network.log_likelihood(outputs, batch[:, -1:])[0, 0, i].item()
    assert found == pytest.approx(expected, rel=1e-5)
    assert np.isfinite(found)
