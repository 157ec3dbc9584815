"""The quantised generators: a fitted token generator with int8 weights, run as torchao leaves it or faster."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from torch import nn

from ntgbench import systems
from ntgbench.errors import NtgbenchError, PluginError
from ntgbench.learning.checkpoints import read_settings, read_weights, sketched, write_checkpoint
from ntgbench.learning.device import use_device
from ntgbench.learning.sampling import Sampler
from ntgbench.learning.token_generator import TokenGenerator, fitted_base
from ntgbench.mapping.tokens import TokenMapping
from ntgbench.saved import layout_numbers
from ntgbench_ptq.eager import EagerSteps
from ntgbench_ptq.quantization import (
    HEAD,
    Scheme,
    dequantized,
    flattened,
    layout_of,
    plain_tensors,
    quantized,
    rebuilt,
    unflattened,
    whole_numbers,
)
from ntgbench_ptq.tuned import int8_start

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from torch import Tensor

    from ntgbench.interfaces import Context, Labels, SignedPL
    from ntgbench.learning.sampling import Start
    from ntgbench.traffic.biflows import Biflows
    from ntgbench_ptq.parameters import PtqParameters


class Quantized(ABC):
    """A fitted token generator, every linear layer of it quantised by torchao. Learns nothing itself.

    Attributes:
        scheme: what is int8.
        base: the system that was quantised.
        mapping: what the tokens are.
        config: transformers' configuration of the model.
        weights: the quantised weights, under transformers' names.
    """

    scheme: ClassVar[Scheme]

    def __init__(self, parameters: PtqParameters) -> None:
        self.parameters = parameters

    def fit(self, train: Biflows, context: Context) -> None:  # noqa: ARG002
        """Quantise the fitted model in `context.base`; of the training set nothing is needed.

        Raises:
            PluginError: when there is no such model, or it is none of tokens.
        """
        device = use_device(context)
        self.base, fitted = fitted_base(context, self.scheme)
        assert context.base is not None
        model = quantized(context.base, self.scheme, device)
        self.mapping, self.config = fitted.mapping, fitted.hf_config()
        self._use(model)

    def sample(self, labels: Labels, rng: np.random.Generator) -> SignedPL:
        """Draw from the quantised model, at temperature 1."""
        return self.mapping.decode(self.sampler.sample(labels, rng))[0]

    def save(self, folder: Path) -> None:
        """Write the quantised weights, as plain tensors, and what the model is."""
        tensors, layout = flattened(self.weights)
        settings = {
            "base": {"system": self.base.spec.name, "parameters": self.base.settings()},
            "mapping": self.mapping.settings(),
            "model": self.config,
            "layout": layout,
        }
        write_checkpoint(folder, self.scheme, settings, tensors)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote. Raises PluginError when that is not what `folder` holds."""
        settings = read_settings(folder, self.scheme)
        try:
            self.base = systems.with_parameters(settings["base"]["system"], settings["base"]["parameters"])
            self.mapping = TokenMapping(**layout_numbers(settings["mapping"]))
            base = self.base.build()
            if not isinstance(base, TokenGenerator):
                raise PluginError(f"{self.base.display_name} is no token generator")
            # What the base makes of its parameters is known here, and the file is not believed about it.
            base.mapping = self.mapping
            base.model = sketched(base.new_model)
            self.config, own = base.hf_config(), base.hf_weights()
            if self.config["tie_word_embeddings"]:
                own = {**own, HEAD: base.model.get_parameter("head.weight")}
            shapes = {name: tuple(weight.shape) for name, weight in own.items()}
            layout = layout_of(shapes, self.scheme)
            if settings["model"] != self.config or settings["layout"].keys() != layout.keys():
                raise PluginError("its configuration is not that of its base")
            tensors = read_weights(folder, plain_tensors(shapes))
            model = rebuilt(self.config, unflattened(tensors, layout))
        except (AttributeError, KeyError, NtgbenchError, RuntimeError, TypeError, ValueError) as error:
            raise PluginError(f"{folder} holds no {self.scheme} model: {type(error).__name__}: {error}") from error
        self._use(model)

    def _use(self, model: nn.Module) -> None:
        """Prepare for sampling with a quantised model."""
        self.weights = model.state_dict()
        self.start = (lambda _: EagerSteps(model)) if self.parameters.form == "eager" else self.tuned()
        self.sampler = Sampler(self.start, self.mapping)

    @abstractmethod
    def tuned(self) -> Start:
        """The fastest form of the same numbers."""

    def own_form(self, weights: Mapping[str, Tensor]) -> TokenGenerator[Any]:
        """The base's generator with weights that transformers would read, on the CPU."""
        generator = self.base.build()
        assert isinstance(generator, TokenGenerator)
        generator.mapping = self.mapping
        generator.model = generator.new_model()
        own = {name: weight.cpu() for name, weight in weights.items()}
        # Where head and embedding were one weight they are two now: quantising leaves embeddings as they are.
        head = own.pop(HEAD) if self.config["tie_word_embeddings"] else own[HEAD]
        generator.take_hf_weights(own)
        generator.model.head.weight = nn.Parameter(head)
        generator.model.eval()
        return generator


class WeightOnly(Quantized):
    """Weights in int8, arithmetic in float32."""

    scheme = "int8-wo"

    def tuned(self) -> Start:
        """The base's own steps: with weights only quantised, all that int8 can change is how weights are stored."""
        return self.own_form(dequantized(self.weights)).steps()


class DynamicActivation(Quantized):
    """Weights in int8, and each activation as it comes, so that products are of whole numbers."""

    scheme = "int8-da"

    def tuned(self) -> Start:
        """The base's own steps on the CPU, with torch's int8 products."""
        model, whole = (self.own_form(read(self.weights)).model for read in (dequantized, whole_numbers))
        return int8_start(model, whole)
