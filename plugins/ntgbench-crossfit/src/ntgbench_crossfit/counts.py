"""Counts of what follows each beginning of a biflow, less what each biflow adds itself, as a table.

Symbols, for a beginning h of a biflow (its class and first packets) and a token x that follows it in training:

| symbol | here |
|---|---|
| c(h x) | training biflows that begin with h x |
| c_s(h x) | those of them of session s; without sessions each biflow is one of its own |
| d(h x) = δ Σ_s c_s(h x)² / c(h x) | the discount: for δ = 1, what a biflow that begins so finds there of its own session |
| share(h x) = (c(h x) - d(h x)) / c(h) | `Counts.share` |
| left(h) = Σ_x d(h x) / c(h) | `Counts.left`: what the decoders share out |
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench.errors import PluginError
from ntgbench.saved import Like

if TYPE_CHECKING:
    from pathlib import Path

    from ntgbench.mapping.tokens import TokenMapping, Tokens

Numbers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

NOWHERE = -1
"""The node of a beginning that is not in the table."""

MANY = -1
"""The fold of biflows of several folds."""

TENSORS = {
    "parent": Like("I64", (None,)),
    "token": Like("I64", (None,)),
    "fold": Like("I64", (None,)),
    "share": Like("F32", (None,)),
    "left": Like("F32", (None,)),
}
"""Arrays of a saved table."""


@dataclass(frozen=True, eq=False)
class Counts:
    """A table of the beginnings that training biflows have, one a row (a "node"), sorted by `parent` and `token`.

    The first nodes are the classes. A beginning that biflows of one session alone have is there, and nothing that
    follows it: all of it would be discounted, and it is no business of a saved model.

    Attributes:
        parent: int64 (nodes,). Node of the beginning without its last token; `NOWHERE` for classes.
        token: int64 (nodes,). The last token; the class's for classes.
        fold: int64 (nodes,). Fold of all its biflows, or `MANY`.
        share: float32 (nodes,). Probability of the token, given the beginning before it, by counts alone, 0..1.
        left: float32 (nodes,). Probability that counts leave for the decoders after this beginning, 0..1.
    """

    parent: Numbers
    token: Numbers
    fold: Numbers
    share: Floats
    left: Floats

    def __post_init__(self) -> None:
        object.__setattr__(self, "_key", _keys(self.parent, self.token))

    def child(self, node: Numbers, token: Numbers) -> Numbers:
        """The node of each beginning followed by a token, int64 (rows,); `NOWHERE` where there is none."""
        wanted = _keys(node, token)
        keys: Numbers = self._key  # type: ignore[attr-defined]
        place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where((keys[place] == wanted) & (node != NOWHERE), place, NOWHERE)

    def children(self, node: Numbers) -> tuple[Numbers, Numbers]:
        """The nodes that follow each node in the table, and the index in `node` of each, both int64 (found,)."""
        first, last = (np.searchsorted(self.parent, node, side=side) for side in ("left", "right"))
        count = np.where(node == NOWHERE, 0, last - first)
        index = np.repeat(np.arange(len(node)), count)
        within = np.arange(len(index)) - np.repeat(np.cumsum(count) - count, count)
        return first[index] + within, index


def counted(rows: Tokens, fold: Numbers, session: Numbers, mapping: TokenMapping, discount: float) -> Counts:
    """The table of training biflows.

    Args:
        rows: rows of tokens, see `TokenMapping`, int64 (N, P + 2).
        fold: fold of each row, int64 (N,).
        session: session of each row, int64 (N,); no session is in two folds.
        mapping: of the tokens.
        discount: δ.
    """
    classes = np.arange(mapping.classes, dtype=np.int32)
    node, alive = (rows[:, 0] - mapping.class_tokens(classes)[0]), np.arange(len(rows))
    tables = [
        {
            "parent": np.full(mapping.classes, NOWHERE),
            "token": mapping.class_tokens(classes),
            "fold": _common(node, fold, mapping.classes),
            "share": np.ones(mapping.classes),
            "left": np.ones(mapping.classes),
        }
    ]
    begin = 0
    for position in range(1, mapping.packets + 1):
        several = _common(node - begin, session[alive], len(tables[-1]["left"])) == MANY
        going = several[node - begin]
        alive, node = alive[going], node[going]
        if not len(alive):
            break
        key, first, own = np.unique(_keys(node, rows[alive, position]), return_index=True, return_inverse=True)
        count = np.bincount(own).astype(np.float64)
        taken = discount * _own_session(own, session[alive], len(key)) / count
        parent, size = node[first] - begin, len(tables[-1]["left"])
        total = np.bincount(parent, count, size)
        left = np.bincount(parent, taken, size)
        tables[-1]["left"] = np.where(total > 0, left / np.maximum(total, 1), 1.0)
        tables.append(
            {
                "parent": node[first],
                "token": rows[alive[first], position],
                "fold": _common(own, fold[alive], len(key)),
                "share": (count - taken) / total[parent],
                "left": np.ones(len(key)),
            }
        )
        begin += size
        going = rows[alive, position] >= mapping.first_value
        alive, node = alive[going], begin + own[going]
    whole = {name: np.concatenate([table[name] for table in tables]) for name in TENSORS}
    return Counts(**{name: whole[name].astype(np.float32 if name in ("share", "left") else np.int64) for name in whole})


def checked(arrays: dict[str, npt.NDArray[np.generic]], mapping: TokenMapping, folds: int, folder: Path) -> Counts:
    """The table that a file holds. Raises PluginError when that is none of these classes and folds."""
    sizes = {len(one) for one in arrays.values()}
    if len(sizes) != 1 or sizes.pop() < mapping.classes:
        raise PluginError(f"{folder} holds no table of counts: its columns differ in length, or lack classes")
    counts = Counts(**arrays)  # type: ignore[arg-type]
    nodes, below = np.arange(len(counts.parent)), counts.parent[mapping.classes :]
    right = {
        "classes that come first": (counts.parent[: mapping.classes] == NOWHERE).all(),
        "beginnings that come before what follows them": ((below >= 0) & (below < nodes[mapping.classes :])).all(),
        "beginnings in order": (np.diff(_keys(counts.parent, counts.token)) > 0).all(),
        "tokens of the model": ((counts.token > 0) & (counts.token < mapping.vocabulary)).all(),
        "folds of the model": ((counts.fold >= MANY) & (counts.fold < folds)).all(),
        "probabilities": all(((one >= 0) & (one <= 1)).all() for one in (counts.share, counts.left)),
    }
    for what, holds in right.items():
        if not holds:
            raise PluginError(f"{folder} holds no table of counts: it must have {what}")
    return counts


def _keys(node: Numbers, token: Numbers) -> Numbers:
    """One number for a node and a token that follows it, which rises with both."""
    keys: Numbers = ((node + 1) << 32) + token
    return keys


def _common(group: Numbers, value: Numbers, groups: int) -> Numbers:
    """The value that all members of each group have, or `MANY`, int64 (groups,); that of an empty group is `MANY`."""
    lowest, highest = np.full(groups, np.iinfo(np.int64).max), np.full(groups, MANY)
    np.minimum.at(lowest, group, value)
    np.maximum.at(highest, group, value)
    return np.where(lowest == highest, lowest, MANY)


def _own_session(group: Numbers, session: Numbers, groups: int) -> npt.NDArray[np.float64]:
    """Sum over sessions of the squared number of members of each group, float64 (groups,)."""
    pairs, count = np.unique(np.stack([group, session]), axis=1, return_counts=True)
    squares: npt.NDArray[np.float64] = np.bincount(pairs[0], count.astype(np.float64) ** 2, groups)
    return squares
