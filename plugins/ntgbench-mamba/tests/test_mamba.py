"""The Mamba generator."""

import logging
import sys
import types
from functools import partial
from typing import ClassVar

import numpy as np
import pytest
import torch
from ntgbench_mamba import kernels
from ntgbench_mamba.generator import MambaGenerator
from ntgbench_mamba.model import scan
from ntgbench_mamba.parameters import MambaParameters
from ntgbench_mamba.steps import MambaSteps, Weights
from token_models import TRAFFIC, TokenModelTests, hf_model

from ntgbench.errors import PluginError
from ntgbench.interfaces import Context
from ntgbench.testing import Check, system_checks


@pytest.mark.parametrize("check", system_checks("mamba[hidden=16,layers=1,state=4,epochs=1]"), ids=str)
def test_keeps_the_contract(check: Check) -> None:
    check()


class TestMamba(TokenModelTests):
    generator = MambaGenerator
    tiny = MambaParameters(hidden=20, layers=2, state=3, epochs=2, batch=64, learning_rate=0.01)
    others: ClassVar = [
        {"layers": 1},
        {"layers": 3},
        {"hidden": 32},
        {"expand": 1},
        {"state": 4},
        {"conv_kernel": 2},
    ]
    size = 40, 375_480, 1.50
    hf_class = "MambaForCausalLM"
    impossible: ClassVar = [
        ({name: 0}, f"{name} must be at least 1")
        for name in ("hidden", "expand", "layers", "state", "conv_kernel", "epochs")
    ]

    def starts(self, model):
        return [(partial(MambaSteps, Weights(model, library)), 1e-5) for library in (np, torch)]

    def large(self, model):
        return [model.layers[0].mixer.in_proj.weight]

    def test_the_file_names_weights_as_transformers_does(self, folder, tmp_path) -> None:
        from safetensors.torch import load_file

        hf_model(folder).save_pretrained(tmp_path)
        ours, theirs = (load_file(path / "model.safetensors") for path in (folder, tmp_path))
        assert ours.keys() == theirs.keys()
        assert all(ours[name].equal(theirs[name]) for name in ours)

    def test_a_file_without_embeddings_is_refused(self, fitted, tmp_path) -> None:
        from safetensors.torch import load_file, save_file

        fitted.save(tmp_path)
        weights = load_file(tmp_path / "model.safetensors")
        del weights["backbone.embeddings.weight"]
        save_file(weights, tmp_path / "model.safetensors")
        with pytest.raises(PluginError, match="embeddings"):
            MambaGenerator(self.tiny).load(tmp_path)

    def test_training_on_the_cpu_says_nothing_of_kernels(self, caplog) -> None:
        with caplog.at_level(logging.WARNING):
            MambaGenerator(self.tiny).fit(TRAFFIC, Context(seed=1))
        assert not caplog.records

    @pytest.mark.parametrize(("works", "said"), [(True, "mamba_ssm's kernel"), (False, "cannot be imported")])
    def test_training_on_cuda_says_which_scan_is_used(self, monkeypatch, caplog, works, said) -> None:
        interface = types.ModuleType("selective_scan_interface")
        interface.selective_scan_fn = print
        for name in ("mamba_ssm", "mamba_ssm.ops"):
            monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
        monkeypatch.setitem(sys.modules, "mamba_ssm.ops.selective_scan_interface", interface)
        # The Python part alone is no kernel.
        compiled = types.ModuleType("selective_scan_cuda") if works else None
        monkeypatch.setitem(sys.modules, "selective_scan_cuda", compiled)
        kernels.selective_scan.cache_clear()
        with caplog.at_level(logging.WARNING), pytest.raises(PluginError, match="cannot compute on the device"):
            MambaGenerator(self.tiny).fit(TRAFFIC, Context(seed=1, device="cuda:99"))
        kernels.selective_scan.cache_clear()
        assert said in caplog.text


@pytest.mark.parametrize("length", [1, 2, 7])
def test_the_scan_is_its_definition(length) -> None:
    rng = np.random.default_rng(length)
    x, delta = rng.normal(size=(3, length, 5)), rng.random((3, length, 5))
    A, B, C = -rng.random((5, 4)), *rng.normal(size=(2, 3, length, 4))  # noqa: N806
    expected, h = np.empty_like(x), np.zeros((3, 5, 4))
    for t in range(length):
        h = np.exp(delta[:, t, :, None] * A) * h + delta[:, t, :, None] * B[:, t, None] * x[:, t, :, None]
        expected[:, t] = (h * C[:, t, None]).sum(axis=2)
    np.testing.assert_allclose(scan(*map(torch.from_numpy, (x, delta, A, B, C))).numpy(), expected, atol=1e-12)
