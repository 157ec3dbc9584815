"""The LLaMA generator."""

from functools import partial
from typing import ClassVar

import numpy as np
import pytest
import torch
from ntgbench_llama.generator import LlamaGenerator
from ntgbench_llama.parameters import LlamaParameters
from ntgbench_llama.steps import LlamaSteps, Weights
from token_models import TokenModelTests

from ntgbench.testing import Check, system_checks


@pytest.mark.parametrize("check", system_checks("llama[hidden=16,intermediate=16,layers=1,heads=2,epochs=1]"), ids=str)
def test_keeps_the_contract(check: Check) -> None:
    check()


class TestLlama(TokenModelTests):
    generator = LlamaGenerator
    tiny = LlamaParameters(hidden=16, intermediate=24, layers=2, heads=2, epochs=2, batch=64, learning_rate=0.01)
    others: ClassVar = [{"layers": 1}, {"layers": 3}, {"hidden": 32}, {"intermediate": 8}]
    size = 5, 1_962_080, 7.86  # that of arXiv 2603.25507
    hf_class = "LlamaForCausalLM"
    impossible: ClassVar = [
        ({"layers": 0}, "layers must be at least 1"),
        ({"hidden": 100, "heads": 8}, "hidden must be a multiple of twice the heads, 16"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"weight_decay": -1.0}, "weight_decay"),
    ]

    def starts(self, model):
        return [
            (partial(LlamaSteps, Weights(model, library, precision)), tolerance)
            for library in (np, torch)
            for precision, tolerance in (("float32", 1e-5), ("bfloat16", 0.1))
        ]

    def large(self, model):
        return [model.layers[0].qkv.weight, model.layers[0].gate_up.weight]
