import numpy as np
import pytest

from ntgbench import Context
from ntgbench.errors import PluginError, ProtocolError, TrafficError
from ntgbench.systems import choose, load
from ntgbench.testing import example_traffic

TRAIN = example_traffic()


def test_a_system_is_called_by_its_name_and_changed_parameters() -> None:
    assert choose("markov[order=1]").display_name == "markov"
    assert choose("markov[order=3]").display_name == "markov[order=3]"
    assert choose("markov[order=3]").settings() == {"order": 3, "sampling": "independent"}
    with pytest.raises(ProtocolError, match="markov: unknown key 'ordr'; did you mean order"):
        choose("markov[ordr=3]")


@pytest.mark.parametrize("label", [4, -1])
def test_a_label_that_is_no_class_is_refused(label: int) -> None:
    fitted = choose("copy").fit(TRAIN, Context(seed=1))
    with pytest.raises(TrafficError, match="row 1: a label is an index"):
        fitted.sample(np.array([0, label], np.int32), seed=1)


@pytest.mark.parametrize("text", ["markov[order=2]", "fast-retransmit"])
def test_a_saved_system_is_the_same_system(tmp_path, text: str) -> None:
    fitted = choose(text).fit(TRAIN, Context(seed=1))
    fitted.save(tmp_path)
    again = load(tmp_path)
    assert again.system == fitted.system
    assert again.sample(TRAIN.label, seed=5) == fitted.sample(TRAIN.label, seed=5)


def test_a_saved_generator_takes_no_training_rows_along_but_its_own(tmp_path) -> None:
    fitted = choose("marginals").fit(TRAIN, Context(seed=1))
    fitted.save(tmp_path)
    assert len(load(tmp_path).train) == 0
    assert load(tmp_path).train.classes == TRAIN.classes


def test_damaged_folders_are_refused(tmp_path) -> None:
    choose("copy").fit(TRAIN, Context(seed=1)).save(tmp_path)
    (tmp_path / "system.json").write_text('{"format": 99}')
    with pytest.raises(PluginError, match="format 99"):
        load(tmp_path)
    (tmp_path / "system.json").write_text("{")
    with pytest.raises(PluginError, match="holds no fitted system"):
        load(tmp_path)


def test_what_a_plugin_hands_back_becomes_biflows_like_the_training_set() -> None:
    fitted = choose("copy").fit(TRAIN, Context(seed=1))
    made = fitted.checked(np.array([[5, -3, *[0] * 8]]), (np.array([2]),))
    assert made.classes == TRAIN.classes
    assert made.label.tolist() == [2]
    with pytest.raises(PluginError, match="copy returned invalid biflows: row 0"):
        fitted.checked(np.zeros((1, 10), np.int64), (np.array([2]),))
