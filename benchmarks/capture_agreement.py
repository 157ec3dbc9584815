"""How well our biflows agree with tshark's, over a folder of captures.

    python benchmarks/capture_agreement.py FOLDER [--keep FOLDER]

What is compared: each TCP or UDP conversation of tshark (tcp.stream, udp.stream) that carries payload, by its outermost
transport, against the biflow of ours that holds the conversation's first frame. They agree when the signed payload
lengths of their first 10 packets with payload are the same. tshark knows no timeouts, so ours are switched off; it is
told not to reassemble, so that each frame stands for itself. The sign is derived here a second time from tshark's own
fields: the sender of the first SYN, else the receiver of the first SYN-ACK, else the sender of the first packet, is
upstream.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from ntgbench.errors import CaptureError
from ntgbench.traffic.capture import Capture, read_capture
from ntgbench.traffic.segmentation import segment

PREFIX = 10
FIELDS = (
    "frame.number frame.protocols ip.src ip.dst ipv6.src ipv6.dst tcp.srcport tcp.dstport udp.srcport udp.dstport "
    "tcp.stream udp.stream tcp.len udp.length tcp.flags ip.frag_offset ip.flags.mf ipv6.fraghdr.offset ipv6.fraghdr.more "
    "frame.cap_len frame.len ip.len"
).split()
NETWORK = {"ip", "ipv6"}
TRANSPORT = {"tcp", "udp"}

Row = dict[str, str]
Prefix = tuple[int, ...]


def tshark(path: Path, keep: Path | None) -> list[Row]:
    """One row of `FIELDS` for each frame."""
    kept = keep / f"{path.name}.tsv" if keep else None
    if kept and kept.exists():
        text = kept.read_text()
    else:
        options = ["-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE", "-o", "tcp.desegment_tcp_streams:FALSE"]
        fields = [argument for field in FIELDS for argument in ("-e", field)]
        command = ["tshark", "-n", "-r", str(path), *options, "-T", "fields", "-E", "occurrence=f", *fields]
        text = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        if kept:
            kept.write_text(text)
    return [dict(zip(FIELDS, line.split("\t"), strict=True)) for line in text.splitlines()]


def outer_transport(row: Row) -> str:
    """Transport right inside the outermost IP packet: tcp, udp or nothing."""
    layers = row["frame.protocols"].split(":")
    first = next((i for i, layer in enumerate(layers) if layer in NETWORK), len(layers))
    for layer in layers[first + 1 :]:
        if layer in TRANSPORT:
            return layer
        if layer in NETWORK or not (layer.startswith("ipv6.") or layer in {"ah", "data"}):
            return ""
    return ""


def conversations(rows: list[Row]) -> dict[tuple[str, str], list[Row]]:
    """Frames of each of tshark's conversations."""
    found = defaultdict(list)
    for row in rows:
        transport = outer_transport(row)
        if transport and row[f"{transport}.stream"]:
            found[transport, row[f"{transport}.stream"]].append(row)
    return found


def sender(transport: str, row: Row) -> tuple[str, str]:
    return row["ip.src"] or row["ipv6.src"], row[f"{transport}.srcport"]


def prefix_of(transport: str, frames: list[Row]) -> Prefix:
    """Signed payload lengths by tshark's fields."""
    client = None
    if transport == "tcp":
        for row in frames:
            flags = int(row["tcp.flags"] or "0", 16)
            if flags & 2:
                client = (sender(transport, row), not flags & 16)
                break
    who, is_client = client or (sender(transport, frames[0]), True)
    signed = []
    for row in frames:
        stated = row["tcp.len"] if transport == "tcp" else row["udp.length"]
        length = int(stated or 0) - (8 if transport == "udp" else 0)
        if length > 0:
            signed.append(length if (sender(transport, row) == who) == is_client else -length)
    return tuple(signed[:PREFIX])


def our_prefixes(capture: Capture) -> tuple[dict[int, int], list[Prefix]]:
    """Our biflow of each frame, and the prefix of each biflow."""
    segmentation = segment(capture.trace, np.inf, np.inf)
    signed = np.where(segmentation.upstream, 1, -1) * capture.trace.payload_length
    prefixes = []
    for start, end in zip(segmentation.offsets[:-1], segmentation.offsets[1:], strict=True):
        lengths = signed[segmentation.order[start:end]]
        prefixes.append(tuple(lengths[lengths != 0][:PREFIX].tolist()))
    return dict(zip((capture.frame + 1).tolist(), segmentation.flow.tolist(), strict=True)), prefixes


def explain(frames: list[Row], ours: Prefix | None, theirs: Prefix) -> str:
    """Why the two differ, as far as the frames tell."""
    if any(row["ip.flags.mf"] in {"1", "True"} or row["ipv6.fraghdr.more"] in {"1", "True"} for row in frames):
        return "fragmented datagrams: tshark, without reassembly, counts the first fragment alone"
    if ours is None:
        return "frame left out by us"
    if tuple(map(abs, ours)) == tuple(map(abs, theirs)):
        return "same lengths, other direction"
    if ours[: len(theirs)] == theirs or theirs[: len(ours)] == ours:
        return "cut into biflows at another packet"
    return "other lengths"


def compare(path: Path, keep: Path | None) -> tuple[Counter[str], list[str]]:
    """Counts of outcomes over the conversations of a capture, and a line for each that differs."""
    counts: Counter[str] = Counter()
    lines = []
    try:
        flow_of, prefixes = our_prefixes(read_capture(path))
    except CaptureError as error:
        return Counter({"captures we cannot read": 1}), [str(error)]
    seen = set()
    for (transport, stream), frames in conversations(tshark(path, keep)).items():
        theirs = prefix_of(transport, frames)
        flow = flow_of.get(int(frames[0]["frame.number"]))
        ours = None if flow is None else prefixes[flow]
        seen.add(flow)
        if not theirs and not ours:
            counts["without payload"] += 1
        elif ours == theirs:
            counts["agree"] += 1
        else:
            why = explain(frames, ours, theirs)
            counts[why] += 1
            lines.append(
                f"{path.name} {transport}.stream {stream} frame {frames[0]['frame.number']}: {why}: ours {ours} tshark {theirs}"
            )
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
    with ThreadPoolExecutor(2) as pool:
        for counts, lines in pool.map(lambda path: compare(path, arguments.keep), paths):
            total += counts
            for line in lines:
                print(line)
    compared = sum(total.values()) - total["without payload"]
    for outcome, count in total.most_common():
        print(f"{count:6} {outcome}")
    print(
        f"{total['agree']} of {compared} biflows with payload agree: {total['agree'] / compared:.3%}", file=sys.stderr
    )


if __name__ == "__main__":
    main()
