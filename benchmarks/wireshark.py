"""Wireshark's fields of the frames of many captures, from one process."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

FIELDS = [
    *("frame.number", "frame.time_epoch", "frame.len", "frame.protocols", "ip.src", "ip.dst", "ipv6.src"),
    *("ipv6.dst", "ip.len", "ip.hdr_len", "ip.flags.mf", "ip.fragment", "ipv6.plen", "ipv6.fraghdr.more"),
    *("ipv6.fragment", "_ws.malformed", "tcp.srcport", "tcp.dstport", "tcp.stream", "tcp.len", "tcp.flags"),
    *("tcp.hdr_len", "udp.srcport", "udp.dstport", "udp.stream", "udp.length"),
]
PROTOCOLS = {
    *("frame", "eth", "ethertype", "vlan", "ieee8021ad", "ieee8021ah", "llc", "mpls", "pppoe", "pppoes", "ppp"),
    *("ppp_hdlc", "chdlc", "fr", "sll", "null", "raw", "wlan", "radiotap", "wlan_radio", "arcnet", "fddi"),
    *("nflog", "ppi", "eth_maybefcs", "eth_withoutfcs", "eth_withfcs", "ip", "ipv6", "ipv6.hopopts"),
    *("ipv6.dstopts", "ipv6.routing", "ipv6.routing.type.rt0", "ipv6.fraghdr", "cmd", "vntag", "etag", "ttag"),
    *("cfp", "nsh", "macsec", "trill", "hsr", "ieee8021cb", "isl", "juniper", "pktap", "pcap_pktdata", "ipoib"),
    *("erf", "clip", "tr", "enc", "pflog", "ipnet", "docsis", "prism", "pweth", "pwethcw"),
    *("ipv6.routing.type.srh", "ipv6.routing.type.mipv6", "ah", "gre", "tcp", "udp", "icmp", "icmpv6", "data"),
}
PREFERENCES = (
    "ip.defragment: TRUE\nipv6.defragment: TRUE\ntcp.desegment_tcp_streams: FALSE\nnameres.network_name: FALSE\n"
)

Row = dict[str, str]


class Wireshark:
    """A sharkd, which comes with tshark and dissects as it does, but starts once for many captures.

    It knows `PROTOCOLS` only, puts fragments together but no segments; its settings stand in `folder`.
    """

    def __init__(self, folder: str) -> None:
        listing = subprocess.run(["tshark", "-G", "protocols"], capture_output=True, text=True, check=True).stdout
        names = {line.split("\t")[2] for line in listing.splitlines()}
        Path(folder, "disabled_protos").write_text("".join(f"{name}\n" for name in sorted(names - PROTOCOLS)))
        Path(folder, "preferences").write_text(PREFERENCES)
        self.environment = {**os.environ, "WIRESHARK_CONFIG_DIR": folder}
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            ["sharkd", "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=self.environment,
        )

    def ask(self, method: str, **parameters: str) -> Any:
        """The result of a request; None when it is an error or the process has ended over it."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            self.close()
            self.start()
        return json.loads(answer).get("result") if answer else None

    def rows(self, path: Path) -> list[Row]:
        """One row of `FIELDS` for each frame."""
        if self.ask("load", file=str(path.resolve())) is None:
            print(f"{path.name}: Wireshark cannot read it")
            return []
        columns = {f"column{number}": f"{name}:1" for number, name in enumerate(FIELDS)}
        frames = self.ask("frames", **columns) or []
        return [dict(zip(FIELDS, frame["c"], strict=True)) for frame in frames]

    def close(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        self.process.wait()
