"""`ntgbench run`: the main job."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ntgbench.cli.help import examples
from ntgbench.cli.options import as_json, grid, is_quiet, on_engine, show_json

if TYPE_CHECKING:
    from ntgbench.report.summary import Summary
    from ntgbench.running.run import Outcome


@click.command(
    short_help="Run a protocol and write the leaderboards.",
    epilog=examples(
        "ntgbench run",
        "ntgbench run -d captures/ -s smote -s 'markov[order=2]' --seeds 3",
        "ntgbench run standard -d flows.parquet --suite fidelity -j 4",
        "ntgbench run headers -d link.parquet --json > result.json",
        then="Finished cells are kept: running again does only what is missing.",
    ),
)
@grid
@click.option("--out", type=click.Path(path_type=Path), default="leaderboards", show_default=True, help="Leaderboards.")
@on_engine
@click.option("--retry", is_flag=True, help="Run failed cells again.")
@click.option("--fresh", is_flag=True, help="Run all cells again.")
@is_quiet
@as_json
def run(
    out: Path,
    engine: str | None,
    retry: bool,
    fresh: bool,
    runs: Path,
    protocol: str,
    quiet: bool,
    as_json: bool,
    **chosen: Any,
) -> int:
    """Run PROTOCOL (a name or a TOML file), show the results and write the leaderboards.

    At a terminal a bar shows how far it is; elsewhere a line for each phase, and one every 30 seconds.

    Exits with 1 when a cell or a metric failed; its row says why.
    """
    from ntgbench.cli.progress import shown_on
    from ntgbench.report.summary import summaries
    from ntgbench.running.run import run as run_protocol

    with shown_on(sys.stderr if as_json else sys.stdout, quiet) as shown:
        outcome = run_protocol(
            protocol, **chosen, runs=runs, out=out, engine=engine or "local", retry=retry, fresh=fresh, observer=shown
        )
    failures = outcome.failures()
    for failure in failures:
        click.echo(f"failed: {failure}", err=True)
    found = summaries(outcome.rows)
    if as_json:
        show_json(_values(outcome, found, failures))
    else:
        _show(outcome, found, out)
    return 1 if failures else 0


def _show(outcome: Outcome, found: list[Summary], out: Path) -> None:
    """The results as tables as wide as the terminal, and where the leaderboards are."""
    import shutil

    from ntgbench.report.summary import text
    from ntgbench.words import pluralised

    if found:
        click.echo(f"\n{text(found, shutil.get_terminal_size().columns)}\n")
    click.echo(f"{pluralised(len(outcome.rows), 'cell')}, leaderboards in {out}/index.html and {out}/README.md")


def _values(outcome: Outcome, found: list[Summary], failures: list[str]) -> dict[str, Any]:
    from ntgbench.report.summary import as_json as as_values

    return {
        "status": "failed" if failures else "ok",
        "cells": len(outcome.rows),
        "failures": failures,
        "leaderboards": [str(path) for path in outcome.leaderboards],
        "table": as_values(found),
    }
