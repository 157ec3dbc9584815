"""The training: that of the package, resumed after a kill, cut by a budget, stopped; and what is drawn then."""

import itertools
import os
import signal
import subprocess
import sys
import warnings
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("realtabformer", reason="realtabformer is not installed: pip install 'ntgbench[realtabformer]'")

import torch
from ntgbench_realtabformer.generator import REaLTabFormer
from ntgbench_realtabformer.network import drawn, loss, network
from ntgbench_realtabformer.parameters import REaLTabFormerParameters
from ntgbench_realtabformer.rows import rows_of
from ntgbench_realtabformer.tokens import RMASK, Layout, tokenised
from ntgbench_realtabformer.training import Training

from ntgbench.errors import PluginError
from ntgbench.interfaces import Budget, Context
from ntgbench.tracks.headers.example import example_trace

SMALL = REaLTabFormerParameters(layers=1, heads=2, width=16, epochs=4, evaluate_every=3, dropout=0.1)
EXAMPLE = example_trace()
TRAIN = EXAMPLE.select(EXAMPLE.is_ipv4()).select(np.arange(200))
ROWS = rows_of(TRAIN, False)


def fitted(train=TRAIN, context=Context(seed=6), **changes):  # noqa: B008
    system = REaLTabFormer(replace(SMALL, **changes))
    system.fit(train, context)
    return system


def weights(system):
    return {name: weight.detach() for name, weight in system.model.network.named_parameters()}


@pytest.fixture(scope="module")
def whole():
    return fitted()


def test_a_training_is_that_of_the_package(tmp_path):
    """One batch of all rows, without dropout, is the same in any order: only rounding may differ."""
    import pandas as pd
    from realtabformer import REaLTabFormer as Package
    from transformers import GPT2Config

    steps, rows = 5, {column: numbers[:40] for column, numbers in ROWS.items()}
    p = replace(SMALL, dropout=0.0, train_size=1.0, batch=40, epochs=steps, learning_rate=1e-3)
    quiet = {
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": True,
        "save_strategy": "no",
        "logging_strategy": "no",
    }
    config = GPT2Config(n_layer=1, n_head=2, n_embd=16, embd_pdrop=0.0, attn_pdrop=0.0, resid_pdrop=0.0)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The `bos_token_id`", category=UserWarning)
        package = Package(
            "tabular", config, epochs=steps, batch_size=40, gradient_accumulation_steps=1, numeric_nparts=2,
            learning_rate=1e-3, checkpoints_dir=str(tmp_path), **quiet,
        )  # fmt: skip
    # An argument that transformers 5 no longer has.
    del package.training_args_kwargs["overwrite_output_dir"]
    trainer = package._fit_tabular(pd.DataFrame(rows), device="cpu")
    layout, ids = tokenised(rows, 2)
    model = network(layout, p)
    begun = dict(package.model.named_parameters())
    assert {n: w.shape for n, w in model.named_parameters() if "wpe" not in n} == {
        n: w.shape for n, w in begun.items() if "wpe" not in n
    }
    places = model.transformer.wpe.weight.shape[0]
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.copy_(begun[name][:places] if "wpe" in name else begun[name])
    trainer.train()
    Training(model, ids, p, seed=1).fit(Context(seed=1))
    for name, weight in model.named_parameters():
        expected = begun[name][:places] if "wpe" in name else begun[name]
        torch.testing.assert_close(weight, expected, rtol=1e-3, atol=2e-4)


def test_the_same_seed_gives_the_same_weights_and_another_one_others(whole):
    same, other = weights(fitted()), weights(fitted(context=Context(seed=7)))
    assert all(torch.equal(weight, same[name]) for name, weight in weights(whole).items())
    assert not torch.equal(weights(whole)["transformer.wte.weight"], other["transformer.wte.weight"])


KILLED = f"""
import os, sys
import numpy as np
from pathlib import Path
from ntgbench.interfaces import Context
from ntgbench.learning import resume
from ntgbench.tracks.headers.example import example_trace
from ntgbench_realtabformer.generator import REaLTabFormer
from ntgbench_realtabformer.parameters import REaLTabFormerParameters
resume.SAVE_EVERY = 0.0
def progress(done, total, note=""):
    if done == 10:
        os.kill(os.getpid(), {int(signal.SIGKILL)})
train = example_trace()
train = train.select(train.is_ipv4()).select(np.arange(200))
REaLTabFormer({SMALL!r}).fit(train, Context(seed=6, checkpoint=Path(sys.argv[1]), progress=progress))
"""


def test_a_training_that_was_killed_ends_with_the_same_weights(tmp_path, whole, caplog):
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    killed = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    again = fitted(context=Context(seed=6, checkpoint=tmp_path))
    # The step in which it was killed was not saved.
    assert "resumed after step 9" in caplog.text
    assert all(torch.equal(weight, weights(again)[name]) for name, weight in weights(whole).items())
    assert again.losses == whole.losses


@pytest.mark.parametrize(("budget", "steps"), [(Budget(steps=5), 5), (Budget(epochs=1), 3), (Budget(minutes=1e-9), 0)])
def test_a_budget_cuts_the_training(budget, steps, caplog):
    system = fitted(context=Context(seed=6, budget=budget))
    assert (system.losses[-1][0] if system.losses else 0) == steps
    assert f"training made {steps} of 12 steps by the budget" in caplog.text
    assert len(system.sample(20, TRAIN.span_ns, np.random.default_rng(1))) == 20


def test_the_weights_are_those_that_are_best_on_held_out_rows_and_the_training_stops():
    layout, ids = tokenised(ROWS, 2)
    p = replace(SMALL, train_size=0.1, epochs=60, learning_rate=0.03, patience=4, dropout=0.0)
    torch.manual_seed(1)
    training = Training(network(layout, p), ids, p, seed=1)
    assert (len(training.learnt), len(training.held_out)) == (20, 180)
    losses = training.fit(Context(seed=1)).losses
    # Nothing changes after the fourth look in a row that did not find a smaller loss.
    assert losses[-1][1:] == losses[-10][1:]
    assert losses[-1][2] > float(training.at_best[0])
    with torch.no_grad():
        assert float(loss(training.model, training.held_out)) == pytest.approx(float(training.at_best[0]), rel=1e-5)


def test_without_held_out_rows_all_are_learnt_and_the_last_weights_stay():
    layout, ids = tokenised(ROWS, 2)
    training = Training(network(layout, SMALL), ids, replace(SMALL, train_size=1.0), seed=1)
    assert (len(training.learnt), len(training.held_out), training.best) == (len(TRAIN), 0, {})
    assert {tuple(row) for row in training.learnt.tolist()} == {tuple(row) for row in ids.tolist()}
    assert training.fit(Context(seed=1)).made == 16


def test_a_share_of_tokens_is_masked():
    layout, ids = tokenised(ROWS, 2)
    training = Training(network(layout, SMALL), ids, replace(SMALL, mask_rate=0.25), seed=1)
    rows = torch.cat([training.learnt, training.held_out])[:, 1:-1]
    assert float((rows == RMASK).float().mean()) == pytest.approx(0.25, abs=0.02)


def test_tokens_are_drawn_with_the_chances_that_the_model_gives_them_at_their_place():
    layout = Layout({"a": 4}, (("0",), ("0", "1"), ("5",), ("0", "1", "2")))
    torch.manual_seed(4)
    model = network(layout, replace(SMALL, dropout=0.0)).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(4)
    count = 40_000
    made = drawn(model, layout, count, torch.Generator().manual_seed(1))
    found = np.bincount(layout.read(made)["a"], minlength=160) / count
    expected = np.zeros(160)
    with torch.no_grad():
        one = model(torch.tensor([[5, 11]])).logits[0, -1, 12:14].softmax(0)
        for bit in (0, 1):
            seen = model(torch.tensor([[5, 11, 12 + bit, 14]])).logits[0, -1, 15:18].softmax(0)
            expected[100 * bit + 50 : 100 * bit + 53] = (one[bit] * seen).numpy()
    assert expected.sum() == pytest.approx(1)
    assert (expected > 0.02).sum() >= 3
    np.testing.assert_allclose(found, expected, atol=6 * 0.5 / np.sqrt(count))


def test_a_model_that_makes_no_packets_is_told(whole):
    broken = REaLTabFormer(SMALL)
    layout = whole.model.layout
    begin = [*itertools.accumulate(layout.columns.values(), initial=0)][[*layout.columns].index("time")]
    parts = tuple(("99",) if place == begin else one for place, one in enumerate(layout.parts))
    broken.model = replace(whole.model, layout=Layout(layout.columns, parts))
    with pytest.raises(PluginError, match=r"only 0 of 2,100 rows that the model made are packets, and 5 were asked"):
        broken.sample(5, 10, np.random.default_rng(1))


def test_enough_epochs_learn_rows_by_heart():
    few = TRAIN.select(np.arange(12))
    system = fitted(few, epochs=150, learning_rate=0.02, train_size=1.0, dropout=0.0)
    made = system.sample(300, few.span_ns, np.random.default_rng(1))

    def rows(trace):
        after = (trace.time_ns - few.time_ns[0]) // 1000
        return list(zip(after, trace.source_port, trace.ip_length, trace.ip_id, strict=True))

    assert np.mean([row in rows(few) for row in rows(made)]) > 0.5
