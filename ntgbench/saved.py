"""Files of saved models, which may come from anywhere: checked before they are used. Light to import."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, TypedDict, cast

from msgspec import Meta

from ntgbench.errors import NtgbenchError, PluginError
from ntgbench.files import require_file
from ntgbench.traffic.biflows import MOST_CLASSES, MOST_PACKETS
from ntgbench.values import convert

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MOST_BYTES = 2 * 2**30
"""Bytes of a file of a saved model."""


class Like(NamedTuple):
    """What a tensor must be like."""

    dtype: str  # as safetensors spells it, such as F32, I16 or I8
    shape: tuple[int | None, ...]  # size of each dimension, None for any size


class Layout(TypedDict):
    """The numbers that models are saved with, and what each may be."""

    classes: Annotated[int, Meta(ge=1, le=MOST_CLASSES)]
    packets: Annotated[int, Meta(ge=1, le=MOST_PACKETS)]
    pl_max: Annotated[int, Meta(ge=1, le=32_767)]


def layout_numbers(settings: Any) -> dict[str, int]:
    """The settings of a saved model, which must be those of `Layout`. Raises PluginError that names what is wrong."""
    return cast("dict[str, int]", convert(settings, Layout, "the settings of the model", PluginError))


def read_tensors(
    path: Path, wanted: Mapping[str, Like] | None, framework: Literal["numpy", "pt"]
) -> tuple[dict[str, Any], dict[str, str]]:
    """The tensors and the metadata of a safetensors file.

    Args:
        path: the file.
        wanted: the tensors that must be there, and no others, checked before one is read; None takes any.
        framework: "numpy" for numpy arrays, "pt" for torch tensors.

    Raises:
        PluginError: when the file cannot be read, has other tensors, or a number in them is not finite.
    """
    from safetensors import SafetensorError, safe_open

    try:
        require_file(path, MOST_BYTES)
        with safe_open(path, framework) as file:
            if wanted is not None:
                _require({name: _like(file.get_slice(name)) for name in file.keys()}, wanted, path)  # noqa: SIM118
            tensors = {name: _aligned(file.get_tensor(name), framework) for name in file.keys()}  # noqa: SIM118
            metadata = dict(file.metadata() or {})
    except NtgbenchError as error:
        raise PluginError(str(error)) from error
    except (OSError, SafetensorError, TypeError, ValueError, AttributeError) as error:
        raise PluginError(f"cannot read {path}: {error}") from error
    for name, tensor in tensors.items():
        if not _is_finite(tensor, framework):
            raise PluginError(f"{path}: {name} holds numbers that are not finite")
    return tensors, metadata


def _require(found: Mapping[str, Like], wanted: Mapping[str, Like], path: Path) -> None:
    different = sorted(found.keys() ^ wanted.keys())
    if different:
        more = f" and {len(different) - 3} more" if len(different) > 3 else ""
        raise PluginError(
            f"{path} holds a model of other parameters; the tensors {', '.join(different[:3])}{more} differ"
        )
    for name, like in wanted.items():
        dtype, shape = found[name]
        same = len(shape) == len(like.shape) and all(b in (None, a) for a, b in zip(shape, like.shape, strict=True))
        if dtype != like.dtype or not same:
            expected = "x".join("any" if size is None else str(size) for size in like.shape)
            is_now = "x".join(map(str, shape))
            raise PluginError(
                f"{path} holds a model of other parameters: {name} must be {like.dtype} of {expected}, "
                f"not {dtype} of {is_now}"
            )


def _like(part: Any) -> Like:
    return Like(part.get_dtype(), tuple(part.get_shape()))


def _aligned(tensor: Any, framework: str) -> Any:
    # Torch's tensors begin wherever they do in the file, and there matrix products may be rounded in another way: a
    # model that was read would make other traffic than the one that was written.
    return tensor.clone() if framework == "pt" else tensor


def _is_finite(tensor: Any, framework: str) -> bool:
    import numpy as np

    # numpy also for torch's tensors: on a busy machine torch waits for its threads at each of them.
    if framework == "pt":
        return not tensor.is_floating_point() or bool(np.isfinite(tensor.float().numpy()).all())
    return tensor.dtype.kind != "f" or bool(np.isfinite(tensor).all())
