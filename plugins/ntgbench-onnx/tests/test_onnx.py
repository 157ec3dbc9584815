"""Token generators in ONNX Runtime: their contract, that they compute what their bases do, and the file alone."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from click.testing import CliRunner
from ntgbench_onnx.generator import METADATA, MODEL_FILE, Int8OnnxGenerator, OnnxGenerator

from ntgbench import Biflows, NoParameters, systems
from ntgbench.cli.export import export
from ntgbench.cli.generate import generate
from ntgbench.errors import NtgbenchError, PluginError
from ntgbench.interfaces import Context
from ntgbench.learning.token_generator import TokenGenerator
from ntgbench.systems import choose
from ntgbench.testing import Check, example_traffic, system_checks

README = (Path(__file__).parent.parent / "README.md").read_text()
TRAFFIC = example_traffic(packets=6, pl_max=40)
SMALL = {
    "llama": "llama[hidden=32,intermediate=48,layers=2,heads=2,epochs=20,batch=32,learning_rate=0.01]",
    "mamba": "mamba[hidden=16,state=4,layers=2,epochs=20,batch=32,learning_rate=0.01]",
}
FORMS = [OnnxGenerator, Int8OnnxGenerator]


@pytest.fixture(scope="module", params=SMALL)
def base(request, tmp_path_factory):
    """Folder of a fitted system."""
    folder = tmp_path_factory.mktemp("base")
    choose(SMALL[request.param]).fit(TRAFFIC, Context(seed=1)).save(folder)
    return folder


@pytest.fixture
def plain(base) -> TokenGenerator:
    built = systems.load(base).built
    assert isinstance(built, TokenGenerator)
    return built


def exported(form: type[OnnxGenerator], base: Path) -> OnnxGenerator:
    generator = form(NoParameters())
    generator.fit(TRAFFIC, Context(seed=1, base=base / systems.MODEL_FOLDER))
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
            steps, order = steps.select(turn), order[turn]
    return torch.stack(found, dim=1)


def rows_of(generator: TokenGenerator) -> np.ndarray:
    return generator.mapping.encode(TRAFFIC.signed_pl, TRAFFIC.label)


def distance(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other).norm() / other.norm())


@pytest.mark.parametrize(
    "check",
    [
        check
        for base, small in SMALL.items()
        for form in ("onnx", "onnx-int8")
        for check in system_checks(f"{base}-{form}", small)
    ],
    ids=str,
)
def test_keeps_the_contract(check: Check) -> None:
    check()


def test_logits_are_those_of_the_base(base, plain) -> None:
    rows = rows_of(plain)
    found = logits(exported(OnnxGenerator, base).start, rows)
    np.testing.assert_allclose(found, logits(plain.start, rows), rtol=0, atol=1e-4)


def test_the_same_random_numbers_give_the_same_biflows(base, plain) -> None:
    labels = np.resize(np.arange(3, dtype=np.int32), 2000)
    made = [g.sample(labels, np.random.default_rng(5)) for g in (exported(OnnxGenerator, base), plain)]
    # The last bit of a distribution can decide a draw, once in very many.
    assert (made[0] != made[1]).any(axis=1).sum() <= 2


def test_int8_changes_logits_little(base, plain) -> None:
    rows = rows_of(plain)
    exact, found = (logits(one.start, rows) for one in (plain, exported(Int8OnnxGenerator, base)))
    assert 1e-4 < distance(found, exact) < 0.03
    assert (found.argmax(dim=2) == exact.argmax(dim=2)).float().mean() > 0.95


def test_a_row_with_large_numbers_leaves_the_others_as_they_are() -> None:
    """onnxruntime's own quantiser has one scale for all rows, which fails this."""
    from ntgbench_onnx.graph import LOGITS, ROWS, TOKENS, Graph
    from ntgbench_onnx.steps import session

    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.Embedding(3, 32), torch.nn.Linear(32, 24, bias=False))
    with torch.no_grad():
        model[0].weight[1] *= 1000.0
        model[0].weight[2] = 0.0
    graph = Graph(model, int8=True)
    x = graph.node("Gather", graph.weight(model[0].weight), TOKENS)
    running = session(graph.finish(graph.linear(x, model[1]), 24, {}), threads=1)
    assert running.get_outputs()[0].name == LOGITS
    assert running.get_outputs()[0].shape == [ROWS, 24]
    (found,) = running.run(None, {TOKENS: np.arange(3)})
    with torch.no_grad():
        expected = model(torch.arange(3)).numpy()
    for row in (0, 1):
        np.testing.assert_allclose(found[row], expected[row], rtol=0, atol=0.02 * np.abs(expected[row]).max())
    np.testing.assert_array_equal(found[2], 0.0)


def test_a_convolution_of_one_tap_has_no_memory(tmp_path) -> None:
    choose("mamba[hidden=16,layers=1,conv_kernel=1,epochs=1]").fit(TRAFFIC, Context(seed=1)).save(tmp_path)
    plain = systems.load(tmp_path).built
    rows = rows_of(plain)
    found = logits(exported(OnnxGenerator, tmp_path).start, rows)
    np.testing.assert_allclose(found, logits(plain.start, rows), rtol=0, atol=1e-4)


@pytest.mark.parametrize("form", FORMS)
def test_what_is_saved_is_one_file_of_standard_operators(form, base, tmp_path) -> None:
    exported(form, base).save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [MODEL_FILE]
    model = onnx.load(tmp_path / MODEL_FILE)
    assert [(one.domain, one.version) for one in model.opset_import] == [("", 23)]
    assert {node.domain for node in model.graph.node} == {""}
    about = json.loads({one.key: one.value for one in model.metadata_props}[METADATA])
    assert about["mapping"] == {"classes": 4, "packets": 6, "pl_max": 40}
    assert about["system"].startswith(systems.load(base).system.spec.name)


def test_a_damaged_or_foreign_file_is_refused(base, tmp_path) -> None:
    path, reader = tmp_path / MODEL_FILE, OnnxGenerator(NoParameters())
    with pytest.raises(PluginError, match="cannot read"):
        reader.load(tmp_path)
    exported(Int8OnnxGenerator, base).save(tmp_path)
    with pytest.raises(PluginError, match="form 'onnx-int8', not 'onnx'"):
        reader.load(tmp_path)
    model = onnx.load(path)
    for text, said in (
        ('{"format": 0}', "has format 0; this version reads format 1"),
        ('{"format": 1, "form": "onnx"}', "cannot read .*mapping"),
        ("{", "cannot read"),
    ):
        onnx.helper.set_model_props(model, {METADATA: text})
        onnx.save(model, path)
        with pytest.raises(PluginError, match=said):
            reader.load(tmp_path)
    del model.metadata_props[:]
    onnx.save(model, path)
    with pytest.raises(PluginError, match="not written by ntgbench"):
        reader.load(tmp_path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(PluginError, match="cannot read"):
        reader.load(tmp_path)


def test_without_a_model_it_says_what_to_do() -> None:
    with pytest.raises(PluginError, match="ntgbench run"):
        OnnxGenerator(NoParameters()).fit(TRAFFIC, Context(seed=1))


def test_a_system_that_reads_no_tokens_is_refused(tmp_path) -> None:
    choose("markov").fit(TRAFFIC, Context(seed=1)).save(tmp_path)
    with pytest.raises(PluginError, match="markov is no token generator"):
        exported(OnnxGenerator, tmp_path)


def said(*arguments: object) -> str:
    """What `ntgbench export` says when it refuses."""
    done = CliRunner().invoke(export, list(map(str, arguments)))
    assert isinstance(done.exception, NtgbenchError), done
    return str(done.exception)


@pytest.mark.parametrize("options", [[], ["--int8"]])
def test_an_exported_model_generates(options, base, tmp_path) -> None:
    # One class has never been seen, and an export must not forget that.
    some = tmp_path / "some"
    some.mkdir()
    name = systems.load(base).system.spec.name
    choose(SMALL[name]).fit(TRAFFIC.select(TRAFFIC.label < 3), Context(seed=1)).save(some)
    out = tmp_path / "new" / "edge"
    done = CliRunner().invoke(export, ["--model", str(some), "--format", "onnx", *options, "--out", str(out)])
    assert done.exit_code == 0, done
    assert re.match(rf"{name}-onnx{'-int8' if options else ''}, 0\.\d\d MB, in ", done.output)
    assert systems.load(out).classes == systems.load(some).classes == {"mail", "video", "chat"}
    flows = tmp_path / "made.parquet"
    arguments = ["--model", str(out), "--class", "chat", "-n", "7", "--out", str(flows)]
    assert CliRunner().invoke(generate, arguments).exit_code == 0
    assert len(Biflows.from_parquet(flows)) == 7
    assert "no empty folder" in said("--model", some, "--format", "onnx", "--out", out)


def test_what_cannot_be_exported_is_named(base, tmp_path, monkeypatch) -> None:
    out = tmp_path / "out"
    assert "holds no fitted system" in said("--model", tmp_path, "--format", "onnx", "--out", out)
    name = systems.load(base).system.spec.name
    assert f"{name} has no form 'gguf'; known: int8-da, int8-wo, onnx" in said(
        "--model", base, "--format", "gguf", "--out", out
    )
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "onnxruntime" else name)
    assert "needs onnxruntime, which is not installed" in said("--model", base, "--format", "onnx", "--out", out)
    other = tmp_path / "other"
    other.mkdir()
    choose("markov").fit(TRAFFIC, Context(seed=1)).save(other)
    assert "holds markov, of which there is no other form" in said("--model", other, "--format", "onnx", "--out", out)
    assert not out.exists()


def test_the_file_runs_without_ntgbench(base, tmp_path) -> None:
    """The README's program, in a process where ntgbench and torch cannot be imported."""
    exported(OnnxGenerator, base).save(tmp_path)
    (program,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    barred = "import sys; sys.modules['ntgbench'] = sys.modules['torch'] = None\n"
    check = "\nprint(*biflow)"
    made = subprocess.run(
        [sys.executable, "-c", barred + program + check], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    biflow = list(map(int, made.stdout.split()))
    assert 1 <= len(biflow) <= 6
    assert all(1 <= abs(length) <= 40 for length in biflow)
