"""How well our biflows agree with Wireshark's, over a folder of captures.

    python benchmarks/capture_agreement.py [FOLDER]

FOLDER is $NTGBENCH_REAL_TRAFFIC/pcaps unless given.

Two things are compared, for each TCP or UDP conversation of Wireshark (tcp.stream, udp.stream) by its outermost
transport. Payload: a conversation that carries payload against the biflow of ours that holds its first payload; they
agree when the signed payload lengths of their first 10 packets with payload are the same. Connections: a TCP
conversation agrees when one biflow of ours holds its packets and no others.

Wireshark knows no timeouts, so ours are switched off; we sort by time, so its frames are sorted too. It puts fragments
together (a datagram then counts where its first fragment stands) but no TCP segments, and knows no protocol above TCP
and UDP, for some of these redraw its conversations. The sign is derived here a second time from Wireshark's own fields:
the sender of the first SYN, else the receiver of the first SYN-ACK, else the sender of the first packet, is upstream.

Where a packet's own lengths contradict each other, Wireshark shows what the UDP header states, or what the frame has
room for; we hold by the IP length, so that captures cut by a snap length give the answer of full ones. So conversations
that differ are compared once more by the payload that follows from the IP length as Wireshark reads it.

Wireshark tells connections apart by the sequence number of a SYN alone: it joins what was captured without a SYN, and
cuts where an older SYN was captured again. Such conversations are listed with the reason.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.wireshark import Row, Wireshark
from ntgbench.errors import CaptureError
from ntgbench.traffic.capture import Capture, read_capture
from ntgbench.traffic.segmentation import segment

PREFIX = 10
WORKERS = 2
NETWORK = {"ip", "ipv6"}
TRANSPORT = {"tcp", "udp"}
SET = {"1", "True", "Set"}

Prefix = tuple[int, ...]


def frame_of(row: Row) -> int:
    """Number of the frame, or of the first fragment where tshark put a datagram together."""
    return int(row["ip.fragment"] or row["ipv6.fragment"] or row["frame.number"])


def outer_transport(row: Row) -> str:
    """Transport right inside the outermost IP packet: tcp, udp or nothing."""
    layers = row["frame.protocols"].split(":")
    first = next((i for i, layer in enumerate(layers) if layer in NETWORK), len(layers))
    for layer in layers[first + 1 :]:
        if layer in TRANSPORT:
            return layer
        if not (layer.startswith("ipv6.") or layer in {"ah", "data"}):
            return ""
    return ""


def conversations(rows: list[Row]) -> dict[tuple[str, str], list[Row]]:
    """Frames of each of Wireshark's conversations, in the order of their times."""
    found = defaultdict(list)
    time: dict[int, float] = {}
    last = 0.0
    for row in rows:
        # A frame without a time is as late as the one before.
        last = time[int(row["frame.number"])] = float(row["frame.time_epoch"] or 0) or last
    for row in sorted(rows, key=lambda row: (time[frame_of(row)], frame_of(row))):
        transport = outer_transport(row)
        if transport and row[f"{transport}.stream"]:
            found[transport, row[f"{transport}.stream"]].append(row)
    return found


def sender(transport: str, row: Row) -> tuple[str, str]:
    return row["ip.src"] or row["ipv6.src"], row[f"{transport}.srcport"]


def payload_of(transport: str, row: Row) -> int:
    if transport == "tcp":
        return int(row["tcp.len"] or 0)
    return max(int(row["udp.length"] or 0) - 8, 0)


def payload_by_ip_length(transport: str, row: Row) -> int:
    """Payload that the IP length leaves room for, and no more than the UDP length states."""
    stated = payload_of(transport, row)
    room = int(row["ip.len"] or 0) - int(row["ip.hdr_len"] or 0) if row["ip.src"] else int(row["ipv6.plen"] or 0)
    if in_fragments(row) or "ipv6." in row["frame.protocols"] or room <= 0:
        return stated
    return max(room - int(row["tcp.hdr_len"] or 0) if transport == "tcp" else min(stated, room - 8), 0)


def prefix_of(transport: str, frames: list[Row], payload: Callable[[str, Row], int] = payload_of) -> Prefix:
    """Signed payload lengths by tshark's fields."""
    who, is_client = sender(transport, frames[0]), True
    if transport == "tcp":
        for row in frames:
            flags = int(row["tcp.flags"] or "0", 16)
            if flags & 6 == 2:  # SYN without RST
                who, is_client = sender(transport, row), not flags & 16
                break
    signs = (1 if (sender(transport, row) == who) == is_client else -1 for row in frames)
    signed = (sign * payload(transport, row) for sign, row in zip(signs, frames, strict=True))
    return tuple([length for length in signed if length][:PREFIX])


def in_fragments(row: Row) -> bool:
    return bool(
        row["ip.fragment"] or row["ipv6.fragment"] or row["ip.flags.mf"] in SET or row["ipv6.fraghdr.more"] in SET
    )


def contradiction(row: Row) -> str:
    """How the lengths in a packet contradict each other, if they do."""
    if in_fragments(row):
        return ""
    total = int(row["ip.len"] or 0) or int(row["ipv6.plen"] or 0) + 40
    room = total - (int(row["ip.hdr_len"]) if row["ip.hdr_len"] else 40)
    if total > int(row["frame.len"]):
        return "contradiction: IP length beyond the frame"
    if int(row["udp.length"] or 0) > room:
        return "contradiction: UDP length beyond the IP packet"
    return "contradiction: malformed header by tshark" if row["_ws.malformed"] else ""


def our_prefixes(capture: Capture) -> tuple[dict[int, int], list[Prefix]]:
    """Our biflow of each frame, and the prefix of each biflow."""
    segmentation = segment(capture.trace, np.inf, np.inf)
    signed = np.where(segmentation.upstream, 1, -1) * capture.trace.payload_length
    prefixes = []
    for start, end in zip(segmentation.offsets[:-1], segmentation.offsets[1:], strict=True):
        lengths = signed[segmentation.order[start:end]]
        prefixes.append(tuple(lengths[lengths != 0][:PREFIX].tolist()))
    return dict(zip((capture.frame + 1).tolist(), segmentation.flow.tolist(), strict=True)), prefixes


def explain(frames: list[Row], ours: Prefix, theirs: Prefix) -> str:
    """Why the two differ, as far as the frames tell."""
    if why := next(filter(None, map(contradiction, frames)), ""):
        return why
    if any(map(in_fragments, frames)):
        return "fragments: repeated, missing, or with the header itself split"
    if tuple(map(abs, ours)) == tuple(map(abs, theirs)):
        return "same lengths, other direction"
    return "other"


def compare(path: Path, wireshark: Wireshark) -> tuple[Counter[str], Counter[str], list[str]]:
    """Outcomes over the conversations of a capture, of payload and of connections, and a line for each that differs."""
    payload: Counter[str] = Counter()
    lines: list[str] = []
    try:
        flow_of, prefixes = our_prefixes(read_capture(path))
    except CaptureError as error:
        return Counter({"captures we cannot read": 1}), Counter(), [str(error)]
    found = conversations(wireshark.rows(path))
    seen = set()
    for (transport, stream), frames in found.items():
        theirs = prefix_of(transport, frames)
        first = [row for row in frames if payload_of(transport, row)] + frames
        flow = next((flow_of[frame_of(row)] for row in first if frame_of(row) in flow_of), None)
        ours = () if flow is None else prefixes[flow]
        seen.add(flow)
        if not theirs and not ours:
            payload["without payload"] += 1
        elif ours == theirs:
            payload["agree"] += 1
        elif ours == prefix_of(transport, frames, payload_by_ip_length):
            payload["agree by the IP length"] += 1
        else:
            why = explain(frames, ours, theirs)
            payload[why] += 1
            where = f"{path.name} {transport}.stream {stream} frame {frames[0]['frame.number']}"
            lines.append(f"{where}: {why}: ours {ours} tshark {theirs}")
    for flow in set(range(len(prefixes))) - seen:
        if prefixes[flow]:
            payload["no conversation of tshark begins with it"] += 1
            lines.append(f"{path.name} biflow {flow}: only ours: {prefixes[flow]}")
    connections, differing = compare_connections(found, flow_of)
    return payload, connections, [*lines, *(f"{path.name} {line}" for line in differing)]


def compare_connections(
    found: dict[tuple[str, str], list[Row]], flow_of: dict[int, int]
) -> tuple[Counter[str], list[str]]:
    """Outcomes over the TCP conversations of which we read packets, and a line for each that differs."""
    flows: dict[str, list[int]] = {}
    streams: dict[int, list[str]] = defaultdict(list)
    for (transport, stream), frames in found.items():
        ours = [flow_of[frame_of(row)] for row in frames if frame_of(row) in flow_of]
        if transport == "tcp" and ours:
            flows[stream] = list(dict.fromkeys(ours))
            for flow in flows[stream]:
                streams[flow].append(stream)
    outcomes: Counter[str] = Counter()
    lines = []
    for stream, held in flows.items():
        joined = [other for flow in held for other in streams[flow] if other != stream]
        if len(held) == 1 and not joined:
            outcomes["agree"] += 1
            continue
        what = "cut" if not joined else "joined" if len(held) == 1 else "cut and joined"
        if any(frame_of(frames[0]) not in flow_of for frames in (found["tcp", other] for other in (stream, *joined))):
            what += ", where we leave out a first packet as malformed"
        outcomes[what] += 1
        lines.append(f"tcp.stream {stream}: {what}: in our biflows {held} with the streams {joined}")
    return outcomes, lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    real = os.environ.get("NTGBENCH_REAL_TRAFFIC")
    parser.add_argument("folder", type=Path, nargs="?", default=Path(real, "pcaps") if real else None)
    arguments = parser.parse_args()
    if arguments.folder is None:
        parser.error("name a folder of captures, or set NTGBENCH_REAL_TRAFFIC")
    paths = sorted(path for path in arguments.folder.iterdir() if path.is_file())
    payload: Counter[str] = Counter()
    connections: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as settings, ThreadPoolExecutor(WORKERS) as pool:
        idle: SimpleQueue[Wireshark] = SimpleQueue()
        for _ in range(WORKERS):
            idle.put(Wireshark(settings))

        def run(path: Path) -> tuple[Counter[str], Counter[str], list[str]]:
            wireshark = idle.get()
            try:
                return compare(path, wireshark)
            finally:
                idle.put(wireshark)

        for of_payload, of_connections, lines in pool.map(run, paths):
            payload += of_payload
            connections += of_connections
            for line in lines:
                print(line)
        while not idle.empty():
            idle.get().close()
    for outcome, count in payload.most_common():
        print(f"{count:6} {outcome}")
    agree, by_ip_length = payload["agree"], payload["agree"] + payload["agree by the IP length"]
    compared = sum(payload.values()) - payload["without payload"]
    sound = compared - sum(count for why, count in payload.items() if why.startswith("contradiction"))
    print(f"{agree} of {compared} biflows with payload agree: {agree / compared:.3%}")
    print(f"{by_ip_length} of {compared} agree by the IP length: {by_ip_length / compared:.3%}")
    print(f"{by_ip_length} of {sound} without others whose packets contradict themselves: {by_ip_length / sound:.3%}")
    count = sum(connections.values())
    print(f"{connections['agree']} of {count} TCP connections agree: {connections['agree'] / count:.3%}")


if __name__ == "__main__":
    main()
