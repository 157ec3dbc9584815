"""`ntgbench plot`: pictures of the numbers in rows as SVG files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ntgbench.cli.help import examples
from ntgbench.cli.options import as_json, show_json
from ntgbench.errors import NtgbenchError
from ntgbench.report.pictures import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ntgbench.report.blocks import Picture
    from ntgbench.results import Row

MARK = "<!-- Drawn by ntgbench plot; edits are lost. -->"
"""First line of every file, by which the command knows its own."""


@click.command(
    help="Draw the numbers of rows.jsonl as SVG files, KINDs of pictures or all of them; a point or a cell tells its "
    "number on hover, where the file is opened in a browser.\n\n\b\nKinds:\n"
    + "\n".join(f"  {name:<13} {kind.summary}" for name, kind in KINDS.items()),
    short_help="Draw the numbers of rows as SVG files.",
    epilog=examples(
        "ntgbench plot",
        "ntgbench plot radar front -d lab",
        "ntgbench plot confusion -s llama -s real",
        "ntgbench plot traffic -s markov --class chat",
        "ntgbench plot traffic --real real.pcap --synthetic made.parquet --out mine",
    ),
)
@click.argument("kinds", nargs=-1, type=click.Choice(list(KINDS)), metavar="[KIND]...")
@click.option("--out", type=click.Path(path_type=Path), default="pictures", show_default=True, help="Their folder.")
@click.option(
    "--rows",
    "source",
    type=click.Path(path_type=Path),
    default="leaderboards/rows.jsonl",
    show_default=True,
    help="The rows.",
)
@click.option("-d", "--dataset", "datasets", multiple=True, metavar="DATASET", help="Only this one; repeatable.")
@click.option("-s", "--system", "systems", multiple=True, metavar="SYSTEM", help="Only this one; repeatable.")
@click.option("--suite", "suites", multiple=True, metavar="SUITE", help="Only pictures of this suite; repeatable.")
@click.option("--class", "classes", multiple=True, metavar="CLASS", help="Traffic of this class only; repeatable.")
@click.option("--real", metavar="FILE", help="Real traffic to draw in place of rows; needs --synthetic.")
@click.option("--synthetic", metavar="FILE", help="Synthetic traffic, of any origin, as of `ntgbench measure`.")
@click.option("--force", is_flag=True, help="Overwrite files that this command has not drawn.")
@as_json
def plot(
    kinds: tuple[str, ...],
    out: Path,
    source: Path,
    datasets: tuple[str, ...],
    systems: tuple[str, ...],
    suites: tuple[str, ...],
    classes: tuple[str, ...],
    real: str | None,
    synthetic: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """See `help` above, which lists the kinds."""
    from ntgbench.files import locked, write_texts
    from ntgbench.report.publish import is_ours
    from ntgbench.results import read_rows

    if (classes or real or synthetic) and kinds != ("traffic",):
        raise NtgbenchError("--class, --real and --synthetic are for `ntgbench plot traffic`")
    if (real is None) != (synthetic is None):
        raise NtgbenchError("--real and --synthetic must be given together")
    if real is not None and synthetic is not None:
        texts = _texts(_of_files(real, synthetic, classes))
    elif not source.is_file():
        raise NtgbenchError(f"{source} is not there: `ntgbench run` makes it, and --rows names another one")
    else:
        rows = _chosen(read_rows(source), datasets, systems, source)
        texts = _texts(_of_classes(rows, classes) if classes else _drawn(kinds, rows, suites, source))
    foreign = [name for name in texts if (out / name).exists() and not is_ours(out / name, MARK)]
    if foreign and not force:
        raise NtgbenchError(
            f"{out / foreign[0]} was not drawn by this command; choose another --out, or overwrite it with --force"
        )
    out.mkdir(parents=True, exist_ok=True)
    with locked(out):
        write_texts({out / name: text for name, text in texts.items()})
    if as_json:
        show_json({"written": [str(out / name) for name in texts]})
        return
    for name in texts:
        click.echo(out / name)


def _chosen(rows: Sequence[Row], datasets: Sequence[str], systems: Sequence[str], source: Path) -> list[Row]:
    """The rows of the datasets and systems that are named, all where none is."""
    from ntgbench.words import suggestion

    for what, wanted, known in (
        ("dataset", datasets, {row["dataset"] for row in rows}),
        ("system", systems, {row["system"] for row in rows}),
    ):
        for name in wanted:
            if name not in known:
                raise NtgbenchError(f"{source} has no row of the {what} {name!r}; {suggestion(name, known)}")
    return [
        row
        for row in rows
        if (not datasets or row["dataset"] in datasets) and (not systems or row["system"] in systems)
    ]


def _drawn(kinds: Sequence[str], rows: Sequence[Row], suites: Sequence[str], source: Path) -> list[Picture]:
    """The pictures. Raises NtgbenchError when a kind that is named has none, or there is none at all."""
    from ntgbench.report.pages import pages
    from ntgbench.report.pictures import of_kind

    made = [page for page in pages(rows) if not suites or page.suite in suites]
    found = {kind: [one for page in made for one in of_kind(kind, page, rows)] for kind in kinds or KINDS}
    missing = [kind for kind, own in found.items() if not own]
    if missing and (kinds or len(missing) == len(found)):
        kind = KINDS[missing[0]]
        chosen = "the rows that were chosen in " if len(made) or suites else ""
        raise NtgbenchError(
            f"{chosen}{source} {'have' if chosen else 'has'} no numbers for the picture {missing[0]} ({kind.summary}); "
            f"`ntgbench run {kind.needs}` measures them"
        )
    return [one for own in found.values() for one in own]


def _of_classes(rows: Sequence[Row], classes: Sequence[str]) -> list[Picture]:
    """Traffic of some classes."""
    from ntgbench.report.pictures.traffic import pictures, shown

    datasets = sorted({row["dataset"] for row in rows})
    found = [one for name in datasets for one in shown([row for row in rows if row["dataset"] == name])]
    return pictures(found, classes)


def _of_files(real: str, synthetic: str, classes: Sequence[str]) -> list[Picture]:
    """Traffic of two files, with examples of both: the pictures stay on this machine."""
    from ntgbench.measuring import read_pair, tracks_with
    from ntgbench.plugins import registry
    from ntgbench.report.pictures.traffic import Shown, pictures
    from ntgbench.tracks import blamed

    pair = read_pair(real, synthetic, None, tracks_with(()))
    track, both = registry().track(pair.track), pair.sides["test"]
    for note in pair.notes:
        click.echo(f"note: {note}", err=True)
    with blamed(pair.track):
        profile = track.profile(*both)
        if profile is None:
            raise NtgbenchError(f"there are no pictures of traffic of the track {pair.track}")
        for side, traffic in zip((profile["real"], profile["synthetic"]), both, strict=True):
            examples = track.examples(*both, traffic)
            if examples is not None:
                side["examples"] = examples
    return pictures([Shown(pair.real.name, Path(synthetic).stem, False, profile)], classes)


def _texts(found: Iterable[Picture]) -> dict[str, str]:
    """The text of each file; of several with one name, the later ones get a number."""
    texts: dict[str, str] = {}
    for one in found:
        stem, number = one.file.removesuffix(".svg"), 1
        while (name := f"{stem}{f'-{number}' if number > 1 else ''}.svg") in texts:
            number += 1
        texts[name] = f"{MARK}\n{one.svg}"
    return texts
