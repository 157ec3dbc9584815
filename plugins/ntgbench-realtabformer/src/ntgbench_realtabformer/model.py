"""A fitted model, and traces that are drawn from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from ntgbench.errors import PluginError
from ntgbench_realtabformer.network import drawn
from ntgbench_realtabformer.rows import trace_of, valid

if TYPE_CHECKING:
    import numpy.typing as npt
    from transformers import GPT2LMHeadModel

    from ntgbench.traffic.trace import PacketTrace
    from ntgbench_realtabformer.rows import Ranges, Rows
    from ntgbench_realtabformer.tokens import Layout

MOST_DRAWN = 20
"""Rows that are drawn at most for each packet that is asked for."""

DRAWN_ANYWAY = 2_000
"""Rows that may be drawn beside these, for small requests."""


@dataclass(frozen=True)
class Model:
    """What was learnt.

    Attributes:
        network: the GPT-2.
        layout: what its tokens stand for.
        ranges: the smallest and the largest number in each column of the training rows.
        ipv6: whether rows have the columns of IPv6 addresses.
        start_ns, span_ns: of the training trace.
    """

    network: GPT2LMHeadModel
    layout: Layout
    ranges: Ranges
    ipv6: bool
    start_ns: int
    span_ns: int

    def sample(self, packets: int, span_ns: int, rows: int, rng: np.random.Generator) -> PacketTrace:
        """A trace of so many packets; times are stretched to another span than that of the training trace.

        Rows that cannot be packets, or have a number outside the range of the training rows, are drawn again. Raises
        PluginError when too few rows are left.
        """
        generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
        kept: list[Rows] = []
        found = made = 0
        most = MOST_DRAWN * packets + DRAWN_ANYWAY
        while found < packets:
            if made >= most:
                raise PluginError(
                    f"only {found:,} of {made:,} rows that the model made are packets, and {packets:,} were asked for; "
                    "more epochs may help"
                )
            missing = packets - found
            # As many as are missing at the share so far, and a few more.
            likely = min(MOST_DRAWN * missing, missing * (made + 1) // (found + 1)) * 21 // 20 + 16
            count = min(rows, likely, most - made)
            drawn_rows = self.layout.read(drawn(self.network, self.layout, count, generator))
            right = np.flatnonzero(valid(drawn_rows, self.ranges, self.ipv6))[:missing]
            kept.append({column: values[right] for column, values in drawn_rows.items()})
            found, made = found + len(right), made + count
        table = {column: np.concatenate([part[column] for part in kept]) for column in kept[0]}
        return trace_of(table, self._times(table["time"], span_ns), self.ipv6)

    def _times(self, after: npt.NDArray[np.int64], span_ns: int) -> npt.NDArray[np.int64]:
        """Times in nanoseconds in a span; `after` is microseconds from the start of the training trace."""
        if span_ns == self.span_ns:
            inside = after * 1000
        else:
            # The product may round up beyond the end of a long span.
            inside = np.minimum((after / max(self.ranges["time"][1], 1) * span_ns).astype(np.int64), span_ns)
        return self.start_ns + inside
