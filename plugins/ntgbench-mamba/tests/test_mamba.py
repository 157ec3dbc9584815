"""The Mamba generator: its contract, its size, its gradient, and that transformers reads and writes the same models."""

import json
import logging
import sys
import types

import numpy as np
import pytest
import torch
from ntgbench_mamba import kernels
from ntgbench_mamba.generator import MambaGenerator
from ntgbench_mamba.model import Mamba
from ntgbench_mamba.parameters import MambaParameters
from ntgbench_mamba.steps import MambaSteps, Weights
from scipy.stats import chisquare

from ntgbench.errors import PluginError
from ntgbench.interfaces import Context
from ntgbench.learning.token_model import TokenModel, next_token_loss
from ntgbench.mapping.tokens import EOS, TokenMapping
from ntgbench.testing import Check, example_traffic, system_checks

TINY = MambaParameters(hidden=20, layers=2, state=3, epochs=2, batch=64, learning_rate=0.01)
TRAFFIC = example_traffic(packets=6, pl_max=40)


@pytest.fixture
def fitted() -> MambaGenerator:
    generator = MambaGenerator(TINY)
    generator.fit(TRAFFIC, Context(seed=1))
    return generator


def tokens(generator: MambaGenerator) -> torch.Tensor:
    return torch.from_numpy(generator.mapping.encode(TRAFFIC.signed_pl, TRAFFIC.label))


def hf_model(folder):
    """The model in `folder` as transformers reads it."""
    from transformers import AutoModelForCausalLM, logging

    # It warns that mamba_ssm is missing, which is the point here.
    logging.set_verbosity_error()
    return AutoModelForCausalLM.from_pretrained(folder)


def loss_and_gradient(model: Mamba, rows: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    model.zero_grad()
    loss = next_token_loss(model)(rows)[0]
    (3 * loss).backward()
    # Autograd gives none to what a loss does not reach.
    return loss.detach(), {n: 0 * w if w.grad is None else w.grad for n, w in model.named_parameters()}


@pytest.mark.parametrize("check", system_checks("mamba[hidden=16,layers=1,state=4,epochs=1]"), ids=str)
def test_keeps_the_contract(check: Check) -> None:
    check()


def test_the_size_is_that_of_mamba(tmp_path) -> None:
    generator = MambaGenerator(MambaParameters())
    generator.mapping = TokenMapping(classes=40, packets=10, pl_max=1460)
    generator.model = Mamba(generator.parameters, generator.mapping.vocabulary)
    assert generator.mapping.vocabulary == 2962
    assert sum(weight.numel() for weight in generator.model.parameters()) == 375_480
    generator.save(tmp_path)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) / 1e6 == pytest.approx(1.50, abs=0.01)


def test_training_learns_what_follows_what() -> None:
    generator = MambaGenerator(MambaParameters(hidden=16, layers=1, state=4, epochs=40, learning_rate=0.02))
    # In class 0 packets of 5 and -7 bytes alternate; class 1 has one packet.
    signed_pl = np.where(np.arange(200)[:, None] < 100, np.array([5, -7, 5, -7]), np.array([9, 0, 0, 0]))
    train = type(TRAFFIC)(signed_pl, np.repeat([0, 1], 100), ("turns", "single"), pl_max=10)
    generator.fit(train, Context(seed=1))
    labels = np.resize(np.array([0, 1], np.int32), 400)
    made = generator.sample(labels, np.random.default_rng(1))
    assert (made == signed_pl[np.where(labels == 0, 0, 150)]).all(axis=1).mean() > 0.95


@pytest.mark.parametrize("in_cache", [1, 1 << 16], ids=["row by row", "all rows at once"])
@pytest.mark.parametrize("length", [1, 2, 7])
def test_what_trains_is_the_model_and_its_gradient(fitted, monkeypatch, in_cache, length) -> None:
    monkeypatch.setattr("ntgbench_mamba.layers.IN_CACHE", in_cache)
    model, rows = fitted.model.double(), tokens(fitted)[:9, : length + 1]
    trained = loss_and_gradient(model, rows)
    monkeypatch.setattr(Mamba, "in_numpy", TokenModel.in_numpy)
    torch.testing.assert_close(trained, loss_and_gradient(model, rows), atol=1e-10, rtol=1e-8)


def test_no_input_overflows_in_training(fitted) -> None:
    with torch.no_grad():
        fitted.model.layers[0].mixer.in_proj.weight *= 1e4
    fitted.model.zero_grad()
    loss = next_token_loss(fitted.model)(tokens(fitted))[0]
    loss.backward()
    assert loss.isfinite()
    assert all(weight.grad.isfinite().all() for weight in fitted.model.parameters())


@pytest.mark.parametrize("library", [np, torch], ids=["numpy", "torch"])
def test_a_step_at_a_time_gives_the_logits_of_the_whole(fitted, library) -> None:
    rows = tokens(fitted)
    steps = MambaSteps(Weights(fitted.model, library), len(rows))
    kept = torch.arange(len(rows))
    with torch.inference_mode():
        for position in range(rows.shape[1]):
            whole = fitted.model(rows[kept])[:, position]
            torch.testing.assert_close(steps.step(rows[kept, position].numpy()), whole, atol=1e-5, rtol=0)
            some = np.arange(0, len(kept), 2) if position % 2 else np.arange(len(kept))[::-1].copy()
            steps = steps.select(some)
            kept = kept[some]


def test_samples_are_distributed_as_plain_multinomial_sampling_makes_them() -> None:
    train = example_traffic(packets=2, pl_max=3, seed=3)
    generator = MambaGenerator(TINY)
    generator.fit(train, Context(seed=1))
    first, vocabulary = generator.mapping.first_value, generator.mapping.vocabulary
    with torch.inference_mode():
        # Every biflow of class 1: its first packet, then EOS or a second packet.
        rows = torch.tensor([[3, packet] for packet in range(first, vocabulary)])
        logits = generator.model(rows).double()
    of_first = logits[0, 0, first:].softmax(0)
    second = torch.cat([logits[:, 1, EOS : EOS + 1], logits[:, 1, first:]], dim=1).softmax(1)
    expected = (of_first[:, None] * second).flatten().numpy()
    count = 50_000
    made = generator.mapping.encode(
        generator.sample(np.full(count, 1, np.int32), np.random.default_rng(2)), np.full(count, 1, np.int32)
    )
    place = (made[:, 1] - first) * second.shape[1] + np.where(made[:, 2] == EOS, 0, made[:, 2] - first + 1)
    assert chisquare(np.bincount(place, minlength=len(expected)), count * expected / expected.sum()).pvalue > 1e-3


def test_transformers_reads_what_is_saved(fitted, tmp_path) -> None:
    fitted.save(tmp_path)
    theirs = hf_model(tmp_path)
    assert type(theirs).__name__ == "MambaForCausalLM"
    assert theirs.num_parameters() == sum(weight.numel() for weight in fitted.model.parameters())
    with torch.inference_mode():
        difference = theirs(tokens(fitted)).logits - fitted.model(tokens(fitted))
    assert difference.abs().max() < 1e-5


def test_what_transformers_saves_is_read(fitted, tmp_path) -> None:
    fitted.save(tmp_path)
    theirs = hf_model(tmp_path)
    with torch.no_grad():
        for weight in theirs.parameters():
            weight += 0.1 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(weight.numel()))
    again = tmp_path / "again"
    theirs.save_pretrained(again)
    loaded = MambaGenerator(TINY)
    loaded.load(again)
    with torch.inference_mode():
        difference = theirs(tokens(fitted)).logits - loaded.model(tokens(fitted))
    assert difference.abs().max() < 1e-5
    assert loaded.sample(TRAFFIC.label, np.random.default_rng(1)).shape == TRAFFIC.signed_pl.shape


def test_the_file_names_weights_as_transformers_does(fitted, tmp_path) -> None:
    from safetensors.torch import load_file

    fitted.save(tmp_path)
    hf_model(tmp_path).save_pretrained(tmp_path / "again")
    ours, theirs = (load_file(folder / "model.safetensors") for folder in (tmp_path, tmp_path / "again"))
    assert ours.keys() == theirs.keys()
    assert all(ours[name].equal(theirs[name]) for name in ours)


def test_a_model_of_other_parameters_is_refused(fitted, tmp_path) -> None:
    fitted.save(tmp_path)
    for settings in ({"layers": 1}, {"layers": 3}, {"hidden": 32}, {"expand": 1}, {"state": 4}, {"taps": 2}):
        other = MambaGenerator(MambaParameters(**{**vars(TINY), **settings}))
        with pytest.raises(PluginError, match="other parameters"):
            other.load(tmp_path)


def test_a_file_without_embeddings_is_refused(fitted, tmp_path) -> None:
    from safetensors.torch import load_file, save_file

    fitted.save(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    del weights["backbone.embeddings.weight"]
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(PluginError, match="embeddings"):
        MambaGenerator(TINY).load(tmp_path)


def test_settings_that_are_none_of_a_mapping_are_refused(fitted, tmp_path) -> None:
    fitted.save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["ntgbench"]["settings"]["words"] = 3
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(PluginError, match="words"):
        MambaGenerator(TINY).load(tmp_path)


def test_training_on_the_cpu_says_nothing_of_kernels(caplog) -> None:
    with caplog.at_level(logging.WARNING):
        MambaGenerator(TINY).fit(TRAFFIC, Context(seed=1))
    assert not caplog.records


@pytest.mark.parametrize(("works", "said"), [(True, "mamba_ssm's kernel"), (False, "cannot be imported")])
def test_training_on_cuda_says_which_scan_does_the_work(monkeypatch, caplog, works, said) -> None:
    interface = types.ModuleType("selective_scan_interface")
    interface.selective_scan_fn = print
    for name in ("mamba_ssm", "mamba_ssm.ops"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, "mamba_ssm.ops.selective_scan_interface", interface)
    # The Python part alone is no kernel.
    monkeypatch.setitem(sys.modules, "selective_scan_cuda", types.ModuleType("selective_scan_cuda") if works else None)
    kernels.selective_scan.cache_clear()
    with caplog.at_level(logging.WARNING), pytest.raises(PluginError, match="cannot compute on the device"):
        MambaGenerator(TINY).fit(TRAFFIC, Context(seed=1, device="cuda:99"))
    kernels.selective_scan.cache_clear()
    assert said in caplog.text


@pytest.mark.parametrize("name", ["hidden", "expand", "layers", "state", "taps", "epochs"])
def test_impossible_parameters_are_refused(name) -> None:
    with pytest.raises(ValueError, match=f"{name} must be at least 1"):
        MambaParameters(**{name: 0})


def test_no_file_but_the_two_is_written(fitted, tmp_path) -> None:
    fitted.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "model.safetensors"]
