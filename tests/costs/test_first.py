from pathlib import Path

import pytest

from ntgbench.costs.first import Moments, first_biflow
from ntgbench.errors import NtgbenchError
from ntgbench.interfaces import Context
from ntgbench.systems import choose
from ntgbench.testing import example_traffic


def test_a_fresh_process_has_the_same_parts_every_time(tmp_path: Path) -> None:
    """With an import whose order would be another one in every process: scipy's, by way of scikit-learn."""
    train = example_traffic()
    choose("smote").fit(train, Context(seed=1)).save(tmp_path)
    one, two = first_biflow(tmp_path), first_biflow(tmp_path)
    assert len(one.parts.least) == len(two.parts.least) > 500
    assert len(one.importing.least) == len(two.importing.least) > 100
    for found in (one, two):
        assert min(found.parts.least) >= 0
        assert 0 < sum(found.importing.totals) < sum(found.parts.totals)
        assert found.memory > 10


def test_a_folder_that_holds_no_system_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(NtgbenchError, match=r"(?s)no biflow in a fresh process.*system\.json"):
        first_biflow(tmp_path)


def test_moments_are_of_modules_that_are_looked_for_and_find_none() -> None:
    moments = Moments()
    assert moments.find_spec("json", None, None) is None
    assert moments.take() == len(moments.taken) == 3
    assert moments.taken == sorted(moments.taken)
