"""The packets of a capture as a stream in the order of their times, of which a bounded number is in memory."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ntgbench.traffic.capture_files import BLOCK, record_chunks
from ntgbench.traffic.fragments import Columns, fragments_of, number_datagrams, rejoin, whole_payloads
from ntgbench.traffic.headers import KEPT, LATER_FRAGMENT, REASONS, SPLIT_HEADER, UNSUPPORTED_LINK, Packets, decode
from ntgbench.traffic.trace import MORE_FRAGMENTS
from ntgbench.traffic.unread import Unread

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Mapping

    from ntgbench.traffic.records import Offsets, Records

HOLD = 1 << 17
"""Packets that wait until later ones of the file, which may come before them in time, have been read."""

_CHUNK = 1 << 14  # packets decoded at a time: few enough for their columns to stay in the processor's cache


class PacketStream:
    """The TCP and UDP packets of a capture.

    Args:
        path: pcap or pcapng file, plain or gzip.
        inner: see `read_capture`.
        size_limit: see `read_capture`.
        block: bytes of the file that are read at a time.
        progress: told how many bytes of the file have been read.

    Attributes:
        packets: packets read from the file so far.
        was_sorted: whether they were in another order than their times.
        ended: whether all have been released.
        late: how many took another time, because they came later than `HOLD` packets.
        warnings: damage, and how far the file was read; known at the end.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        inner: bool = False,
        size_limit: int | None = None,
        block: int = BLOCK,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self.packets, self.late, self.was_sorted, self.ended = 0, 0, False, False
        self.warnings: tuple[str, ...] = ()
        self._inner = inner
        self._open = partial(record_chunks, path, size_limit=size_limit, block=block, progress=progress)
        self._reasons = np.zeros(len(REASONS) + 1, np.int64)
        self._links: Counter[int] = Counter()
        self._unread = Unread()
        self._time = 0  # of the last packet that has one
        self._waiting: list[Columns] = []  # packets in the order of the file
        self._fragments: list[Columns] = []
        self._released = -(2**63)  # time of the last packet that was released

    def columns(self, hold: int | None = HOLD, ready: Callable[[], int] = lambda: HOLD) -> Iterator[Columns]:
        """The packets that are kept, as columns of a `PacketTrace` and their places in the file, `frame`, in pieces.

        All pieces together are in the order of time. The fragments of a datagram are found, and packets are put in
        order, as long as fewer than `hold` packets lie between; a later packet takes the time of the one before it.

        Args:
            hold: packets; None means all: there is one piece.
            ready: how many packets a piece shall have at least.

        Raises:
            CaptureError: the file cannot be read at all.
        """
        count = 0
        for records in self._open():
            count += self._add(records)
            self.warnings = records.warnings
            if hold is not None and count >= hold + ready():
                yield self._release(hold)
                count = hold
        self.ended = True
        yield self._release(None)

    def left_out(self) -> dict[str, int]:
        """How many packets were left out, by reason."""
        counts = {text: int(self._reasons[code]) for code, text in REASONS.items() if code != UNSUPPORTED_LINK}
        counts |= {f"{REASONS[UNSUPPORTED_LINK]} {link}": self._links[link] for link in sorted(self._links)}
        return {text: count for text, count in counts.items() if count}

    def changes(self) -> dict[str, int]:
        """What was left out or changed: how often, by the sentence that says so with {} for the number."""
        return changes(self.packets, self.missing(), self.left_out(), self.was_sorted, self.late)

    def missing(self) -> dict[str, int]:
        """Packets that could not be read although others between the same hosts are kept, see `Unread.missing`."""
        return self._unread.missing(
            lambda: (packets for records in self._open() for _, packets in self._decoded(records))
        )

    def _decoded(self, records: Records) -> Iterator[tuple[slice, Packets]]:
        # One part at least, so that a capture without packets has its columns too.
        for begin in range(0, max(len(records), 1), _CHUNK):
            rows = slice(begin, begin + _CHUNK)
            packets = Packets(records, rows)
            decode(packets, self._inner)
            yield rows, packets

    def _add(self, records: Records) -> int:
        """Take in some records; returns how many of them are kept."""
        time_ns, kept = self._times(records.time_ns), 0
        for rows, packets in self._decoded(records):
            begin = self.packets + rows.start
            self._reasons += np.bincount(packets.reason, minlength=len(self._reasons))
            if self._reasons[UNSUPPORTED_LINK]:
                self._links.update(packets.link[packets.reason == UNSUPPORTED_LINK].tolist())
            columns = _columns(packets)
            of = np.flatnonzero(packets.reason == KEPT)
            self._waiting.append(columns | {"time_ns": time_ns[rows][of], "frame": begin + of})
            if packets.fragment.any():
                self._fragments.append(fragments_of(packets, begin, time_ns[rows]))
            self._unread.add(packets)
            kept += len(of)
        self.packets += len(records)
        return kept

    def _times(self, time_ns: Offsets) -> Offsets:
        """A packet without a time takes that of the last packet with one."""
        if not len(time_ns):
            return time_ns
        if not time_ns.all():
            at = np.maximum.accumulate(np.where(time_ns != 0, np.arange(len(time_ns)), -1))
            time_ns = np.where(at >= 0, time_ns[at], self._time)
        self._time = int(time_ns[-1])
        return time_ns

    def _release(self, hold: int | None) -> Columns:
        """The packets that are the first in time, but for `hold` of them that wait on; all where it is None."""
        columns = _concatenate(self._waiting)
        self._waiting = []
        if self._fragments:
            columns = self._join(columns, hold)
        time_ns = columns["time_ns"]
        count = len(time_ns) if hold is None else max(len(time_ns) - hold, 0)
        if not len(time_ns) or (time_ns[0] >= self._released and (time_ns[1:] >= time_ns[:-1]).all()):
            ready = {name: column[:count] for name, column in columns.items()}
            waiting = {name: column[count:].copy() for name, column in columns.items()}
        else:
            self.was_sorted = True
            order = np.argsort(time_ns, kind="stable")
            ready = {name: column[order[:count]] for name, column in columns.items()}
            rest = np.sort(order[count:])
            waiting = {name: column[rest] for name, column in columns.items()}
        self._waiting = [waiting]
        if count:
            self.late += int(np.count_nonzero(ready["time_ns"] < self._released))
            ready["time_ns"] = np.maximum(ready["time_ns"], self._released)
            self._released = int(ready["time_ns"][-1])
        return ready

    def _join(self, columns: Columns, hold: int | None) -> Columns:
        """The packets with the payloads of whole datagrams, and with those whose headers are split over fragments."""
        fragments = number_datagrams(_concatenate(self._fragments))
        first, payload = whole_payloads(fragments)
        rows = np.searchsorted(columns["frame"], first)
        waiting = np.append(columns["frame"], -1)[rows] == first
        rows, payload = rows[waiting], payload[waiting]
        columns["ip_length"][rows] += payload - columns["payload_length"][rows]
        columns["payload_length"][rows] = payload
        settled = fragments["frame"] < self.packets - (hold or 0)
        split = np.flatnonzero(settled & (fragments["reason"] == SPLIT_HEADER))
        whole, datagrams = rejoin(fragments, split)
        if len(whole):
            packets = Packets(datagrams, slice(None))
            decode(packets, self._inner)
            self._reasons[SPLIT_HEADER] -= len(whole)
            self._reasons += np.bincount(packets.reason, minlength=len(self._reasons))
            kept = whole[packets.reason == KEPT]
            place = {name: fragments[name][kept] for name in ("time_ns", "frame")}
            columns = _concatenate([columns, _columns(packets) | place])
            order = np.argsort(columns["frame"])
            columns = {name: column[order] for name, column in columns.items()}
        fragments["reason"][split] = LATER_FRAGMENT  # so that they are not put together again
        del fragments["datagram"]
        needed = fragments["frame"] >= self.packets - 2 * (hold or 0)
        self._fragments = [{name: column[needed] for name, column in fragments.items()}]
        return columns


def changes(
    packets: int, unread: Mapping[str, int], left_out: Mapping[str, int], was_sorted: bool, late: int = 0
) -> dict[str, int]:
    """What was left out or changed: how often, by the sentence that says so with {} for the number."""
    found = dict(unread)
    found |= {f"left out {{}} [packet|packets]: {reason}": count for reason, count in left_out.items()}
    if not packets:
        found["{} [capture has|captures have] no packet"] = 1
    if was_sorted:
        found["sorted {} [capture whose|captures whose] packets were not in the order of their times"] = 1
    if late:
        found["gave {} [packet that came|packets that came] too late to be sorted the time of the packet before"] = late
    return found


def _concatenate(parts: list[Columns]) -> Columns:
    """The columns of all parts, out of which they are taken, so that there are never two copies of all."""
    return {name: np.concatenate([part.pop(name) for part in parts]) for name in list(parts[0])}


def _columns(packets: Packets) -> Columns:
    """The packets that are kept, as columns of a PacketTrace without the times."""
    kept = packets.reason == KEPT
    header, payload = (packets.payload_at - packets.ip_at)[kept], packets.payload[kept]
    ip_length = np.where(packets.fragment[kept], header + payload, (packets.ip_end - packets.ip_at)[kept])
    return {
        "source": packets.source[kept],
        "destination": packets.destination[kept],
        "source_port": packets.ports[kept, 0],
        "destination_port": packets.ports[kept, 1],
        "protocol": packets.protocol[kept].astype(np.uint8),
        "ip_length": ip_length.astype(np.int32),
        "payload_length": payload.astype(np.int32),
        "ttl": packets.ttl[kept],
        "tcp_flags": packets.flags[kept],
        "tcp_sequence": packets.numbers[kept, 0],
        "tcp_acknowledgement": packets.numbers[kept, 1],
        "tos": packets.tos[kept],
        "ip_id": packets.ip_id[kept],
        # A first fragment stands for the whole datagram, after which no fragment follows; later ones are left out.
        "ip_flags": packets.ip_flags[kept] & np.uint8(7 - MORE_FRAGMENTS),
        "fragment_offset": np.zeros(int(kept.sum()), np.uint16),
    }
