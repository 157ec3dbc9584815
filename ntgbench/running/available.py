"""What of a protocol can be done with the packages that are installed here."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ntgbench.errors import ProtocolError
from ntgbench.needs import missing, require, told
from ntgbench.running.codes import every_metric_of, metrics_of
from ntgbench.systems import choose

if TYPE_CHECKING:
    from collections.abc import Collection

    from ntgbench.protocol import Protocol


def available(
    protocol: Protocol, systems: Collection[str] = (), suites: Collection[str] = ()
) -> tuple[Protocol, tuple[str, ...]]:
    """The protocol without what lacks a package, and a line for each command that installs what is missing.

    Args:
        protocol: what is asked for.
        systems: those that the user has named, which are not left out.
        suites: likewise.

    Raises:
        PluginError: for a named system, or a named suite none of whose metrics can be computed.
        ProtocolError: when nothing is left.
    """
    specs = {text: choose(text, protocol.track).spec for text in protocol.systems}
    require(*(specs[text] for text in systems if text in specs))
    metrics = {suite: every_metric_of(protocol.track, suite) for suite in protocol.suites}
    # A suite without metrics of its own has no use for theirs.
    idle = [suite for suite, every in metrics.items() if every and not metrics_of(protocol.track, suite)]
    for suite in idle:
        if suite in suites:
            require(*metrics[suite])
    lines = tuple(
        f"left out: {what}{line}"
        for what, lacking in (("", specs.values()), ("metrics ", [one for every in metrics.values() for one in every]))
        for line in told(lacking)
    )
    kept = tuple(text for text, spec in specs.items() if not missing(spec))
    left = tuple(suite for suite in protocol.suites if suite not in idle)
    if not kept or not left:
        what = "suite" if kept else "system"
        raise ProtocolError(f"no {what} of the protocol {protocol.name} can be used here; {'; '.join(lines)}")
    return replace(protocol, systems=kept, suites=left), lines
