"""The datasheet of the dataset lab-trace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tabulate import tabulate

from benchmarks.lab import trace

_TEXT = """\
# The dataset lab-trace

The headers of {packets:,} packets on one link in {seconds} seconds: {flows:,} unidirectional flows between
{clients} clients and {servers} servers. Real programs made the packets, in the lab that made the
[dataset lab](datasheet.md). Where and when they meet on the link was drawn at random. Nobody's traffic is in it.

## How it was made

`make lab` captures sessions: one user of one program each, alone on a line of its own. `benchmarks/lab/trace.py` cuts
each session into *pieces* where none of its connections is open, and places pieces on one link:

- A visit begins at a uniform random time, from {lead} s before the trace on; so the link is busy when the trace begins,
  and some visits are cut at its ends. A client makes the visit: one of {households} addresses, the one of rank r with a
  chance proportional to 1 / sqrt(r).
- A visit has one program, and with a chance of {another:.0%} each time one more, of another class, which begins after a
  pause.
- A program is one session of the lab, which is in the trace once at most. It sends the session's first pieces in their
  order, until they have as many packets as were drawn. Before each piece there is a pause.
- Pauses have a Pareto distribution of shape {tail}, from {shortest} s on, cut off at {longest:g} s. The packets of a
  program have one of the same shape, from {fewest} on. Many such sources together are bursty at many time scales.
- Pieces of more than {largest:,} packets are left out, so that no transfer dominates.

{visits:,} visits with {sessions:,} sessions are in the trace. Nothing is repeated. The largest piece was chosen after a
look at how far apart the halves of such traces are: with larger ones, a few sessions decide what a half is like. The
seed is that of the build.

## What is real, and what is drawn

Real, as captured:

- the packets: lengths, protocol, ports, TCP flags, type of service, IP identification and flags; acknowledgements and
  packets sent again are among them
- the order of packets inside a piece, and their gaps, cut to whole microseconds: the lab's programs think for 30 ms and
  its lines are short, so all happens faster than on a network, and the trace is short
- TCP sequence and acknowledgement numbers, but counted from the first of each connection and direction

Drawn or made:

- when a piece begins
- addresses: clients in {clients_in} (RFC 2544), servers in {servers_in} (RFC 5737), one server for each class
- the time to live: all packets left with 64; each address has its own number of hops to the link, 2..15, which is taken
  away
- the date

Checksums, options and payloads are not kept.

## The build

- rate: {rate}
- delay, jitter and loss: {delay}
- packets: {mtu}
- seed {seed}, scale {scale}; kernel {kernel}, Python {python}

## Classes

{classes}

What the classes are, and what differs between sessions of day 1 and day 2, is in the [datasheet of lab](datasheet.md).

## Versions

{versions}

## Limits

- Sessions do not share the link's capacity: packets of two sessions never wait for one another.
- Each class has about as many sessions as any other. That is no measurement of a network.
- One machine ran all hosts. Gaps inside connections are those of that machine, not those of a network.
- A client that comes back may use the same ports again, as programs with fixed ports do. Its flow then goes on.
- Self-similarity comes from the pauses that we chose. A generator that reproduces it has found our choice.
- A score on this trace ranks methods and says nothing about a network. The limits of lab hold too.
"""


def trace_datasheet(facts: Mapping[str, Any]) -> str:
    """The page, of what `make lab` wrote about a build."""
    about = facts["trace"]
    rows = [
        (f"`{name}`", one["server"], f"{one['packets']:,}", f"{one['flows']:,}")
        for name, one in about["classes"].items()
    ]
    return _TEXT.format(
        **{name: about[name] for name in ("packets", "flows", "clients", "visits", "sessions")},
        seconds=trace.SECONDS,
        lead=trace.LEAD,
        servers=len(about["classes"]),
        households=trace.HOUSEHOLDS,
        another=trace.ANOTHER,
        tail=trace.TAIL,
        shortest=trace.SHORTEST,
        longest=trace.LONGEST,
        fewest=trace.FEWEST,
        largest=about["largest_piece"],
        clients_in=trace.CLIENTS,
        servers_in=trace.SERVERS,
        rate=facts["rate"],
        delay=facts["delay_jitter_loss"],
        mtu=facts["mtu"],
        seed=facts["seed"],
        scale=facts["scale"],
        kernel=facts["system"]["kernel"].partition("-")[0],
        python=facts["system"]["python"],
        classes=tabulate(rows, ["class", "server", "packets", "flows"], tablefmt="pipe", disable_numparse=True),
        versions=", ".join(f"{name} {version}" for name, version in sorted(facts["versions"].items())) + ".",
    )
