"""`ntgbench new`: a plugin to start from."""

from __future__ import annotations

from pathlib import Path

import click

from ntgbench.cli.help import examples
from ntgbench.cli.options import as_json, in_track, show_json


@click.command(
    short_help="Write a plugin to start from.",
    epilog=examples("ntgbench new my-generator", "ntgbench new my-generator --track headers --in plugins"),
)
@click.argument("name")
@click.option("--in", "parent", type=click.Path(path_type=Path), default=".", help="Folder to make the new one in.")
@in_track
@as_json
def new(name: str, parent: Path, track: str | None, as_json: bool) -> None:
    """Write an installable plugin called NAME, with a generator that works and tests that pass."""
    from ntgbench.scaffold import new_plugin
    from ntgbench.tracks import DEFAULT

    folder = new_plugin(name, parent, track or DEFAULT)
    steps = [f"pip install -e '{folder}[test]'", f"pytest {folder}", f"ntgbench check {name}"]
    if as_json:
        show_json({"folder": str(folder), "next": steps})
    else:
        click.echo("\n  ".join([f"{folder} is ready. Next:", *steps]))
