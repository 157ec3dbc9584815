"""Models on disk: the same samples, and nothing else is taken for a model."""

import json
from dataclasses import replace

import numpy as np
import pytest
from made_bayes_net import fitted
from ntgbench_bayes_net.generator import BayesNet
from ntgbench_bayes_net.parameters import BayesNetParameters
from ntgbench_bayes_net.saving import SETTINGS_FILE, TABLES_FILE
from safetensors.numpy import load_file, save_file

from ntgbench.errors import PluginError
from ntgbench.tracks.headers.example import example_trace

TRAIN = example_trace()
SYSTEM = fitted(TRAIN)


@pytest.fixture
def folder(tmp_path):
    SYSTEM.save(tmp_path)
    return tmp_path


def loaded(folder, **changes):
    system = BayesNet(BayesNetParameters(**changes))
    system.load(folder)
    return system


def test_a_loaded_model_makes_the_same_trace(folder):
    request = 3 * len(TRAIN), 2 * TRAIN.span_ns
    one, other = (system.sample(*request, np.random.default_rng(5)) for system in (SYSTEM, loaded(folder)))
    assert one.digest() == other.digest()


@pytest.mark.parametrize("length", [65_595, 65_596, 2**31 - 1])
@pytest.mark.parametrize("payload", [None, 0])
def test_packets_of_any_length_are_learnt_and_come_back_from_files(tmp_path, length, payload):
    changes = {"ip_length": np.where(np.arange(len(TRAIN)) % 3, TRAIN.ip_length, length)}
    # All that IPv4 and TCP leave, or nothing.
    changes["payload_length"] = changes["ip_length"] - 60 if payload is None else np.zeros(len(TRAIN), np.int32)
    changes["payload_length"] = np.where(np.arange(len(TRAIN)) % 3, TRAIN.payload_length, changes["payload_length"])
    system = fitted(replace(TRAIN, **changes))
    system.save(tmp_path)
    one, other = (system.sample(500, 10**9, np.random.default_rng(5)) for system in (system, loaded(tmp_path)))
    assert one.digest() == other.digest()
    assert 60_000 < one.ip_length.max() <= 65_535 + 60


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": 2}, "format"),
        ({"unit_ns": 0}, "unit_ns"),
        ({"packets": 0.5}, "packets"),
        ({"span_ns": -1}, "span_ns"),
        ({"parents": []}, "parents"),
        ({"more": 1}, "unknown key"),
    ],
)
def test_other_settings_are_refused(folder, changes, said):
    path = folder / SETTINGS_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(PluginError, match=said):
        loaded(folder)


def test_parents_that_come_later_are_refused(folder):
    path = folder / SETTINGS_FILE
    settings = json.loads(path.read_text())
    settings["parents"][0] = [{"node": 3, "lag": 0}]
    path.write_text(json.dumps(settings))
    with pytest.raises(PluginError, match="parents of epoch"):
        loaded(folder)


def test_a_model_of_another_order_is_refused(folder):
    with pytest.raises(PluginError, match="other parameters"):
        loaded(folder, order=1)


DAMAGE = {
    "edges.port": lambda edge: edge[::-1].copy(),
    "edges.count": lambda edge: edge * 0 + np.arange(len(edge)),
    "edges.gap": lambda edge: edge - 1,
    "payload": lambda edge: edge + 2**16,
    "hosts.hidden": lambda hidden: hidden + 1,
    "epoch_ns": lambda epoch: epoch + 2**61,
    "marks": lambda marks: marks + 256,
    "states": lambda states: states - 1,
    "kind.0.symbol": lambda symbol: symbol + 16,
    "kind.0.bounds": lambda bounds: bounds + 1,
    "kind.0.contexts": lambda contexts: contexts - 1,
    "following.1.upto": lambda upto: upto[::-1].copy(),
    "following.2.weight": lambda weight: -weight,
    "following.3.weight": lambda weight: weight * np.nan,
    "waiting.2.symbol": lambda symbol: symbol[:-1].copy(),
    "waiting.3.contexts": lambda contexts: contexts + 2**62,
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_tables_are_refused(folder, name):
    path = folder / TABLES_FILE
    arrays = load_file(path)
    save_file(arrays | {name: DAMAGE[name](arrays[name])}, path)
    with pytest.raises(PluginError):
        loaded(folder)


def test_a_missing_file_is_refused(folder):
    (folder / SETTINGS_FILE).unlink()
    with pytest.raises(PluginError):
        loaded(folder)
