"""`ntgbench plan`: what a run would do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ntgbench.cli.help import examples
from ntgbench.cli.options import as_json, grid, show
from ntgbench.words import titles


@click.command(
    short_help="Show what a run would do.",
    epilog=examples("ntgbench plan", "ntgbench plan standard -d flows.parquet -s smote --seeds 3"),
)
@grid
@as_json
def plan(runs: Path, protocol: str, device: str, as_json: bool, **chosen: Any) -> None:
    """Print the cells of PROTOCOL: done, failed, partial (some suites missing) or pending."""
    from ntgbench.files import refuse_file
    from ntgbench.running.available import available
    from ntgbench.running.cells import plan as plan_cells
    from ntgbench.running.run import in_file, resolve_protocol
    from ntgbench.words import pluralised

    refuse_file(runs)
    wanted = resolve_protocol(protocol, **chosen)
    with in_file(protocol, chosen["systems"]):
        wanted, left_out = available(wanted, chosen["systems"], chosen["suites"])
    for line in left_out:
        click.echo(line, err=True)
    with in_file(protocol, chosen["datasets"]):
        cells = plan_cells(wanted, runs.absolute(), device=device).cells
    names = titles((cell.dataset, cell.dataset_digest, cell.argument) for cell in cells)
    rows = []
    for cell in cells:
        row = cell.result()
        rows.append(
            {
                "state": cell.progress_of(row),
                "dataset": names[cell.dataset, cell.dataset_digest],
                "source": cell.argument,
                "system": cell.build().display_name,
                "seed": cell.seed,
                "missing": ", ".join(cell.missing(row)) if row is None or row["status"] == "ok" else row["reason"],
                "folder": cell.folder,
            }
        )
    show(rows, ["state", "dataset", "system", "seed", "missing"], as_json)
    if not as_json:
        states = [row["state"] for row in rows]
        counts = ", ".join(f"{states.count(state)} {state}" for state in ("done", "failed", "partial", "pending"))
        click.echo(f"\n{pluralised(len(rows), 'cell')}: {counts}")
