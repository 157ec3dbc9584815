"""`ntgbench generate`: new traffic from a fitted system, without its training data."""

from __future__ import annotations

from pathlib import Path

import click

from ntgbench.cli import completing
from ntgbench.cli.help import examples
from ntgbench.cli.options import as_json, is_quiet, of_model, show_json
from ntgbench.errors import NtgbenchError


@click.command(
    short_help="Make traffic with a fitted system.",
    epilog=examples(
        "ntgbench generate --model runs/…/fitted -n 1000 --out made.parquet",
        "ntgbench generate --model runs/…/fitted --class web -n 1000 --span 600 --out web.pcap",
    ),
)
@of_model
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
@click.option(
    "--rate",
    type=click.FloatRange(min=0, max=1e9, min_open=True),
    metavar="PER_SECOND",
    help="Biflows that begin in a second of a capture.  [default: as in training, else 10]",
)
@click.option(
    "--span",
    type=click.FloatRange(min=0, max=1e9),
    metavar="SECONDS",
    help="Time in which all biflows of a capture begin, in place of --rate.",
)
@click.option("--force", is_flag=True, help="Overwrite files that are there already.")
@is_quiet
@as_json
def generate(
    model: Path,
    names: tuple[str, ...],
    number: int,
    seed: int,
    out: Path,
    rate: float | None,
    span: float | None,
    force: bool,
    quiet: bool,  # noqa: ARG001 - there is nothing but the result
    as_json: bool,
) -> None:
    """Make traffic with a fitted system and write it as a table or a capture.

    Of biflows, the system makes lengths and directions only. In a capture, transport, server ports and times are drawn
    from those of the class in training, of which the model's folder keeps counts and quantiles; the output says what is
    not known, and what stands for it. Biflows begin at random at a rate. TCP has a handshake and a close, whose packets
    are a millisecond apart. Addresses are private and made up. Payload bytes are left out, as where a snap length cut
    them off; `tcprewrite --fixlen=pad` puts zeros there, to replay them. The classes go into a CSV file beside the
    capture.

    Of header traces, the system makes all fields, at the rate of the training trace.
    """
    import contextlib
    import os
    import tempfile

    from ntgbench.plugins import registry

    # Loading the model can take long, so what is wrong with the output is said before.
    if rate is not None and span is not None:
        raise click.UsageError("--rate and --span say the same; give one of them")
    tracks = [registry().track(name) for name in registry().tracks()]
    endings = sorted({ending for track in tracks for ending in track.writes})
    if out.suffix not in endings:
        raise NtgbenchError(f"{out} must end in {' or '.join(endings)}")
    if out.suffix != ".pcap" and (rate, span) != (None, None):
        raise click.UsageError(f"--rate and --span are about captures, and {out} is a table")
    if not out.parent.is_dir():
        raise NtgbenchError(f"there is no folder {out.parent} to write {out.name} to")

    for path in (path for track in tracks for path in track.files(out)):
        if os.path.lexists(path) and not force:
            raise NtgbenchError(f"{path} is there already; give --force to overwrite it")

    from ntgbench.systems import load, read_surface

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
    notes: tuple[str, ...] = ()
    if out.suffix == ".pcap":
        made, notes = track.dressed(made, read_surface(home), rate, span, seed)
    track.write(made, out)
    first, *others = map(str, track.files(out))
    if as_json:
        files = [first, *others]
        show_json({"made": len(made), "size": track.size(made), "files": files, "notes": list(notes)})
        return
    click.echo(f"{track.size(made)} in {first}" + "".join(f", their classes in {path}" for path in others))
    for note in notes:
        click.echo(note)
