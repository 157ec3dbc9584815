"""From trained networks to flows and packets as numbers."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ntgbench.errors import PluginError
from ntgbench_cascadenet.conditions import NAMES, middle_ns
from ntgbench_cascadenet.decoding import Made

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ntgbench.mapping.words import Vectors
    from ntgbench_cascadenet.grid import Numbers
    from ntgbench_cascadenet.layout import Layout
    from ntgbench_cascadenet.networks import Generators
    from ntgbench_cascadenet.series import Reals

START, END = NAMES.index("start"), NAMES.index("end")

STEPS = 2**18
"""Steps of series made at a time, about: bounds the memory whatever T is."""

FLOWS = 1024
"""Flows made at a time, at most."""

PACKETS = 16_384
"""Packets made at a time, about."""


@dataclass(frozen=True, eq=False)
class Model:
    """A fitted model.

    Attributes:
        generators: the networks, for evaluation.
        layout: what their numbers mean.
        table: conditions of the F training flows, float64 (F, 9), before they are scaled; None when conditions are
            generated.
    """

    generators: Generators
    layout: Layout
    table: Reals | None


def sampled(model: Model, packets: int, span_ns: int, rng: np.random.Generator) -> Made:
    """As many packets as asked for: flows are made until there are enough, and the last one is cut.

    The parameter `conditions` says for what conditions. "generated": the first generator makes them. "resampled": those
    of training flows, drawn with replacement, each flow earlier or later by up to half a time step. "oracle": those of
    each training flow once, in random order, with its true middle; k times as many packets as in training take each
    flow k times. There are fewer packets than asked for when these flows have not as many.

    The middles of flows are stretched from the span of the training trace to `span_ns`.

    Raises PluginError when the networks give numbers that are not finite.
    """
    parts: list[Made] = []
    for conditions, middle in _conditions(model, packets, rng):
        part = _flows(model, conditions, middle, packets, rng)
        if part is None:
            continue
        parts.append(part)
        packets -= int(part.packets.sum())
        if not packets:
            break
    made = _joined(parts)
    return replace(made, middle_ns=np.clip(made.middle_ns * (span_ns / model.layout.grid.span_ns), 0, span_ns))


def counts(series: Tensor, layout: Layout) -> Tensor:
    """Packets of each step, float (B, T), whole numbers: exp of the rate less 1, 0 where a flag says so.

    The first step has at least one packet.
    """
    rate = torch.expm1(series[..., 0] * (layout.rate.high - layout.rate.low) + layout.rate.low).round()
    if layout.parameters.zero_flag:
        rate = rate * (series[..., layout.plain] > series[..., layout.plain + 1])
    else:
        rate = rate * (series[..., -2] > series[..., -1])
    rate[:, 0].clamp_(min=1)
    return rate


def windows(series: Tensor, step: Tensor, layout: Layout, flow: Tensor | None = None) -> Tensor:
    """W: the steps around a step of a flow, (K, window, d), for S, (B, T, d), and step and flow of each, (K,).

    Without flows there is one step of each, K = B.
    """
    half = layout.parameters.window // 2
    outside = series.new_zeros(len(series), half, series.shape[2])
    outside[..., -1] = 1
    padded = torch.cat([outside, series, outside], 1)
    near = step[:, None] + torch.arange(2 * half + 1, device=step.device)
    flow = torch.arange(len(series), device=step.device) if flow is None else flow
    return padded[flow[:, None], near]


def _conditions(model: Model, packets: int, rng: np.random.Generator) -> Iterator[tuple[Tensor, Reals | None]]:
    """C, float (B, c), and the middles of the flows in ns, float64 (B,); None when both are generated."""
    layout, table = model.layout, model.table
    size = max(1, min(FLOWS, STEPS // layout.parameters.steps))
    if table is None:
        while True:
            yield torch.zeros(size, len(layout.conditions)), None
    oracle = layout.parameters.conditions == "oracle"
    for rows in _once_each(table, packets, size, rng) if oracle else _drawn(table, size, rng):
        chosen = table[rows]
        if not oracle:
            half, span_ns = layout.grid.step_ns / 2, layout.grid.span_ns
            # Inside the trace, without more flows at its ends than anywhere else.
            earliest, latest = np.maximum(-half, -chosen[:, START]), np.minimum(half, span_ns - chosen[:, END])
            chosen[:, [START, END]] += rng.uniform(earliest, latest)[:, None]
        yield torch.from_numpy(layout.scaled(chosen)), middle_ns(chosen[:, START], chosen[:, END])


def _drawn(table: Reals, size: int, rng: np.random.Generator) -> Iterator[Numbers]:
    """Rows of the table, drawn with replacement, without end."""
    while True:
        yield rng.integers(len(table), size=size)


def _once_each(table: Reals, packets: int, size: int, rng: np.random.Generator) -> Iterator[Numbers]:
    """All rows of the table in random order, as often as the training trace fits into the packets asked for."""
    known = np.rint(np.expm1(table[:, NAMES.index("packets")]).sum())
    for _ in range(int(-(-packets // known))):
        order = rng.permutation(len(table))
        for begin in range(0, len(order), size):
            yield order[begin : begin + size]


@torch.inference_mode()
def _flows(model: Model, conditions: Tensor, middle: Reals | None, most: int, rng: np.random.Generator) -> Made | None:
    """Flows for conditions, up to the one in which the packets are as many as `most`; None when all are left out."""
    layout, networks, p = model.layout, model.generators, model.layout.parameters
    device = next(networks.parameters()).device
    generator = torch.Generator(device).manual_seed(int(rng.integers(2**63)))
    conditions = conditions.to(device)
    noise = torch.randn(len(conditions), p.noise, device=device, generator=generator)
    flow = _finite(networks.g1(conditions, noise))
    if p.balance and middle is None:
        # Large flows were learnt from more often than they occur.
        chance = _packets_wanted(flow, layout) ** -p.balance
        flow = flow[torch.rand(len(flow), device=device, generator=generator) < chance]
        if not len(flow):
            return None
    flow = flow[:most]
    series = _finite(networks.g2.until_end(flow, networks.g2.draw(len(flow), flow, generator)))
    number = counts(series, layout)
    if p.totals == "condition":
        scaled = number * (_packets_wanted(flow, layout) / number.sum(1)).unsqueeze(1)
        number = torch.where(number > 0, scaled.round().clamp(min=1), 0.0)
    of_flow, step = number.nonzero(as_tuple=True)
    packets = number[of_flow, step].long()
    total = packets.cumsum(0)
    cells = int((total < most).sum()) + 1
    of_flow, step, packets, total = of_flow[:cells], step[:cells], packets[:cells], total[:cells]
    packets[-1] -= (total[-1] - most).clamp(min=0)
    kept = int(of_flow[-1]) + 1

    made = _records(networks, layout, flow, series, (of_flow, step, packets), generator)
    inside = series[of_flow, step].double().cpu().numpy()
    numbers = flow[:kept].cpu().numpy()
    if middle is None:
        places = [layout.conditions.index(START), layout.conditions.index(END)]
        middle = middle_ns(*(numbers[:, places].astype(np.float64) * layout.top[[START, END]]).T)
    c, bits = len(layout.conditions), 2 * layout.tuples.bits
    chosen = numbers[:, c : c + bits].reshape(kept, -1, 2).argmax(2).astype(np.uint8)
    half = np.full(len(inside), 0.5)
    return Made(
        flows=layout.tuples.decode(chosen, numbers[:, c + bits :]),
        middle_ns=middle[:kept],
        flow=of_flow.cpu().numpy(),
        step=step.cpu().numpy(),
        packets=packets.cpu().numpy(),
        middle=inside[:, 1] if p.sub_period else half,
        span=layout.unit_to_span(inside[:, 2]) if p.sub_period else half,
        records=made,
        place=layout.records.place(made),
        gap_ns=layout.records.gap_ns(made),
    )


def _packets_wanted(flow: Tensor, layout: Layout) -> Tensor:
    """The packets of a flow by its conditions, the first of which they are: float (B,), at least 1."""
    return torch.expm1(flow[:, 0] * layout.top[0]).clamp(min=1)


def _records(
    networks: Generators,
    layout: Layout,
    flow: Tensor,
    series: Tensor,
    cells: tuple[Tensor, Tensor, Tensor],
    generator: torch.Generator,
) -> Vectors:
    """M of the packets of cells, float32 (N, width): flow, step and packets of each cell, (K,)."""
    most = networks.g3.most
    # A cell with more packets than are made in one go is several ones.
    again = (cells[2] + most - 1) // most
    of_flow, step, packets = (column.repeat_interleave(again) for column in cells)
    last = again.cumsum(0) - 1
    packets = packets.clamp(max=most)
    packets[last] = cells[2] - (again - 1) * most
    parts = []
    for part in _pieces(packets):
        near = windows(series, step[part], layout, of_flow[part]).flatten(1)
        made = networks.g3.packets(torch.cat([flow[of_flow[part]], near], 1), packets[part], generator)
        parts.append(_finite(made).cpu().numpy())
    return np.concatenate(parts)


def _pieces(packets: Tensor) -> list[slice]:
    """Slices of cells with about as many packets as are made at a time."""
    piece = (packets.cumsum(0) - 1) // PACKETS
    ends = torch.unique_consecutive(piece, return_counts=True)[1].cumsum(0).tolist()
    return [slice(begin, end) for begin, end in zip([0, *ends[:-1]], ends, strict=True)]


def _finite(made: Tensor) -> Tensor:
    if not made.isfinite().all():
        raise PluginError(
            "the networks give numbers that are not finite: the training diverged or the model is damaged; "
            "train it again, with a lower learning_rate"
        )
    return made


def _joined(parts: list[Made]) -> Made:
    """All flows, cells and packets, one part after the other."""
    sizes = [len(part.middle_ns) for part in parts]
    columns = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in fields(Made)
        if field.name != "flows"
    }
    columns["flow"] += np.repeat(np.cumsum(sizes) - sizes, [len(part.flow) for part in parts])
    flows = {name: np.concatenate([part.flows[name] for part in parts]) for name in parts[0].flows}
    return Made(flows=flows, **columns)
