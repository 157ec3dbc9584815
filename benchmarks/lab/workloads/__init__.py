"""The classes of lab traffic, one module a family."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from functools import cache

from benchmarks.lab.workload import LabError, Workload


@cache
def workloads() -> dict[str, Workload]:
    """All classes by name, in the order of their names; every module here that has WORKLOADS is a family."""
    families = [importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    found: list[Workload] = [workload for family in families for workload in getattr(family, "WORKLOADS", ())]
    by_name = {workload.name: workload for workload in sorted(found, key=lambda workload: workload.name)}
    if len(by_name) < len(found):
        raise LabError("two classes of lab traffic have the same name")
    return by_name


def chosen(names: Sequence[str]) -> tuple[Workload, ...]:
    """The classes of these names, all without a name.

    Raises:
        LabError: a name that no class has.
    """
    known = workloads()
    if unknown := sorted(set(names) - set(known)):
        raise LabError(f"no class of lab traffic is called {', '.join(unknown)}; there are {', '.join(known)}")
    return tuple(workload for name, workload in known.items() if not names or name in names)
