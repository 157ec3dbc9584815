"""A column of a table as a choice and a place: which of some values or modes, and where inside the mode."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

Reals = npt.NDArray[np.float64]
Choices = npt.NDArray[np.int64]
Places = npt.NDArray[np.float32]

LEAST_WEIGHT = 0.005
"""Weight below which a mode is left out."""

SIGMAS = 4.0
"""Standard deviations from the centre of a mode that are the place 1 (arXiv 1907.00503, section 4.2)."""

LEAST_SHARE = 0.002
"""Share of the rows that a value has at least to be a category of a mixed column."""

_CONCENTRATION = 0.001
"""Concentration of the prior of the weights of modes: a small one leaves modes empty that the column does not need."""

_ITERATIONS = 100
"""Rounds of the fit of a mixture, at most."""


@dataclass(frozen=True, eq=False)
class Column:
    """How the numbers of a column become choices and places, and back.

    The choices are first the values that are categories, and then the modes. A discrete column has values alone, one of
    numbers has modes alone, and a mixed one has both (arXiv 2102.08369, section 3.3).

    Attributes:
        values: float64 (V,), the categories.
        means, sigmas: float64 (K,) each, the modes; sigmas are above 0.
        low, high: bounds of what is made.
        counts: int64 (V + K,), training rows of each choice.
    """

    values: Reals
    means: Reals
    sigmas: Reals
    low: float
    high: float
    counts: Choices

    @property
    def choices(self) -> int:
        """Number of choices, V + K."""
        return len(self.values) + len(self.means)

    @property
    def has_places(self) -> bool:
        """Whether the column has modes, and so a place inside them."""
        return len(self.means) > 0

    def decode(self, choice: Choices, place: Places) -> Reals:
        """The numbers, float64 (N,), of choices and places, (N,) each."""
        made = np.concatenate([self.values, self.means])[choice]
        spread = np.concatenate([np.zeros(len(self.values)), SIGMAS * self.sigmas])[choice]
        made = made + spread * place
        inside: Reals = np.where(choice < len(self.values), made, np.clip(made, self.low, self.high))
        return inside


@dataclass(frozen=True)
class Mixtures:
    """How modes are learnt.

    Attributes:
        modes: modes of a column, at most.
        rows: rows that they are learnt from, at most.
    """

    modes: int
    rows: int


def discrete(numbers: Reals, known: Sequence[float] | None = None) -> tuple[Column, Choices, Places]:
    """A column whose values, or those `known`, are categories; and the choices and places of the rows, (N,) each."""
    values = np.unique(numbers) if known is None else np.asarray(known, np.float64)
    choice = np.searchsorted(values, numbers)
    none = np.zeros(0)
    return _counted(values, none, none, numbers, choice), choice, np.zeros(len(numbers), np.float32)


def mixed(
    numbers: Reals, mixtures: Mixtures, frequent: int, rng: np.random.Generator, always: Sequence[float] = ()
) -> tuple[Column, Choices, Places]:
    """A column whose most frequent values are categories, and the rest of which has modes.

    Args:
        numbers: float64 (N,), N at least 1.
        mixtures: how modes are learnt.
        frequent: categories at most, beside `always`; with 0 it is a column of numbers.
        rng: which rows the modes are learnt from, and which of its likely modes a number belongs to.
        always: values that are categories wherever they occur.

    Returns:
        The column, and the choices and places of the rows, (N,) each.
    """
    found, counts = np.unique(numbers, return_counts=True)
    least = max(LEAST_SHARE * len(numbers), 2)
    order = np.argsort(-counts, kind="stable")[:frequent]
    kept = np.zeros(len(found), bool)
    kept[order[counts[order] >= least]] = True
    # So few values that modes for the rest are not worth their while.
    kept |= np.isin(found, np.asarray(always, np.float64)) | ((len(found) <= frequent) & np.bool_(frequent > 0))
    values = found[kept]
    rest = ~np.isin(numbers, values)
    if not rest.any():
        return discrete(numbers)
    choice, place = np.zeros(len(numbers), np.int64), np.zeros(len(numbers), np.float32)
    choice[~rest] = np.searchsorted(values, numbers[~rest])
    means, sigmas, modes, place[rest] = _modes(numbers[rest], mixtures, rng)
    choice[rest] = len(values) + modes
    return _counted(values, means, sigmas, numbers, choice), choice, place


def _counted(values: Reals, means: Reals, sigmas: Reals, numbers: Reals, choice: Choices) -> Column:
    counts = np.bincount(choice, minlength=len(values) + len(means))
    return Column(values, means, sigmas, float(numbers.min()), float(numbers.max()), counts)


def _modes(
    numbers: Reals, mixtures: Mixtures, rng: np.random.Generator
) -> tuple[Reals, Reals, Choices, npt.NDArray[np.float32]]:
    """Mode-specific normalisation (arXiv 1907.00503, section 4.2): means, sigmas; mode and place of each number.

    The mode of a number is drawn with its posterior probability under a variational Gaussian mixture.
    """
    centre, scale = float(numbers.mean()), float(numbers.std())
    if scale == 0.0:
        nothing = np.zeros(len(numbers), np.float32)
        return np.array([centre]), np.array([1.0]), np.zeros(len(numbers), np.int64), nothing
    unit = ((numbers - centre) / scale)[:, None]
    seen = unit if len(unit) <= mixtures.rows else unit[rng.choice(len(unit), mixtures.rows, replace=False)]
    mixture = _mixture(seen, mixtures.modes, int(rng.integers(2**32)))
    kept = mixture.weights_ > LEAST_WEIGHT
    likely = mixture.predict_proba(unit)[:, kept] + 1e-9
    below = np.cumsum(likely, axis=1)
    mode = (below < rng.random(len(unit))[:, None] * below[:, -1:]).sum(axis=1)
    means = centre + scale * mixture.means_[kept, 0]
    sigmas = scale * np.sqrt(mixture.covariances_[kept, 0])
    place = np.clip((numbers - means[mode]) / (SIGMAS * sigmas[mode]), -1.0, 1.0)
    return means, sigmas, mode, place.astype(np.float32)


def _mixture(unit: Reals, modes: int, seed: int):  # type: ignore[no-untyped-def]  # noqa: ANN202
    """A variational Gaussian mixture of standardised numbers, (N, 1)."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import BayesianGaussianMixture

    mixture = BayesianGaussianMixture(
        n_components=min(modes, len(np.unique(unit))),
        covariance_type="diag",
        weight_concentration_prior=_CONCENTRATION,
        max_iter=_ITERATIONS,
        random_state=seed,
    )
    with warnings.catch_warnings():
        # A mixture that has not converged is as good for this, and numbers may have fewer modes than asked for.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return mixture.fit(unit)
