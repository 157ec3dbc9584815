"""The quantised generators: a fitted token generator as transformers' model, its linear layers in int8 by torchao."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from ntgbench import systems
from ntgbench.errors import NtgbenchError, PluginError
from ntgbench.learning.checkpoints import read_settings, read_weights, sketched, write_checkpoint
from ntgbench.learning.device import use_device
from ntgbench.learning.sampling import Sampler
from ntgbench.learning.token_generator import TokenGenerator, fitted_base
from ntgbench.mapping.tokens import TokenMapping
from ntgbench.saved import layout_numbers
from ntgbench_ptq.eager import EagerSteps
from ntgbench_ptq.quantization import Scheme, new_model, plain_shapes, plain_tensors, quantized, take_plain_tensors

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from torch import nn

    from ntgbench.interfaces import Context, Likelihood, NoParameters
    from ntgbench.learning.sampling import Start
    from ntgbench.tracks.biflows.interfaces import Labels, SignedPL
    from ntgbench.traffic.biflows import Biflows


class Quantized:
    """A fitted token generator with int8 linear layers, run by transformers as arXiv 2603.25507 measured it.

    It works for every token generator that declares `hf_config`, and learns nothing itself. It has no parameters, so
    its draws are independent, whatever those of its base are.

    Attributes:
        scheme: what is int8.
        base: the system that was quantised.
        model: the quantised model.
    """

    scheme: ClassVar[Scheme]

    def __init__(self, parameters: NoParameters) -> None:
        self.parameters = parameters

    def fit(self, train: Biflows, context: Context) -> None:  # noqa: ARG002
        """Quantise the fitted model in `context.base`. Raises PluginError when transformers knows no such model."""
        device = use_device(context)
        self.base, fitted = fitted_base(context, self.scheme)
        if not fitted.hf_config():
            raise PluginError(f"{self.base.display_name} declares no hf_config, which {self.scheme} needs")
        assert context.base is not None
        self.mapping = fitted.mapping
        self._use(quantized(context.base, self.scheme, fitted.hf_float_layers, device))

    def sample(self, labels: Labels, rng: np.random.Generator) -> SignedPL:
        """Draw from the quantised model, at temperature 1."""
        return self.mapping.decode(self.sampler.sample(labels, rng))[0]

    def log_likelihood(self, biflows: Biflows) -> Likelihood:
        """What the model, at temperature 1, says of biflows of its layout."""
        return self.sampler.log_likelihood(self.mapping.encode(biflows.signed_pl, biflows.label))

    def save(self, folder: Path) -> None:
        """Write the quantised weights as plain tensors, and which system was quantised."""
        base = {"system": self.base.spec.name, "parameters": self.base.settings()}
        settings = {"base": base, "mapping": self.mapping.settings()}
        write_checkpoint(folder, self.scheme, settings, plain_tensors(self.model))

    def load(self, folder: Path) -> None:
        """Read what `save` wrote. Raises PluginError when `folder` holds anything else."""
        settings = read_settings(folder, self.scheme)
        try:
            self.base = systems.with_parameters(settings["base"]["system"], settings["base"]["parameters"])
            self.mapping = TokenMapping(**layout_numbers(settings["mapping"]))
            base = self.base.build()
            if not isinstance(base, TokenGenerator):
                raise PluginError(f"{self.base.display_name} is not a token generator")
            base.mapping = self.mapping
            # The shapes follow from the base's parameters; the file is read only when it agrees with them.
            build = partial(new_model, base.hf_config())
            tensors = read_weights(folder, plain_shapes(sketched(build), base.hf_float_layers))
            model = build()
            take_plain_tensors(model, self.scheme, tensors)
        except (AttributeError, KeyError, NtgbenchError, RuntimeError, TypeError, ValueError) as error:
            raise PluginError(f"{folder} holds no {self.scheme} model: {type(error).__name__}: {error}") from error
        self._use(model)

    def _use(self, model: nn.Module) -> None:
        self.model = model
        self.start: Start = lambda _: EagerSteps(model)
        self.sampler = Sampler(self.start, self.mapping)


class WeightOnly(Quantized):
    """Weights in int8, arithmetic in float32."""

    scheme = "int8-wo"


class DynamicActivation(Quantized):
    """Weights in int8, activations quantised row by row at run time, products of integers."""

    scheme = "int8-da"
