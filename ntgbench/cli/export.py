"""`ntgbench export`: a fitted model in another format, to use elsewhere."""

from __future__ import annotations

from pathlib import Path

import click

from ntgbench.cli import completing
from ntgbench.cli.help import examples
from ntgbench.cli.options import as_json, of_model, show_json
from ntgbench.errors import NtgbenchError


@click.command(
    short_help="Write a fitted model in another format, such as ONNX.",
    epilog=examples(
        "ntgbench export --model runs/…/fitted --format onnx --out edge",
        "ntgbench export --model runs/…/fitted --format onnx --int8 --out edge-int8",
    ),
)
@of_model
@click.option(
    "--format",
    "wanted",
    required=True,
    metavar="FORMAT",
    shell_complete=completing.formats,
    help="The format to write, such as onnx.",
)
@click.option("--int8", is_flag=True, help="With int8 weights.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A new or empty folder.")
@as_json
def export(model: Path, wanted: str, int8: bool, out: Path, as_json: bool) -> None:
    """Write a fitted generator in another format, which `ntgbench generate` takes as well.

    A format is a system that starts from the fitted one and declares what its files are called.
    """
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise NtgbenchError(f"{out} already exists and is not an empty folder; nothing is overwritten")

    import dataclasses

    from ntgbench.interfaces import Context, GeneratorSpec
    from ntgbench.plugins import registry
    from ntgbench.systems import MODEL_FOLDER, load, with_parameters
    from ntgbench.words import suggestion

    fitted = load(model)
    name = fitted.system.spec.name
    formats = {
        spec.format: spec
        for spec in registry().systems(fitted.system.spec.track).values()
        if isinstance(spec, GeneratorSpec) and spec.base == name and spec.format is not None
    }
    wanted = f"{wanted}-int8" if int8 else wanted
    if not formats:
        raise NtgbenchError(f"{model} holds {fitted.system.display_name}, which has no other format")
    if wanted not in formats:
        raise NtgbenchError(f"{name} has no format {wanted!r}; {suggestion(wanted, formats)}")
    system = with_parameters(formats[wanted].name, {}, fitted.system.spec.track)
    made = system.fit(fitted.system.track.outline(fitted.train), Context(seed=0, base=model / MODEL_FOLDER))
    out.mkdir(parents=True, exist_ok=True)
    # The outline does not say which classes the model has seen; the fitted one knows.
    dataclasses.replace(made, known=fitted.known).save(out)
    size = sum(path.stat().st_size for path in (out / MODEL_FOLDER).iterdir())
    if as_json:
        show_json({"system": system.display_name, "format": wanted, "bytes": size, "folder": out / MODEL_FOLDER})
    else:
        click.echo(f"{system.display_name}, {size / 1e6:.2f} MB, in {out / MODEL_FOLDER}")
