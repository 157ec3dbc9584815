"""`ntgbench report`: the leaderboards again, from rows.jsonl alone."""

from __future__ import annotations

import os
from pathlib import Path

import click

from ntgbench.cli.help import examples
from ntgbench.cli.options import as_json, show_json
from ntgbench.errors import NtgbenchError
from ntgbench.files import refuse_file


@click.command(
    short_help="Make the leaderboards from rows.jsonl again.",
    epilog=examples(
        "ntgbench report",
        "ntgbench report --check",
        "ntgbench report --merge theirs/rows.jsonl --out leaderboards",
    ),
)
@click.option("--out", type=click.Path(path_type=Path), default="leaderboards", show_default=True, help="Their folder.")
@click.option(
    "--merge",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="ROWS",
    help="Take in another rows.jsonl; boards say which rows come from it.",
)
@click.option("--check", is_flag=True, help="Write nothing; fail when a file is not what rows.jsonl makes.")
@as_json
def report(out: Path, merge: tuple[Path, ...], check: bool, as_json: bool) -> int:
    """Make the leaderboards from rows.jsonl again, byte for byte: the web page index.html, and Markdown."""
    from ntgbench.report.publish import publish, stale
    from ntgbench.results import ROWS_FILE, read_rows, taken_from

    refuse_file(out)
    if not merge and not os.path.lexists(out / ROWS_FILE):
        raise NtgbenchError(f"{out / ROWS_FILE} is not there: `ntgbench run` makes it")
    if check:
        found = stale(out)
        if as_json:
            show_json({"stale": [str(out / name) for name in found]})
        for name in found:
            click.echo(f"stale: {out / name}", err=True)
        return 1 if found else 0
    written = publish([row for other in merge for row in taken_from(read_rows(other), _name(other))], out)
    if as_json:
        show_json({"written": [str(path) for path in written]})
    else:
        click.echo("\n".join(map(str, written)))
    return 0


def _name(path: Path) -> str:
    """What readers know a file of rows by: its name, and its folder's where most are called the same."""
    folder = path.parent.name if path.name == "rows.jsonl" else ""
    return f"{folder}/{path.name}" if folder not in ("", "..") else path.name
