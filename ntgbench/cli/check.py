"""`ntgbench check`: what is wrong with a plugin, before a reviewer says it."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import click

from ntgbench.cli import completing
from ntgbench.cli.help import examples
from ntgbench.cli.options import as_json, in_track, is_quiet, say_which, show_json
from ntgbench.errors import NtgbenchError
from ntgbench.words import pluralised

if TYPE_CHECKING:
    from ntgbench.checking import Checked


@click.command(
    short_help="Check that a system or metric keeps its contract.",
    epilog=examples(
        "ntgbench check my-generator",
        "ntgbench check 'markov[order=3]' --quiet",
        "ntgbench check jsd_1gram --json",
    ),
)
@click.argument("name", shell_complete=completing.checkable)
@in_track
@click.option(
    "--cpu-minutes",
    type=click.FloatRange(min=0, min_open=True),
    default=10.0,
    show_default=True,
    help="CPU minutes of one check at most.",
)
@click.option(
    "--idle-minutes",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="Minutes without CPU time after which a check counts as hanging.",
)
@click.option("--full", is_flag=True, help="Calibrate a metric with all sizes, which takes long.")
@is_quiet
@as_json
def check(
    name: str,
    track: str | None,
    cpu_minutes: float,
    idle_minutes: float,
    full: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """Check that the system or metric NAME keeps its contract; exits with 1 when it does not.

    A metric is calibrated as well, on traffic of known truth: the checks that it declares in `passes` must pass, the
    others are shown. The checks run in a process of their own, which the plugin may end or block without harm.
    """
    from ntgbench.checking import run_checks
    from ntgbench.needs import require
    from ntgbench.plugins import registry
    from ntgbench.protocol import Limits
    from ntgbench.words import suggestion

    known = registry()
    if name not in {**known.metrics(), **known.systems()} and "[" not in name:
        raise NtgbenchError(
            f"nothing to check is called {name!r}; {suggestion(name, [*known.systems(), *known.metrics()])}"
        )
    system = name.partition("[")[0]
    require(known.metrics()[name] if name in known.metrics() else known.system(system, track))
    if not quiet:
        say_which(system, track)
    found = []
    for one in run_checks(name, Limits(cpu_minutes=cpu_minutes, idle_minutes=idle_minutes), track, full):
        found.append(one)
        if not as_json:
            _show(one, quiet)
    binding = [one for one in found if _binds(one)]
    kept = sum(one.reason is None for one in binding)
    if as_json:
        show_json({"name": name, "passed": kept, "of": len(binding), "checks": [_values(one) for one in found]})
    else:
        click.echo(f"{kept} of {pluralised(len(binding), 'check')} passed")
    return int(kept < len(binding))


def _binds(one: Checked) -> bool:
    """Whether the check decides: one that is not declared does so only when it ended or blocked its process."""
    return one.check.declared or not one.finished


def _show(one: Checked, quiet: bool) -> None:
    """One check and how it ended; only what failed when it is to be quiet."""
    if not _binds(one):
        ended = "passes" if one.reason is None else one.reason
        if not quiet:
            click.echo(f"      {one.check.promise}\n      not declared: {ended}")
    elif one.reason is not None:
        click.echo(f"FAIL  {one.check.promise}\n      {one.reason}")
        if one.said:
            click.echo(textwrap.indent(f"It printed last:\n{one.said}", "      "))
    elif not quiet:
        click.echo(f"ok    {one.check.promise}")


def _values(one: Checked) -> dict[str, Any]:
    return {
        "promise": one.check.promise,
        "declared": one.check.declared,
        "passed": one.reason is None,
        "reason": one.reason,
        "said": one.said,
    }
