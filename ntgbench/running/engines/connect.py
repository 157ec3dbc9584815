"""From the name of an engine to the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ntgbench.running.engines import EngineError
from ntgbench.words import suggestion

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ntgbench.running.engines import Engine

ENGINES = ("local", "dask", "slurm")


def connect(
    name: str, jobs: int | None, runs: Path, address: str | None = None, options: Mapping[str, str] | None = None
) -> Engine:
    """The engine called `name`.

    Args:
        name: one of `ENGINES`.
        jobs: pieces of work at a time; None leaves it to the engine.
        runs: the folder of all runs, which every machine sees.
        address: of dask's scheduler.
        options: of SLURM, as `sbatch` names them.

    Raises:
        EngineError: when there is no such engine, it is not installed, or it does not answer.
    """
    refuse_mixed(name, address, options)
    if name == "dask":
        from ntgbench.running.engines.dask import DaskEngine

        return DaskEngine(address, jobs)
    if name == "slurm":
        from ntgbench.running.engines.slurm import SlurmEngine

        return SlurmEngine(jobs, runs, options or {})
    from ntgbench.running.engines.local import LocalEngine

    return LocalEngine(jobs)


def refuse_mixed(name: str, address: str | None, options: Mapping[str, str] | None) -> None:
    """Raise EngineError when there is no such engine, or it has no address or no options."""
    if name not in ENGINES:
        raise EngineError(f"no engine is called {name!r}; {suggestion(name, ENGINES)}")
    if address is not None and name != "dask":
        raise EngineError(f"an address is that of a dask scheduler; the engine {name} has none")
    if options and name != "slurm":
        raise EngineError(f"engine options are those of SLURM; the engine {name} has none")
