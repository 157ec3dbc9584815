"""Members and non-members: the real biflows that occur once, and which of them the system has learnt from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from ntgbench.interfaces import Exposed
    from ntgbench.tracks.biflows.interfaces import SignedPL

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Singles:
    """The biflows that occur once in the training and the held-out set together, in the order of their values.

    Attributes:
        signed_pl: integers (S, P). Distinct rows.
        place: int64 (S,). Row in the two sets, one after the other.
        member: bool (S,). Whether it is of the training set.
        label: int32 (S,). Class.
        group: int64 (S,). Session, or a number of its own where there are no sessions. No session is on both sides.
    """

    signed_pl: SignedPL
    place: Integers
    member: Mask
    label: npt.NDArray[np.int32]
    group: Integers

    def __len__(self) -> int:
        return len(self.member)

    def select(self, rows: npt.NDArray[Any]) -> Singles:
        """Those at `rows`, indices or a mask."""
        return Singles(**{name: value[rows] for name, value in vars(self).items()})

    def counts(self) -> tuple[int, int]:
        """Members and non-members."""
        members = int(np.count_nonzero(self.member))
        return members, len(self) - members

    def comparable(self, most: int, rng: np.random.Generator) -> Singles:
        """Those of classes that are on both sides: at most `most` random members and as many non-members.

        Classes are numbered in the order in which they come up, so that their names do not matter.
        """
        size = int(self.label.max(initial=0)) + 1
        members, others = (np.bincount(self.label[side], minlength=size) for side in (self.member, ~self.member))
        kept = np.zeros(len(self), bool)
        both = ((members > 0) & (others > 0))[self.label]
        for side in (self.member, ~self.member):
            kept[rng.permutation(np.flatnonzero(side & both))[:most]] = True
        found = self.select(kept)
        _, first, number = np.unique(found.label, return_index=True, return_inverse=True)
        return replace(found, label=np.argsort(np.argsort(first)).astype(np.int32)[number])

    def weights(self) -> Floats:
        """Weights with which both sides have the same shares of the classes and the same sum, float64 (S,).

        A class with m members and n non-members weighs m n / (m + n) on either side, so one that is on one side only
        weighs nothing. Source: the overlap weights of Li, Morgan & Zaslavsky, "Balancing covariates via propensity
        score weighting", JASA 113 (2018).
        """
        size = int(self.label.max(initial=0)) + 1
        members, others = (np.bincount(self.label[side], minlength=size) for side in (self.member, ~self.member))
        both = np.maximum(members + others, 1)
        weights: Floats = np.where(self.member, (others / both)[self.label], (members / both)[self.label])
        return weights


def singles(exposed: Exposed, group: Integers | None = None) -> Singles:
    """The biflows whose row, over all classes, occurs once in both sets together; `group` is that of `groups`."""
    train, test = exposed.train, exposed.test
    number, distinct = numbered(train.signed_pl, test.signed_pl)
    both = np.concatenate(number)
    place = np.empty(distinct, np.int64)
    place[both] = np.arange(len(both))
    place = place[np.bincount(both, minlength=distinct) == 1]
    signed_pl, label = (
        np.concatenate([getattr(side, name) for side in (train, test)]) for name in ("signed_pl", "label")
    )
    found = groups(exposed) if group is None else group
    return Singles(signed_pl[place], place, place < len(train), label[place], found[place])


def has_sessions(exposed: Exposed) -> bool:
    """Whether the sessions of both sets are known."""
    return exposed.train.session is not None and exposed.test.session is not None


def groups(exposed: Exposed) -> Integers:
    """The session of each biflow of the training and the held-out set, int64 (N,); that of no biflow is on both sides.

    Without sessions, the number of its value: so nothing depends on the order of the rows.
    """
    train, test = exposed.train, exposed.test
    if not has_sessions(exposed):
        return np.concatenate(numbered(train.signed_pl, test.signed_pl)[0])
    found = [np.unique(side.session, return_inverse=True)[1] for side in (train, test)]
    return np.concatenate([found[0], found[1] + int(found[0].max(initial=-1)) + 1])


def numbered(*sides: SignedPL) -> tuple[list[Integers], int]:
    """The number of each row among the distinct rows of all sides, in the order of their values; and how many."""
    distinct, number = np.unique(np.concatenate(sides), axis=0, return_inverse=True)
    bounds = np.cumsum([len(side) for side in sides])[:-1]
    return np.split(number.ravel(), bounds), len(distinct)
