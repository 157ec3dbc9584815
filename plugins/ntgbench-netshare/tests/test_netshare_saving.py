"""Models on disk: what is in the files, and that nothing else is taken for a model."""

import json

import numpy as np
import pytest
import torch
from made_netshare import fitted, flows, tiny
from ntgbench_netshare.generator import NetShare
from safetensors.torch import load_file, save_file

from ntgbench.errors import PluginError
from ntgbench.learning.checkpoints import CONFIG_FILE, WEIGHTS_FILE

# Chunks 1 and 2 of 4 are empty.
TRAIN = flows({1000: [0, 5], 1001: [1, 2, 3], 1002: [90, 95, 99]})
SAVED = fitted(TRAIN)


@pytest.fixture
def folder(tmp_path):
    SAVED.save(tmp_path)
    return tmp_path


def loaded(folder, **changes):
    system = NetShare(tiny(**changes))
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


def test_one_file_holds_the_generators_of_all_chunks_with_flows_and_a_loaded_model_is_the_same(folder):
    names = {name.split(".")[0] + name.split(".")[1] for name in load_file(folder / WEIGHTS_FILE)}
    assert {name for name in names if name.startswith("chunk")} == {"chunk0", "chunk3"}
    made, again = (one.sample(60, 2 * TRAIN.span_ns, np.random.default_rng(5)) for one in (SAVED, loaded(folder)))
    assert made.digest() == again.digest()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"chunks": 5}, "there are as many chunks as the parameters want"),
        ({"longest": 2}, "sequences are as long as the parameters allow"),
        ({"hidden": 9}, "chunk.0"),
        ({"lstm": 7}, "chunk.0"),
    ],
)
def test_models_of_other_parameters_are_refused(folder, changes, message):
    with pytest.raises(PluginError, match=message):
        loaded(folder, **changes)


CHUNK = {"flows": 1, "earliest": 0, "latest": 0, "gap_ns": 1}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"span_ns": -1}, "span_ns must be at least 0"),
        ({"start_ns": 2**62 + 1}, "start_ns must be at most"),
        ({"ranges": [[50, 40]] * 5}, "ranges go up, inside what the fields can hold"),
        ({"ranges": [[0, 10]] * 4 + [[0, 256]]}, "ranges go up"),
        ({"ranges": [[0, 10]] * 4}, "ranges"),
        ({"flags": [2, 2]}, "flags go up"),
        ({"flags": [0, 1]}, "chunk.0"),
        ({"ipv6": True}, "chunk.0"),
        ({"ports": 60_000}, "words.port"),
        ({"longest": 0}, "longest must be at least 1"),
        ({"chunks": [CHUNK | {"flows": 0}] * 4}, "a chunk has flows"),
        ({"chunks": [CHUNK | {"earliest": 9}] * 4}, "flows begin inside the trace"),
        ({"chunks": [CHUNK | {"gap_ns": 0}] * 4}, "gap_ns must be at least 1"),
        ({"chunks": [CHUNK] * 4}, "chunk.1"),
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
    ranges = head["ntgbench"]["settings"].pop("ranges")
    assert ranges == [[40, 42], [0, 0], [0, 0], [0, 0], [64, 64]]
    path.write_text(json.dumps(head))
    with pytest.raises(PluginError, match=r"the settings of the model: .*ranges"):
        loaded(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"words_of_protocols": torch.tensor([18], dtype=torch.uint8)}, "words must be ports and protocols"),
        ({"words_of_ports": torch.tensor([443, 1001, 1000, 1002], dtype=torch.int32)}, "words must be ports"),
        ({"critic": torch.zeros(1)}, "critic"),
    ],
)
def test_damaged_tensors_are_refused(folder, changes, message):
    rewrite_tensors(folder, **changes)
    with pytest.raises(PluginError, match=message):
        loaded(folder)


def test_numbers_that_are_not_finite_are_an_error():
    system = fitted(TRAIN)
    system.model.generators[0].head.bias[0] = torch.nan
    with pytest.raises(PluginError, match="not finite"):
        system.sample(60, TRAIN.span_ns, np.random.default_rng(1))
