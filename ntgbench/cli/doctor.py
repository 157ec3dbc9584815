"""`ntgbench doctor`: what is here, and what looks wrong."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from ntgbench.cli.help import examples
from ntgbench.cli.options import as_json, show_json


@click.command(
    short_help="Look for what is wrong with this installation.",
    epilog=examples("ntgbench doctor", "ntgbench doctor --json"),
)
@click.option("--runs", type=click.Path(path_type=Path), default="runs", show_default=True, help="Where cells work.")
@click.option("--out", type=click.Path(path_type=Path), default="leaderboards", show_default=True, help="Leaderboards.")
@as_json
def doctor(runs: Path, out: Path, as_json: bool) -> int:
    """Look for what is wrong with this machine and this installation.

    Each line is ok, a warning or a problem, with what to do about it. Add the output to a report of an error: it names
    neither the machine nor its user. Exits with 1 when there is a problem.
    """
    from ntgbench import __version__
    from ntgbench.doctor import examine
    from ntgbench.doctor.checks import every_check
    from ntgbench.words import pluralised

    found = examine(every_check(runs, out))
    if as_json:
        show_json({"ntgbench": __version__, "checks": [asdict(one) for one in found]})
    else:
        width = max(len(one.check) for one in found)
        for one in found:
            click.echo(f"{one.state:<7}  {one.check:<{width}}  {one.what}")
            if one.advice:
                click.echo(f"{'':<7}  {'':<{width}}  -> {one.advice}")
    counts = {state: sum(one.state == state for one in found) for state in ("problem", "warning")}
    if not as_json:
        click.echo(f"\n{pluralised(len(found), 'check')}, " + ", ".join(map(pluralised, counts.values(), counts)))
    return int(counts["problem"] > 0)
