"""Models on disk: what is in the files, and that nothing else is taken for a model."""

import json

import numpy as np
import pytest
import torch
from made_cascadenet import fitted, tiny
from ntgbench_cascadenet.conditions import NAMES
from ntgbench_cascadenet.generator import CascadeNet
from safetensors.torch import load_file, save_file

from ntgbench.errors import PluginError
from ntgbench.learning.checkpoints import CONFIG_FILE, WEIGHTS_FILE
from ntgbench.tracks.headers.example import example_trace

TRAIN = example_trace()

FORMS = {
    "words": {"ports": "words", "timestamps": "ml"},
    "oracle": {"conditions": "oracle"},
    "resampled": {"conditions": "resampled", "ports": "words"},
    "mlp": {"series": "mlp", "without": "all", "zero_flag": False, "totals": "series", "balance": 0.0},
    "lstm": {"packets": "lstm", "step_packets": 7},
}

SAVED = {name: fitted(TRAIN, **changes) for name, changes in FORMS.items()}


@pytest.fixture
def folder(tmp_path):
    """A saved model with words and known conditions."""
    SAVED["resampled"].save(tmp_path)
    return tmp_path


def loaded(folder, **changes):
    system = CascadeNet(tiny(**(FORMS["resampled"] | changes)))
    system.load(folder)
    return system


def rewrite(folder, **changes):
    path = folder / CONFIG_FILE
    head = json.loads(path.read_text())
    head["ntgbench"]["settings"] |= changes
    path.write_text(json.dumps(head))


def rewrite_tensors(folder, **changes):
    path = folder / WEIGHTS_FILE
    save_file(load_file(path) | {name.replace("_of_", "."): value for name, value in changes.items()}, path)


@pytest.mark.parametrize("name", FORMS)
def test_a_loaded_model_makes_the_same_trace(name, tmp_path):
    SAVED[name].save(tmp_path)
    own = CascadeNet(tiny(**FORMS[name]))
    own.load(tmp_path)
    request = 3 * len(TRAIN), 2 * TRAIN.span_ns
    made, again = (system.sample(*request, np.random.default_rng(5)).digest() for system in (SAVED[name], own))
    assert made == again


@pytest.mark.parametrize(("name", "known"), [("words", False), ("oracle", True), ("resampled", True)])
def test_files_hold_conditions_of_training_flows_only_when_flows_are_made_for_them(name, known, tmp_path):
    SAVED[name].save(tmp_path)
    tensors = load_file(tmp_path / WEIGHTS_FILE)
    assert ("conditions" in tensors) == known
    assert {one.partition(".")[0] for one in tensors} - {"conditions", "words"} == {"g1", "g2", "g3"}
    if known:
        np.testing.assert_array_equal(tensors["conditions"].numpy(), SAVED[name].model.table)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"conditions": "generated"}, "there are known conditions unless conditions are generated"),
        ({"ports": "bits"}, "there are words when ports are words"),
        ({"hidden": 9}, "holds a model of other parameters"),
        ({"packets": "lstm"}, "holds a model of other parameters"),
        ({"timestamps": "ml"}, "holds a model of other parameters"),
        ({"series": "mlp", "steps": 10_000, "hidden": 8_192}, "holds a model of other parameters"),
    ],
)
def test_models_of_other_parameters_are_refused(folder, changes, message):
    with pytest.raises(PluginError, match=message):
        loaded(folder, **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"known": 2**39}, "conditions must be F64 of 549755813888x9"),
        ({"known": 0}, "there are known conditions"),
        ({"ports": 60_000}, "words.port"),
        ({"protocols": 3}, "protocols must be at most 2"),
        ({"span_ns": 0}, "span_ns must be at least 1"),
        ({"start_ns": 2**62 + 1}, "start_ns must be at most"),
        ({"top": [1.0] * 8}, "top"),
        ({"top": [0.0] * 9}, "top"),
        ({"top": [1e-9] * 9}, "conditions must be those of flows"),
        ({"rate": [2.0, 1.0]}, "rate and size go up"),
        ({"rate": [0.0, 1e9]}, "rate"),
        ({"ranges": [[0, 10]] * 4 + [[0, 256]]}, "ranges go up, inside what the fields can hold"),
        ({"ranges": [[10, 0]] * 5}, "ranges go up"),
        ({"ranges": [[0, 10]] * 4}, "ranges"),
        ({"flags": [2, 2]}, "flags go up"),
        ({"flags": [0, 1, 2, 3]}, "holds a model of other parameters"),
        ({"ipv6": 1}, "ipv6"),
        ({"ipv6": False}, "holds a model of other parameters"),
        ({"more": 1}, "more"),
    ],
)
def test_damaged_settings_are_refused(folder, changes, message):
    rewrite(folder, **changes)
    with pytest.raises(PluginError, match=message):
        loaded(folder)


def test_models_without_ranges_are_refused(folder):
    path = folder / CONFIG_FILE
    head = json.loads(path.read_text())
    assert head["ntgbench"]["settings"].pop("ranges")[1] == [0, 0]
    path.write_text(json.dumps(head))
    with pytest.raises(PluginError, match=r"the settings of the model: .*ranges"):
        loaded(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"words_of_protocols": torch.tensor([6, 18], dtype=torch.uint8)}, "words must be ports and protocols"),
        ({"words_of_protocols": torch.tensor([17, 6], dtype=torch.uint8)}, "words must be ports and protocols"),
        (
            {"conditions": torch.full((len(SAVED["resampled"].model.table), 9), -1.0).double()},
            "conditions must be those of flows",
        ),
        ({"conditions": torch.full((len(SAVED["resampled"].model.table), 9), torch.nan).double()}, "not finite"),
        ({"d1.0.weight": torch.zeros(1)}, "tensors d1.0.weight differ"),
    ],
)
def test_damaged_tensors_are_refused(folder, changes, message):
    rewrite_tensors(folder, **changes)
    with pytest.raises(PluginError, match=message):
        loaded(folder)


@pytest.mark.parametrize(
    ("name", "value"), [("packets", 0.0), ("start", 1e12), ("end", 0.0), ("duration", -1.0), ("max_rate", 25.0)]
)
def test_conditions_that_no_flow_has_are_refused(folder, name, value):
    # Settings that allow much, so that it is the conditions that are wrong.
    rewrite(folder, top=[20.0, *SAVED["resampled"].model.layout.top[1:-2].tolist(), 1e13, 1e13])
    table = SAVED["resampled"].model.table.copy()
    table[np.argmax(table[:, NAMES.index("start")]), NAMES.index(name)] = value
    rewrite_tensors(folder, conditions=torch.from_numpy(table))
    with pytest.raises(PluginError, match="conditions must be those of flows"):
        loaded(folder)


def test_ports_that_are_none_are_refused(folder):
    ports = load_file(folder / WEIGHTS_FILE)["words.ports"]
    for damaged in (ports.flip(0), ports - 60, ports + 2_000):
        rewrite_tensors(folder, words_of_ports=damaged)
        with pytest.raises(PluginError, match="words must be ports and protocols"):
            loaded(folder)


def test_a_model_of_another_kind_is_refused(folder):
    path = folder / CONFIG_FILE
    path.write_text(path.read_text().replace('"kind": "cascadenet"', '"kind": "cvae"'))
    with pytest.raises(PluginError, match="holds a model of kind 'cvae', not 'cascadenet'"):
        loaded(folder)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(PluginError, match=r"config\.json"):
        loaded(tmp_path)
