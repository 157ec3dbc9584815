"""What a fit depends on beside traffic and parameters: the code of its plugin, and files that parameters name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ntgbench import __version__
from ntgbench.code_digest import code_digest
from ntgbench.errors import PluginError, ProtocolError
from ntgbench.files import content_digest

if TYPE_CHECKING:
    from pathlib import Path

    from ntgbench.systems import System


def code_of(system: System) -> tuple[str, str]:
    """Digest of the code of the system's plugin, and version of ntgbench: on every machine of a run the same."""
    return code_digest(system.spec.target), __version__


def named_files(system: System, home: Path) -> dict[str, list[str]]:
    """Digests of the files, and of what lies beside them, that parameters of a system name, by parameter.

    Args:
        system: which is built, not fitted.
        home: folder that relative paths start from.

    Raises:
        NtgbenchError: when one is missing, or cannot be read.
    """
    found = {}
    for name in getattr(system.spec, "files", ()):
        path = getattr(system.parameters, name)
        if not path:
            raise ProtocolError(f"{system.spec.name} needs a file; write {system.spec.name}[{name}=…]")
        beside = system.track.files(home / path)
        found[name] = [content_digest(one) for one in beside if one == home / path or one.exists()]
    return found


def refuse_other_machine(system: System, planned: tuple[str, str], distribution: str, device: str) -> None:
    """Raise PluginError unless this machine has the code that a run was planned with, and the GPU that is needed.

    Args:
        system: what is to be fitted.
        planned: what `code_of` gave where the run was planned.
        distribution: the plugin that brings the system.
        device: where it is to compute.
    """
    if planned != code_of(system):
        code = " or of ".join(dict.fromkeys((distribution, "ntgbench")))
        raise PluginError(f"this machine has other code of {code} than the run; install the same on all machines")
    if system.spec.occupies.gpu and device == "cpu":
        raise PluginError(f"{system.spec.name} runs on a GPU only: --device cuda")
