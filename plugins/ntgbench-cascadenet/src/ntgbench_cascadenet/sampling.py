"""From trained networks to flows as numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ntgbench_cascadenet.conditions import NAMES, middle_ns
from ntgbench_cascadenet.decoding import Made

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ntgbench_cascadenet.layout import Layout
    from ntgbench_cascadenet.networks import Cascade

FLOWS = 1024
"""Flows made at a time."""

PACKETS = 16_384
"""Packets made at a time, about."""


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


def windows(series: Tensor, step: Tensor, layout: Layout) -> Tensor:
    """W: the steps around one step of each flow, (K, window, d), for S, (K, T, d), and the step, (K,)."""
    half = layout.parameters.window // 2
    outside = series.new_zeros(len(series), half, series.shape[2])
    outside[..., -1] = 1
    padded = torch.cat([outside, series, outside], 1)
    near = step[:, None] + torch.arange(2 * half + 1, device=step.device)
    return padded[torch.arange(len(series), device=step.device)[:, None], near]


@torch.inference_mode()
def flows(
    cascade: Cascade,
    layout: Layout,
    conditions: Iterator[tuple[Tensor, np.ndarray | None]],
    rng: np.random.Generator,  # type: ignore[type-arg]
) -> Iterator[Made]:
    """Flows for conditions, piece by piece.

    Args:
        cascade: the networks, for evaluation.
        layout: what their numbers mean.
        conditions: C, (B, c), and the middles of the flows in ns, float64 (B,), or None when they are generated.
        rng: where all noise comes from.
    """
    device = next(cascade.parameters()).device
    generator = torch.Generator(device).manual_seed(int(rng.integers(2**63)))
    kept = layout.conditions
    start, end = kept.index(NAMES.index("start")), kept.index(NAMES.index("end"))
    for given, middle in conditions:
        flow = cascade.g1(
            given.to(device), torch.randn(len(given), cascade.g1.noise, device=device, generator=generator)
        )
        series = cascade.g2.until_end(flow, cascade.g2.draw(len(flow), flow, generator))
        number = counts(series, layout)
        of_flow, step = number.nonzero(as_tuple=True)
        packets = number[of_flow, step].long()
        records = [
            _records(cascade, layout, flow, series, part, packets, step, of_flow, generator)
            for part in _pieces(packets)
        ]
        cells = series[of_flow, step].double().cpu().numpy()
        made = torch.cat(records).cpu().numpy()
        if middle is None:
            ends = flow[:, [start, end]].double().cpu().numpy() * layout.top[[NAMES.index("start"), NAMES.index("end")]]
            middle = middle_ns(ends[:, 0], ends[:, 1])
        c = len(kept)
        bits = flow[:, c : c + 2 * layout.tuples.bits].unflatten(1, (-1, 2)).argmax(2).to(torch.uint8).cpu().numpy()
        sub_period = layout.parameters.sub_period
        yield Made(
            flows=layout.tuples.decode(bits, flow[:, c + 2 * layout.tuples.bits :].cpu().numpy()),
            middle_ns=middle,
            flow=of_flow.cpu().numpy(),
            step=step.cpu().numpy(),
            packets=packets.cpu().numpy(),
            middle=cells[:, 1] if sub_period else np.full(len(cells), 0.5),
            span=layout.unit_to_span(cells[:, 2]) if sub_period else np.full(len(cells), 0.5),
            records=made,
            place=made[:, -1].astype(np.float64),
        )


def _pieces(packets: Tensor) -> Iterator[slice]:
    """Slices of cells with about as many packets as are made at a time."""
    ends = packets.cumsum(0).cpu().numpy()
    begin = 0
    while begin < len(ends):
        before = ends[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(ends, before + PACKETS, side="right")))
        yield slice(begin, end)
        begin = end


def _records(
    cascade: Cascade,
    layout: Layout,
    flow: Tensor,
    series: Tensor,
    part: slice,
    packets: Tensor,
    step: Tensor,
    of_flow: Tensor,
    generator: torch.Generator,
) -> Tensor:
    """M of the packets of some cells."""
    of = of_flow[part]
    inputs = torch.cat([flow[of], windows(series[of], step[part], layout).flatten(1)], 1)
    times = packets[part]
    noise = torch.randn(int(times.sum()), cascade.g3.noise, device=flow.device, generator=generator)
    return cascade.g3.repeated(inputs, times, noise)
