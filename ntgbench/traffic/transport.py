"""What a capture shows of flows beside their packets: transport, server port and start. No address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.errors import TrafficError, refuse
from ntgbench.traffic.trace import TCP, UDP

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KINDS: dict[str, type[np.generic]] = {"protocol": np.uint8, "server_port": np.uint16, "start_ns": np.int64}
"""Type of each column, by its name here and in tables."""


@dataclass(frozen=True, eq=False)
class Transport:
    """The transport of F flows.

    Attributes:
        protocol: uint8 (F,). 6 = TCP, 17 = UDP.
        server_port: uint16 (F,).
        start_ns: int64 (F,). Nanoseconds since the epoch of the first packet, with or without payload.

    Raises:
        TrafficError: naming the first flow that breaks a rule, and the rule.
    """

    protocol: npt.NDArray[np.uint8]
    server_port: npt.NDArray[np.uint16]
    start_ns: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        for name, kind in KINDS.items():
            column = np.array(getattr(self, name))
            if column.dtype != kind or column.shape != (len(self.protocol),):
                raise TrafficError(f"{name} is {np.dtype(kind).name}, one for each flow")
            column.flags.writeable = False
            object.__setattr__(self, name, column.view())
        refuse((self.protocol != TCP) & (self.protocol != UDP), "protocol is 6 (TCP) or 17 (UDP)")

    def __len__(self) -> int:
        return len(self.protocol)

    def select(self, rows: npt.NDArray[Any]) -> Transport:
        """The flows at `rows`, indices or a mask."""
        return Transport(*(getattr(self, name)[rows] for name in KINDS))

    @staticmethod
    def concat(parts: Sequence[Transport | None]) -> Transport | None:
        """The flows of all parts; None unless every part has them."""
        known = [part for part in parts if part is not None]
        if len(known) < len(parts) or not parts:
            return None
        return Transport(*(np.concatenate([getattr(part, name) for part in known]) for name in KINDS))

    @staticmethod
    def of_columns(columns: Mapping[str, npt.NDArray[Any]]) -> Transport | None:
        """The transport in columns of a table, by name; None where one is missing, or holds anything else."""
        if not KINDS.keys() <= columns.keys():
            return None
        for name, kind in KINDS.items():
            values, limits = columns[name], np.iinfo(kind)  # type: ignore[type-var]
            if not np.issubdtype(values.dtype, np.integer):
                return None
            if len(values) and (values.min() < limits.min or values.max() > limits.max):
                return None
        try:
            return Transport(*(columns[name].astype(kind) for name, kind in KINDS.items()))
        except TrafficError:
            return None
