"""What a budget does to a training: how many steps it allows, and the note on the row when they were fewer."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ntgbench.interfaces import BUDGET_LOGGER
from ntgbench.words import pluralised

if TYPE_CHECKING:
    from ntgbench.interfaces import Budget


def warn_if_cut(done: int, allowed: int, wanted: int, budget: Budget) -> None:
    """Log a warning, which becomes a note on the row, when the budget allowed fewer steps than the parameters.

    Args:
        done: steps made.
        allowed: steps that the bounds of the budget in epochs and steps allow.
        wanted: steps that the parameters ask for.
        budget: of the context.
    """
    if done >= wanted:
        return
    if done < allowed:
        bound, unit = budget.minutes, "minute"
    elif budget.steps == allowed:
        bound, unit = budget.steps, "step"
    else:
        bound, unit = budget.epochs, "epoch"
    logging.getLogger(BUDGET_LOGGER).warning(
        "training made %s of %s steps by the budget of %s", f"{done:,}", f"{wanted:,}", pluralised(bound or 0, unit)
    )
