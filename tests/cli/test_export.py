"""`ntgbench export`: what it writes generates, and what it cannot write is named."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from made_token_systems import SMALL, TRAFFIC, fitted, third_party

from ntgbench import Biflows
from ntgbench.cli.export import export
from ntgbench.cli.generate import generate
from ntgbench.errors import NtgbenchError
from ntgbench.interfaces import Context
from ntgbench.systems import choose, load


@pytest.fixture(autouse=True)
def _third_party(tmp_path_factory):
    with third_party(tmp_path_factory.mktemp("site")):
        yield


def refusal(*arguments: object) -> str:
    """What `ntgbench export` says when it refuses."""
    done = CliRunner().invoke(export, list(map(str, arguments)))
    assert isinstance(done.exception, NtgbenchError), done
    return str(done.exception)


@pytest.mark.parametrize(
    ("base", "options"), [("llama", []), ("mamba", ["--int8"]), ("mine", []), ("mine", ["--int8"])]
)
def test_an_exported_model_generates(base, options, tmp_path) -> None:
    # One class has never been seen, and an export must not forget that.
    some = tmp_path / "some"
    some.mkdir()
    system = SMALL[base].replace("epochs=20", "epochs=1")
    choose(system).fit(TRAFFIC.select(TRAFFIC.label < 3), Context(seed=1)).save(some)
    out = tmp_path / "new" / "edge"
    done = CliRunner().invoke(export, ["--model", str(some), "--format", "onnx", *options, "--out", str(out)])
    assert done.exit_code == 0, done
    assert re.match(rf"{base}-onnx{'-int8' if options else ''}, 0\.\d\d MB, in ", done.output)
    again = ["--model", str(some), "--format", "onnx", *options, "--out", str(tmp_path / "again"), "--json"]
    told = json.loads(CliRunner().invoke(export, again).output)
    assert told["system"] == f"{base}-onnx{'-int8' if options else ''}"
    assert told["bytes"] == sum(path.stat().st_size for path in Path(told["folder"]).iterdir())
    assert set(load(out).known) == set(load(some).known) == {"mail", "video", "chat"}
    flows = tmp_path / "made.parquet"
    arguments = ["--model", str(out), "--class", "chat", "-n", "7", "--out", str(flows)]
    assert CliRunner().invoke(generate, arguments).exit_code == 0
    assert len(Biflows.from_parquet(flows)) == 7
    assert "not an empty folder" in refusal("--model", some, "--format", "onnx", "--out", out)


def test_what_cannot_be_exported_is_named(tmp_path, monkeypatch) -> None:
    out, base = tmp_path / "out", fitted("llama")
    assert "holds no fitted system" in refusal("--model", tmp_path, "--format", "onnx", "--out", out)
    assert "llama has no format 'gguf'; known: int8-da, int8-wo, onnx" in refusal(
        "--model", base, "--format", "gguf", "--out", out
    )
    assert "holds markov, which has no other format" in refusal(
        "--model", fitted("markov"), "--format", "onnx", "--out", out
    )
    monkeypatch.setattr("ntgbench.needs.is_installed", lambda name: name != "onnxruntime")
    assert "onnxruntime, which is not installed: pip install 'ntgbench[models]'" in refusal(
        "--model", base, "--format", "onnx", "--out", out
    )
    assert not out.exists()
