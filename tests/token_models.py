"""Tests that every token model of a plugin must pass: subclass `TokenModelTests` in the tests of the plugin."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from ntgbench.errors import PluginError
from ntgbench.interfaces import Budget, Context
from ntgbench.learning.token_model import next_token_loss
from ntgbench.mapping.tokens import EOS, PAD, TokenMapping
from ntgbench.testing import example_traffic
from ntgbench.traffic.biflows import Biflows

if TYPE_CHECKING:
    from ntgbench.learning.sampling import Start
    from ntgbench.learning.token_generator import TokenGenerator

TRAFFIC = example_traffic(packets=6, pl_max=40)


def tokens(generator: TokenGenerator) -> torch.Tensor:
    return torch.from_numpy(generator.mapping.encode(TRAFFIC.signed_pl, TRAFFIC.label))


def hf_model(folder) -> Any:
    """The model in `folder`, loaded by transformers."""
    from transformers import AutoModelForCausalLM, logging

    logging.set_verbosity_error()  # for Mamba it warns that mamba_ssm is missing
    return AutoModelForCausalLM.from_pretrained(folder)


class TokenModelTests:
    """The tests; attributes that a subclass sets are below."""

    generator: ClassVar[type[TokenGenerator]]
    tiny: ClassVar[Any]
    """Parameters of a model of two layers that is fast to train, for two epochs in batches of 64."""
    others: ClassVar[list[dict[str, int]]]
    """Changes of `tiny` that make another architecture."""
    size: ClassVar[tuple[int, int, float]]
    """Classes of a model of default size, its number of weights, and its size on disk in MB."""
    hf_class: ClassVar[str]
    impossible: ClassVar[list[tuple[dict[str, float], str]]]
    """Changes of `tiny` that are refused, and a part of the message."""

    def starts(self, model: Any) -> list[tuple[Start, float]]:
        """All ways of stepping through the model, with the largest error of a logit."""
        raise NotImplementedError

    def large(self, model: Any) -> list[torch.nn.Parameter]:
        """Weights that are made huge to provoke an overflow."""
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def fitted(cls) -> TokenGenerator:
        generator = cls.generator(cls.tiny)
        generator.fit(TRAFFIC, Context(seed=1))
        return generator

    @pytest.fixture(scope="class")
    @classmethod
    def folder(cls, fitted, tmp_path_factory):
        path = tmp_path_factory.mktemp("saved")
        fitted.save(path)
        return path

    def test_the_default_size(self, tmp_path) -> None:
        classes, weights, megabytes = self.size
        generator = self.generator(type(self.tiny)())
        generator.mapping = TokenMapping(classes=classes, packets=10, pl_max=1460)
        generator.model = generator.new_model()
        assert sum(weight.numel() for weight in generator.model.parameters()) == weights
        generator.save(tmp_path)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "model.safetensors"]
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) / 1e6 == pytest.approx(megabytes, abs=0.01)

    def test_training_learns_what_follows_what(self) -> None:
        generator = self.generator(replace(self.tiny, layers=1, epochs=40, batch=32, learning_rate=0.02))
        # In class 0 packets of 5 and -7 bytes alternate; class 1 has one packet.
        signed_pl = np.where(np.arange(200)[:, None] < 100, np.array([5, -7, 5, -7]), np.array([9, 0, 0, 0]))
        train = Biflows(signed_pl, np.repeat([0, 1], 100), ("turns", "single"), pl_max=10)
        generator.fit(train, Context(seed=1))
        labels = np.resize(np.array([0, 1], np.int32), 400)
        made = generator.sample(labels, np.random.default_rng(1))
        assert (made == signed_pl[np.where(labels == 0, 0, 150)]).all(axis=1).mean() > 0.95

    def test_training_in_bfloat16_has_nearly_the_same_gradient(self, fitted) -> None:
        gradients = []
        for enabled in (False, True):
            model = deepcopy(fitted.model)
            model.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
                loss = next_token_loss(model)(tokens(fitted))[0]
            assert loss.dtype == torch.float32
            loss.backward()
            gradients.append(torch.cat([weight.grad.flatten() for weight in model.parameters()]))
        assert torch.nn.functional.cosine_similarity(*gradients, dim=0) > 0.99

    def test_no_input_overflows_in_training(self, fitted) -> None:
        model = deepcopy(fitted.model)
        model.zero_grad()
        with torch.no_grad():
            for weight in self.large(model):
                weight *= 1e4
        loss = next_token_loss(model)(tokens(fitted))[0]
        loss.backward()
        assert loss.isfinite()
        assert all(weight.grad.isfinite().all() for weight in model.parameters())

    @torch.inference_mode()
    def test_a_step_at_a_time_gives_the_logits_of_the_whole(self, fitted) -> None:
        rows = tokens(fitted)
        for start, tolerance in self.starts(fitted.model):
            steps, kept = start(len(rows)), torch.arange(len(rows))
            for position in range(rows.shape[1]):
                whole = fitted.model(rows[kept])[:, position]
                torch.testing.assert_close(steps.step(rows[kept, position].numpy()), whole, atol=tolerance, rtol=0)
                some = np.arange(0, len(kept), 2) if position % 2 else np.arange(len(kept))[::-1].copy()
                steps, kept = steps.select(some), kept[some]

    def untrained(self, parameters):
        """A generator of biflows of two packets whose untrained model prefers some tokens to others."""
        generator = self.generator(parameters)
        generator.mapping = TokenMapping(classes=2, packets=2, pl_max=2)
        generator.model = generator.new_model()
        generator.model.initialise(1)
        with torch.no_grad():
            generator.model.head.weight *= 20
        generator.ready()
        return generator

    def test_samples_have_the_distribution_of_the_model(self) -> None:
        generator = self.untrained(self.tiny)
        mapping = generator.mapping
        count = 20_000
        made = generator.sample(np.resize(np.array([0, 1], np.int32), 2 * count), np.random.default_rng(2))
        # All biflows that exist, and the probability of each: the product of those of its tokens.
        kinds = np.array([(a, b) for a in (1, 2, -1, -2) for b in (0, 1, 2, -1, -2)])
        for label in (0, 1):
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

    def test_systematic_samples_share_out_what_the_model_tells(self) -> None:
        generator = self.untrained(replace(self.tiny, sampling="systematic"))
        mapping = generator.mapping
        labels = np.random.default_rng(1).permutation(np.repeat(np.array([0, 1], np.int32), [700, 301]))
        made = generator.sample(labels, np.random.default_rng(2))
        kinds = np.array([(a, b) for a in (1, 2, -1, -2) for b in (0, 1, 2, -1, -2)], np.int16)
        for label in (0, 1):
            every = Biflows(kinds, np.full(len(kinds), label, np.int32), ("a", "b"), pl_max=mapping.pl_max)
            told = np.exp(generator.log_likelihood(every).cumsum(axis=1))
            own = made[labels == label]
            for length in (1, 2):
                found = (own[:, None, :length] == kinds[:, :length]).all(axis=2).sum(axis=0)
                assert (np.abs(found - len(own) * told[:, length - 1]) < 1 + 1e-3).all()

    def test_transformers_reads_and_writes_the_same_models(self, fitted, folder, tmp_path) -> None:
        theirs = hf_model(folder)
        assert type(theirs).__name__ == self.hf_class
        assert theirs.num_parameters() == sum(weight.numel() for weight in fitted.model.parameters())
        with torch.inference_mode():
            torch.testing.assert_close(theirs(tokens(fitted)).logits, fitted.model(tokens(fitted)), atol=1e-5, rtol=0)
        with torch.no_grad():
            for weight in theirs.parameters():
                weight += 0.1 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(weight.numel()))
        theirs.save_pretrained(tmp_path)
        loaded = self.generator(self.tiny)
        loaded.load(tmp_path)
        with torch.inference_mode():
            torch.testing.assert_close(theirs(tokens(fitted)).logits, loaded.model(tokens(fitted)), atol=1e-5, rtol=0)
        assert loaded.sample(TRAFFIC.label, np.random.default_rng(1)).shape == TRAFFIC.signed_pl.shape

    def test_a_model_of_other_parameters_is_refused(self, folder) -> None:
        for settings in self.others:
            with pytest.raises(PluginError, match="other parameters"):
                self.generator(replace(self.tiny, **settings)).load(folder)

    def test_unknown_settings_of_a_mapping_are_refused(self, fitted, tmp_path) -> None:
        fitted.save(tmp_path)
        config = json.loads((tmp_path / "config.json").read_text())
        config["ntgbench"]["settings"]["words"] = 3
        (tmp_path / "config.json").write_text(json.dumps(config))
        with pytest.raises(PluginError, match="words"):
            self.generator(self.tiny).load(tmp_path)

    def test_the_budget_and_the_device_are_obeyed(self) -> None:
        told: list[float] = []
        context = Context(seed=1, budget=Budget(epochs=1), progress=lambda *state: told.append(state[0] / state[1]))
        self.generator(self.tiny).fit(TRAFFIC, context)
        assert told == pytest.approx([0.5, 1.0])
        with pytest.raises(PluginError, match="cannot compute on the device 'cuda:99'"):
            self.generator(self.tiny).fit(TRAFFIC, Context(seed=1, device="cuda:99"))

    def test_impossible_parameters_are_refused(self) -> None:
        for settings, message in self.impossible:
            with pytest.raises(ValueError, match=message):
                replace(self.tiny, **settings)
