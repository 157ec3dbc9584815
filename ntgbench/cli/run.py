"""`ntgbench run`: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ntgbench.cli.options import grid
from ntgbench.running.engines.connect import ENGINES


@click.command(epilog="Finished cells are kept: running again does only what is missing.")
@grid
@click.option("--out", type=click.Path(path_type=Path), default="leaderboards", show_default=True, help="Leaderboards.")
@click.option("-j", "--jobs", type=click.IntRange(min=1), help="Cells at a time.  [default: all that have room]")
@click.option(
    "--engine", type=click.Choice(ENGINES), default="local", show_default=True, help="What runs the cells, and where."
)
@click.option("--address", metavar="tcp://HOST:PORT", help="The scheduler of the engine dask.")
@click.option(
    "--slurm", "options", multiple=True, metavar="OPTION=VALUE", help="As for sbatch: partition=gpu; repeatable."
)
@click.option("--retry", is_flag=True, help="Run failed cells again.")
@click.option("--fresh", is_flag=True, help="Run all cells again.")
def run(out: Path, jobs: int | None, retry: bool, fresh: bool, runs: Path, protocol: str, **chosen: Any) -> int:
    """Run PROTOCOL (a name or a TOML file) and write the leaderboards.

    Exits with 1 when a cell or a metric failed; its row says why.
    """
    from ntgbench.cli.bars import Bars
    from ntgbench.running.run import run as run_protocol
    from ntgbench.words import pluralised

    chosen["options"] = dict(_option(text) for text in chosen["options"])
    with Bars() as bars:
        outcome = run_protocol(
            protocol, **chosen, runs=runs, out=out, jobs=jobs, retry=retry, fresh=fresh, observer=bars
        )
    failures = outcome.failures()
    for failure in failures:
        click.echo(f"failed: {failure}", err=True)
    click.echo(f"{pluralised(len(outcome.rows), 'cell')}, leaderboards in {out}/README.md")
    return 1 if failures else 0


def _option(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise click.BadParameter(f"{text!r} must look like partition=gpu", param_hint="--slurm")
    return name, value
