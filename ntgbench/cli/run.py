"""`ntgbench run`: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ntgbench.cli.options import grid, on_engine


@click.command(epilog="Finished cells are kept: running again does only what is missing.")
@grid
@click.option("--out", type=click.Path(path_type=Path), default="leaderboards", show_default=True, help="Leaderboards.")
@on_engine
@click.option("--retry", is_flag=True, help="Run failed cells again.")
@click.option("--fresh", is_flag=True, help="Run all cells again.")
def run(out: Path, engine: str | None, retry: bool, fresh: bool, runs: Path, protocol: str, **chosen: Any) -> int:
    """Run PROTOCOL (a name or a TOML file) and write the leaderboards.

    Exits with 1 when a cell or a metric failed; its row says why.
    """
    from ntgbench.cli.bars import Bars
    from ntgbench.running.run import run as run_protocol
    from ntgbench.words import pluralised

    with Bars() as bars:
        outcome = run_protocol(
            protocol, **chosen, runs=runs, out=out, engine=engine or "local", retry=retry, fresh=fresh, observer=bars
        )
    failures = outcome.failures()
    for failure in failures:
        click.echo(f"failed: {failure}", err=True)
    click.echo(f"{pluralised(len(outcome.rows), 'cell')}, leaderboards in {out}/README.md")
    return 1 if failures else 0
