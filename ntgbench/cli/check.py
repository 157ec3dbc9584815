"""`ntgbench check`: what is wrong with a plugin, before a reviewer says it."""

from __future__ import annotations

import click

from ntgbench.errors import NtgbenchError


@click.command(
    epilog="Examples: ntgbench check my-generator; ntgbench check 'markov[order=3]'; ntgbench check jsd_1gram"
)
@click.argument("name")
def check(name: str) -> int:
    """Check that the system or metric NAME keeps its contract; exits with 1 when it does not."""
    from ntgbench.parameters import suggestion
    from ntgbench.plugins import registry
    from ntgbench.testing import metric_checks, system_checks

    known = registry()
    if name not in {**known.metrics(), **known.systems()} and "[" not in name:
        raise NtgbenchError(
            f"nothing to check is called {name!r}; {suggestion(name, [*known.systems(), *known.metrics()])}"
        )
    checks = metric_checks(name) if name in known.metrics() else system_checks(name)
    failed = 0
    for one in checks:
        try:
            one()
        except Exception as error:  # whatever a plugin does, its author wants to know about all of it
            failed += 1
            reason = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
            click.echo(f"FAIL  {one.promise}\n      {reason}")
        else:
            click.echo(f"ok    {one.promise}")
    click.echo(f"{len(checks) - failed} of {len(checks)} checks passed")
    return int(failed > 0)
