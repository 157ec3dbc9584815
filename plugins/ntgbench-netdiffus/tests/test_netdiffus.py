"""The NetDiffus-NR generator: its contract, its size, its schedule, and that its samplers sample."""

import json

import numpy as np
import pytest
import torch
from ntgbench_netdiffus.diffusion import VARIATIONAL, Diffusion
from ntgbench_netdiffus.generator import NetDiffusGenerator
from ntgbench_netdiffus.model import UNet
from ntgbench_netdiffus.parameters import NetDiffusParameters

from ntgbench.errors import PluginError
from ntgbench.interfaces import Budget, Context
from ntgbench.mapping.image import ImageMapping
from ntgbench.testing import Check, example_traffic, system_checks

TINY = NetDiffusParameters(channels=8, blocks=1, heads=2, noise_steps=20, steps=3, batch=64, epochs=1)
TRAFFIC = example_traffic(packets=6, pl_max=40)
CONTRACT = "netdiffus-nr[channels=4,blocks=1,heads=1,noise_steps=10,steps=3,epochs=1]"


@pytest.fixture(scope="module")
def fitted() -> NetDiffusGenerator:
    generator = NetDiffusGenerator(TINY)
    generator.fit(TRAFFIC, Context(seed=1))
    return generator


@pytest.mark.parametrize("check", system_checks(CONTRACT), ids=str)
def test_keeps_the_contract(check: Check) -> None:
    check()


def test_the_size_is_that_of_the_paper(tmp_path) -> None:
    generator = NetDiffusGenerator(NetDiffusParameters())
    generator.mapping, generator.classes = ImageMapping(10, 1460), 5
    generator.model = generator._new_model()
    assert sum(weight.numel() for weight in generator.model.parameters()) == 1_018_690
    generator.save(tmp_path)
    assert 4.05 < sum(path.stat().st_size for path in tmp_path.iterdir()) / 1e6 < 4.2


@pytest.mark.parametrize("packets", [1, 2, 3, 10, 15])
@torch.inference_mode()
def test_the_network_takes_images_of_any_size(packets) -> None:
    model = UNet(channels=8, blocks=1, heads=2, classes=3)
    images = torch.randn(4, 1, packets, packets)
    predicted = model(images, torch.tensor([0.0, 1.0, 50.0, 99.0]), torch.tensor([0, 1, 2, 0]))
    assert predicted.shape == (4, 2, packets, packets)
    assert model(images[:1], torch.tensor([0.0]), torch.tensor([0])).shape == (1, 2, packets, packets)


def test_bfloat16_predicts_what_float32_predicts() -> None:
    torch.manual_seed(1)
    model = UNet(channels=32, blocks=1, heads=4, classes=3)
    for weight in model.parameters():
        weight.data += 0.02 * torch.randn_like(weight)
    inputs = torch.randn(8, 1, 10, 10), torch.arange(8.0), torch.zeros(8, dtype=torch.int64)
    with torch.inference_mode():
        expected, found = model(*inputs), model.with_body(torch.bfloat16)(*inputs)
    assert found.dtype == torch.float32
    assert (found - expected).square().mean() < 1e-3 * expected.square().mean()


def test_the_schedule_is_the_cosine() -> None:
    diffusion = Diffusion(100)
    after = np.cos((np.arange(101) / 100 + 0.008) / 1.008 * np.pi / 2) ** 2
    # Only the last step is cut short, by the largest part of the variance that a step may take.
    kept = after[1:] / after[0]
    kept[-1] = kept[-2] * 0.001
    np.testing.assert_allclose(diffusion.signal.square().numpy(), kept, rtol=1e-5)
    np.testing.assert_allclose((diffusion.signal.square() + diffusion.noise.square()).numpy(), 1.0, rtol=1e-6)


def test_a_step_back_is_the_product_of_two_gaussians() -> None:
    # x_{t-1} given x_0 is N(m x_0, v), and x_t given x_{t-1} is N(sqrt(1 - b) x_{t-1}, b).
    diffusion = Diffusion(50)
    kept = diffusion.signal.double().square().numpy()
    beta = 1 - kept[1:] / kept[:-1]
    mean, variance = np.sqrt(kept[:-1]), 1 - kept[:-1]
    precision = 1 / variance + (1 - beta) / beta
    np.testing.assert_allclose(diffusion.least[1:].exp(), 1 / precision, rtol=1e-3)
    np.testing.assert_allclose(diffusion.most[1:].exp(), beta, rtol=1e-3)
    np.testing.assert_allclose(diffusion.mean_of_image[1:], mean / variance / precision, rtol=1e-3)
    np.testing.assert_allclose(diffusion.mean_of_state[1:], np.sqrt(1 - beta) / beta / precision, rtol=1e-3)


def test_the_loss_by_hand() -> None:
    diffusion, images, noise = Diffusion(10), torch.zeros(3, 1, 2, 2), torch.ones(3, 1, 2, 2)
    times = torch.tensor([0, 4, 9])
    answer = torch.cat([noise, -noise], dim=1).requires_grad_()
    assert diffusion.loss(lambda *_: answer, images, times, noise).item() == pytest.approx(0.0, abs=1e-6)
    widest = torch.cat([noise, noise], dim=1)
    log_ratio = (diffusion.most - diffusion.least)[times[1:]].double()
    bits = (0.5 * (log_ratio - 1 + (-log_ratio).exp()) / np.log(2)).sum() / 3
    found = diffusion.loss(lambda *_: widest, images, times, noise).item()
    assert found == pytest.approx(VARIATIONAL * 10 * bits.item(), rel=1e-4)
    # The bound has no gradient with respect to the predicted noise.
    off = torch.cat([noise + 0.5, -noise], dim=1).requires_grad_()
    diffusion.loss(lambda *_: off, images, times, noise).backward()
    assert off.grad is not None
    torch.testing.assert_close(off.grad[:, :1], torch.full_like(noise, 2 * 0.5 / noise.numel()))


@pytest.mark.parametrize(("sampler", "tolerance"), [("ancestral", 0.03), ("dpm", 0.03), ("few", 0.1)])
def test_samplers_find_a_normal_distribution(sampler, tolerance) -> None:
    mean, deviation, diffusion = 0.2, 0.15, Diffusion(100)
    rng = np.random.default_rng(1)

    def noise() -> torch.Tensor:
        return torch.from_numpy(rng.standard_normal((200, 1, 10, 10), np.float32))

    def best(states: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        # The posterior of a pixel x_0 given x_t when pixels are N(mean, deviation^2).
        at = int(times[0])
        signal, other = diffusion.signal[at], diffusion.noise[at]
        total = (signal * deviation).square() + other.square()
        image = mean + signal * deviation**2 / total * (states - signal * mean)
        left = (deviation * other).square() / total
        variance = diffusion.least[at].exp() + diffusion.mean_of_image[at].square() * left
        share = (variance.log() - diffusion.least[at]) / (diffusion.most[at] - diffusion.least[at])
        return torch.cat([(states - signal * image) / other, torch.full_like(states, float(2 * share - 1))], dim=1)

    if sampler == "ancestral":
        drawn = diffusion.ancestral(best, noise)
    else:
        drawn = diffusion.few(best, noise, 100 if sampler == "dpm" else 10)
    assert drawn.mean().item() == pytest.approx(mean, abs=0.01)
    assert drawn.std().item() == pytest.approx(deviation, rel=tolerance)


@pytest.mark.slow
def test_training_learns_the_classes() -> None:
    parameters = NetDiffusParameters(
        channels=16, blocks=1, heads=2, noise_steps=20, epochs=10, batch=10, learning_rate=4e-3, average=0.9
    )
    signed_pl = np.where(np.arange(200)[:, None] < 100, np.array([500, -900, 300]), np.array([-1200, 0, 0]))
    train = type(TRAFFIC)(signed_pl, np.repeat([0, 1], 100), ("three", "single"))
    generator = NetDiffusGenerator(parameters)
    generator.fit(train, Context(seed=1))
    labels = np.resize(np.array([0, 1], np.int32), 100)
    made = generator.sample(labels, np.random.default_rng(1)).astype(np.int64)
    apart = np.abs(made[:, None] - signed_pl[[0, 100]]).sum(axis=2)
    assert (apart.argmin(axis=1) == labels).mean() > 0.8
    assert np.median(apart.min(axis=1)) < 500


@pytest.mark.parametrize("settings", [{"sampler": "ancestral"}, {"inverse": "diag"}, {"steps": 1}, {"steps": 20}])
def test_every_way_of_sampling_makes_biflows(fitted, tmp_path, settings) -> None:
    fitted.save(tmp_path)
    other = NetDiffusGenerator(NetDiffusParameters(**{**vars(TINY), **settings}))
    other.load(tmp_path)
    made = [other.sample(TRAFFIC.label, np.random.default_rng(3)) for _ in range(2)]
    np.testing.assert_array_equal(*made)
    assert type(TRAFFIC)(made[0], TRAFFIC.label, TRAFFIC.classes, pl_max=40).lengths().min() >= 1


def test_a_model_of_other_parameters_is_refused(fitted, tmp_path) -> None:
    fitted.save(tmp_path)
    for settings in ({"channels": 16}, {"blocks": 2}):
        other = NetDiffusGenerator(NetDiffusParameters(**{**vars(TINY), **settings}))
        with pytest.raises(PluginError, match="other parameters"):
            other.load(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    del config["ntgbench"]["settings"]["classes"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(PluginError, match="classes"):
        NetDiffusGenerator(TINY).load(tmp_path)


def test_the_budget_and_the_device_are_obeyed() -> None:
    told: list[float] = []
    context = Context(seed=1, budget=Budget(epochs=1), progress=lambda *state: told.append(state[0] / state[1]))
    NetDiffusGenerator(NetDiffusParameters(**{**vars(TINY), "epochs": 5})).fit(TRAFFIC, context)
    assert told[-1] == 1.0
    assert len(told) < 5
    with pytest.raises(PluginError, match="cannot compute on the device 'cuda:99'"):
        NetDiffusGenerator(TINY).fit(TRAFFIC, Context(seed=1, device="cuda:99"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"blocks": 0}, "blocks must be at least 1"),
        ({"channels": 36}, "channels must be a multiple of twice the heads, 8"),
        ({"noise_steps": 7}, "noise_steps must be at least 2 and at least steps"),
        ({"snap": -1}, "snap"),
        ({"average": 1.0}, "average"),
    ],
)
def test_impossible_parameters_are_refused(settings, message) -> None:
    with pytest.raises(ValueError, match=message):
        NetDiffusParameters(**settings)
