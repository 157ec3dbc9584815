"""`ntgbench export`: a fitted model in another form, to use elsewhere."""

from __future__ import annotations

from pathlib import Path

import click

from ntgbench.errors import NtgbenchError


@click.command(epilog="Example: ntgbench export --model runs/…/fitted --format onnx --int8 --out edge")
@click.option("--model", required=True, type=click.Path(path_type=Path), help="A cell's folder `fitted`.")
@click.option("--format", "form", required=True, metavar="FORMAT", help="The form to write, such as onnx.")
@click.option("--int8", is_flag=True, help="With int8 weights.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A new or empty folder.")
def export(model: Path, form: str, int8: bool, out: Path) -> None:
    """Write a fitted token generator in another form, which `ntgbench generate` takes as well.

    A format is a system that starts from the fitted one and is called after both: llama-onnx is llama's onnx.
    """
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise NtgbenchError(f"{out} already exists and is not an empty folder; nothing is overwritten")

    import dataclasses

    from ntgbench.interfaces import Context, GeneratorSpec
    from ntgbench.parameters import suggestion
    from ntgbench.plugins import registry
    from ntgbench.systems import MODEL_FOLDER, load, with_parameters

    fitted = load(model)
    name = fitted.system.spec.name
    forms = {
        spec.name.removeprefix(f"{name}-"): spec
        for spec in registry().systems().values()
        if isinstance(spec, GeneratorSpec) and spec.base == name and spec.name.startswith(f"{name}-")
    }
    wanted = f"{form}-int8" if int8 else form
    if not forms:
        raise NtgbenchError(f"{model} holds {fitted.system.display_name}, of which there is no other form")
    if wanted not in forms:
        raise NtgbenchError(f"{name} has no form {wanted!r}; {suggestion(wanted, forms)}")
    system = with_parameters(forms[wanted].name, {})
    made = system.fit(fitted.system.track.outline(fitted.train), Context(seed=0, base=model / MODEL_FOLDER))
    out.mkdir(parents=True, exist_ok=True)
    # The outline does not say which classes the model has seen; the fitted one knows.
    dataclasses.replace(made, known=fitted.known).save(out)
    size = sum(path.stat().st_size for path in (out / MODEL_FOLDER).iterdir())
    click.echo(f"{system.display_name}, {size / 1e6:.2f} MB, in {out / MODEL_FOLDER}")
