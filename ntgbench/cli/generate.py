"""`ntgbench generate`: new traffic from a fitted system, without its training data."""

from __future__ import annotations

from pathlib import Path

import click

from ntgbench.cli import completing
from ntgbench.cli.help import examples
from ntgbench.cli.options import as_json, is_quiet, show_json
from ntgbench.errors import NtgbenchError


@click.command(
    short_help="Make traffic with a fitted system.",
    epilog=examples(
        "ntgbench generate --model runs/…/fitted --out made.parquet",
        "ntgbench generate --model runs/…/fitted --class web -n 1000 --out web.pcap",
    ),
)
@click.option(
    "--model",
    required=True,
    type=click.Path(path_type=Path),
    shell_complete=completing.models,
    help="A cell's folder `fitted`.",
)
@click.option(
    "--class",
    "names",
    multiple=True,
    metavar="CLASS",
    shell_complete=completing.classes,
    help="Only this class; repeatable. Default: all.",
)
@click.option(
    "-n",
    "--number",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="Items of each class, or in all where there are no classes.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The same seed, the same traffic."
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A .parquet or .pcap file.")
@click.option("--force", is_flag=True, help="Overwrite files that are there already.")
@is_quiet
@as_json
def generate(
    model: Path,
    names: tuple[str, ...],
    number: int,
    seed: int,
    out: Path,
    force: bool,
    quiet: bool,  # noqa: ARG001 - there is nothing but the result
    as_json: bool,
) -> None:
    """Make traffic with a fitted system and write it as a table or a capture.

    The classes of a capture's biflows go into a CSV file beside it. Packet traces have the rate of the training trace.
    """
    import contextlib
    import os
    import tempfile

    from ntgbench.plugins import registry

    # Loading the model can take long, so what is wrong with the output is said before.
    tracks = [registry().track(name) for name in registry().tracks()]
    endings = sorted({ending for track in tracks for ending in track.writes})
    if out.suffix not in endings:
        raise NtgbenchError(f"{out} must end in {' or '.join(endings)}")
    if not out.parent.is_dir():
        raise NtgbenchError(f"there is no folder {out.parent} to write {out.name} to")

    for path in (path for track in tracks for path in track.files(out)):
        if os.path.lexists(path) and not force:
            raise NtgbenchError(f"{path} is there already; give --force to overwrite it")

    from ntgbench.systems import load

    home = model.absolute()
    # What a system leaves in its working directory is not wanted here.
    with tempfile.TemporaryDirectory() as place, contextlib.chdir(place):
        fitted = load(home)
        track = fitted.system.track
        if out.suffix not in track.writes:
            raise NtgbenchError(
                f"{out} must end in {' or '.join(track.writes)} for traffic of the track {track.spec.name}"
            )
        try:
            request = track.request_for(fitted.train, names, number)
        except NtgbenchError as error:
            raise NtgbenchError(f"{model}: {error}") from error
        made = fitted.sample(*request, seed=seed)
    track.write(made, out)
    files = [str(path) for path in track.files(out)]
    if as_json:
        show_json({"made": len(made), "size": track.size(made), "files": files})
    else:
        click.echo(f"{track.size(made)} in {' and '.join(files)}")
