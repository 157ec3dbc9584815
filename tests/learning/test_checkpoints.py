"""Fitted models on disk, whole, damaged and foreign."""

import json

import pytest
import torch

from ntgbench.errors import PluginError
from ntgbench.learning.checkpoints import CONFIG_FILE, WEIGHTS_FILE, read_settings, read_weights, write_checkpoint

WEIGHTS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor([True, False])}


def read(folder, kind):
    return read_settings(folder, kind), read_weights(folder)


@pytest.fixture
def folder(tmp_path):
    write_checkpoint(tmp_path, "toy", {"packets": 10}, WEIGHTS, {"model_type": "toy"})
    return tmp_path


def test_what_is_written_is_read(folder) -> None:
    settings, weights = read(folder, "toy")
    assert settings == {"packets": 10}
    assert weights.keys() == WEIGHTS.keys()
    assert all(torch.equal(weights[name], WEIGHTS[name]) for name in WEIGHTS)
    assert json.loads((folder / CONFIG_FILE).read_text())["model_type"] == "toy"


def test_parts_of_one_tensor_are_written_each(tmp_path) -> None:
    write_checkpoint(tmp_path, "toy", {}, dict(zip("ab", WEIGHTS["a"].chunk(2), strict=True)))
    assert read(tmp_path, "toy")[1]["b"].tolist() == [[3.0, 4.0, 5.0]]


def test_another_kind_of_model_is_refused(folder) -> None:
    with pytest.raises(PluginError, match="kind 'toy', not 'llama'"):
        read(folder, "llama")


def test_another_format_is_refused(folder) -> None:
    config = json.loads((folder / CONFIG_FILE).read_text())
    config["ntgbench"]["format"] = 99
    (folder / CONFIG_FILE).write_text(json.dumps(config))
    with pytest.raises(PluginError, match="format 99; this version reads"):
        read(folder, "toy")


@pytest.mark.parametrize("text", ["{}", "[]", "null", '{"ntgbench": 1}', '{"ntgbench": {"format": 1, "kind": "toy"}}'])
def test_a_foreign_configuration_is_refused(folder, text) -> None:
    (folder / CONFIG_FILE).write_text(text)
    with pytest.raises(PluginError, match="not written by ntgbench"):
        read(folder, "toy")


@pytest.mark.parametrize("name", [CONFIG_FILE, WEIGHTS_FILE])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_cut_file_is_refused_by_name(folder, name, share) -> None:
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: int(share * len(whole))].rstrip())
    with pytest.raises(PluginError, match=f"cannot read .*{name}"):
        read(folder, "toy")


@pytest.mark.parametrize("name", [CONFIG_FILE, WEIGHTS_FILE])
def test_a_missing_file_is_refused_by_name(folder, name) -> None:
    (folder / name).unlink()
    with pytest.raises(PluginError, match=f"cannot read .*{name}"):
        read(folder, "toy")
