"""The generators: a fitted token generator as one ONNX file, run by ONNX Runtime here or on any other machine."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch

from ntgbench.errors import PluginError
from ntgbench.learning.device import use_device
from ntgbench.learning.sampling import Sampler
from ntgbench.learning.token_generator import fitted_base
from ntgbench.mapping.tokens import PAD
from ntgbench_onnx.checks import checked_graph, checked_mapping, read
from ntgbench_onnx.graph import Graph
from ntgbench_onnx.steps import OnnxSteps, session

if TYPE_CHECKING:
    from pathlib import Path

    from ntgbench.interfaces import Context, Likelihood, NoParameters
    from ntgbench.tracks.biflows.interfaces import Labels, SignedPL
    from ntgbench.traffic.biflows import Biflows

FORMAT = 1  # of the graph's inputs and outputs and of its metadata
MODEL_FILE = "model.onnx"
METADATA = "ntgbench"  # key of ntgbench's entry in the file's metadata


class OnnxGenerator:
    """A fitted token generator in ONNX Runtime, on the CPU whatever the device.

    It works for every token generator that declares `onnx_step`, and learns nothing itself. It has no parameters, so
    its draws are independent, whatever those of its base are.

    Attributes:
        format: the name of its format, which the file's metadata hold under the key "form".
        int8: whether its weights are int8.
        file: the model as a file.
    """

    format: ClassVar[str] = "onnx"
    int8: ClassVar[bool] = False

    def __init__(self, parameters: NoParameters) -> None:
        self.parameters = parameters

    def fit(self, train: Biflows, context: Context) -> None:  # noqa: ARG002
        """Write the fitted model in `context.base` as a graph. Raises PluginError when there is none, or no graph."""
        use_device(context)
        system, fitted = fitted_base(context, self.format)
        mapping, graph = fitted.mapping, Graph(fitted.model, self.int8)
        about = {"format": FORMAT, "form": self.format, "system": system.display_name, "mapping": mapping.settings()}
        self._use(graph.finish(fitted.onnx_step(graph), mapping.vocabulary, {METADATA: json.dumps(about)}))

    def sample(self, labels: Labels, rng: np.random.Generator) -> SignedPL:
        """Draw from the model, at temperature 1."""
        return self.mapping.decode(self.sampler.sample(labels, rng))[0]

    def log_likelihood(self, biflows: Biflows) -> Likelihood:
        """What the model, at temperature 1, says of biflows of its layout."""
        return self.sampler.log_likelihood(self.mapping.encode(biflows.signed_pl, biflows.label))

    def save(self, folder: Path) -> None:
        """Write the one file; its metadata say what the tokens mean."""
        (folder / MODEL_FILE).write_bytes(self.file)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote. Raises PluginError when `folder` holds anything else."""
        path = folder / MODEL_FILE
        try:
            self._use(read(path))
        except PluginError as error:
            raise PluginError(f"{path}: {error}") from error
        except Exception as error:  # ONNX Runtime's exceptions have no common base class
            raise PluginError(f"cannot read {path}: {error}") from error

    def _use(self, file: bytes) -> None:
        """Prepare for sampling, on torch's number of threads."""
        graph = checked_graph(file)
        running = session(file, torch.get_num_threads())
        about = json.loads(running.get_modelmeta().custom_metadata_map.get(METADATA, "null"))
        if not isinstance(about, dict):
            raise PluginError("was not written by ntgbench; it does not say what its tokens mean")
        if about["format"] != FORMAT:
            raise PluginError(f"has format {about['format']!r}; this version reads format {FORMAT}")
        if about["form"] != self.format:
            raise PluginError(f"holds a model of form {about['form']!r}, not {self.format!r}")
        self.file, self.mapping = file, checked_mapping(about["mapping"], graph)
        self.start = partial(OnnxSteps.start, running)
        # Two steps with the lowest and the highest token.
        steps, ends = self.start(2), np.array([PAD, self.mapping.vocabulary - 1])
        for logits in (steps.step(ends), steps.step(ends)):
            if logits.shape != (2, self.mapping.vocabulary) or not logits.isfinite().all():
                raise PluginError("does not compute logits of its tokens; it is damaged")
        self.sampler = Sampler(self.start, self.mapping)


class Int8OnnxGenerator(OnnxGenerator):
    """The same with weights in int8, and activations where `onnx_step` uses products of integers."""

    format, int8 = "onnx-int8", True
