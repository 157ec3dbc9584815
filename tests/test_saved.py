"""Files of saved models: whole, damaged, huge and none at all."""

import json
import os
import socket
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from ntgbench import Context
from ntgbench.errors import NtgbenchError, PluginError, ProtocolError
from ntgbench.files import read_bytes, read_json
from ntgbench.protocol import read
from ntgbench.saved import Like, layout_numbers, read_tensors
from ntgbench.systems import MODEL_FOLDER, choose, load
from ntgbench.testing import example_traffic

WANTED = {"x": Like("F32", (None, 2))}


def fifo(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def unix_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        # A name as long as that of a folder of tests is too long for a socket.
        here = Path.cwd()
        os.chdir(path.parent)
        made.bind(path.name)
        os.chdir(here)


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**40)


@pytest.mark.parametrize("make", [fifo, device, unix_socket, huge, Path.mkdir])
def test_what_is_no_regular_file_of_reasonable_size_is_refused_at_once(tmp_path, make) -> None:
    path = tmp_path / "x"
    make(path)
    for read_it in (read_json, lambda path: read_tensors(path, None, "numpy"), lambda path: read_bytes(path, 10)):
        with pytest.raises(NtgbenchError, match="cannot read"):
            read_it(path)
    path.rename(tmp_path / "x.toml")
    with pytest.raises(ProtocolError, match="cannot read"):
        read(tmp_path / "x.toml")


@pytest.mark.parametrize("make", [fifo, device, unix_socket, huge])
@pytest.mark.parametrize("name", ["system.json", "train.parquet", "model/model.safetensors", "model/new"])
def test_a_fitted_system_has_regular_files_only(tmp_path, make, name) -> None:
    choose("markov").fit(example_traffic(), Context(seed=1)).save(tmp_path)
    (tmp_path / name).unlink(missing_ok=True)
    make(tmp_path / name)
    with pytest.raises(PluginError, match="cannot read"):
        load(tmp_path)


def test_deep_values_are_refused(tmp_path) -> None:
    path = tmp_path / "x"
    for text in ("[" * 100_000, '{"a":' * 100_000):
        path.write_text(text)
        with pytest.raises(NtgbenchError, match="cannot read"):
            read_json(path)
    (tmp_path / "x.toml").write_text("x = " + "[" * 100_000)
    with pytest.raises(ProtocolError, match="is not TOML"):
        read(tmp_path / "x.toml")


@pytest.mark.parametrize("value", [0, -1, 10**30, 3_000_000_000, 1.0, True, "10", None, [10]])
def test_numbers_of_a_layout_have_ranges(value) -> None:
    fine = {"classes": 4, "packets": 10, "pl_max": 1460}
    assert layout_numbers(fine) == fine
    for name in fine:
        with pytest.raises(PluginError, match=name):
            layout_numbers({**fine, name: value})
    with pytest.raises(PluginError, match="packets must be given"):
        layout_numbers({"classes": 4, "pl_max": 1460})


def test_tensors_are_looked_at_before_they_are_read(tmp_path) -> None:
    path = tmp_path / "x"
    for wrong in (
        {"x": np.zeros((3, 3), np.float32)},
        {"x": np.zeros((3, 2), np.float64)},
        {"x": np.zeros((3, 2, 1), np.float32)},
        {"y": np.zeros((3, 2), np.float32)},
        {"x": np.zeros((3, 2), np.float32), "y": np.zeros(1, np.float32)},
        {},
    ):
        save_file(wrong, path)
        with pytest.raises(PluginError, match="other parameters"):
            read_tensors(path, WANTED, "numpy")
    for number in (np.nan, np.inf, -np.inf):
        save_file({"x": np.array([[0, number]], np.float32)}, path)
        for framework in ("numpy", "pt"):
            with pytest.raises(PluginError, match="not finite"):
                read_tensors(path, WANTED, framework)
    save_file({"x": np.ones((3, 2), np.float32)}, path, {"a": "b"})
    tensors, metadata = read_tensors(path, WANTED, "numpy")
    assert tensors["x"].tolist() == [[1, 1]] * 3
    assert metadata == {"a": "b"}


def test_tensors_are_where_torch_itself_would_have_them(tmp_path) -> None:
    path = tmp_path / "x"
    # Headers of each length, one of which leaves the tensors at no multiple of 64.
    for length in range(0, 64, 8):
        save_file({"x": np.ones((3, 2), np.float32), "y": np.ones(3, np.float32)}, path, {"a": "b" * length})
        tensors, _ = read_tensors(path, None, "pt")
        assert all(tensor.data_ptr() % 64 == 0 for tensor in tensors.values())
        assert all(bool((tensor == 1).all()) for tensor in tensors.values())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", True),
        ("format", 99),
        ("system", ["copy"]),
        ("system", 3),
        ("system", "no-such-system"),
        ("parameters", []),
        ("parameters", {"order": 10**400}),
        ("parameters", {"order": "[" * 100_000}),
        ("known", "mail"),
        ("known", [1]),
        ("known", None),
    ],
)
def test_a_system_says_what_it_is(tmp_path, key, value) -> None:
    choose("markov").fit(example_traffic(), Context(seed=1)).save(tmp_path)
    head = json.loads((tmp_path / "system.json").read_text())
    (tmp_path / "system.json").write_text(json.dumps({**head, key: value}))
    with pytest.raises(NtgbenchError):
        load(tmp_path)


def test_a_model_of_another_layout_is_refused_before_it_makes_anything(tmp_path) -> None:
    for packets, name in ((10, "ten"), (20, "twenty")):
        (tmp_path / name).mkdir()
        choose("copy").fit(example_traffic(packets), Context(seed=1)).save(tmp_path / name)
    model = Path(MODEL_FOLDER) / "model.safetensors"
    (tmp_path / "ten" / model).write_bytes((tmp_path / "twenty" / model).read_bytes())
    with pytest.raises(PluginError, match=r"shape \(0, 20\); \(0, 10\) was asked for"):
        load(tmp_path / "ten")
