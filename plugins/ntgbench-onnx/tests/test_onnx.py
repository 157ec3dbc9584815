"""Token generators in ONNX Runtime: that they sample what their bases do, and the file alone."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from made_token_systems import TRAFFIC, derived, logits, plain
from ntgbench_onnx.generator import METADATA, MODEL_FILE, OnnxGenerator

from ntgbench import NoParameters, systems
from ntgbench.errors import PluginError
from ntgbench.interfaces import Context
from ntgbench.systems import choose

README = (Path(__file__).parent.parent / "README.md").read_text()


@pytest.fixture(params=["llama", "mamba"])
def base(request) -> str:
    return request.param


def test_the_same_random_numbers_give_the_same_biflows(base) -> None:
    labels = np.resize(np.arange(3, dtype=np.int32), 2000)
    made = [one.sample(labels, np.random.default_rng(5)) for one in (derived(base, "onnx"), plain(base))]
    # The last bit of a distribution can decide a draw, once in very many.
    assert (made[0] != made[1]).any(axis=1).sum() <= 2


def test_int8_leaves_the_likeliest_token(base) -> None:
    exact, found = logits(plain(base)), logits(derived(base, "onnx-int8"))
    assert (found.argmax(dim=2) == exact.argmax(dim=2)).float().mean() > 0.95


def test_a_convolution_of_one_tap_has_no_memory(tmp_path) -> None:
    choose("mamba[hidden=16,layers=1,conv_kernel=1,epochs=1]").fit(TRAFFIC, Context(seed=1)).save(tmp_path)
    exported = choose("mamba-onnx").fit(TRAFFIC, Context(seed=1, base=tmp_path / systems.MODEL_FOLDER)).built
    np.testing.assert_allclose(logits(exported), logits(systems.load(tmp_path).built), rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", ["onnx", "onnx-int8"])
def test_what_is_saved_is_one_file_of_standard_operators(name, base, tmp_path) -> None:
    derived(base, name).save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [MODEL_FILE]
    model = onnx.load(tmp_path / MODEL_FILE)
    assert [(one.domain, one.version) for one in model.opset_import] == [("", 23)]
    assert {node.domain for node in model.graph.node} == {""}
    about = json.loads({one.key: one.value for one in model.metadata_props}[METADATA])
    assert about["mapping"] == {"classes": 4, "packets": 6, "pl_max": 40}
    assert about["system"].startswith(base)


def test_a_damaged_or_foreign_file_is_refused(base, tmp_path) -> None:
    path, reader = tmp_path / MODEL_FILE, OnnxGenerator(NoParameters())
    with pytest.raises(PluginError, match="cannot read"):
        reader.load(tmp_path)
    derived(base, "onnx-int8").save(tmp_path)
    with pytest.raises(PluginError, match="form 'onnx-int8', not 'onnx'"):
        reader.load(tmp_path)
    model = onnx.load(path)
    for text, said in (
        ('{"format": 0}', "has format 0; this version reads format 1"),
        ('{"format": 1, "form": "onnx"}', "cannot read .*mapping"),
        ("{", "cannot read"),
    ):
        onnx.helper.set_model_props(model, {METADATA: text})
        onnx.save(model, path)
        with pytest.raises(PluginError, match=said):
            reader.load(tmp_path)
    del model.metadata_props[:]
    onnx.save(model, path)
    with pytest.raises(PluginError, match="not written by ntgbench"):
        reader.load(tmp_path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(PluginError, match="cannot read"):
        reader.load(tmp_path)


def test_the_file_runs_without_ntgbench(base, tmp_path) -> None:
    """The README's program, in a process where ntgbench and torch cannot be imported."""
    derived(base, "onnx").save(tmp_path)
    (program,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    barred = "import sys; sys.modules['ntgbench'] = sys.modules['torch'] = None\n"
    check = "\nprint(*biflow)"
    made = subprocess.run(
        [sys.executable, "-c", barred + program + check], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    biflow = list(map(int, made.stdout.split()))
    assert 1 <= len(biflow) <= 6
    assert all(1 <= abs(length) <= 40 for length in biflow)
