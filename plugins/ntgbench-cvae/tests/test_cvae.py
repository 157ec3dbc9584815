"""The autoencoder: its contract, its size, its loss in closed form, and that it learns."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from ntgbench_cvae.generator import CvaeGenerator
from ntgbench_cvae.model import Cvae, divergence
from ntgbench_cvae.parameters import CvaeParameters

from ntgbench.errors import PluginError
from ntgbench.interfaces import Context
from ntgbench.testing import Check, example_traffic, system_checks
from ntgbench.traffic.biflows import Biflows

TINY = CvaeParameters(outer=24, inner=16, latent=4, epochs=2, batch=64)
TRAFFIC = example_traffic(packets=6, pl_max=40)


def fitted(parameters: CvaeParameters = TINY, train: Biflows = TRAFFIC, seed: int = 1) -> CvaeGenerator:
    generator = CvaeGenerator(parameters)
    generator.fit(train, Context(seed=seed))
    return generator


@pytest.mark.parametrize("check", system_checks("cvae[outer=24,inner=16,latent=4]"), ids=str)
def test_keeps_the_contract(check: Check) -> None:
    check()


def test_the_size_is_that_of_the_layout(tmp_path) -> None:
    # 25-500-250-40 and 25-250-500-20, with biases: 10 packets twice and 5 classes, 20 latent numbers.
    model = Cvae(CvaeParameters(), packets=10, classes=5)
    assert sum(weight.numel() for weight in model.parameters()) == 148_290 + 142_020
    generator = CvaeGenerator(CvaeParameters())
    generator.classes, generator.packets, generator.pl_max, generator.model = 5, 10, 1460, model
    generator.save(tmp_path)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) / 1e6 == pytest.approx(1.16, abs=0.01)


def test_the_divergence_is_that_of_normal_distributions() -> None:
    mean = torch.tensor([[0.0, 0.0], [1.5, -0.5]])
    log_variance = torch.tensor([[0.0, 0.0], [0.3, -1.0]])
    theirs = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    expected = torch.distributions.kl_divergence(theirs, torch.distributions.Normal(0.0, 1.0)).sum(dim=1)
    torch.testing.assert_close(divergence(mean, log_variance), expected)
    assert expected[0] == 0.0


@pytest.mark.parametrize(("value_loss", "value_error"), [("absolute", 2.0 + 4.0), ("squared", 4.0 + 16.0)])
def test_the_loss_is_its_closed_form(value_loss, value_error) -> None:
    model = Cvae(dataclasses.replace(TINY, value_loss=value_loss, spread=0.1, beta=0.5), packets=3, classes=2)
    with torch.no_grad():
        for weight in model.parameters():
            weight.zero_()
        # The mean of each of the 4 latent numbers is 1 and its variance 1: half a nat each.
        model.encoder[-1].bias[:4] = 1.0
    # All values decode to 0 and all presences to an even chance; the last packet is not there and has no value.
    rows = torch.tensor([[0.2, -0.4, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0]])
    mean, count = model.loss(rows)
    assert count == 1
    assert mean.item() == pytest.approx(value_error + 3 * np.log(2.0) + 0.5 * 4 * 0.5, rel=1e-6)


def test_training_learns_values_lengths_and_classes() -> None:
    # Class 0 has biflows of two kinds, class 1 of one.
    kinds = np.array([[30, -7, 5, 0], [-12, 38, 0, 0], [9, 0, 0, 0]])
    kind = np.repeat([0, 1, 2], 100)
    train = Biflows(kinds[kind].astype(np.int16), (kind == 2).astype(np.int32), ("two", "one"), pl_max=40)
    parameters = CvaeParameters(outer=64, inner=32, latent=4, epochs=60, batch=32, learning_rate=0.01, average=0.9)
    labels = np.resize(np.array([0, 1], np.int32), 1000)
    made = fitted(parameters, train).sample(labels, np.random.default_rng(1))
    distance = np.abs(made[:, None] - kinds).max(axis=2)
    near = distance.min(axis=1) <= 2
    assert near.mean() > 0.8
    assert (distance.argmin(axis=1)[near] == 2).tolist() == (labels[near] == 1).tolist()
    share = (distance.argmin(axis=1)[near & (labels == 0)] == 0).mean()
    assert 0.35 < share < 0.65


def test_what_is_made_follows_from_the_seeds() -> None:
    def made(fit_seed: int, sample_seed: int) -> bytes:
        return fitted(seed=fit_seed).sample(TRAFFIC.label, np.random.default_rng(sample_seed)).tobytes()

    assert made(1, 2) == made(1, 2)
    assert len({made(1, 2), made(1, 3), made(2, 2)}) == 3


@pytest.mark.parametrize("presence", ["drawn", "likelier"])
def test_biflows_are_valid_however_untrained_the_model(presence) -> None:
    torch.manual_seed(1)
    generator = CvaeGenerator(dataclasses.replace(TINY, presence=presence))
    generator.classes, generator.packets, generator.pl_max = 2, 6, 3
    generator.model = Cvae(generator.parameters, 6, 2)
    labels = np.resize(np.array([0, 1], np.int32), 3000)
    made = generator.sample(labels, np.random.default_rng(1))
    # The constructor refuses biflows without a packet, with gaps, and beyond the largest payload length.
    Biflows(made, labels, ("a", "b"), pl_max=3)


def test_a_model_of_other_parameters_is_refused(tmp_path) -> None:
    fitted().save(tmp_path)
    with pytest.raises(PluginError, match="other parameters"):
        CvaeGenerator(dataclasses.replace(TINY, latent=5)).load(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    del config["ntgbench"]["settings"]["packets"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(PluginError, match="packets"):
        CvaeGenerator(TINY).load(tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"latent": 0}, "latent must be at least 1"), ({"beta": -1.0}, "beta"), ({"spread": 0.0}, "spread")],
)
def test_impossible_parameters_are_refused(settings, message) -> None:
    with pytest.raises(ValueError, match=message):
        CvaeParameters(**settings)
