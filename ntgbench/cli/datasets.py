"""`ntgbench datasets`: import traffic into ntgbench's own format, and fetch public datasets."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Sequence
from pathlib import Path

import click
from click.core import ParameterSource

from ntgbench.cli import bars, completing
from ntgbench.cli.help import Group, examples
from ntgbench.cli.options import as_json, is_quiet, on_engine, show_json


def _bytes(_: click.Context, __: click.Parameter, gib: float | None) -> int | None:
    return None if gib is None else math.ceil(gib * 2**30)


size_limit = click.option(
    "--size-limit",
    metavar="GIB",
    type=click.FloatRange(min=0, min_open=True, max=2**20),
    callback=_bytes,
    help="GiB of memory that the source may expand to.  [default: 8, or $NTGBENCH_SIZE_LIMIT]",
)


@click.group(
    cls=Group,
    short_help="Import traffic of your own, fetch public datasets.",
    epilog=examples("ntgbench datasets import captures/ --out mine.parquet", "ntgbench datasets fetch mirage-2019"),
)
def datasets() -> None:
    """Import traffic of your own, and fetch public datasets."""


@datasets.command(
    "import",
    short_help="Write traffic of any format into one table.",
    epilog=examples(
        "ntgbench datasets import captures/ --out mine.parquet",
        "ntgbench datasets import flows.csv --column label=service --upstream 0 --out mine.parquet",
        "ntgbench datasets import link.pcap --track headers --out link.parquet",
    ),
)
@click.argument("source", type=click.Path())
@click.option(
    "--track",
    type=click.Choice(["biflows", "headers"]),
    default="biflows",
    show_default=True,
    help="What to make of it: biflows with classes, or one trace of packet headers.",
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="What to write: NAME.parquet.")
@click.option("--force", is_flag=True, help="Overwrite what is there.")
@click.option("--packets", type=click.IntRange(min=1), default=30, show_default=True, help="Packets kept of each flow.")
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="WHAT=NAME",
    help="A table's column for label, length, direction, iat, time, session or ppi; repeatable.",
)
@click.option(
    "--upstream",
    metavar="VALUE",
    help="A table's direction that means upstream, such as 0, true or c2s, where directions are not +1 and -1.",
)
@click.option("--label-pattern", metavar="REGEX", help="Finds a capture's class in its path, by a group named app.")
@click.option("--labels", type=click.Path(path_type=Path), help="CSV file that labels captures: file, app[, session].")
@click.option("--inner", is_flag=True, help="Read what captures hold inside GRE, ERSPAN and IP-in-IP tunnels.")
@click.option(
    "--idle-timeout",
    type=click.FloatRange(min=0, min_open=True),
    help="Seconds without a packet that end a capture's biflow.  [default: 120]",
)
@click.option(
    "--active-timeout",
    type=click.FloatRange(min=0, min_open=True),
    help="Seconds that a capture's biflow goes on at most.  [default: 1800]",
)
@click.option(
    "--min-class",
    type=click.IntRange(min=1),
    help="Drop classes with fewer flows.  [default: 100 for MIRAGE-2019, else 1]",
)
@click.option("--exact", is_flag=True, help="Keep only MIRAGE-2019 biflows whose label is exact.")
@on_engine
@click.option("--capture", metavar="NAME", help="For headers: of a table of captures, those whose name begins so.")
@size_limit
@is_quiet
@as_json
@click.pass_context
def import_(
    context: click.Context,
    source: str,
    track: str,
    out: Path,
    force: bool,
    packets: int,
    columns: tuple[str, ...],
    upstream: str | None,
    label_pattern: str | None,
    labels: Path | None,
    inner: bool,
    idle_timeout: float | None,
    active_timeout: float | None,
    min_class: int | None,
    exact: bool,
    capture: str | None,
    size_limit: int | None,
    jobs: int | None,
    engine: str | None,
    address: str | None,
    options: dict[str, str],
    quiet: bool,
    as_json: bool,
) -> None:
    """Write the traffic of SOURCE, whatever its format, into one table for `-d`.

    SOURCE is a Parquet or CSV table, a capture, a folder of captures, or MIRAGE-2019 JSON files in a folder or archive.
    Payload lengths are kept as they are; a protocol's packets and pl_max apply when the table is used.

    Captures are read as streams, in memory that does not grow with them. A large result is a folder of several files.

    For the track headers, a table has a row for each packet, in the columns of CascadeNet and NetShare; the captures in
    a folder are merged in the order of time.
    """
    from ntgbench.datasets.partitions import require_replaceable
    from ntgbench.datasets.reading import Reading, find_files, read_flows
    from ntgbench.errors import DatasetError
    from ntgbench.words import pluralised

    if out.suffix != ".parquet":
        raise DatasetError(f"{out} must end in .parquet")
    if os.path.lexists(out) and not force:
        raise DatasetError(f"{out} is there already; give --force to overwrite it")
    require_replaceable(out)
    _same_track(context, track)
    if track == "headers":
        packets_read, flows_read, notes = _import_trace(source, out, inner, capture, size_limit)
        read = {"packets": packets_read, "flows": flows_read}
        _show(
            read,
            f"{pluralised(packets_read, 'packet')} of {pluralised(flows_read, 'flow')}",
            out,
            notes,
            quiet,
            as_json,
        )
        return
    named = dict(_column(text) for text in columns)
    reading = Reading(
        columns=named or None,
        upstream=upstream,
        label_pattern=label_pattern,
        labels=labels,
        inner=inner,
        idle_timeout=idle_timeout or Reading.idle_timeout,
        active_timeout=active_timeout or Reading.active_timeout,
        exact=exact,
        min_class=min_class,
        size_limit=size_limit,
    )
    kind, files, passed_over = find_files(source, reading)
    if kind == "captures":
        from ntgbench.datasets.importing import import_captures
        from ntgbench.running.engines.connect import connect

        place = connect(engine or "local", jobs, out.absolute().parent, address, options)
        with bars.stages(quiet) as progress:
            imported = import_captures(Path(source), files, out, reading, packets, place, passed_over, progress)
        found, classes, notes = imported
    else:
        if (jobs, engine, address) != (None, None, None) or options:
            raise click.UsageError(f"--jobs and engines are about captures, but {source} is read as {kind}")
        with bars.stages(quiet) as progress:
            flows, notes = read_flows(source, reading, progress)
        _make_room(out)
        flows.first(packets).to_parquet(out)
        found, classes = len(flows), len(flows.classes)
    text = f"{pluralised(found, 'flow')} of {pluralised(classes, 'class')}"
    _show({"flows": found, "classes": classes}, text, out, notes, quiet, as_json)


def _make_room(out: Path) -> None:
    """Make the folder of a file, and delete a folder of parts in its place."""
    from ntgbench.files import delete

    out.parent.mkdir(parents=True, exist_ok=True)
    if out.is_dir():
        delete(out)


def _same_track(context: click.Context, track: str) -> None:
    """Refuse options of the other track."""
    shared = {"source", "out", "force", "inner", "size_limit", "track", "quiet", "as_json"}
    of_headers = {"capture"}
    wrong = of_headers if track != "headers" else set(context.params) - shared - of_headers
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if parameter.name in wrong and source is not ParameterSource.DEFAULT:
            raise click.UsageError(f"{parameter.opts[0]} does not apply to --track {track}")


def _import_trace(
    source: str, out: Path, inner: bool, capture: str | None, size_limit: int | None
) -> tuple[int, int, tuple[str, ...]]:
    """Write a trace of packets; how many it has, of how many flows, and notes on how it was read."""
    from ntgbench.datasets.traces import read_trace
    from ntgbench.errors import DatasetError
    from ntgbench.traffic.trace_files import write_trace_file

    if not source:
        raise DatasetError("the path is empty; the folder you are in is called '.'")
    trace, notes = read_trace(Path(source), inner=inner, capture=capture, size_limit=size_limit)
    _make_room(out)
    write_trace_file(trace, out)
    return len(trace), len(trace.flows), tuple(notes)


@datasets.command(
    short_help="Download and curate a public dataset.",
    epilog=examples("ntgbench datasets fetch mirage-2019"),
)
@click.argument("name", shell_complete=completing.fetched)
@click.option("--url", help="Download it from here instead.")
@click.option("--sha256", help="The checksum that the download must have.")
@size_limit
@is_quiet
@as_json
def fetch(name: str, url: str | None, sha256: str | None, size_limit: int | None, quiet: bool, as_json: bool) -> None:
    """Download the public dataset NAME, curate it, and keep it for `-d NAME`.

    Everything is kept in $NTGBENCH_DATA, or in the cache folder of the user.
    """
    from ntgbench.datasets.fetch import fetch

    with bars.stages(quiet) as progress:
        fetched = fetch(name, url, sha256, progress, size_limit)
    if not quiet:
        _tell(fetched.notes)
    if as_json:
        show_json({"name": name, **dataclasses.asdict(fetched)})
        return
    click.echo(f"sha256 {fetched.sha256}  {fetched.archive} (no longer needed)")
    click.echo(f"{name} is in {fetched.table}")


def _column(text: str) -> tuple[str, str]:
    what, equals, name = text.partition("=")
    if not (what and equals and name):
        raise click.BadParameter(f"{text!r} must look like label=service", param_hint="--column")
    return what, name


def _show(read: dict[str, int], text: str, out: Path, notes: Sequence[str], quiet: bool, as_json: bool) -> None:
    """What was read, and where it is now."""
    if not quiet:
        _tell(notes)
    if as_json:
        show_json({**read, "out": out, "notes": list(notes)})
    else:
        click.echo(f"{text} in {out}")


def _tell(notes: Sequence[str]) -> None:
    from ntgbench.traffic.notes import WARNING

    for note in notes:
        click.echo(note if note.startswith(WARNING) else f"note: {note}", err=True)
