"""The generators: a fitted token generator as one file that ONNX Runtime runs, here or on any other machine."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from ntgbench_llama.model import Llama
from ntgbench_mamba.model import Mamba

from ntgbench.errors import PluginError
from ntgbench.learning.device import use_device
from ntgbench.learning.sampling import Sampler
from ntgbench.learning.token_generator import fitted_base
from ntgbench.mapping.tokens import PAD
from ntgbench_onnx import llama, mamba
from ntgbench_onnx.checks import checked_mapping, parsed, read
from ntgbench_onnx.graph import Graph
from ntgbench_onnx.steps import OnnxSteps, session

if TYPE_CHECKING:
    from pathlib import Path

    from ntgbench.interfaces import Context, Labels, NoParameters, SignedPL
    from ntgbench.learning.token_model import TokenModel
    from ntgbench.traffic.biflows import Biflows

FORMAT = 1
"""Version of the graph's inputs and outputs and of what its metadata say."""

MODEL_FILE = "model.onnx"

METADATA = "ntgbench"
"""Key of our own among the file's metadata."""


class OnnxGenerator:
    """A fitted token generator in ONNX Runtime, on the CPU whatever the device. Learns nothing itself.

    Attributes:
        form: what the file holds.
        int8: whether its weights are int8.
        mapping: what the tokens are.
        file: the model as a file.
    """

    form: ClassVar[str] = "onnx"
    int8: ClassVar[bool] = False

    def __init__(self, parameters: NoParameters) -> None:
        self.parameters = parameters

    def fit(self, train: Biflows, context: Context) -> None:  # noqa: ARG002
        """Write the fitted model in `context.base` as a graph; of the training set nothing is needed.

        Raises:
            PluginError: when there is no such model, or there is no graph of it.
        """
        use_device(context)
        system, fitted = fitted_base(context, self.form)
        mapping, model = fitted.mapping, fitted.model
        about = {"format": FORMAT, "form": self.form, "system": system.display_name, "mapping": mapping.settings()}
        graph = Graph(model, self.int8)
        logits = _step(model, graph)
        self._use(graph.finish(logits, mapping.vocabulary, {METADATA: json.dumps(about)}))

    def sample(self, labels: Labels, rng: np.random.Generator) -> SignedPL:
        """Draw from the model, at temperature 1."""
        return self.mapping.decode(self.sampler.sample(labels, rng))[0]

    def save(self, folder: Path) -> None:
        """Write the one file; its metadata say what tokens mean."""
        (folder / MODEL_FILE).write_bytes(self.file)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote. Raises PluginError when that is not what `folder` holds."""
        path = folder / MODEL_FILE
        try:
            self._use(read(path))
        except PluginError as error:
            raise PluginError(f"{path} {error}") from error
        except Exception as error:  # ONNX Runtime has an exception for each kind of failure, with no common base
            raise PluginError(f"cannot read {path}: {error}") from error

    def _use(self, file: bytes) -> None:
        """Prepare for sampling with a model, on torch's number of threads."""
        graph = parsed(file).graph
        running = session(file, torch.get_num_threads())
        text = running.get_modelmeta().custom_metadata_map.get(METADATA)
        about = None if text is None else json.loads(text)
        if not isinstance(about, dict):
            raise PluginError("was not written by ntgbench; it says nothing of what its tokens mean")
        if about["format"] != FORMAT:
            raise PluginError(f"has format {about['format']!r}; this version reads format {FORMAT}")
        if about["form"] != self.form:
            raise PluginError(f"holds a model of form {about['form']!r}, not {self.form!r}")
        self.file, self.mapping = file, checked_mapping(about["mapping"], graph)
        self.start = partial(OnnxSteps.start, running)
        # The lowest and the highest token, and what each leaves for the next step.
        steps, ends = self.start(2), np.array([PAD, self.mapping.vocabulary - 1])
        for logits in (steps.step(ends), steps.step(ends)):
            if logits.shape != (2, self.mapping.vocabulary) or not logits.isfinite().all():
                raise PluginError("computes no logits of its tokens; it is damaged")
        self.sampler = Sampler(self.start, self.mapping)


class Int8OnnxGenerator(OnnxGenerator):
    """The same with weights in int8, and where that is faster activations quantised as they come."""

    form, int8 = "onnx-int8", True


def _step(model: TokenModel, graph: Graph) -> str:
    """Add a step of `model` to `graph` and return its logits. Raises PluginError for a model of another kind."""
    if isinstance(model, Llama):
        return llama.step(model, graph)
    if isinstance(model, Mamba):
        return mamba.step(model, graph)
    raise PluginError(f"there is no graph of {type(model).__name__}")
