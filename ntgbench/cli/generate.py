"""`ntgbench generate`: new traffic from a fitted system, without its training data."""

from __future__ import annotations

from pathlib import Path

import click

from ntgbench.errors import NtgbenchError


@click.command(epilog="Example: ntgbench generate --model runs/…/fitted --class web -n 1000 --out web.pcap")
@click.option("--model", required=True, type=click.Path(path_type=Path), help="A cell's folder `fitted`.")
@click.option("--class", "names", multiple=True, metavar="CLASS", help="Only this class; repeatable. Default: all.")
@click.option(
    "-n", "--number", type=click.IntRange(min=1), default=1000, show_default=True, help="Biflows of each class."
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The same seed, the same biflows."
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A .parquet or .pcap file.")
@click.option("--force", is_flag=True, help="Overwrite files that are there already.")
def generate(model: Path, names: tuple[str, ...], number: int, seed: int, out: Path, force: bool) -> None:
    """Make biflows with a fitted system and write them as a flow table or a capture.

    The classes of a capture's biflows go into a CSV file beside it.
    """
    import os

    import numpy as np

    if out.suffix not in (".parquet", ".pcap"):
        raise NtgbenchError(f"{out} must end in .parquet or .pcap")
    if not out.parent.is_dir():
        raise NtgbenchError(f"there is no folder {out.parent} to write {out.name} to")

    from ntgbench.traffic.sidecar import sidecar_path

    written = [out] if out.suffix == ".parquet" else [out, sidecar_path(out)]
    for path in written:
        if os.path.lexists(path) and not force:
            raise NtgbenchError(f"{path} is there already; give --force to overwrite it")

    from ntgbench.parameters import suggestion
    from ntgbench.systems import load
    from ntgbench.words import pluralised

    fitted = load(model)
    classes = fitted.train.classes
    for name in names:
        if name not in classes:
            raise NtgbenchError(f"{model} knows no class {name!r}; {suggestion(name, classes)}")
    wanted = [classes.index(name) for name in names or classes]
    biflows = fitted.sample(np.repeat(np.array(wanted, np.int32), number), seed)
    if out.suffix == ".parquet":
        biflows.to_parquet(out)
    else:
        from ntgbench.traffic.export import write_pcap

        write_pcap(biflows, out)
    labels = "".join(f", their classes in {path}" for path in written[1:])
    click.echo(f"{pluralised(len(biflows), 'biflow')} of {pluralised(len(wanted), 'class')} in {out}{labels}")
