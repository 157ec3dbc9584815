"""Models on disk: what is in the files, and that nothing else is taken for a model."""

import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("realtabformer", reason="realtabformer is not installed: pip install 'ntgbench[realtabformer]'")

from ntgbench_realtabformer.generator import REaLTabFormer
from ntgbench_realtabformer.parameters import REaLTabFormerParameters

from ntgbench.errors import PluginError
from ntgbench.interfaces import Context
from ntgbench.learning.checkpoints import CONFIG_FILE
from ntgbench.tracks.headers.example import example_trace

SMALL = REaLTabFormerParameters(layers=1, heads=2, width=16)
TRAIN = example_trace()
SYSTEM = REaLTabFormer(SMALL)
SYSTEM.fit(TRAIN, Context(seed=2))


@pytest.fixture
def folder(tmp_path):
    SYSTEM.save(tmp_path)
    return tmp_path


def loaded(folder, **changes):
    system = REaLTabFormer(replace(SMALL, **changes))
    system.load(folder)
    return system


def test_a_loaded_model_makes_the_same_trace(folder):
    request = 500, 2 * TRAIN.span_ns
    made, again = (one.sample(*request, np.random.default_rng(5)).digest() for one in (SYSTEM, loaded(folder)))
    assert made == again


def test_loading_leaves_the_random_numbers_of_others_alone(folder):
    import torch

    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    loaded(folder)
    assert torch.equal(torch.rand(3), expected)


def first(parts):
    return [parts, *SYSTEM.model.layout.parts[1:]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"columns": {"srcip": 54}}, "columns are those of packets"),
        ({"columns": SYSTEM.model.layout.columns | {"ttl": 2}}, "each place belongs to a column"),
        (
            {"columns": SYSTEM.model.layout.columns | {"ttl": 10, "srcip0": 1, "dstip0": 1, "srcip3": 4}},
            "at most 18 digits",
        ),
        ({"parts": first(["x1"])}, "parts are decimal digits"),
        ({"parts": first(["²"])}, "parts are decimal digits"),
        ({"parts": first(["01", "00"])}, "parts of a place go up"),
        ({"parts": first(["0", "11"])}, "parts of a place are equally long"),
        ({"parts": first(["012"])}, "tokens have the digits of the parameters"),
        ({"parts": first([])}, "at least 1 value"),
        ({"parts": first([f"{one:02d}" for one in range(90)])}, "transformer.wte.weight"),
        ({"start_ns": -(2**62) - 1}, "start_ns must be at least"),
        ({"ranges": {"ttl": [0, 255]}}, "each column has a range"),
        ({"ranges": SYSTEM.model.ranges | {"ttl": [0, 256]}}, "numbers of ranges fit their columns"),
        ({"ranges": SYSTEM.model.ranges | {"ttl": [9, 8]}}, "numbers of ranges fit their columns"),
        ({"ranges": SYSTEM.model.ranges | {"ttl": [-1, 8]}}, "at least 0"),
        ({"ranges": SYSTEM.model.ranges | {"time": [0, 1]}}, "times are within the span"),
        ({"span_ns": 2**63}, "span_ns"),
        ({"other": 1}, "unknown key"),
    ],
)
def test_other_settings_are_refused(folder, changes, message):
    path = folder / CONFIG_FILE
    head = json.loads(path.read_text())
    head["ntgbench"]["settings"] |= changes
    path.write_text(json.dumps(head))
    with pytest.raises(PluginError, match=message):
        loaded(folder)


@pytest.mark.parametrize("changes", [{"width": 18}, {"layers": 2}, {"digits": 1}])
def test_a_model_of_other_parameters_is_refused(folder, changes):
    with pytest.raises(PluginError):
        loaded(folder, **changes)


def test_heads_divide_the_width():
    with pytest.raises(ValueError, match="width must be a multiple of heads, not 16 of 3"):
        replace(SMALL, heads=3)
