"""A build into the package: `python -m benchmarks.lab.publish FOLDER`, FOLDER as `make lab` wrote it.

Writes ntgbench/datasets/lab: the flows, the sample of captures, and the datasheet.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tabulate import tabulate

from ntgbench.datasets import lab
from ntgbench.files import write_text

PACKAGE = Path(__file__).parents[2] / "ntgbench" / "datasets" / "lab"

LARGEST = 3_000_000
"""Bytes of flows that the package holds at most."""

_TEXT = """\
# The datasets lab, lab-day1, lab-day2 and lab-pcap

{biflows} bidirectional flows of {count} applications: real programs that talked over a real network stack on one
machine, captured, and labelled by construction. Nobody's traffic is in it: addresses, names, documents and users
were made up.

## How it was made

`make lab` (`benchmarks/lab`, root needed) builds hosts as network namespaces, two and two joined by a virtual
Ethernet cable with an MTU of 1500 and without offloads, starts a real server in one and real clients in the other,
and captures with tcpdump on the client's end. A *session* is one user at one place: a client address of its own, a
line of its own, and habits drawn from the session's seed: programs, credentials, documents, how much is asked of a
connection, and how long it thinks. A biflow belongs to the session whose address it has, and has the session's
class when the other end is one of the class's ports; so no label is guessed. Sessions are what a split must not
tear apart. On day 2 most of the same programs are set
up and used otherwise, so that a model of day 1 meets what it has not seen.

- rate: {rate}
- delay, jitter and loss: {delay}
- packets: {mtu}
- seed {seed}, scale {scale}; kernel {kernel}, Python {python}
- biflows as ntgbench segments them; the first 30 packets with payload of each, as signed payload length (clipped
  where it is read, to 1460 bytes by default) and gap since the packet before, to three digits
- sessions that failed, by class: {failed}
- left out: {left_out}

`lab-pcap` has some sessions of each class as captures of packet headers.

## Classes

{classes}

On day 2:

{changes}

## Versions

{versions}

## What it is not

- One machine played all parts, so round-trip times are those of that machine and its lines: gaps are worth less
  than sizes, and of a drift between networks there is only what the lines differ by.
- Users are made up. How often each class occurs, and what is asked for, is our choice and not a measurement of
  anybody's network: a score on this data ranks methods, and says nothing about a network.
- Payloads were random or made of word lists: sizes after compression follow from that.
- Eight classes were chosen for what tells them apart, much of which lies far apart in a biflow, where a generator with
  a short memory loses it: `gallery` and `game`, and `search` and `routing`, differ by what kind of request brings a
  large answer; `charger`, `inverter`, `meter` and `plc` by what a device's name goes with, its settings, which follow
  at once, and its tables, which come several packets later. Elsewhere handshakes and first requests say most. How far
  real traffic is from a short chain's on this data is therefore our choice as well.
- A class is one or two implementations of a protocol. What tells two classes apart here may be the implementation.
- It is a snapshot of Debian's and PyPI's versions named above. Another build draws everything anew by its seed and
  is statistically the same (`python -m benchmarks.lab.scores BUILD ANOTHER`), not byte for byte: threads and clocks
  are real.
"""


def datasheet(facts: Mapping[str, Any]) -> str:
    """The page, of what `make lab` wrote about a build."""
    classes = facts["classes"]
    table = [
        (
            f"`{name}`",
            about["summary"],
            about["ports"],
            *(f"{about[what].get(day, 0):,}" for what in ("biflows", "sessions") for day in ("1", "2")),
        )
        for name, about in sorted(classes.items())
    ]
    heads = ["class", "what talks", "ports", "biflows day 1", "day 2", "sessions day 1", "day 2"]
    failed = {name: sum(reasons.values()) for name, reasons in facts["failed_sessions"].items()}
    return _TEXT.format(
        biflows=f"{facts['biflows']:,}",
        count=len(classes),
        rate=facts["rate"],
        delay=facts["delay_jitter_loss"],
        mtu=facts["mtu"],
        seed=facts["seed"],
        scale=facts["scale"],
        kernel=facts["system"]["kernel"].partition("-")[0],
        python=facts["system"]["python"],
        failed=", ".join(f"{name} {count}" for name, count in failed.items()) or "none",
        left_out="; ".join(facts["left_out"]) or "nothing",
        classes=tabulate(table, heads, tablefmt="pipe", disable_numparse=True),
        changes="\n".join(f"- `{name}`: {about['changed_on_day_2']}" for name, about in sorted(classes.items())),
        versions=", ".join(f"{name} {version}" for name, version in sorted(facts["versions"].items())) + ".",
    )


def main(build: Path) -> None:
    """Put the build into the package."""
    flows = build / "lab.parquet"
    if flows.stat().st_size > LARGEST:
        raise SystemExit(
            f"error: {flows} has {flows.stat().st_size:,} bytes, and the package holds {LARGEST:,} at most"
        )
    PACKAGE.mkdir(exist_ok=True)
    shutil.copyfile(flows, PACKAGE / lab.FLOWS)
    shutil.rmtree(PACKAGE / lab.CAPTURES, ignore_errors=True)
    shutil.copytree(build / "lab-pcap", PACKAGE / lab.CAPTURES)
    write_text(PACKAGE / "datasheet.md", datasheet(json.loads((build / "lab.json").read_text(encoding="utf-8"))))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=Path)
    main(parser.parse_args().build)
