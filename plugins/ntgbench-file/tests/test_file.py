import logging
from dataclasses import replace

import numpy as np
import pytest
from made_traces import down, trace, up
from ntgbench_file import ntgbench_generators
from ntgbench_file.parameters import FileParameters

from ntgbench.errors import PluginError
from ntgbench.files import content_digest
from ntgbench.interfaces import Context
from ntgbench.plugins import registry, resolve
from ntgbench.systems import load, with_parameters
from ntgbench.testing import example_traffic, system_checks
from ntgbench.tracks.headers.example import example_trace
from ntgbench.traffic.trace_files import write_trace_file

EXAMPLES = {"biflows": example_traffic, "headers": example_trace}

# These fit on another layout, or other classes, than the file has, or ask for more than is in it.
NOT_OF_A_FILE = ("any-labels", "any-layout", "one-biflow", "no-test-rows", "empty")


def fitted(path, track, train, home=None):
    spec = next(spec for spec in ntgbench_generators() if spec.track == track)
    system = resolve(spec.target)(FileParameters(str(path)))
    system.fit(train, Context(seed=0) if home is None else Context(seed=0, home=home))
    return system


@pytest.fixture
def made(tmp_path):
    """A function that writes traffic of a track to a file, and returns its path."""

    def write(traffic, name="made.parquet"):
        track = "headers" if hasattr(traffic, "time_ns") else "biflows"
        registry().track(track).write(traffic, tmp_path / name)
        return tmp_path / name

    return write


@pytest.mark.parametrize("track", EXAMPLES)
def test_keeps_the_contract(track, made):
    path = made(EXAMPLES[track]())
    checks = [check for check in system_checks(f"file[path={path}]", track=track) if check.name not in NOT_OF_A_FILE]
    assert len(checks) >= 7
    for check in checks:
        check()


@pytest.mark.parametrize("track", EXAMPLES)
def test_a_row_says_where_the_traffic_is_from_as_the_user_wrote_it(track, made, caplog):
    path = made(EXAMPLES[track](2), "a, [b] c.parquet")
    fitted(path.name, track, EXAMPLES[track](), path.parent)
    expected = f"made outside of ntgbench: read from {path.name}, BLAKE2b-128 {content_digest(path)}"
    assert caplog.messages == [expected]
    path.write_bytes(b"damaged")
    with pytest.raises(PluginError) as refused:
        fitted(path.name, track, EXAMPLES[track](), path.parent)
    assert path.name in str(refused.value)
    assert str(path.parent) not in str(refused.value)


@pytest.mark.parametrize("track", EXAMPLES)
def test_no_file_is_refused(track, tmp_path):
    with pytest.raises(PluginError, match=r"^file needs a file; write file\[path="):
        fitted("", track, EXAMPLES[track]())
    with pytest.raises(PluginError, match=r"nothing\.csv"):
        fitted("nothing.csv", track, EXAMPLES[track](), tmp_path)


@pytest.mark.parametrize("track", EXAMPLES)
def test_the_model_stands_without_the_file(track, made, tmp_path):
    train, path = EXAMPLES[track](), made(EXAMPLES[track]())
    system = with_parameters("file", {"path": str(path)}, track).fit(train, Context(seed=0))
    request = registry().track(track).request(train)
    before = system.sample(*request, seed=3)
    (tmp_path / "model").mkdir()
    system.save(tmp_path / "model")
    path.unlink()
    digest = registry().track(track).digest
    assert digest(load(tmp_path / "model").sample(*request, seed=3)) == digest(before)


def test_packets_come_as_they_are(made):
    synthetic = example_trace(2)
    system = fitted(made(synthetic), "headers", example_trace())
    assert system.sample(len(synthetic), synthetic.span_ns, np.random.default_rng(1)).digest() == synthetic.digest()


@pytest.mark.parametrize(
    ("packets", "span_ns", "left", "why"),
    [
        (4, 2_000_000_000, 3, "the rest is later than the 2.000 s asked for"),
        (1, 9_000_000_000, 2, "more than 2 times the 1 asked for"),
    ],
)
def test_a_trace_that_is_too_long_is_cut_and_says_so(made, caplog, packets, span_ns, left, why):
    synthetic = trace(up(0, 1), down(1, 2), up(2, 3), down(9, 4))
    path = made(synthetic)
    found = fitted(path, "headers", synthetic).sample(packets, span_ns, np.random.default_rng(1))
    assert found.digest() == synthetic.select(np.arange(left)).digest()
    assert caplog.messages[-1] == f"{path}: cut to the first {left} of 4 packets: {why}"


def test_packets_shorter_than_their_headers_are_lengthened_and_say_so(made, caplog):
    whole = trace(up(0, 5), down(1, 0), up(2, 0, flags=-1))
    path = made(replace(whole, ip_length=np.array([45, 20, 27], np.int32)))
    found = fitted(path, "headers", whole).sample(3, whole.span_ns, np.random.default_rng(1))
    assert found.digest() == whole.digest()
    assert caplog.messages[-1] == f"{path}: 2 packets shorter than their headers were lengthened to them"


def test_a_file_without_packets_is_refused(tmp_path):
    write_trace_file(example_trace().select([]), tmp_path / "none.parquet")
    with pytest.raises(PluginError, match=r"none\.parquet holds no usable packet"):
        fitted(tmp_path / "none.parquet", "headers", example_trace())


def test_biflows_come_once_each_by_the_names_of_their_classes(made):
    synthetic = example_traffic(seed=2)
    train = replace(synthetic, classes=synthetic.classes[::-1], label=3 - synthetic.label)
    system = fitted(made(synthetic), "biflows", train)
    labels = np.random.default_rng(5).permutation(train.label)
    rows = system.sample(labels, np.random.default_rng(1))
    for label in range(4):
        own, given = rows[labels == label], synthetic.signed_pl[synthetic.label == 3 - label]
        assert sorted(own.tolist()) == sorted(given.tolist())
    assert (
        system.sample(labels[:60], np.random.default_rng(1)) != system.sample(labels[:60], np.random.default_rng(2))
    ).any()


def test_too_few_biflows_are_refused_with_their_numbers(made):
    train = example_traffic()
    path = made(train.select(np.flatnonzero(train.label != 3)[2:]))
    names = train.classes
    with pytest.raises(PluginError) as refused:
        fitted(path, "biflows", train).sample(train.label, np.random.default_rng(1))
    assert str(refused.value) == (
        f"{path} lacks 3 of {len(train)} wanted biflows: 2 of class {names[0]!r}, 1 of class {names[3]!r}"
    )


def test_biflows_of_other_classes_are_left_out_and_say_so(made, caplog):
    train = example_traffic()
    path = made(replace(train, classes=("other", *train.classes[1:])))
    fitted(path, "biflows", train)
    count = int(train.class_counts()[0])
    assert caplog.messages[-1] == f"{path}: left out {count} biflows of classes that the training set has not"
    path = made(replace(train, classes=("e", "f", "g", "h")))
    with pytest.raises(PluginError, match="has no biflow of a class of the training set"):
        fitted(path, "biflows", train)


@pytest.fixture(autouse=True)
def _warnings(caplog):
    caplog.set_level(logging.WARNING)
