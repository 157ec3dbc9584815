"""From trained networks to flows and packets as numbers, in two stages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from ntgbench.errors import PluginError
from ntgbench_netshare.decoding import Parts, joined, kept_whole, timed
from ntgbench_netshare.networks import counts

if TYPE_CHECKING:
    from ntgbench.mapping.words import Vectors
    from ntgbench_netshare.decoding import Made
    from ntgbench_netshare.layout import Layout, Numbers
    from ntgbench_netshare.networks import Generator
    from ntgbench_netshare.parameters import NetShareParameters

FLOWS = 512
"""Flows made at a time, at most."""

FEWEST = 64
"""Flows of all chunks made in a round, about, at least."""


@dataclass(frozen=True, eq=False)
class Model:
    """A fitted model: what numbers mean, and the generator of each chunk that has flows."""

    layout: Layout
    generators: dict[int, Generator]


def sampled(model: Model, p: NetShareParameters, packets: int, span_ns: int, rng: np.random.Generator) -> Made:
    """As many packets as asked for; with `repeats=drop`, `decode` leaves some of them out.

    Flows of all chunks are made, in proportion to those of training, in rounds until there are packets enough. Then
    flows are taken in random order, so that no chunk is preferred, and the last one is cut. Chunks are stretched from
    the span of the training trace to `span_ns`; inside a flow time stays as it is.

    Raises PluginError when the networks give numbers that are not finite.
    """
    total = sum(chunk.flows for chunk in model.layout.chunks)
    rounds: list[Made] = []
    # A few flows at first: they show how many packets the networks make of a flow.
    wanted, asked, found = max(FEWEST, packets // 64), 0, 0
    while found < packets:
        parts = first_stage(model, wanted / total, rng)
        rounds.append(timed(parts, *second_stage(model, parts, rng), model.layout, p.outside, span_ns))
        asked, found = asked + wanted, found + len(rounds[-1].flow)
        wanted = max(FEWEST, int(1.05 * (packets - found) * asked / found))
    return kept_whole(joined(rounds), packets, rng)


def first_stage(model: Model, share: float, rng: np.random.Generator) -> Parts:
    """Attributes in each chunk, of `share` times its training flows; those that start there go on in later chunks.

    A flow goes on in the chunks for which its attributes say so. When it begins there is that of a flow that the
    chunk's own generator makes and that did not start there; the code of NetShare takes its place in its first chunk.

    There is a flow at least: when no chunk has one that starts there, all count as starting.
    """
    layout = model.layout
    number = {k: int(layout.chunks[k].flows * share + rng.random()) for k in model.generators}
    if not any(number.values()):
        number[layout.first] = 1
    made = {k: _attributes(model.generators[k], count, rng) for k, count in number.items() if count}
    starts = {k: rows[:, 2 * layout.starts] > 0.5 for k, rows in made.items()}
    if not any(chosen.any() for chosen in starts.values()):
        starts = {k: np.ones_like(chosen) for k, chosen in starts.items()}
    parts: dict[int, list[tuple[Vectors, Numbers]]] = {k: [] for k in model.generators}
    flows = 0
    for k, rows in made.items():
        own = rows[starts[k]]
        own[:, [2 * layout.starts, 2 * layout.starts + 1]] = 1, 0
        flow = flows + np.arange(len(own))
        flows += len(own)
        parts[k].append((own, flow))
        for later in (j for j in model.generators if j > k):
            goes_on = own[:, 2 * (layout.starts + 1 + later)] > 0.5
            copied = own[goes_on]
            copied[:, [2 * layout.starts, 2 * layout.starts + 1]] = 0, 1
            known = made[later][~starts[later], -1] if later in made else copied[:0, -1]
            if len(known) and len(copied):
                copied[:, -1] = rng.choice(known, len(copied))
            parts[later].append((copied, flow[goes_on]))
    listed = [(rows, flow, np.full(len(rows), k)) for k in sorted(parts) for rows, flow in parts[k]]
    columns = [np.concatenate(column) for column in zip(*listed, strict=True)]
    return Parts(*columns)


@torch.inference_mode()
def second_stage(model: Model, parts: Parts, rng: np.random.Generator) -> tuple[Vectors, Numbers]:
    """The packets of flows with these attributes: fields, float32 (N, fields), and packets of each, (F,)."""
    fields, number = [], []
    for k, network in model.generators.items():
        rows = parts.attributes[parts.chunk == k]
        for begin in range(0, len(rows), FLOWS):
            chosen = torch.from_numpy(rows[begin : begin + FLOWS]).to(network.head.weight.device)
            features = network.features(chosen, _generator(network, rng))
            _require_finite(features)
            count = counts(features)
            there = torch.arange(features.shape[1], device=count.device) < count.unsqueeze(1)
            fields.append(features[there][:, : model.layout.fields].cpu().numpy())
            number.append(count.cpu().numpy())
    return np.concatenate(fields), np.concatenate(number)


@torch.inference_mode()
def _attributes(network: Generator, count: int, rng: np.random.Generator) -> Vectors:
    """Attributes of so many flows, float32 (F, attributes), decided."""
    generator, parts = _generator(network, rng), []
    for begin in range(0, count, FLOWS):
        made = network.attributes(min(FLOWS, count - begin), generator)
        _require_finite(made)
        parts.append(network.chosen(made).cpu().numpy())
    return np.concatenate(parts)


def _generator(network: Generator, rng: np.random.Generator) -> torch.Generator:
    return torch.Generator(network.head.weight.device).manual_seed(int(rng.integers(2**63)))


def _require_finite(made: torch.Tensor) -> None:
    if not made.isfinite().all():
        raise PluginError(
            "the networks give numbers that are not finite: the training diverged or the model is damaged; "
            "train it again, with a lower learning_rate"
        )
