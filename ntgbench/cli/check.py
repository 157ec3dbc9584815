"""`ntgbench check`: what is wrong with a plugin, before a reviewer says it."""

from __future__ import annotations

import textwrap

import click

from ntgbench.cli.options import in_track, say_which
from ntgbench.errors import NtgbenchError


@click.command(
    epilog="Examples: ntgbench check my-generator; ntgbench check 'markov[order=3]'; ntgbench check jsd_1gram"
)
@click.argument("name")
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
def check(name: str, track: str | None, cpu_minutes: float, idle_minutes: float, full: bool) -> int:
    """Check that the system or metric NAME keeps its contract; exits with 1 when it does not.

    A metric is calibrated as well, on traffic of known truth: the checks that it declares in `passes` must pass, the
    others are shown. The checks run in a process of their own, which the plugin may end or block without harm.
    """
    from ntgbench.checking import run_checks
    from ntgbench.needs import require
    from ntgbench.plugins import registry
    from ntgbench.protocol import Limits
    from ntgbench.words import pluralised, suggestion

    known = registry()
    if name not in {**known.metrics(), **known.systems()} and "[" not in name:
        raise NtgbenchError(
            f"nothing to check is called {name!r}; {suggestion(name, [*known.systems(), *known.metrics()])}"
        )
    system = name.partition("[")[0]
    require(known.metrics()[name] if name in known.metrics() else known.system(system, track))
    say_which(system, track)
    kept, count = 0, 0
    for one in run_checks(name, Limits(cpu_minutes=cpu_minutes, idle_minutes=idle_minutes), track, full):
        if not one.check.declared and one.finished:
            ended = "passes" if one.reason is None else one.reason
            click.echo(f"      {one.check.promise}\n      not declared: {ended}")
            continue
        count += 1
        if one.reason is None:
            kept += 1
            click.echo(f"ok    {one.check.promise}")
            continue
        click.echo(f"FAIL  {one.check.promise}\n      {one.reason}")
        if one.said:
            click.echo(textwrap.indent(f"It printed last:\n{one.said}", "      "))
    click.echo(f"{kept} of {pluralised(count, 'check')} passed")
    return int(kept < count)
