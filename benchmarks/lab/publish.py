"""A build into the package: `python -m benchmarks.lab.publish FOLDER`, FOLDER as `make lab` wrote it.

Writes ntgbench/datasets/lab: the flows, the sample of captures, the trace, and a datasheet of each; with
`--only biflows` or `--only trace` that part.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tabulate import tabulate

from benchmarks.lab.trace_sheet import trace_datasheet
from ntgbench.datasets import lab
from ntgbench.files import write_text

PACKAGE = Path(__file__).parents[2] / "ntgbench" / "datasets" / "lab"

LARGEST = {"lab.parquet": 3_000_000, "lab-trace.parquet": 2_000_000}
"""Bytes of each file that the package holds at most."""

_TEXT = """\
# The datasets lab, lab-day1, lab-day2 and lab-pcap

{biflows} bidirectional flows of {count} applications. Real programs communicated over a real network stack on one
machine; their traffic was captured. The label of each flow is known from the setup. Nobody's traffic is in it:
addresses, names, documents and users were made up.

## How it was made

`make lab` (`benchmarks/lab`, needs root) builds hosts as network namespaces. Each pair is joined by a virtual
Ethernet cable with an MTU of 1500 and without offloads. A real server runs in one host, real clients in the other,
and tcpdump captures on the client's side. A *session* is one user at one place: a client address of its own, a
line of its own, and habits drawn from the session's seed (programs, credentials, documents, requests in a
connection, think times). A biflow belongs to the session that has its address. It has the class of the session if
the other end is a port of that class. So no label is guessed. A split should not divide sessions. On day 2 most of
the same programs are set up and used in another way, so that a model of day 1 meets traffic that it has not seen.

- rate: {rate}
- delay, jitter and loss: {delay}
- packets: {mtu}
- seed {seed}, scale {scale}; kernel {kernel}, Python {python}
- biflows as ntgbench segments them; the first 30 packets with payload of each, as signed payload length (cut when
  it is read, by default to 1460 bytes) and inter-arrival time (iat) to three digits
- sessions that failed, by class: {failed}
- left out: {left_out}

`lab-pcap` has some sessions of each class as captures of packet headers.

## Classes

{classes}

Changes on day 2:

{changes}

## Versions

{versions}

## Limits

- One machine ran all hosts, so round-trip times are those of that machine and its lines. Inter-arrival times are
  worth less than sizes. Networks differ only by the rates of their lines.
- Users are made up. We chose how often each class occurs and what is requested; this is no measurement of a
  network. A score on this data ranks methods and says nothing about a network.
- Payloads are random or made of word lists. Sizes after compression follow from that.
- Eight classes were chosen because their differences are far apart in a biflow, where a generator with a short
  memory loses them. `gallery` and `game`, and `search` and `routing`, differ by the kind of request that has a
  large answer. `charger`, `inverter`, `meter` and `plc` differ by how the length of a device's name is related to
  its settings, which follow at once, and to its tables, which follow several packets later. In the other classes,
  handshakes and first requests tell most. So how far real traffic is from a short chain on this data is also our
  choice.
- A class is one or two implementations of a protocol. What separates two classes here may be the implementation.
- The data depends on the versions of Debian and PyPI packages above. Another build draws everything again from its
  seed and is statistically the same (`python -m benchmarks.lab.scores BUILD ANOTHER`), but not byte for byte,
  because threads and clocks are real.
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


def main(build: Path, only: str | None) -> None:
    """Put the build, or a part of it, into the package."""
    facts = json.loads((build / "lab.json").read_text(encoding="utf-8"))
    PACKAGE.mkdir(exist_ok=True)
    if only != "trace":
        _copy(build / "lab.parquet", PACKAGE / lab.FLOWS)
        shutil.rmtree(PACKAGE / lab.CAPTURES, ignore_errors=True)
        shutil.copytree(build / "lab-pcap", PACKAGE / lab.CAPTURES)
        write_text(PACKAGE / "datasheet.md", datasheet(facts))
    if only != "biflows":
        _copy(build / "lab-trace.parquet", PACKAGE / lab.TRACE)
        write_text(PACKAGE / "trace.md", trace_datasheet(facts))


def _copy(file: Path, target: Path) -> None:
    if (size := file.stat().st_size) > (most := LARGEST[file.name]):
        raise SystemExit(f"error: {file} has {size:,} bytes, and the package holds {most:,} at most")
    shutil.copyfile(file, target)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=Path)
    parser.add_argument("--only", choices=("biflows", "trace"), help="publish this part alone")
    arguments = parser.parse_args()
    main(arguments.build, arguments.only)
