"""What no export has written is refused with a PluginError, before and after ONNX Runtime has read it."""

import json
import os

import numpy as np
import onnx
import pytest
from made_token_systems import derived
from ntgbench_onnx.generator import METADATA, MODEL_FILE, Int8OnnxGenerator
from onnx import TensorProto, numpy_helper

from ntgbench import NoParameters
from ntgbench.errors import PluginError


@pytest.fixture(params=["llama", "mamba"])
def file(request) -> bytes:
    return derived(request.param, "onnx-int8").file


@pytest.fixture
def model(file) -> onnx.ModelProto:
    return onnx.load_model_from_string(file)


def refused(model: onnx.ModelProto | bytes, folder) -> str:
    (folder / MODEL_FILE).write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    with pytest.raises(PluginError) as caught:
        Int8OnnxGenerator(NoParameters()).load(folder)
    return str(caught.value)


def replace(model: onnx.ModelProto, name: str, array: np.ndarray) -> None:
    (stored,) = (one for one in model.graph.initializer if one.name == name)
    stored.CopyFrom(numpy_helper.from_array(array, name))


def arrays_of(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {one.name: numpy_helper.to_array(one).copy() for one in model.graph.initializer}


def test_a_model_that_is_no_regular_file(tmp_path) -> None:
    path = tmp_path / MODEL_FILE
    for make in (os.mkfifo, os.mkdir, lambda to: os.symlink("/dev/zero", to)):
        make(path)
        with pytest.raises(PluginError, match="no regular file"):
            Int8OnnxGenerator(NoParameters()).load(tmp_path)
        path.rmdir() if path.is_dir() else path.unlink()


def test_weights_that_could_overflow(model, tmp_path) -> None:
    found = [(name, array) for name, array in arrays_of(model).items() if name.endswith("7bit")]
    for name, array in found:
        array[0, :2] = 65, 64
        replace(model, name, array)
        assert "overflow on x86 processors without VNNI; export the model again" in refused(model, tmp_path)
        array[0, :2] = -65, 3
        replace(model, name, array)
    assert bool(found) == any(node.op_type == "MatMulInteger" for node in model.graph.node)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite(value, model, tmp_path) -> None:
    name, array = next(item for item in arrays_of(model).items() if item[1].dtype == np.float32 and item[1].ndim)
    array.flat[-1] = value
    replace(model, name, array)
    assert f"holds numbers in {name!r} that are not finite" in refused(model, tmp_path)


def test_large_sizes(model, tmp_path) -> None:
    name, array = next(item for item in arrays_of(model).items() if item[1].dtype == np.int64)
    array.flat[0] = 3_000_000_000
    replace(model, name, array)
    assert f"holds a size in {name!r}" in refused(model, tmp_path)


def test_a_large_state(model, tmp_path) -> None:
    model.graph.input[1].type.tensor_type.shape.dim[-1].dim_value = 2**40
    assert "has a state of more than" in refused(model, tmp_path)


def test_weights_in_another_file(model, tmp_path) -> None:
    stored = model.graph.initializer[0]
    stored.data_location = TensorProto.EXTERNAL
    stored.external_data.add(key="location", value="/etc/passwd")
    assert "in another file" in refused(model, tmp_path)


def test_operators_that_no_export_writes(model, tmp_path) -> None:
    model.graph.node.append(onnx.helper.make_node("NonZero", [model.graph.input[1].name], ["extra"]))
    assert "operators that no export writes: NonZero" in refused(model, tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("packets", 3_000_000_000),
        ("packets", 0),
        ("packets", 6.0),
        ("packets", True),
        ("classes", -1),
        ("pl_max", "40"),
    ],
)
def test_a_mapping_out_of_range(name, value, model, tmp_path) -> None:
    about = json.loads(model.metadata_props[0].value)
    about["mapping"][name] = value
    onnx.helper.set_model_props(model, {METADATA: json.dumps(about)})
    assert f"model.onnx: the settings of the model: {name} must be" in refused(model, tmp_path)


def test_a_mapping_of_another_model(model, tmp_path) -> None:
    about = json.loads(model.metadata_props[0].value)
    about["mapping"]["pl_max"] += 1
    onnx.helper.set_model_props(model, {METADATA: json.dumps(about)})
    assert "its mapping has 88 tokens" in refused(model, tmp_path)


def test_metadata_of_another_kind(model, tmp_path) -> None:
    for text in (
        "[]",
        "3",
        "null",
        "[" * 100_000,
        '{"format": 1}',
        '{"format": 1, "form": "onnx-int8", "mapping": []}',
    ):
        onnx.helper.set_model_props(model, {METADATA: text})
        refused(model, tmp_path)


def test_damage_is_always_a_plugin_error(file, tmp_path) -> None:
    rng, path = np.random.default_rng(1), tmp_path / MODEL_FILE
    for _ in range(100):
        damaged = bytearray(file)
        for at in rng.integers(len(file), size=2):
            damaged[at] ^= 1 << rng.integers(8)
        path.write_bytes(damaged[: rng.integers(len(file))] if rng.random() < 0.1 else damaged)
        generator = Int8OnnxGenerator(NoParameters())
        try:
            generator.load(tmp_path)
            generator.sample(np.zeros(3, np.int32), np.random.default_rng(0))
        except PluginError:
            pass
