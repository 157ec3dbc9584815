"""Traffic matrices as rows of tokens, and back: the paper's TrafficMatrix2Token (arXiv 2603.25507)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.errors import TrafficError, refuse

if TYPE_CHECKING:
    from ntgbench.tracks.biflows.interfaces import Labels, SignedPL

PAD = 0
"""What fills a row after its end."""

EOS = 1
"""End of the biflow."""

FIRST_CLASS = 2
"""Token of class 0; the other classes follow."""

Tokens = npt.NDArray[np.int64]
"""Rows of tokens, int64 (N, P + 2): the class, one token a packet, EOS, and PAD to the end."""


@dataclass(frozen=True)
class TokenMapping:
    """The vocabulary of traffic matrices: PAD, EOS, the classes, upstream packets of 1..pl_max bytes, then downstream.

    The paper names EOS, the classes and the 2 pl_max signed payload lengths. That PAD has a token is our choice.

    Attributes:
        classes: number of classes.
        packets: P, the largest number of packets of a biflow.
        pl_max: largest payload length in bytes.
    """

    classes: int
    packets: int
    pl_max: int

    @property
    def vocabulary(self) -> int:
        """Number of tokens."""
        return self.first_value + 2 * self.pl_max

    @property
    def first_value(self) -> int:
        """Token of an upstream packet of one byte; this and all higher tokens are packets."""
        return FIRST_CLASS + self.classes

    def class_tokens(self, labels: Labels) -> npt.NDArray[np.int64]:
        """The token of each class in `labels`, int64 (N,)."""
        return labels.astype(np.int64) + FIRST_CLASS

    def encode(self, signed_pl: SignedPL, labels: Labels) -> Tokens:
        """The rows of tokens of biflows laid out as in `Biflows`."""
        value = signed_pl.astype(np.int64)
        rows = np.full((len(labels), self.packets + 2), PAD, np.int64)
        rows[:, 0] = self.class_tokens(labels)
        rows[:, 1:-1] = np.where(value < 0, self.pl_max, 0) + np.abs(value) + (self.first_value - 1)
        rows[:, 1:-1][value == 0] = PAD
        rows[np.arange(len(rows)), 1 + np.count_nonzero(value, axis=1)] = EOS
        return rows

    def decode(self, rows: Tokens) -> tuple[npt.NDArray[np.int16], Labels]:
        """Signed payload lengths, int16 (N, P), and labels, int32 (N,), of rows of tokens.

        Raises:
            TrafficError: for rows of another width, and for the first row that `encode` could not have made.
        """
        if rows.shape[1:] != (self.packets + 2,):
            raise TrafficError(f"rows of {self.packets + 2} tokens are expected, not an array of shape {rows.shape}")
        size = rows[:, 1:-1] - (self.first_value - 1)
        value = np.where(size <= 0, 0, np.where(size > self.pl_max, self.pl_max - size, size))
        labels = (rows[:, 0] - FIRST_CLASS).astype(np.int32)
        known = (labels >= 0) & (labels < self.classes) & (np.abs(value) <= self.pl_max).all(axis=1)
        refuse(~known, f"tokens are in 0..{self.vocabulary - 1}, and a row begins with its class")
        refuse((self.encode(value, labels) != rows).any(axis=1), "packets, EOS and PAD stand in this order in a row")
        return value.astype(np.int16), labels

    def settings(self) -> dict[str, Any]:
        """What makes an equal mapping: its attributes by name."""
        return {"classes": self.classes, "packets": self.packets, "pl_max": self.pl_max}
