"""The quantised generators: their contract, their size, and that they compute what torchao computes."""

import json

import numpy as np
import pytest
import torch
from ntgbench_ptq.generator import DynamicActivation, Quantized, WeightOnly
from ntgbench_ptq.parameters import PtqParameters
from ntgbench_ptq.quantization import CONFIGS, quantize_
from ntgbench_ptq.tuned import Int8Matrix

from ntgbench import systems
from ntgbench.errors import PluginError
from ntgbench.interfaces import Context
from ntgbench.learning.token_generator import TokenGenerator
from ntgbench.systems import choose
from ntgbench.testing import Check, example_traffic, system_checks

TRAFFIC = example_traffic(packets=6, pl_max=40)
SMALL = {
    "llama": "llama[hidden=32,intermediate=48,layers=2,heads=2,epochs=20,batch=32,learning_rate=0.01]",
    "mamba": "mamba[hidden=16,state=4,layers=2,epochs=20,batch=32,learning_rate=0.01]",
}
FORMS = ["eager", "tuned"]
SCHEMES = [WeightOnly, DynamicActivation]


@pytest.fixture(scope="module", params=SMALL)
def base(request, tmp_path_factory):
    """Folder of a fitted model."""
    folder = tmp_path_factory.mktemp("base")
    choose(SMALL[request.param]).fit(TRAFFIC, Context(seed=1)).save(folder)
    return folder / systems.MODEL_FOLDER


@pytest.fixture
def plain(base) -> TokenGenerator:
    built = systems.load(base.parent).built
    assert isinstance(built, TokenGenerator)
    return built


def quantised(scheme: type[Quantized], form: str, base) -> Quantized:
    generator = scheme(PtqParameters(form=form))
    generator.fit(TRAFFIC, Context(seed=1, base=base))
    return generator


def logits(start, rows: np.ndarray) -> torch.Tensor:
    """Logits of what follows each token, rows changing places on the way."""
    steps, order = start(len(rows)), np.arange(len(rows))
    found = []
    with torch.inference_mode():
        for position in range(rows.shape[1] - 1):
            one = steps.step(rows[order, position])
            found.append(one[np.argsort(order)].clone())
            turn = np.roll(np.arange(len(rows)), 1)
            steps = steps.select(turn)
            order = order[turn]
    return torch.stack(found, dim=1)


def rows_of(generator: TokenGenerator) -> np.ndarray:
    return generator.mapping.encode(TRAFFIC.signed_pl, TRAFFIC.label)


def distance(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other).norm() / other.norm())


@pytest.mark.parametrize(
    "check",
    [
        check
        for base, forms in (("llama", ("wo", "da[form=tuned]")), ("mamba", ("wo[form=tuned]", "da")))
        for form in forms
        for check in system_checks(f"{base}-int8-{form}", SMALL[base])
    ],
    ids=str,
)
def test_keeps_the_contract(check: Check) -> None:
    check()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_quantising_changes_logits_little(scheme, form, base, plain) -> None:
    rows = rows_of(plain)
    change = distance(logits(quantised(scheme, form, base).start, rows), logits(plain.start, rows))
    assert 1e-4 < change < 0.03


@pytest.mark.parametrize(("scheme", "bound"), [(WeightOnly, 1e-5), (DynamicActivation, 5e-3)])
def test_the_tuned_form_computes_what_the_eager_form_does(scheme, bound, base, plain) -> None:
    # With activations quantised a last bit can move a value to the next whole number, a 127th of the largest.
    rows = rows_of(plain)
    eager, tuned = (logits(quantised(scheme, form, base).start, rows) for form in FORMS)
    assert distance(tuned, eager) < bound


def test_an_int8_product_is_that_of_torchao() -> None:
    torch.manual_seed(1)
    layer = torch.nn.Linear(48, 70, bias=False)
    quantize_(layer, CONFIGS["int8-da"]())
    x = torch.randn(50, 48)
    x[0] = 0.0
    plain = layer.weight.dequantize().t().numpy()
    found = x.numpy() @ Int8Matrix(plain, layer.weight.qdata)
    with torch.inference_mode():
        np.testing.assert_allclose(found, layer(x).numpy(), rtol=1e-5, atol=1e-6)
    assert len(Int8Matrix(plain, layer.weight.qdata)) == 48


def test_what_a_step_has_folded_in_does_not_change_an_int8_product() -> None:
    torch.manual_seed(2)
    layer = torch.nn.Linear(48, 70, bias=False)
    quantize_(layer, CONFIGS["int8-da"]())
    gain, factor, x = 0.5 + torch.rand(48), torch.randn(70), torch.randn(50, 48)
    folded = (layer.weight.dequantize() * gain * factor[:, None]).t().numpy()
    found = x.numpy() @ Int8Matrix(folded, layer.weight.qdata, gain)
    with torch.inference_mode():
        expected = (layer(x * gain) * factor).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_a_row_alone_comes_out_as_among_others() -> None:
    torch.manual_seed(3)
    layer = torch.nn.Linear(48, 70, bias=False)
    quantize_(layer, CONFIGS["int8-da"]())
    matrix = Int8Matrix(layer.weight.dequantize().t().numpy(), layer.weight.qdata, torch.rand(48))
    x = torch.randn(50, 48).numpy()
    x[0] = 0.0
    alone = [row[None] @ matrix for row in x]
    np.testing.assert_allclose(np.concatenate(alone), x @ matrix, rtol=1e-6)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_linear_layer_is_in_int8(scheme, base, tmp_path) -> None:
    quantised(scheme, "eager", base).save(tmp_path)
    from safetensors.torch import load_file

    int8 = [name for name, tensor in load_file(tmp_path / "model.safetensors").items() if name.endswith("qdata")]
    # Of each of two layers seven in LLaMA and three in Mamba, and the head.
    assert len(int8) == {"llama": 15, "mamba": 7}[systems.load(base.parent).system.spec.name]
    assert any("lm_head" in name for name in int8)


def test_the_size_is_that_of_the_paper(tmp_path) -> None:
    train = example_traffic().select(np.arange(40))
    five = type(train)(train.signed_pl, train.label, tuple("abcde"), pl_max=1460)
    choose("llama[epochs=1]").fit(five, Context(seed=1)).save(tmp_path)
    saved = tmp_path / "saved"
    saved.mkdir()
    quantised(DynamicActivation, "eager", tmp_path / systems.MODEL_FOLDER).save(saved)
    assert sum(path.stat().st_size for path in saved.iterdir()) / 1e6 == pytest.approx(3.44, abs=0.01)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_is_saved_is_what_is_loaded(scheme, form, base, tmp_path) -> None:
    generator = quantised(scheme, form, base)
    generator.save(tmp_path)
    loaded = scheme(PtqParameters(form=form))
    loaded.load(tmp_path)
    made = [one.sample(TRAFFIC.label, np.random.default_rng(3)).tobytes() for one in (generator, loaded)]
    assert made[0] == made[1]
    # Either form reads what the other has saved.
    scheme(PtqParameters(form=FORMS[form == "eager"])).load(tmp_path)


def test_a_damaged_or_foreign_model_is_refused(base, tmp_path) -> None:
    quantised(WeightOnly, "eager", base).save(tmp_path)
    with pytest.raises(PluginError, match="kind 'int8-wo', not 'int8-da'"):
        DynamicActivation(PtqParameters()).load(tmp_path)
    config = tmp_path / "config.json"
    whole = config.read_text()
    for place, wrong in (("base", {"system": "llama"}), ("mapping", {}), ("model", {}), ("layout", {})):
        head = json.loads(whole)
        head["ntgbench"]["settings"][place] = wrong
        config.write_text(json.dumps(head))
        with pytest.raises(PluginError, match="holds no int8-wo model"):
            WeightOnly(PtqParameters()).load(tmp_path)
    head = json.loads(whole)
    head["ntgbench"]["settings"]["layout"].popitem()
    config.write_text(json.dumps(head))
    with pytest.raises(PluginError, match="holds no int8-wo model"):
        WeightOnly(PtqParameters()).load(tmp_path)


def test_without_a_model_to_quantise_it_says_what_to_do() -> None:
    with pytest.raises(PluginError, match="ntgbench run"):
        WeightOnly(PtqParameters()).fit(TRAFFIC, Context(seed=1))


def test_a_system_that_reads_no_tokens_is_refused(tmp_path) -> None:
    choose("markov").fit(TRAFFIC, Context(seed=1)).save(tmp_path)
    with pytest.raises(PluginError, match="markov is no token generator"):
        WeightOnly(PtqParameters()).fit(TRAFFIC, Context(seed=1, base=tmp_path / systems.MODEL_FOLDER))
