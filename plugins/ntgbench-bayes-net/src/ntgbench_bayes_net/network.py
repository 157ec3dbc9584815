"""A Bayesian network over attributes that follow each other: its structure, and samples of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from ntgbench_bayes_net.tables import UNKNOWN, Table, left_out

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Numbers = npt.NDArray[np.int64]

BLOCKS, SHORTEST_BLOCK = 256, 50
"""Chains that a sample is drawn in side by side, and rows that each has at least: the first row of each does not know
the rows before it."""


class Parent(NamedTuple):
    """What a node may depend on."""

    node: int  # its place in the order
    lag: int  # 0 for the same row, k for k rows before


@dataclass(frozen=True)
class Plan:
    """What may depend on what.

    Attributes:
        nodes: names, in an order in which each node depends on earlier ones only.
        always: for a node, what it depends on in any case.
        chained: nodes that may also depend on themselves and on each other in rows before.
        lags: how many rows before.
    """

    nodes: tuple[str, ...]
    always: Mapping[str, tuple[str, ...]]
    chained: tuple[str, ...] = ()
    lags: int = 0

    def candidates(self, node: int) -> list[Parent]:
        """What a node may depend on beside what it always does."""
        found = [Parent(before, 0) for before in range(node)]
        if self.nodes[node] in self.chained:
            found += [Parent(self.nodes.index(name), lag) for lag in range(1, self.lags + 1) for name in self.chained]
        return [parent for parent in found if parent not in self.given(node)]

    def given(self, node: int) -> list[Parent]:
        """What a node always depends on."""
        return [Parent(self.nodes.index(name), 0) for name in self.always.get(self.nodes[node], ())]


@dataclass(frozen=True, eq=False)
class Network:
    """A directed graph of nodes and the conditional table of each."""

    plan: Plan
    parents: tuple[tuple[Parent, ...], ...]  # of each node: those it always has, then the chosen ones, best first
    tables: tuple[Table, ...]

    @staticmethod
    def of(rows: Sequence[Numbers], sizes: Sequence[int], plan: Plan, most: int, smoothing: float) -> Network:
        """Learn the structure and count.

        Parents of a node are chosen one by one, as in K2 (Cooper & Herskovits, Machine Learning 9, 1992), each as the
        one that raises the score most. The score is the mean logarithm of the share that the table gives to each row
        when it is counted without it (Stone 1974, Geisser 1975: leave-one-out), so that a parent with many values
        must earn its place.

        Args:
            rows: values of each node, int64 (N,), in the order of the rows.
            sizes: number of values of each node.
            plan: what may depend on what.
            most: parents at most, beside those that a node always has.
            smoothing: see `Table`.
        """
        parents, tables = [], []
        for node in range(len(plan.nodes)):
            chosen = _chosen(rows, sizes[node], node, plan, most, smoothing)
            given = len(plan.given(node))
            levels = levels_of(given, len(chosen))
            columns = [lagged(rows[parent.node], parent.lag) for parent in chosen] or [np.zeros_like(rows[node])]
            over = [sizes[parent.node] for parent in chosen]
            tables.append(Table.of(columns, rows[node], over, sizes[node], levels, smoothing))
            parents.append(tuple(chosen))
        return Network(plan, tuple(parents), tuple(tables))

    def draw(self, first: Numbers, rng: np.random.Generator) -> list[Numbers]:
        """Values of each node, int64 (N,), in rows whose first node is `first`, int64 (N,)."""
        count, nodes = len(first), len(self.plan.nodes)
        values = [first, *(np.zeros(count, np.int64) for _ in range(nodes - 1))]
        chained = [node for node in range(1, nodes) if any(parent.lag for parent in self.parents[node])]
        last = max(chained, default=0)
        blocks = min(BLOCKS, max(1, count // SHORTEST_BLOCK))
        begins = np.arange(blocks) * count // blocks
        ends = np.append(begins[1:], count)
        # Up to the last node that depends on rows before, row by row, in all blocks at once.
        for step in range(-(-count // blocks) if last else 0):
            rows = begins + step
            rows = rows[rows < ends]
            own = begins[: len(rows)] if len(rows) == blocks else begins[begins + step < ends]
            for node in range(1, last + 1):
                columns = [_before(values[parent.node], rows, parent.lag, own) for parent in self.parents[node]]
                values[node][rows] = self.tables[node].draw(columns or [rows], rng)
        for node in range(last + 1, nodes):
            columns = [values[parent.node] for parent in self.parents[node]]
            values[node] = self.tables[node].draw(columns or [first], rng, spread=True)
        return values


def levels_of(given: int, parents: int) -> list[tuple[int, ...]]:
    """Levels of a node's table: those that are given together, then one parent more in each."""
    return [tuple(range(count)) for count in range(given, parents + 1)]


def lagged(values: Numbers, lag: int) -> Numbers:
    """The value `lag` rows before each row, `UNKNOWN` for the first ones."""
    if not lag:
        return values
    before = np.full_like(values, UNKNOWN)
    before[lag:] = values[:-lag]
    return before


def _before(values: Numbers, rows: Numbers, lag: int, begins: Numbers) -> Numbers:
    return np.where(rows - lag >= begins, values[np.maximum(rows - lag, 0)], UNKNOWN)


def _chosen(rows: Sequence[Numbers], size: int, node: int, plan: Plan, most: int, smoothing: float) -> list[Parent]:
    """The parents of a node: those it always has, then the chosen ones in the order in which they were."""
    symbol = rows[node]
    chosen = plan.given(node)
    columns = [rows[parent.node] for parent in chosen]
    share, _ = left_out(columns, symbol, size, smoothing)
    # A dependence must be worth more than what it takes to name it.
    least = float(np.log(max(len(symbol), 2)))
    candidates = plan.candidates(node)
    for _ in range(min(most, len(candidates))):
        tried = []
        for parent in candidates:
            if parent not in chosen:
                column = lagged(rows[parent.node], parent.lag)
                tried.append((left_out([*columns, column], symbol, size, smoothing, share)[0], parent, column))
        scores = [np.log(found).sum() for found, _, _ in tried]
        best = int(np.argmax(scores))
        if scores[best] - np.log(share).sum() <= least:
            break
        share, parent, column = tried[best]
        chosen.append(parent)
        columns.append(column)
    return chosen
