"""Counts of what follows each beginning of a biflow, less what each biflow adds itself, as a table.

Symbols, for a beginning h of a biflow (its class and first packets) and a token x that follows it in training:

| symbol | here |
|---|---|
| c(h x) | training biflows that begin with h x |
| c_s(h x) | those of them of session s; without sessions each biflow is one of its own |
| d(h x) = δ Σ_s c_s(h x)² / c(h x) | the discount: for δ = 1, what a biflow finds there of its own session |
| share(h x) = (c(h x) - d(h x)) / c(h) | `Counts.share` |
| novel(h) = Σ_x d(h x) / c(h), of x that biflows of one session alone have after h | `Counts.novel` |
| rest(h) = Σ_x d(h x) / c(h), of all other x, which are "common" after h | `Counts.rest` |
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.errors import PluginError
from ntgbench.mapping.tokens import EOS
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
    "common": Like("BOOL", (None,)),
    "share": Like("F32", (None,)),
    "novel": Like("F32", (None,)),
    "rest": Like("F32", (None,)),
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
        common: bool (nodes,). Whether biflows of several sessions begin so.
        share: float32 (nodes,). Probability of the token, given the beginning before it, by counts alone, 0..1.
        novel: float32 (nodes,). Probability that the token after this beginning is one that is not common there, 0..1:
            as often as, of the training biflows, one session's has such a token (the estimate of Good 1953).
        rest: float32 (nodes,). Probability that counts leave to decoders for any token, 0..1.
    """

    parent: Numbers
    token: Numbers
    fold: Numbers
    common: npt.NDArray[np.bool_]
    share: Floats
    novel: Floats
    rest: Floats

    def __post_init__(self) -> None:
        object.__setattr__(self, "_key", _keys(self.parent, self.token))

    def child(self, node: Numbers, token: Numbers) -> Numbers:
        """The node of each beginning followed by a token, int64 (rows,); `NOWHERE` where there is none."""
        wanted = _keys(node, token)
        keys: Numbers = self._key  # type: ignore[attr-defined]
        place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where((keys[place] == wanted) & (node != NOWHERE), place, NOWHERE)

    def left(self, node: Numbers) -> tuple[Floats, Floats]:
        """`rest` and `novel` of each node, float32 (rows,); `NOWHERE` leaves everything to decoders."""
        unknown = node == NOWHERE
        return np.where(unknown, np.float32(1), self.rest[node]), np.where(unknown, np.float32(0), self.novel[node])

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
    classes = mapping.class_tokens(np.arange(mapping.classes, dtype=np.int32))
    node, begin, size = rows[:, 0] - classes[0], 0, mapping.classes
    columns = [
        (np.full(size, NOWHERE), classes, _common(node, fold, size), np.ones(size, np.bool_), *np.zeros((2, size)))
    ]
    for position in range(1, mapping.packets + 1):
        # `node` are the nodes from `begin` on, `size` of them, of the biflows that `rows`, `fold` and `session` are of.
        several = _common(node - begin, session, size) == MANY
        goes_on = (rows[:, position - 1] != EOS) & several[node - begin]
        rows, fold, session, node = rows[goes_on], fold[goes_on], session[goes_on], node[goes_on]
        if not len(rows):
            break
        _, first, child = np.unique(_keys(node, rows[:, position]), return_index=True, return_inverse=True)
        parent, count, before = node[first], np.bincount(child), np.bincount(node - begin)[node[first] - begin]
        begin, size = begin + size, len(first)
        taken = discount * _own_session(child, session, size) / count
        common = _common(child, session, size) == MANY
        columns.append(
            (parent, rows[first, position], _common(child, fold, size), common, count / before, taken / before)
        )
        node = begin + child
    parent, token, of_fold, common, whole, taken = map(np.concatenate, zip(*columns, strict=True))
    above = np.maximum(parent, 0)
    novel, rest = (np.bincount(above, taken * of, len(parent)) for of in (~common, common))
    # After a beginning that nothing follows in the table, everything is left to decoders.
    rest[np.bincount(above, whole, len(parent)) == 0] = 1.0
    return Counts(
        parent,
        token,
        of_fold,
        common,
        *(one.astype(np.float32) for one in (whole - taken, novel.clip(0, 1), rest.clip(0, 1))),
    )


def checked(arrays: dict[str, npt.NDArray[Any]], mapping: TokenMapping, folds: int, folder: Path) -> Counts:
    """The table that a file holds. Raises PluginError when that is none of these classes and folds."""
    sizes = {len(one) for one in arrays.values()}
    if len(sizes) != 1 or sizes.pop() < mapping.classes:
        raise PluginError(f"{folder} holds no table of counts: its columns differ in length, or lack classes")
    counts = Counts(**arrays)
    nodes, below = np.arange(len(counts.parent)), counts.parent[mapping.classes :]
    right = {
        "classes that come first": (counts.parent[: mapping.classes] == NOWHERE).all(),
        "beginnings that come before what follows them": ((below >= 0) & (below < nodes[mapping.classes :])).all(),
        "beginnings in order": (np.diff(_keys(counts.parent, counts.token)) > 0).all(),
        "tokens of the model": ((counts.token > 0) & (counts.token < mapping.vocabulary)).all(),
        "folds of the model": ((counts.fold >= MANY) & (counts.fold < folds)).all(),
        "probabilities": all(((one >= 0) & (one <= 1)).all() for one in (counts.share, counts.novel, counts.rest)),
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
    squares: npt.NDArray[np.float64] = np.bincount(pairs[0], count.astype(np.float64) ** 2, groups).astype(np.float64)
    return squares
