"""CascadeNet once more, as literal as can be: a dense encoding by loops, and a step of training.

Weights are those of the plugin's networks; heads and masks are written once more.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch
from ntgbench_cascadenet.batches import Batches
from ntgbench_cascadenet.generator import CascadeNet
from ntgbench_cascadenet.parameters import CascadeNetParameters
from ntgbench_cascadenet.series import Series
from ntgbench_cascadenet.training import PHASES

from ntgbench.interfaces import Context


class Dense:
    """Every flow and packet of an IPv4 trace encoded in full: C (F, c), A (F, a), S (F, T, d), W (N, window, d), M."""

    def __init__(self, trace, layout):
        p, flows = layout.parameters, trace.flows
        start, span, steps = int(trace.time_ns[0]), layout.grid.span_ns, p.steps
        packets = [[] for _ in range(len(flows))]
        for row in flows.order.tolist():
            after = int(trace.time_ns[row]) - start
            packets[flows.number[row]].append((after, min(after * steps // span, steps - 1), row))
        cells = [{} for _ in packets]
        for cell, flow in zip(cells, packets, strict=True):
            for after, step, row in flow:
                cell.setdefault(step - flow[0][1], []).append((after, int(trace.ip_length[row]), step))
        most = max(len(inside) for cell in cells for inside in cell.values())
        least = min(len(inside) for cell in cells for inside in cell.values()) if p.zero_flag else 0
        largest = max(sum(size for _, size, _ in inside) for cell in cells for inside in cell.values())
        wide = span / steps

        def step_row(inside, active):
            row = []
            if inside:
                places = [after / wide - step for after, _, step in inside]
                rate = (np.log1p(len(inside)) - np.log1p(least)) / max(np.log1p(most) - np.log1p(least), 1e-12)
                half = (max(places) - min(places)) / 2
                log = np.log1p(half * wide) / np.log1p(wide / 2)
                middle = [(max(places) + min(places)) / 2, 2 * half if p.span == "linear" else log]
                size = np.log1p(sum(size for _, size, _ in inside)) / np.log1p(largest)
            else:
                rate, middle, size = 0, [0, 0], 0
            row += [rate] + (middle if p.sub_period else []) + ([size] if p.throughput else [])
            row += [float(bool(inside)), float(active and not inside)] if p.zero_flag else []
            return [*row, float(active), float(not active)]

        self.S = np.array(
            [[step_row(cell.get(step), step <= max(cell)) for step in range(steps)] for cell in cells], np.float32
        )
        outside = [0.0] * (self.S.shape[2] - 1) + [1.0]
        half = p.window // 2
        self.W, place, gap_ns, self.owner = [], [], [], []
        for number, flow in enumerate(packets):
            before = None
            for after, step, _ in flow:
                gap_ns.append(after - before[0] if before and before[1] == step else 0)
                before = after, step
                around = range(step - flow[0][1] - half, step - flow[0][1] + half + 1)
                self.W.append([self.S[number][at].tolist() if 0 <= at < steps else outside for at in around])
                place.append(after / wide - step)
                self.owner.append(number)
        self.W = np.array(self.W, np.float32)
        self.M = layout.records.encode(trace.select(flows.order), np.array(place), np.array(gap_ns))
        self.first = np.cumsum([0] + [len(flow) for flow in packets[:-1]])
        self.count = np.array([len(flow) for flow in packets])
        self.A = np.array([self._tuple(trace, flow[0][2], layout.tuples.words) for flow in packets], np.float32)
        table = np.array([self._conditions(flow, cell) for flow, cell in zip(packets, cells, strict=True)])
        table /= np.where(table.max(0) > 0, table.max(0), 1)
        self.C = table[:, layout.conditions].astype(np.float32)

    def _tuple(self, trace, row, words):
        addresses = [int(end[row, 1]) & 0xFFFFFFFF for end in (trace.source, trace.destination)]
        ports = [int(trace.source_port[row]), int(trace.destination_port[row])]
        bits = "".join(f"{address:032b}" for address in addresses)
        if words is None:
            bits += "".join(f"{port:016b}" for port in ports) + str(int(trace.protocol[row] == 17))
        vector = [number for bit in bits for number in ((0, 1) if bit == "1" else (1, 0))]
        if words is not None:
            for port in ports:
                vector += words.port_vectors[words.ports.tolist().index(port)].tolist()
            vector += words.protocol_vectors[words.protocols.tolist().index(int(trace.protocol[row]))].tolist()
        return vector

    def _conditions(self, flow, cell):
        steps = sorted(cell)
        counts = np.array([len(cell[step]) for step in steps])
        pauses = [after - before - 1 for before, after in pairwise(steps) if after > before + 1]
        numbers = [np.log1p(len(flow)), steps[-1] + 1, len(steps)]
        numbers += [np.log1p(value) for value in (counts.max(), counts.mean(), counts.std())]
        return [*numbers, np.mean(pauses) if pauses else 0.0, flow[0][0], flow[-1][0]]

    def flow(self, rows):
        """C and A of flows."""
        return torch.from_numpy(self.C[rows]), torch.from_numpy(self.A[rows])

    def series(self, rows):
        """S of flows, flattened."""
        return torch.from_numpy(self.S[rows]).flatten(1)

    def packet_inputs(self, rows):
        """[C | A | W] of packets."""
        owner = np.array(self.owner)[rows]
        return torch.cat([*self.flow(owner), torch.from_numpy(self.W[rows]).flatten(1)], 1)

    def records(self, rows):
        """M of packets."""
        return torch.from_numpy(self.M[rows])


def softmax_of_pairs(numbers):
    return numbers.reshape(*numbers.shape[:-1], -1, 2).softmax(-1).flatten(-2)


def made_flows(cascade, layout, conditions):
    """[C | A] by the first generator."""
    noise, wide = torch.randn(len(conditions), layout.parameters.noise), conditions.shape[1]
    if layout.parameters.conditions == "generated":
        numbers = cascade.g1.body(noise)
        conditions, numbers = torch.sigmoid(numbers[:, :wide]), numbers[:, wide:]
    else:
        numbers = cascade.g1.body(torch.cat([conditions, noise], 1))
    bits = 2 * layout.tuples.bits
    return torch.cat([conditions, softmax_of_pairs(numbers[:, :bits]), torch.tanh(numbers[:, bits:])], 1)


def made_series(cascade, layout, flow):
    """S by the second generator, with an LSTM."""
    p, chunks = layout.parameters, -(-layout.parameters.steps // 5)
    noise = torch.randn(len(flow), chunks, p.noise)
    state = torch.randn(1, len(flow), p.hidden), torch.randn(1, len(flow), p.hidden)
    inputs = torch.cat([flow.unsqueeze(1).repeat(1, chunks, 1), noise], 2)
    numbers = cascade.g2.head(cascade.g2.lstm(inputs, state)[0])
    numbers = numbers.reshape(len(flow), 5 * chunks, layout.step)[:, : p.steps]
    values, flags = torch.sigmoid(numbers[:, :, : layout.plain]), softmax_of_pairs(numbers[:, :, layout.plain :])
    active = (flags[:, :, -2] > flags[:, :, -1]).float()
    active[:, 0] = 1
    active = torch.cumprod(active, 1).unsqueeze(2)
    if not p.zero_flag:
        return torch.cat([values * active, flags], 2)
    filled = (flags[:, :, 0] > flags[:, :, 1]).float()
    filled[:, 0] = 1
    return torch.cat([values * filled.unsqueeze(2) * active, flags[:, :, :2] * active, flags[:, :, 2:]], 2)


def made_packets(cascade, layout, inputs):
    """M by the third generator."""
    numbers = cascade.g3.body(torch.cat([inputs, torch.randn(len(inputs), layout.parameters.noise)], 1))
    end = 3 + len(layout.records.flags)
    return torch.cat(
        [torch.sigmoid(numbers[:, :3]), torch.softmax(numbers[:, 3:end], 1), torch.sigmoid(numbers[:, end:])], 1
    )


class PlainPhase:
    """Training as the paper's code does it: one pass a tensor, synthetic rows with gradient, Adam without fusion.

    What a critic sees is a list of (real, synthetic, whether the gradient at it is penalised).
    """

    def __init__(self, name, cascade, dense, layout):
        self.name, self.cascade, self.dense, self.layout = name, cascade, dense, layout
        p = layout.parameters
        self.generated, self.p = p.conditions == "generated", p
        numbers = (1, 2, 3) if name == "joint" else (int(name[1]),)
        self.critics = [getattr(cascade, f"d{number}") for number in numbers]
        generators = [getattr(cascade, f"g{number}") for number in numbers]
        self.critic_optimiser, self.generator_optimiser = (
            torch.optim.Adam(
                [weight for network in networks for weight in network.parameters()],
                lr=p.learning_rate,
                betas=(p.beta1, p.beta2),
                foreach=False,
                fused=False,
            )
            for networks in (self.critics, generators)
        )

    def see(self, rows):
        return getattr(self, f"see_{self.name}")(rows.numpy())

    def flow_made(self, conditions):
        made = made_flows(self.cascade, self.layout, conditions)
        return made[:, : conditions.shape[1]], made[:, conditions.shape[1] :]

    def see_g1(self, rows):
        conditions, five_tuple = self.dense.flow(rows)
        conditions_made, five_tuple_made = self.flow_made(conditions)
        return [[(conditions, conditions_made, self.generated), (five_tuple, five_tuple_made, True)]]

    def see_g2(self, rows):
        flow, series = torch.cat(self.dense.flow(rows), 1), self.dense.series(rows)
        series_made = made_series(self.cascade, self.layout, flow).flatten(1)
        return [[(flow, flow, False), (series, series_made, True)]]

    def see_g3(self, rows):
        inputs, packet = self.dense.packet_inputs(rows), self.dense.records(rows)
        return [[(inputs, inputs, False), (packet, made_packets(self.cascade, self.layout, inputs), True)]]

    def see_joint(self, rows):
        count = torch.from_numpy(self.dense.count[rows])
        packets = self.dense.first[rows] + (torch.rand(len(rows)) * count).long().numpy()
        conditions, five_tuple = self.dense.flow(rows)
        conditions_made, five_tuple_made = self.flow_made(conditions)
        flow_made = torch.cat([conditions_made, five_tuple_made], 1)
        series, series_made = self.dense.series(rows), made_series(self.cascade, self.layout, flow_made)
        inputs_made = torch.cat([flow_made, self.windows_drawn(series_made)], 1)
        packet_made = made_packets(self.cascade, self.layout, inputs_made)
        flow = [(conditions, conditions_made, self.generated), (five_tuple, five_tuple_made, True)]
        packet = [
            (self.dense.packet_inputs(packets), inputs_made, True),
            (self.dense.records(packets), packet_made, True),
        ]
        return [flow, [*flow, (series, series_made.flatten(1), True)], packet]

    def windows_drawn(self, series):
        """The window around a step of each flow, drawn with a chance in proportion to its decoded count."""
        number = counts(series.detach(), self.layout)
        drawn = (number / torch.empty_like(number).exponential_()).argmax(1).tolist()
        half = self.p.window // 2
        outside = torch.zeros(half, series.shape[2])
        outside[:, -1] = 1
        padded = [torch.cat([outside, one, outside]) for one in series]
        return torch.stack(
            [one[step : step + self.p.window].flatten() for one, step in zip(padded, drawn, strict=True)]
        )

    def critic_loss(self, critic, parts):
        real = torch.cat([part for part, _, _ in parts], 1)
        fake = torch.cat([part for _, part, _ in parts], 1)
        share = torch.rand(len(real), 1)
        mixed = [share * one + (1 - share) * other for one, other, _ in parts]
        judged = [part.requires_grad_() for part, (_, _, counts) in zip(mixed, parts, strict=True) if counts]
        slopes = torch.autograd.grad(critic(torch.cat(mixed, 1)).sum(), judged, create_graph=True)
        norm = torch.sqrt(sum((slope**2).sum(1) for slope in slopes))
        return critic(fake).mean() - critic(real).mean() + 10 * ((norm - 1) ** 2).mean()

    def step(self, batches):
        fresh = self.p.fresh_batch_per_critic_step
        seen = None if fresh else self.see(next(batches))
        for _ in range(self.p.critic_steps):
            if fresh:
                seen = self.see(next(batches))
            self.critic_optimiser.zero_grad()
            critic_total = sum(self.critic_loss(*pair) for pair in zip(self.critics, seen, strict=True))
            critic_total.backward(retain_graph=True)
            self.critic_optimiser.step()
        if fresh:
            seen = self.see(next(batches))
        self.generator_optimiser.zero_grad()
        total = -sum(
            critic(torch.cat([part for _, part, _ in parts], 1)).mean()
            for critic, parts in zip(self.critics, seen, strict=True)
        )
        total.backward()
        self.generator_optimiser.step()
        return critic_total.item(), total.item()


def counts(series, layout):
    """Packets of each step."""
    number = torch.round(torch.exp(series[:, :, 0] * (layout.rate.high - layout.rate.low) + layout.rate.low) - 1)
    yes, no = (layout.plain, layout.plain + 1) if layout.parameters.zero_flag else (-2, -1)
    number[series[:, :, yes] <= series[:, :, no]] = 0
    number[:, 0][number[:, 0] < 1] = 1
    return number


def prepared(trace, steps_of=None, **settings):
    """Layout, batches and networks that nothing has been learnt with, except for vectors of ports.

    Of `steps_of`, which says the steps of each phase, those that are left out are 0.
    """
    none = {f"{name}_steps": 0 for name in PHASES}
    system = CascadeNet(CascadeNetParameters(**settings, **none))
    system.fit(trace, Context(seed=1))
    wanted = {f"{name}_steps": steps for name, steps in (steps_of or {}).items()}
    layout = replace(system.model.layout, parameters=replace(system.parameters, **wanted))
    batches = Batches(layout, Series.of(trace, layout.grid), trace, torch.device("cpu"))
    return layout, batches, system.model.generators.train()
