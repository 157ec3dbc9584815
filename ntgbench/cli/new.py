"""`ntgbench new`: a plugin to start from."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(epilog="Example: ntgbench new my-generator")
@click.argument("name")
@click.option("--in", "parent", type=click.Path(path_type=Path), default=".", help="Folder to make the new one in.")
def new(name: str, parent: Path) -> None:
    """Write an installable plugin called NAME, with a generator that works and tests that pass."""
    from ntgbench.scaffold import new_plugin

    folder = new_plugin(name, parent)
    click.echo(
        f"{folder} is ready. Next:\n  pip install -e '{folder}[test]'\n  pytest {folder}\n  ntgbench check {name}"
    )
