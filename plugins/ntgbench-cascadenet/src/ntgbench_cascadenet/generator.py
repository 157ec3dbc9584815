"""CascadeNet as a generator of header traces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ntgbench.learning.device import use_device
from ntgbench_cascadenet import training
from ntgbench_cascadenet.batches import Batches
from ntgbench_cascadenet.conditions import NAMES, conditions, largest
from ntgbench_cascadenet.decoding import decode
from ntgbench_cascadenet.grid import Grid
from ntgbench_cascadenet.layout import Layout, rate_scale, size_scale
from ntgbench_cascadenet.networks import Cascade
from ntgbench_cascadenet.records import Records
from ntgbench_cascadenet.sampling import FLOWS, flows
from ntgbench_cascadenet.series import Series
from ntgbench_cascadenet.tuples import Tuples
from ntgbench_cascadenet.words import Words

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import Tensor

    from ntgbench.interfaces import Context
    from ntgbench.traffic.trace import PacketTrace
    from ntgbench_cascadenet.decoding import Made
    from ntgbench_cascadenet.parameters import CascadeNetParameters

KIND = "cascadenet"


class CascadeNet:
    """Learns flows, their packets a step, and header fields, one after the other and then together."""

    layout: Layout
    cascade: Cascade

    def __init__(self, parameters: CascadeNetParameters) -> None:
        self.parameters = parameters

    def fit(self, train: PacketTrace, context: Context) -> None:
        """Train from scratch."""
        device = use_device(context)
        p = self.parameters
        grid = Grid(int(train.time_ns[0]), max(train.span_ns, 1), p.steps)
        series = Series.of(train, grid)
        table = conditions(series)
        words = Words.learn(train, context.seed) if p.ports == "words" else None
        self.layout = Layout(
            grid=grid,
            tuples=Tuples(not bool(train.is_ipv4().all()), words),
            records=Records.of(train, p.fields, float(np.log1p(grid.step_ns)) if p.timestamps == "gaps" else None),
            rate=rate_scale(series, p.zero_flag),
            size=size_scale(series),
            top=largest(table),
            parameters=p,
        )
        self.table, self.rate = table, len(series) / len(train)
        torch.manual_seed(context.seed)
        self.cascade = Cascade(self.layout).to(device)
        self.losses = training.fit(self.cascade, Batches(self.layout, series, train, device), self.layout, context)
        self.packets = len(train)

    def sample(self, packets: int, span_ns: int, rng: np.random.Generator) -> PacketTrace:
        made = self._joined(packets, rng, span_ns)
        p = self.parameters
        return decode(made, self.layout.records, self.layout.grid, p.timestamps, p.repeats, span_ns, rng)

    def _joined(self, packets: int, rng: np.random.Generator, span_ns: int) -> Made:
        parts, count = [], 0
        for part in flows(self.cascade, self.layout, self._conditions(packets, rng), rng):
            parts.append(part)
            count += int(part.packets.sum())
            if count >= packets:
                break
        return joined(parts, packets, span_ns / self.layout.grid.span_ns)

    def _conditions(self, packets: int, rng: np.random.Generator) -> Iterator[tuple[Tensor, np.ndarray | None]]:
        p, layout = self.parameters, self.layout
        kept = layout.conditions
        start, end = NAMES.index("start"), NAMES.index("end")
        known = len(self.table)
        order = rng.permutation(known)
        done = 0
        while True:
            if p.conditions == "generated":
                yield torch.zeros(FLOWS, len(kept)), None
                continue
            if p.conditions == "oracle":
                if done >= known * -(-packets // self.packets):
                    return
                rows = (
                    order[np.arange(done, done + min(FLOWS, known)) % known]
                    if False
                    else order[done % known : done % known + FLOWS]
                )
                table = self.table[rows]
            else:
                rows = rng.integers(known, size=FLOWS)
                table = self.table[rows].copy()
                shift = rng.uniform(-0.5, 0.5, FLOWS) * layout.grid.step_ns
                shift = np.clip(shift, -table[:, start], layout.grid.span_ns - table[:, end])
                table[:, start] += shift
                table[:, end] += shift
            done += len(rows)
            middle = (table[:, start] + table[:, end]) / 2
            yield torch.from_numpy((table / layout.top)[:, kept].astype(np.float32)), middle


def joined(parts: list[Made], packets: int, stretch: float) -> Made:
    from ntgbench_cascadenet.decoding import Made

    flow, offset = [], 0
    for part in parts:
        flow.append(part.flow + offset)
        offset += len(part.middle_ns)
    cat = lambda name: np.concatenate([getattr(part, name) for part in parts])
    made = Made(
        flows={n: np.concatenate([part.flows[n] for part in parts]) for n in parts[0].flows},
        middle_ns=cat("middle_ns") * stretch,
        flow=np.concatenate(flow),
        step=cat("step"),
        packets=cat("packets"),
        middle=cat("middle"),
        span=cat("span"),
        records=cat("records"),
        place=cat("place"),
        gap=cat("gap"),
    )
    total = np.cumsum(made.packets)
    if total[-1] <= packets:
        return made
    cells = int(np.searchsorted(total, packets)) + 1
    count = made.packets[:cells].copy()
    count[-1] -= total[cells - 1] - packets
    f = int(made.flow[cells - 1]) + 1
    return Made(
        flows={n: c[:f] for n, c in made.flows.items()},
        middle_ns=made.middle_ns[:f],
        flow=made.flow[:cells],
        step=made.step[:cells],
        packets=count,
        middle=made.middle[:cells],
        span=made.span[:cells],
        records=made.records[:packets],
        place=made.place[:packets],
        gap=made.gap[:packets],
    )
