"""The part of token generators that does not depend on the model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import torch

from ntgbench import systems
from ntgbench.errors import PluginError
from ntgbench.learning import training
from ntgbench.learning.checkpoints import read_settings, read_weights, sketched, write_checkpoint
from ntgbench.learning.device import use_device
from ntgbench.learning.recipe import TokenRecipe
from ntgbench.learning.sampling import Sampler
from ntgbench.learning.token_model import TokenModel, next_token_loss
from ntgbench.mapping.tokens import TokenMapping
from ntgbench.saved import layout_numbers

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from torch import Tensor

    from ntgbench.interfaces import Context, Likelihood
    from ntgbench.learning.sampling import Start
    from ntgbench.systems import System
    from ntgbench.tracks.biflows.interfaces import Labels, SignedPL
    from ntgbench.traffic.biflows import Biflows

P = TypeVar("P", bound=TokenRecipe)


class TokenGenerator(ABC, Generic[P]):
    """A generator that learns which token follows, given the class and the packets before it.

    A subclass declares its model (`new_model`, `steps`). It may declare two things more, each of which makes further
    systems possible, by a spec in its own plugin and no other code:

    - `hf_config`, and `hf_weights` by transformers' names: int8 by torchao, such as
      `GeneratorSpec("mine-int8-wo", "ntgbench_ptq.generator:WeightOnly", base="mine", format="int8-wo", ...)`, and
      `transformers.AutoModelForCausalLM.from_pretrained` reads what `save` writes;
    - `onnx_step`: ONNX, such as
      `GeneratorSpec("mine-onnx", "ntgbench_onnx.generator:OnnxGenerator", base="mine", format="onnx", ...)`.

    Attributes:
        kind: what the model is called in the file it is saved in.
        hf_float_layers: linear layers of transformers' model, by the last part of their names, that stay in float32
            in int8: those whose weight transformers uses without calling the layer.
        mapping: what the tokens are.
        model: the model.
    """

    kind: ClassVar[str]
    hf_float_layers: ClassVar[tuple[str, ...]] = ()

    def __init__(self, parameters: P) -> None:
        self.parameters = parameters

    @abstractmethod
    def new_model(self) -> TokenModel:
        """An untrained model for `mapping`."""

    @abstractmethod
    def steps(self) -> Start:
        """The model one token at a time, with the weights that `model` has now."""

    def hf_config(self) -> dict[str, Any]:
        """The fields of transformers' configuration of the model, from `parameters` and `mapping` alone.

        Empty when transformers has no such model.
        """
        return {}

    def hf_weights(self) -> dict[str, Tensor]:
        """The weights as they are saved, by transformers' names when there is a `hf_config`."""
        return self.model.state_dict()

    def take_hf_weights(self, weights: dict[str, Tensor]) -> None:
        """Put what `hf_weights` gave into `model`. Raises RuntimeError when it is of another architecture."""
        self.model.load_state_dict(weights)

    def onnx_step(self, graph: Any) -> str:  # noqa: ARG002
        """Add one step of `model` to an `ntgbench_onnx.graph.Graph` and return the name of its logits.

        Raises:
            PluginError: when the generator declares no graph.
        """
        raise PluginError(f"there is no ONNX graph of {self.kind}: its generator declares no onnx_step")

    def fit(self, train: Biflows, context: Context) -> None:
        """Train from scratch. Raises PluginError when there is no training biflow."""
        device = use_device(context)
        self.mapping = TokenMapping(len(train.classes), train.packets, train.pl_max)
        self.model = self.new_model()
        self.model.initialise(context.seed)
        self.model.to(device)
        rest, validation = training.hold_out(train, context.seed)
        rows, held_out = (
            torch.from_numpy(self.mapping.encode(part.signed_pl, part.label)).to(device) for part in (rest, validation)
        )
        loss = next_token_loss(self.model)
        training.fit(self.model, loss, rows, held_out, self.parameters, context, rest.label)
        self.ready()

    def sample(self, labels: Labels, rng: np.random.Generator) -> SignedPL:
        """Draw from the model, at temperature 1, as `TokenRecipe.sampling` says."""
        return self.mapping.decode(self.sampler.sample(labels, rng))[0]

    def log_likelihood(self, biflows: Biflows) -> Likelihood:
        """What the model, at temperature 1, says of biflows of its layout."""
        return self.sampler.log_likelihood(self.mapping.encode(biflows.signed_pl, biflows.label))

    def save(self, folder: Path) -> None:
        """Write what `load` reads, and transformers' `AutoModelForCausalLM.from_pretrained` with a `hf_config`."""
        write_checkpoint(folder, self.kind, self.mapping.settings(), self.hf_weights(), self.hf_config())

    def load(self, folder: Path) -> None:
        """Read what `save` wrote. Raises PluginError when that is not what `folder` holds."""
        self.mapping = TokenMapping(**layout_numbers(read_settings(folder, self.kind)))
        self.model = sketched(self.new_model)
        weights = read_weights(folder, self.hf_weights())
        self.model = self.new_model()
        self.take_hf_weights(weights)
        self.ready()

    def ready(self) -> None:
        """Prepare for sampling, when `model` has its final weights."""
        self.model.eval()
        self.start = self.steps()
        self.sampler = Sampler(self.start, self.mapping, self.parameters.sampling)


def fitted_base(context: Context, wanted: str) -> tuple[System, TokenGenerator[Any]]:
    """The fitted system in `context.base` and its token generator, from which `wanted` starts.

    Raises:
        PluginError: when there is no such model, or it is not a token generator.
    """
    if context.base is None:
        raise PluginError(
            f"{wanted} starts from a fitted model and got none: `ntgbench run` fits it first and hands it over; "
            "elsewhere, set Context.base to its folder"
        )
    fitted = systems.load(context.base.parent)
    if not isinstance(fitted.built, TokenGenerator):
        raise PluginError(f"{fitted.system.display_name} is not a token generator, which {wanted} needs")
    return fitted.system, fitted.built
