from pathlib import Path

import numpy as np
import onnx
from safetensors.numpy import save_file

from ntgbench.efficiency.stored import disk_bytes, stored_numbers


def test_numbers_and_bytes_of_all_files_count(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    save_file(
        {"a": np.zeros((3, 4), np.float32), "b": np.zeros((), np.float32)}, tmp_path / "x.safetensors", {"k": "v"}
    )
    save_file({"c": np.zeros((2, 13), np.int8)}, tmp_path / "part" / "y.safetensors")
    (tmp_path / "config.json").write_text("{}")
    assert stored_numbers(tmp_path) == (39.0, 100 * 26 / 39)
    assert disk_bytes(tmp_path) == sum(path.stat().st_size for path in tmp_path.rglob("*.*"))


def test_numbers_of_onnx_graphs_count(tmp_path: Path) -> None:
    stored = [
        onnx.numpy_helper.from_array(np.zeros((2, 5), dtype), name)
        for name, dtype in (("a", np.int8), ("b", np.float32))
    ]
    graph = onnx.helper.make_graph([], "graph", [], [], stored)
    onnx.save(onnx.helper.make_model(graph), tmp_path / "model.onnx")
    assert stored_numbers(tmp_path) == (20.0, 50.0)


def test_without_safetensors_nothing_is_known_of_numbers(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"12345")
    assert stored_numbers(tmp_path) == (None, None)
    assert disk_bytes(tmp_path) == 5
