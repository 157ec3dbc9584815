"""The quantised generators: what is int8, their size, and that foreign files are refused."""

import json
import shutil

import numpy as np
import pytest
from made_token_systems import derived, fitted
from ntgbench_ptq.generator import DynamicActivation, WeightOnly
from safetensors.torch import load_file

from ntgbench import NoParameters, systems
from ntgbench.errors import PluginError
from ntgbench.interfaces import Context
from ntgbench.systems import choose
from ntgbench.testing import example_traffic


@pytest.fixture(params=["llama", "mamba"])
def base(request) -> str:
    return request.param


@pytest.mark.parametrize("scheme", ["int8-wo", "int8-da"])
def test_every_linear_layer_is_in_int8(scheme, base, tmp_path) -> None:
    derived(base, scheme).save(tmp_path)
    int8 = [name for name, tensor in load_file(tmp_path / "model.safetensors").items() if tensor.dtype.itemsize == 1]
    # Of each of two layers seven in LLaMA and three in Mamba, and the head.
    assert len(int8) == {"llama": 15, "mamba": 7}[base]
    assert "lm_head.weight" in int8


def test_the_size_is_within_a_hundredth_of_the_papers(tmp_path) -> None:
    train = example_traffic().select(np.arange(40))
    five = type(train)(train.signed_pl, train.label, tuple("abcde"), pl_max=1460)
    choose("llama[epochs=1]").fit(five, Context(seed=1)).save(tmp_path)
    quantised = DynamicActivation(NoParameters())
    quantised.fit(five, Context(seed=1, base=tmp_path / systems.MODEL_FOLDER))
    (tmp_path / "saved").mkdir()
    quantised.save(tmp_path / "saved")
    size = sum(path.stat().st_size for path in (tmp_path / "saved").iterdir())
    assert size / 1e6 == pytest.approx(3.44, rel=0.01)


def test_a_damaged_or_foreign_model_is_refused(base, tmp_path) -> None:
    derived(base, "int8-wo").save(tmp_path)
    with pytest.raises(PluginError, match="kind 'int8-wo', not 'int8-da'"):
        DynamicActivation(NoParameters()).load(tmp_path)
    config = tmp_path / "config.json"
    head = json.loads(config.read_text())
    other = systems.load(fitted(base)).system.settings() | {"layers": 3}
    for place, wrong in (
        ("base", {"system": base}),
        ("base", {"system": "markov", "parameters": {}}),
        ("base", {"system": base, "parameters": other}),
        ("mapping", {}),
        ("mapping", {"classes": 5, "packets": 6, "pl_max": 40}),
    ):
        settings = head["ntgbench"]["settings"] | {place: wrong}
        config.write_text(json.dumps({"ntgbench": head["ntgbench"] | {"settings": settings}}))
        with pytest.raises(PluginError, match="holds no int8-wo model"):
            WeightOnly(NoParameters()).load(tmp_path)


def test_code_beside_a_model_is_not_run(base, tmp_path) -> None:
    model = tmp_path / "cell" / systems.MODEL_FOLDER
    shutil.copytree(fitted(base), model.parent)
    config = json.loads((model / "config.json").read_text())
    config["auto_map"] = {"AutoConfig": "evil.Evil", "AutoModelForCausalLM": "evil.Evil"}
    (model / "config.json").write_text(json.dumps(config))
    (model / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n\nclass Evil:\n    pass\n")
    WeightOnly(NoParameters()).fit(example_traffic(), Context(seed=1, base=model))
    assert not (tmp_path / "ran").exists()
