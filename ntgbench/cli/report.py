"""`ntgbench report`: the leaderboards again, from rows.jsonl alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ntgbench.cli.help import examples
from ntgbench.cli.options import as_json, show_json
from ntgbench.errors import NtgbenchError

if TYPE_CHECKING:
    from ntgbench.results import Row


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
    from ntgbench.results import ROWS_FILE, taken_from

    if not merge and not (out / ROWS_FILE).is_file():
        raise NtgbenchError(f"{out / ROWS_FILE} is not there: `ntgbench run` makes it")
    if check:
        found = stale(out)
        if as_json:
            show_json({"stale": [str(out / name) for name in found]})
        for name in found:
            click.echo(f"stale: {out / name}", err=True)
        return 1 if found else 0
    written = publish([row for other in merge for row in taken_from(_plausible(other), _name(other))], out)
    if as_json:
        show_json({"written": [str(path) for path in written]})
    else:
        click.echo("\n".join(map(str, written)))
    return 0


def _plausible(path: Path) -> list[Row]:
    """The rows in a file. Raises NtgbenchError when a number lies outside the bounds that its metric declares here."""
    from ntgbench.plugins import registry
    from ntgbench.results import read_rows

    rows = read_rows(path)
    for row in rows:
        for key, found in row["metrics"].items():
            spec = registry().metrics().get(key.partition("/")[2].partition("@")[0])
            value = found["value"]
            if spec is None or spec.version != found["version"] or value is None:
                continue
            low, high = spec.lowest, spec.highest
            if (low is not None and value < low) or (high is not None and value > high):
                raise NtgbenchError(f"{path}: {row['system']}, {key} is {value:g}, outside its bounds {low}..{high}")
    return rows


def _name(path: Path) -> str:
    """What readers know a file of rows by: its name, and its folder's where most are called the same."""
    folder = path.parent.name if path.name == "rows.jsonl" else ""
    return f"{folder}/{path.name}" if folder not in ("", "..") else path.name
