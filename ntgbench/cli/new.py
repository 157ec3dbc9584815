"""`ntgbench new`: a plugin to start from."""

from __future__ import annotations

from pathlib import Path

import click

from ntgbench.cli.options import in_track


@click.command(epilog="Examples: ntgbench new my-generator; ntgbench new my-generator --track headers")
@click.argument("name")
@click.option("--in", "parent", type=click.Path(path_type=Path), default=".", help="Folder to make the new one in.")
@in_track
def new(name: str, parent: Path, track: str | None) -> None:
    """Write an installable plugin called NAME, with a generator that works and tests that pass."""
    from ntgbench.scaffold import new_plugin
    from ntgbench.tracks import DEFAULT

    folder = new_plugin(name, parent, track or DEFAULT)
    click.echo(
        f"{folder} is ready. Next:\n  pip install -e '{folder}[test]'\n  pytest {folder}\n  ntgbench check {name}"
    )
