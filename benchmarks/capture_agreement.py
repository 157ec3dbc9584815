"""How well our biflows agree with tshark's, over a folder of captures.

    python benchmarks/capture_agreement.py FOLDER [--keep FOLDER]

What is compared: each TCP or UDP conversation of tshark (tcp.stream, udp.stream) that carries payload, by its outermost
transport, against the biflow of ours that holds the conversation's first payload. They agree when the signed payload
lengths of their first 10 packets with payload are the same. tshark knows no timeouts, so ours are switched off. It puts
fragments together (a datagram then counts where its first fragment stands) but no TCP segments, and knows no protocol
above TCP and UDP, for some of these redraw its conversations. The sign is derived here a second time from tshark's own
fields: the sender of the first SYN, else the receiver of the first SYN-ACK, else the sender of the first packet, is
upstream.

Where a packet's own lengths contradict each other, tshark shows what the UDP header states, or what the frame has room
for; we hold by the IP length, so that captures cut by a snap length give the answer of full ones. So conversations that
differ are compared once more by the payload that follows from the IP length as tshark reads it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from ntgbench.errors import CaptureError
from ntgbench.traffic.capture import Capture, read_capture
from ntgbench.traffic.segmentation import segment

PREFIX = 10
FIELDS = [
    *("frame.number", "frame.len", "frame.protocols", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "ip.len"),
    *("ip.hdr_len", "ip.flags.mf", "ip.fragment", "ipv6.plen", "ipv6.fraghdr.more", "ipv6.fragment", "_ws.malformed"),
    *("tcp.srcport", "tcp.dstport", "tcp.stream", "tcp.len", "tcp.flags", "tcp.hdr_len"),
    *("udp.srcport", "udp.dstport", "udp.stream", "udp.length"),
]
PROTOCOLS = {
    *("frame", "eth", "ethertype", "vlan", "ieee8021ad", "ieee8021ah", "llc", "mpls", "pppoe", "pppoes", "ppp"),
    *("ppp_hdlc", "chdlc", "fr", "sll", "null", "raw", "wlan", "radiotap", "wlan_radio", "arcnet", "fddi", "nflog"),
    *(
        "ppi",
        "eth_maybefcs",
        "eth_withoutfcs",
        "eth_withfcs",
        "ip",
        "ipv6",
        "ipv6.hopopts",
        "ipv6.dstopts",
        "ipv6.routing",
        "ipv6.routing.type.rt0",
        "ipv6.fraghdr",
    ),
    *("ipv6.routing.type.srh", "ipv6.routing.type.mipv6", "ah", "gre", "tcp", "udp", "icmp", "icmpv6", "data"),
}
NETWORK = {"ip", "ipv6"}
TRANSPORT = {"tcp", "udp"}
SET = {"1", "True"}

Row = dict[str, str]
Prefix = tuple[int, ...]


def without_applications(folder: str) -> dict[str, str]:
    """Environment in which tshark knows `PROTOCOLS` only: its settings stand in `folder`."""
    listing = subprocess.run(["tshark", "-G", "protocols"], capture_output=True, text=True, check=True).stdout
    names = {line.split("\t")[2] for line in listing.splitlines()}
    Path(folder, "disabled_protos").write_text("".join(f"{name}\n" for name in sorted(names - PROTOCOLS)))
    return {**os.environ, "WIRESHARK_CONFIG_DIR": folder}


def tshark(path: Path, environment: dict[str, str], keep: Path | None) -> list[Row]:
    """One row of `FIELDS` for each frame."""
    kept = keep / f"{path.name}.tsv" if keep else None
    if kept and kept.exists():
        text = kept.read_text()
    else:
        options = ["-o", "ip.defragment:TRUE", "-o", "ipv6.defragment:TRUE", "-o", "tcp.desegment_tcp_streams:FALSE"]
        fields = [argument for field in FIELDS for argument in ("-e", field)]
        command = ["tshark", "-n", "-r", str(path), *options, "-T", "fields", "-E", "occurrence=f", *fields]
        # It ends with an error where a capture is damaged, and has then written what comes before.
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        text = done.stdout
        if done.returncode and not text:
            print(f"{path.name}: tshark gives nothing: {done.stderr.splitlines()[-1]}")
        if kept:
            kept.write_text(text)
    return [dict(zip(FIELDS, line.split("\t"), strict=True)) for line in text.splitlines()]


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
    """Frames of each of tshark's conversations."""
    found = defaultdict(list)
    for row in sorted(rows, key=frame_of):
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
            if flags & 2:
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
    if any("cfp" in row["frame.protocols"] for row in frames):
        return "Cisco FabricPath, which we do not read"
    if tuple(map(abs, ours)) == tuple(map(abs, theirs)):
        return "same lengths, other direction"
    return "other"


def compare(path: Path, environment: dict[str, str], keep: Path | None) -> tuple[Counter[str], list[str]]:
    """Counts of outcomes over the conversations of a capture, and a line for each that differs."""
    counts: Counter[str] = Counter()
    lines = []
    try:
        flow_of, prefixes = our_prefixes(read_capture(path))
    except CaptureError as error:
        return Counter({"captures we cannot read": 1}), [str(error)]
    seen = set()
    for (transport, stream), frames in conversations(tshark(path, environment, keep)).items():
        theirs = prefix_of(transport, frames)
        first = [row for row in frames if payload_of(transport, row)] + frames
        flow = next((flow_of[frame_of(row)] for row in first if frame_of(row) in flow_of), None)
        ours = () if flow is None else prefixes[flow]
        seen.add(flow)
        if not theirs and not ours:
            counts["without payload"] += 1
        elif ours == theirs:
            counts["agree"] += 1
        elif ours == prefix_of(transport, frames, payload_by_ip_length):
            counts["agree by the IP length"] += 1
        else:
            why = explain(frames, ours, theirs)
            counts[why] += 1
            where = f"{path.name} {transport}.stream {stream} frame {frames[0]['frame.number']}"
            lines.append(f"{where}: {why}: ours {ours} tshark {theirs}")
    for flow in set(range(len(prefixes))) - seen:
        if prefixes[flow]:
            counts["no conversation of tshark begins with it"] += 1
            lines.append(f"{path.name} biflow {flow}: only ours: {prefixes[flow]}")
    return counts, lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--keep", type=Path, help="keep tshark's output in this folder and use it again")
    arguments = parser.parse_args()
    if arguments.keep:
        arguments.keep.mkdir(parents=True, exist_ok=True)
    paths = sorted(path for path in arguments.folder.iterdir() if path.is_file())
    total: Counter[str] = Counter()
    with ThreadPoolExecutor(2) as pool, tempfile.TemporaryDirectory() as settings:
        environment = without_applications(settings)
        for counts, lines in pool.map(lambda path: compare(path, environment, arguments.keep), paths):
            total += counts
            for line in lines:
                print(line)
    for outcome, count in total.most_common():
        print(f"{count:6} {outcome}")
    agree, by_ip_length = total["agree"], total["agree"] + total["agree by the IP length"]
    compared = sum(total.values()) - total["without payload"]
    sound = compared - sum(count for why, count in total.items() if why.startswith("contradiction"))
    print(f"{agree} of {compared} biflows with payload agree: {agree / compared:.3%}")
    print(f"{by_ip_length} of {compared} agree by the IP length: {by_ip_length / compared:.3%}")
    print(f"{by_ip_length} of {sound} without others whose packets contradict themselves: {by_ip_length / sound:.3%}")


if __name__ == "__main__":
    main()
