"""The track of header traces: what the host does with packet traces."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ntgbench.errors import DatasetError, NtgbenchError, PluginError, TrafficError, refuse
from ntgbench.tracks import NoLayout, Notes, Request, Track, prepared
from ntgbench.tracks.headers import checks, splits
from ntgbench.tracks.headers.example import example_trace
from ntgbench.traffic.notes import fill
from ntgbench.traffic.trace import TCP, UDP, PacketTrace, shortest_headers
from ntgbench.words import pluralised

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from ntgbench.calibration import Calibration
    from ntgbench.row_schema import Profile
    from ntgbench.testing import Check, Fit
    from ntgbench.tracks import Caution, TrackSpec

MOST_TIMES_ASKED = 2
"""Times as many packets as asked for that a system may make."""

LONG_PAUSE_NS = 3600 * 10**9
"""A time without a packet that is rather one between two captures than one of a link."""

PAUSED = 0.1
"""Share of the time of a trace from which on such pauses are noted."""


class HeaderTrack(Track[PacketTrace]):
    """Traffic is a `PacketTrace` in the order of time; a request is (packets, span_ns), both int."""

    profiled = "train"
    splits_by_seed = False
    writes = (".parquet", ".pcap")

    def __init__(self, spec: TrackSpec) -> None:
        from ntgbench.datasets.traces import ENDINGS

        super().__init__(spec)
        self.endings = ENDINGS

    def read(self, path: Path, layout: NoLayout) -> tuple[PacketTrace, Notes]:  # noqa: ARG002
        """The packets of a capture, of a CSV file with a row for each packet, or of a Parquet file."""
        from ntgbench.datasets.traces import read_trace

        return read_trace(path)

    def read_prepared(self, path: Path, layout: NoLayout, max_items: int | None) -> tuple[PacketTrace, Notes]:
        """As `prepare` makes them; of a Parquet file that ntgbench wrote, only the packets that are kept are read."""
        from ntgbench.traffic.trace_files import is_trace_file, longer_than, read_trace_file

        whole = None
        if max_items is not None and path.is_file() and is_trace_file(path):
            whole = longer_than(path, max_items)
        if whole is None:
            return super().read_prepared(path, layout, max_items)
        try:
            trace = read_trace_file(path, packets=max_items)
        except OSError as error:
            raise DatasetError(f"cannot read {error.filename or path}: {error.strerror or error}") from error
        ready, notes = prepared(self, path, trace, None, ())
        return ready, (*_cut(len(trace), whole), *notes)

    def prepare(self, traffic: PacketTrace, max_items: int | None) -> tuple[PacketTrace, Notes]:
        """The first `max_items` packets: a window, because packets left out in between would change all gaps.

        Of these, packets without room for their headers are left out: no system may make such packets, and some hand
        back those that they were given.
        """
        notes: Notes = ()
        if max_items is not None and len(traffic) > max_items:
            notes = _cut(max_items, len(traffic))
            traffic = traffic.select(np.arange(len(traffic)) < max_items)
        fits = has_room(traffic)
        if not fits.all():
            notes = (
                *notes,
                fill("left out {} [packet|packets] without room for [its|their] headers", int((~fits).sum())),
            )
            traffic = traffic.select(fits)
        if len(traffic) < 4:
            count = pluralised(len(traffic), "usable packet")
            raise DatasetError("; ".join((f"{count} found; training and testing need at least four", *notes)))
        return traffic, (*notes, *_pauses(traffic))

    def accepts(self, traffic: Any, layout: NoLayout) -> bool:  # noqa: ARG002
        """Whether this is a `PacketTrace` in the order of time."""
        return isinstance(traffic, PacketTrace) and bool((np.diff(traffic.time_ns) >= 0).all())

    def load(self, path: Path) -> PacketTrace:
        """Read what `write` wrote as Parquet."""
        from ntgbench.traffic.trace_files import read_trace_file

        return read_trace_file(path)

    def write(self, traffic: PacketTrace, path: Path) -> None:
        """Write a Parquet file, or a capture without payload."""
        from ntgbench.traffic.export import write_pcap
        from ntgbench.traffic.trace_files import write_trace_file

        if path.suffix == ".pcap":
            write_pcap(traffic, path, payload=False)
        else:
            write_trace_file(traffic, path)

    def digest(self, traffic: PacketTrace) -> str:
        """BLAKE2b-128, see `PacketTrace.digest`."""
        return traffic.digest()

    def split(self, traffic: PacketTrace, test_share: float, seed: int) -> tuple[PacketTrace, PacketTrace]:  # noqa: ARG002
        """In time, the same for every seed; see `ntgbench.tracks.headers.splits`."""
        return splits.split(traffic, test_share)

    def split_notes(self, train: PacketTrace, test: PacketTrace) -> Notes:
        """How many flows have packets on both sides of the cut."""
        crossing, flows = splits.crossing_flows(train, test), len(train.flows)
        return (f"{crossing:,} of the {pluralised(flows, 'flow')} in the training trace go on in the held-out part",)

    def cautions(self, train: PacketTrace, test: PacketTrace) -> tuple[Caution, ...]:
        """Few packets, few connections or too short a time on either side; see `ntgbench.tracks.headers.cautions`."""
        from ntgbench.tracks.headers.cautions import cautions

        return tuple(cautions(train, test))

    def request(self, train: PacketTrace) -> Request:
        """As many packets in the same time."""
        return (len(train), train.span_ns)

    def request_for(self, train: PacketTrace, classes: Sequence[str], number: int) -> Request:
        """`number` packets at the rate of the training trace."""
        if classes:
            raise NtgbenchError("packets of header traces have no classes; ask for a number of packets alone")
        return (number, train.span_ns * (number - 1) // max(len(train) - 1, 1))

    def checked_request(self, request: Request, train: PacketTrace, known: Sequence[str]) -> Request:  # noqa: ARG002
        """Both as int; a request for fewer than one packet, or a negative time, is refused."""
        packets, span_ns = (int(one) for one in request)
        if packets < 1 or span_ns < 0:
            raise TrafficError("at least one packet in a time that is not negative can be asked for")
        return (packets, span_ns)

    def check(self, made: Any, request: Request, train: PacketTrace) -> PacketTrace:  # noqa: ARG002
        """A trace in the order of time, of about as many packets in no more time, of packets that can exist."""
        packets, span_ns = request
        if not isinstance(made, PacketTrace):
            raise PluginError(f"returned {type(made).__name__}, not a PacketTrace")
        if not 1 <= len(made) <= MOST_TIMES_ASKED * packets:
            asked = f"{packets:,} were asked for, and 1..{MOST_TIMES_ASKED * packets:,} are allowed"
            raise PluginError(f"returned {pluralised(len(made), 'packet')}; {asked}")
        try:
            refuse(np.diff(made.time_ns, prepend=made.time_ns[:1]) < 0, "times are in order")
            refuse(~has_room(made), "a packet has room for its IP, TCP or UDP header")
        except TrafficError as error:
            raise PluginError(f"returned an invalid trace: {error}") from error
        if made.span_ns > span_ns:
            raise PluginError(f"returned a trace of {made.span_ns:,} ns; at most {span_ns:,} ns were asked for")
        return made

    def outline(self, train: PacketTrace) -> PacketTrace:
        """Two made-up packets, as far apart as those of `train` on average: its rate is all that requests need."""
        gap = train.span_ns // max(len(train) - 1, 1)
        ends = {name: np.zeros(2, np.int64) for name in ("source", "destination", "source_port", "destination_port")}
        return PacketTrace.of(
            time_ns=train.time_ns[0] + np.array([0, gap]), **ends, protocol=[UDP, UDP], ip_length=[28, 28], ttl=[64, 64]
        )

    def describe(self, traffic: PacketTrace) -> dict[str, Any]:
        """Packets, flows, time, addresses, lengths."""
        from ntgbench.tracks.headers.describe import describe

        return describe(traffic)

    def profile(self, real: PacketTrace, synthetic: PacketTrace) -> Profile:
        """Rate, gaps, sizes of flows, time scales and delays; see `ntgbench.tracks.headers.profile`."""
        from ntgbench.tracks.headers.profile import profile

        return profile(real, synthetic)

    def size(self, traffic: PacketTrace) -> str:
        """Packets, flows and seconds."""
        flows = pluralised(len(traffic.flows), "flow")
        return f"{super().size(traffic)} in {flows} and {traffic.span_ns / 1e9:,.1f} s"

    def example(self, seed: int = 1) -> PacketTrace:
        """About 600 packets of 60 flows in a minute."""
        return example_trace(seed)

    def checks(self, fit: Fit) -> list[Check]:
        """Requests of other sizes, small training traces, traces of one kind."""
        return checks.trace_checks(fit)

    def noise(self, real: PacketTrace) -> PacketTrace:
        """As many packets at random times, every field at random: as many flows as packets."""
        rng = np.random.default_rng(13)
        count = len(real)
        protocol, flags = rng.choice([TCP, UDP], count), rng.integers(0, 256, count)
        return PacketTrace.of(
            time_ns=np.sort(real.time_ns[0] + (real.span_ns * rng.random(count) ** 4).astype(np.int64)),
            source=rng.integers(0, 2**32, count),
            destination=rng.integers(0, 2**32, count),
            source_port=rng.integers(0, 2**16, count),
            destination_port=rng.integers(0, 2**16, count),
            protocol=protocol,
            ip_length=rng.integers(40, 1501, count),
            ttl=rng.integers(1, 256, count),
            tcp_flags=np.where(protocol == TCP, flags, 0),
        )

    def calibration(self, full: bool) -> Calibration:
        """Checks on windows of `lab-trace`, with the references of the track."""
        from ntgbench.tracks.headers.calibration_checks import calibration

        return calibration(full)


def _cut(packets: int, whole: int) -> Notes:
    return (f"cut to the first {packets:,} of {whole:,} packets",)


def _pauses(trace: PacketTrace) -> Notes:
    """Pauses as between captures that were put together, where metrics of time are about them and not about traffic."""
    gaps = np.diff(trace.time_ns)
    gaps = gaps[gaps >= LONG_PAUSE_NS]
    share = gaps.sum() / max(trace.span_ns, 1)
    if share < PAUSED:
        return ()
    told = fill(
        f"{{}} [pause of an hour or more takes|pauses of an hour or more take] {share:.0%} of the time", len(gaps)
    )
    return (f"{told}; the longest one without a packet is {gaps.max() / 1e9:,.0f} s",)


def has_room(trace: PacketTrace) -> npt.NDArray[np.bool_]:
    """Which packets leave room for the shortest headers of their protocols beside their payload, bool (N,)."""
    room: npt.NDArray[np.bool_] = trace.ip_length - trace.payload_length >= shortest_headers(
        trace.protocol, trace.source
    )
    return room
