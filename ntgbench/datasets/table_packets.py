"""The packets of a table's flows, some rows at a time."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench.datasets.columns import Lists, integers, lists, ppi_lists, same_counts
from ntgbench.datasets.directions import Directions
from ntgbench.datasets.resolving import IMPORT, MILLISECONDS, USUAL
from ntgbench.errors import DatasetError, TrafficError
from ntgbench.traffic.flows import FlowTable
from ntgbench.traffic.notes import WARNING, filled
from ntgbench.traffic.transport import KINDS, Transport

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa


class PacketReader:
    """Makes flows of rows, and remembers what only all rows together tell.

    Args:
        held: the column for each thing, see `ntgbench.datasets.resolving.resolve`.
        upstream: the direction that means upstream, where directions are not +1 (upstream) and -1.
    """

    def __init__(self, held: Mapping[str, str], upstream: str | None) -> None:
        self._held = held
        self._directions = Directions(held.get("ppi", held.get("direction", "")), upstream)
        self._changes: Counter[str] = Counter()
        self._rows = 0
        self._flows = 0
        self._begin_upstream = 0
        self._sent = False
        self._all_upstream = True
        self._several = False
        self._negative = False  # whether a length is
        self._contradicted = False  # whether the sign of a length says another direction than the column of directions

    def take(self, rows: pa.Table) -> FlowTable:
        """The flows of the next rows, of one class; `session` is the place of each in `rows`, as some have no payload.

        Raises DatasetError or TrafficError that names the column and the row.
        """
        begin, self._rows = self._rows, self._rows + len(rows)
        if "ppi" in self._held:
            name = self._held["ppi"]
            iat: Lists | None
            iat, direction, length = ppi_lists(rows.column(name), name, begin)
            length = integers(length, name)
            way = self._directions.upstream(direction, length.values != 0)
        else:
            length, way, iat = self._packets(rows, begin)
        sent = length.values != 0
        self._sent |= bool(sent.any())
        self._all_upstream &= bool(way[sent].all())
        self._several |= bool((length.counts > 1).any())
        try:
            flows, changes = FlowTable.from_packets(
                counts=length.counts,
                length=length.values,
                upstream=way,
                class_of=np.zeros(len(rows), np.int32),
                classes=("",),
                iat=None if iat is None else iat.values,
                session=np.arange(len(rows)),
                transport=_transport(rows),
            )
        except TrafficError as error:
            if error.row is None:
                raise
            raise TrafficError(error.rule, begin + error.row) from error
        self._changes.update(changes)
        self._flows += len(flows)
        self._begin_upstream += int((flows.signed_pl[flows.offsets[:-1]] > 0).sum())
        return flows

    def notes(self) -> tuple[str, ...]:
        """What was left out or looks wrong, when all rows are taken. Raises DatasetError for what is wrong."""
        self._directions.finish()
        length = self._held.get("length", "")
        if "ppi" not in self._held and self._held.get("direction", length) == length:
            if "direction" not in self._held and not self._negative:
                raise DatasetError(
                    f"no column holds the direction: {' or '.join(USUAL['direction'])}, and no length in {length!r} is "
                    f"negative, which would mean downstream; `{IMPORT} --column direction=NAME` names the column, "
                    f"and --column direction={length} says that lengths are signed"
                )
        elif self._negative and self._contradicted:
            raise DatasetError(f"column {length!r}: payload lengths are not negative")
        notes: tuple[str, ...] = ()
        if self._sent and self._all_upstream and self._several:
            column = self._held.get("ppi", self._held.get("direction", self._held.get("length")))
            notes = (f"{WARNING}all packets go upstream by column {column!r}: check that it holds directions",)
        return (*notes, *filled(self._changes))

    def upstream_share(self) -> float:
        """The share of the flows whose first packet goes upstream."""
        return self._begin_upstream / max(self._flows, 1)

    def _packets(self, rows: pa.Table, begin: int) -> tuple[Lists, npt.NDArray[np.bool_], Lists | None]:
        """Lengths, whether each packet goes upstream, and iat in seconds from columns of their own."""
        held = self._held
        name = held["length"]
        length = integers(lists(rows.column(name), name, begin), name)
        sent = length.values != 0
        self._negative |= bool((length.values < 0).any())
        if held.get("direction", name) == name:
            length, way = length.with_values(np.abs(length.values)), length.values > 0
        else:
            direction = self._directions.of(rows.column(held["direction"]), begin)
            same_counts(direction, length, held["direction"], name)
            way = self._directions.upstream(direction, sent)
            if (np.sign(length.values) == np.where(way, 1, -1))[sent].all():
                # Signed lengths beside directions that say the same.
                length = length.with_values(np.abs(length.values))
            else:
                self._contradicted = True
        timing = held.get("iat", held.get("time"))
        if timing is None:
            return length, way, None
        iat = lists(rows.column(timing), timing, begin)
        same_counts(iat, length, timing, name)
        if "iat" not in held:
            iat = iat.with_values(np.diff(iat.values, prepend=0.0))  # the first of a flow is set to 0 in any case
        if timing.lower() == MILLISECONDS:
            iat = iat.with_values(iat.values / 1000)
        return length, way, iat


def _transport(rows: pa.Table) -> Transport | None:
    """What the columns of `Transport` hold, where all are there."""
    import pyarrow as pa

    columns = {name: rows.column(name) for name in KINDS if name in rows.column_names}
    numbers = {name: one for name, one in columns.items() if pa.types.is_integer(one.type) and not one.null_count}
    return Transport.of_columns({name: one.to_numpy() for name, one in numbers.items()})
