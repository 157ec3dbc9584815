"""The suite mixing: real and synthetic biflows in one training set of constant size."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from made_suites import given

from ntgbench.errors import ProtocolError
from ntgbench.interfaces import MetricSpec
from ntgbench.protocol import from_values
from ntgbench.tracks.biflows import mixing, utility
from ntgbench.tracks.biflows.settings import Mixing

if TYPE_CHECKING:
    from ntgbench.suites import SuiteInput
    from ntgbench.traffic.biflows import Biflows

LEARNT: list[Biflows] = []


def noted(real: Biflows, synthetic: Biflows, seed: int) -> dict[str, float]:
    """A metric that notes what it is handed."""
    LEARNT.append(synthetic)
    return {"noted": 0.5}


def noting(system: str, shares: tuple[float, ...]) -> SuiteInput:
    """What the suite is handed, with a metric that notes the training sets."""
    LEARNT.clear()
    metric = MetricSpec("noted", f"{__name__}:noted", "x", "utility", "max")
    return replace(given(system, "utility", Mixing(shares)), metrics=(metric,))


def test_every_class_keeps_its_size_and_its_share_is_real() -> None:
    of_marginals = noting("marginals", (0.0, 0.25, 1.0))
    scores = mixing.measure(of_marginals)
    assert list(scores) == ["noted@0%", "noted@25%", "noted@25%,none", "noted@100%"]
    counts = of_marginals.train.class_counts()
    none, quarter, alone, whole = LEARNT
    assert all((side.class_counts() == counts).all() for side in (none, quarter, whole))
    assert (alone.class_counts() == np.ceil(0.25 * counts)).all()
    real = {row.tobytes() for row in alone.signed_pl}
    assert sum(row.tobytes() in real for row in quarter.signed_pl) >= len(alone)
    assert (none.signed_pl == of_marginals.synthetic.signed_pl).all()
    assert sorted(map(bytes, whole.signed_pl)) == sorted(map(bytes, of_marginals.train.signed_pl))


def test_without_real_biflows_it_is_the_suite_utility() -> None:
    of_copy = given("copy", "utility", Mixing((0.0,)))
    mixed, alone = mixing.measure(of_copy), utility.measure(of_copy)
    assert {key: value["value"] for key, value in mixed.items()} == {
        f"{name}@0%": value["value"] for name, value in alone.items()
    }
    assert "confusion" in alone["macro_f1"]
    assert "confusion" not in mixed["macro_f1@0%"]


def test_a_system_that_learnt_other_traffic_is_asked_for_as_much_as_the_training_set() -> None:
    of_copy = noting("copy", (0.0,))
    mixing.measure(replace(of_copy, synthetic=of_copy.synthetic.select(range(20))))
    assert (LEARNT[0].class_counts() == of_copy.train.class_counts()).all()


def test_shares_that_are_printed_alike_are_refused() -> None:
    values = {"name": "mine", "version": 1, "summary": "x", "datasets": ["lab"], "systems": ["real"]}
    with pytest.raises(ProtocolError, match="shares must differ"):
        from_values({**values, "mixing": {"shares": [0.5, 0.50000001]}}, "mine")
    with pytest.raises(ProtocolError, match="shares"):
        from_values({**values, "mixing": {"shares": [1.5]}}, "mine")
