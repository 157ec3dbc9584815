"""Saved models of the back-off chain that are damaged or of other parameters."""

from dataclasses import replace

import numpy as np
import pytest
from ntgbench_baselines.backoff import Backoff
from ntgbench_baselines.model import FILE
from ntgbench_baselines.parameters import BackoffParameters
from safetensors import safe_open
from safetensors.numpy import save_file

from ntgbench.errors import PluginError
from ntgbench.interfaces import Context
from ntgbench.testing import example_traffic


def fitted(train, **settings):
    made = Backoff(BackoffParameters(**settings))
    made.fit(train, Context(seed=0))
    return made


def test_a_model_of_other_parameters_is_refused(tmp_path):
    parameters = BackoffParameters()
    fitted(example_traffic()).save(tmp_path)
    with pytest.raises(PluginError, match="of other parameters"):
        Backoff(replace(parameters, order=2)).load(tmp_path)
    fitted(example_traffic(), shared=0).save(tmp_path)
    with pytest.raises(PluginError, match="of other parameters"):
        Backoff(parameters).load(tmp_path)


def tensors(folder):
    with safe_open(folder / FILE, "numpy") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [
        ("layout", 0, 0),
        ("layout", 0, 2),
        ("layout", 0, 3_000_000_000),
        ("layout", 1, 0),
        ("layout", 1, 2**40),
        ("layout", 1, 5),
        ("count", 0, 0),
        ("count", -1, -1),
        ("size", 0, -1),
        ("size", 0, 10**6),
        ("size", 3, 2**31 - 1),
        ("symbol", 0, -(2**15)),
        ("symbol", 1, 0),
        ("symbol", 2, 77),
        ("symbol", -1, 77),
    ],
)
def test_a_damaged_table_is_refused(tmp_path, name, place, value):
    fitted(example_traffic()).save(tmp_path)
    arrays, metadata = tensors(tmp_path)
    arrays[name][place] = value
    save_file(arrays, tmp_path / FILE, metadata)
    with pytest.raises(PluginError, match="is damaged"):
        Backoff(BackoffParameters()).load(tmp_path)


@pytest.mark.parametrize("word", [b"\xff", b"\x00", b"\x7f"])
@pytest.mark.parametrize("name", ["symbol", "size", "layout"])
def test_a_column_of_the_same_bytes_is_refused(tmp_path, name, word):
    fitted(example_traffic()).save(tmp_path)
    arrays, metadata = tensors(tmp_path)
    arrays[name] = np.frombuffer(word * arrays[name].nbytes, arrays[name].dtype)
    save_file(arrays, tmp_path / FILE, metadata)
    with pytest.raises(PluginError, match="is damaged"):
        Backoff(BackoffParameters()).load(tmp_path)
