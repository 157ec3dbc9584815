"""The LLaMA generator: its contract, its size, and that transformers reads and writes the same models."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from ntgbench_llama.generator import LlamaGenerator
from ntgbench_llama.model import Llama
from ntgbench_llama.parameters import LlamaParameters
from ntgbench_llama.steps import LlamaSteps, Weights
from scipy.stats import chisquare

from ntgbench.errors import PluginError
from ntgbench.interfaces import Budget, Context
from ntgbench.learning.token_model import TokenModel, next_token_loss
from ntgbench.mapping.tokens import EOS, PAD, TokenMapping
from ntgbench.testing import Check, example_traffic, system_checks

TINY = LlamaParameters(hidden=16, intermediate=24, layers=2, heads=2, epochs=2, batch=64, learning_rate=0.01)
TRAFFIC = example_traffic(packets=6, pl_max=40)


@pytest.fixture
def fitted() -> LlamaGenerator:
    generator = LlamaGenerator(TINY)
    generator.fit(TRAFFIC, Context(seed=1))
    return generator


def tokens(generator: LlamaGenerator) -> torch.Tensor:
    return torch.from_numpy(generator.mapping.encode(TRAFFIC.signed_pl, TRAFFIC.label))


def loss_and_gradient(model: Llama, rows: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    model.zero_grad()
    loss = next_token_loss(model)(rows)[0]
    (3 * loss).backward()
    # Autograd gives none to what a loss does not reach.
    return loss.detach(), {n: 0 * w if w.grad is None else w.grad for n, w in model.named_parameters()}


@pytest.mark.parametrize("check", system_checks("llama[hidden=16,intermediate=16,layers=1,heads=2,epochs=1]"), ids=str)
def test_keeps_the_contract(check: Check) -> None:
    check()


def test_the_size_is_that_of_the_paper(tmp_path) -> None:
    generator = LlamaGenerator(LlamaParameters())
    generator.mapping = TokenMapping(classes=5, packets=10, pl_max=1460)
    generator.model = Llama(generator.parameters, generator.mapping.vocabulary, 12)
    assert sum(weight.numel() for weight in generator.model.parameters()) == 1_962_080
    generator.save(tmp_path)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) / 1e6 == pytest.approx(7.86, abs=0.01)


def test_training_learns_what_follows_what() -> None:
    generator = LlamaGenerator(
        LlamaParameters(hidden=16, intermediate=24, layers=1, heads=2, epochs=60, learning_rate=0.02)
    )
    # In class 0 packets of 5 and -7 bytes alternate; class 1 has one packet.
    signed_pl = np.where(np.arange(200)[:, None] < 100, np.array([5, -7, 5, -7]), np.array([9, 0, 0, 0]))
    train = type(TRAFFIC)(signed_pl, np.repeat([0, 1], 100), ("turns", "single"), pl_max=10)
    generator.fit(train, Context(seed=1))
    labels = np.resize(np.array([0, 1], np.int32), 400)
    made = generator.sample(labels, np.random.default_rng(1))
    assert (made == signed_pl[np.where(labels == 0, 0, 150)]).all(axis=1).mean() > 0.95


@pytest.mark.parametrize("length", [1, 2, 7])
def test_what_trains_is_the_model_and_its_gradient(fitted, monkeypatch, length) -> None:
    model, rows = fitted.model.double(), tokens(fitted)[:9, : length + 1]
    model.rotation = model.rotation.to(torch.complex128)
    trained = loss_and_gradient(model, rows)
    monkeypatch.setattr(Llama, "in_numpy", TokenModel.in_numpy)
    torch.testing.assert_close(trained, loss_and_gradient(model, rows), atol=1e-10, rtol=1e-8)


def test_gradients_of_losses_add_up(fitted) -> None:
    model, rows = fitted.model.double(), tokens(fitted)
    model.rotation = model.rotation.to(torch.complex128)
    whole = loss_and_gradient(model, rows)[1]
    model.zero_grad()
    for part in rows.chunk(2):
        loss, terms = next_token_loss(model)(part)
        (3 * loss * terms / next_token_loss(model)(rows)[1]).backward()
    torch.testing.assert_close({n: w.grad for n, w in model.named_parameters()}, whole, atol=1e-10, rtol=1e-8)


def test_training_in_bfloat16_goes_down_nearly_the_same_gradient(fitted) -> None:
    model, rows = fitted.model.eval(), tokens(fitted)
    gradients = []
    for enabled in (False, True):
        model.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            loss = next_token_loss(model)(rows)[0]
        loss.backward()
        gradients.append(torch.cat([w.grad.flatten() for w in model.parameters()]))
    assert torch.nn.functional.cosine_similarity(*gradients, dim=0) > 0.99


def test_no_input_overflows_in_training(fitted) -> None:
    with torch.no_grad():
        fitted.model.layers[0].qkv.weight *= 1e4
        fitted.model.layers[0].gate_up.weight *= 1e4
    fitted.model.zero_grad()
    loss = next_token_loss(fitted.model)(tokens(fitted))[0]
    loss.backward()
    assert loss.isfinite()
    assert all(weight.grad.isfinite().all() for weight in fitted.model.parameters())


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-5), ("bfloat16", 0.1)])
@pytest.mark.parametrize("library", [np, torch], ids=["numpy", "torch"])
def test_a_step_at_a_time_gives_the_logits_of_the_whole(fitted, library, precision, tolerance) -> None:
    rows = tokens(fitted)
    steps = LlamaSteps(Weights(fitted.model, library, precision), len(rows))
    kept = torch.arange(len(rows))
    with torch.inference_mode():
        for position in range(rows.shape[1]):
            whole = fitted.model(rows[kept])[:, position]
            torch.testing.assert_close(steps.step(rows[kept, position].numpy()), whole, atol=tolerance, rtol=0)
            some = np.arange(0, len(kept), 2) if position % 2 else np.arange(len(kept))[::-1].copy()
            steps = steps.select(some)
            kept = kept[some]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_samples_have_the_distribution_of_the_whole_model(precision) -> None:
    generator = LlamaGenerator(replace(TINY, sampling_precision=precision))
    generator.mapping = mapping = TokenMapping(classes=2, packets=2, pl_max=2)
    generator.model = generator.new_model()
    generator.model.initialise(1)
    with torch.no_grad():
        generator.model.head.weight *= 20
        if precision == "bfloat16":
            # Weights that bfloat16 has make its distribution almost that of the whole model in float32.
            for weight in generator.model.parameters():
                weight.copy_(weight.bfloat16())
    generator.model.eval()
    generator.ready()
    count = 20_000
    made = generator.sample(np.resize(np.array([0, 1], np.int32), 2 * count), np.random.default_rng(2))
    for label in (0, 1):
        # Every biflow that there is, and its probability: that of each of its tokens among those that may follow.
        kinds = np.array([(a, b) for a in (1, 2, -1, -2) for b in (0, 1, 2, -1, -2)])
        rows = torch.from_numpy(mapping.encode(kinds, np.full(len(kinds), label, np.int32)))
        with torch.no_grad():
            logits = generator.model(rows)[:, :2]
        logits[:, :, [PAD, *range(2, mapping.first_value)]] = -torch.inf
        logits[:, 0, EOS] = -torch.inf
        expected = logits.double().log_softmax(-1).gather(2, rows[:, 1:3, None]).sum(1)[:, 0].exp().numpy()
        assert expected.sum() == pytest.approx(1.0)
        assert expected.max() > 4 * expected.min()
        found = (made[label::2, None] == kinds).all(axis=2).sum(axis=0)
        assert chisquare(found, count * expected).pvalue > 0.001


def test_transformers_reads_what_is_saved(fitted, tmp_path) -> None:
    from transformers import AutoModelForCausalLM

    fitted.save(tmp_path)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert type(theirs).__name__ == "LlamaForCausalLM"
    assert theirs.num_parameters() == sum(weight.numel() for weight in fitted.model.parameters())
    with torch.inference_mode():
        difference = theirs(tokens(fitted)).logits - fitted.model(tokens(fitted))
    assert difference.abs().max() < 1e-5


def test_what_transformers_saves_is_read(fitted, tmp_path) -> None:
    from transformers import AutoModelForCausalLM

    fitted.save(tmp_path)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path)
    with torch.no_grad():
        for weight in theirs.parameters():
            weight += 0.1 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(weight.numel()))
    again = tmp_path / "again"
    theirs.save_pretrained(again)
    loaded = LlamaGenerator(TINY)
    loaded.load(again)
    with torch.inference_mode():
        difference = theirs(tokens(fitted)).logits - loaded.model(tokens(fitted))
    assert difference.abs().max() < 1e-5
    assert loaded.sample(TRAFFIC.label, np.random.default_rng(1)).shape == TRAFFIC.signed_pl.shape


def test_a_model_of_other_parameters_is_refused(fitted, tmp_path) -> None:
    fitted.save(tmp_path)
    for settings in ({"layers": 1}, {"layers": 3}, {"hidden": 32}, {"intermediate": 8}):
        other = LlamaGenerator(LlamaParameters(**{**vars(TINY), **settings}))
        with pytest.raises(PluginError, match="other parameters"):
            other.load(tmp_path)


def test_settings_that_are_none_of_a_mapping_are_refused(fitted, tmp_path) -> None:
    fitted.save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["ntgbench"]["settings"]["words"] = 3
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(PluginError, match="words"):
        LlamaGenerator(TINY).load(tmp_path)


def test_the_budget_and_the_device_are_obeyed() -> None:
    told: list[float] = []
    context = Context(seed=1, budget=Budget(epochs=1), progress=lambda *state: told.append(state[0] / state[1]))
    LlamaGenerator(TINY).fit(TRAFFIC, context)
    assert told == pytest.approx([0.5, 1.0])
    with pytest.raises(PluginError, match="cannot compute on the device 'cuda:99'"):
        LlamaGenerator(TINY).fit(TRAFFIC, Context(seed=1, device="cuda:99"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layers": 0}, "layers must be at least 1"),
        ({"hidden": 100, "heads": 8}, "hidden must be a multiple of twice the heads, 16"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"weight_decay": -1.0}, "weight_decay"),
    ],
)
def test_impossible_parameters_are_refused(settings, message) -> None:
    with pytest.raises(ValueError, match=message):
        LlamaParameters(**settings)


def test_no_file_but_the_two_is_written(fitted, tmp_path) -> None:
    fitted.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "model.safetensors"]
