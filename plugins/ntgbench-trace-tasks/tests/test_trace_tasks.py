import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ntgbench_trace_tasks import ntgbench_metrics
from ntgbench_trace_tasks.forecasts import MODELS, forecast
from ntgbench_trace_tasks.load import load, load_as_reference
from ntgbench_trace_tasks.representations import MOST_PACKETS, REPRESENTATIONS, FlowPackets, Measures
from real_traffic import REAL_TRAFFIC, needs_real_traffic

from ntgbench.plugins import resolve
from ntgbench.scores import score
from ntgbench.testing import metric_checks
from ntgbench.tracks.headers.example import example_trace
from ntgbench.traffic.trace import PacketTrace


def module(path):
    spec = importlib.util.spec_from_file_location(path.stem.replace("-", "_"), path)
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = loaded
    spec.loader.exec_module(loaded)
    return loaded


plain, hand = (module(Path(__file__).with_name(name)) for name in ("plain_trace_tasks.py", "made_pairs.py"))

SPECS = {spec.name: spec for spec in ntgbench_metrics()}
# Quick ones: of other models and detectors the known values are enough.
QUICK = ("prediction:knn", "anomaly:one_class", "detectors:f1_pca", "detectors:f1_kde", "detectors:f1_gmm")


def measure(real, synthetic, targets):
    found = {}
    for target in targets:
        found |= resolve(f"ntgbench_trace_tasks.{target}")(real, synthetic, 0)
    return found


def all_flows(trace):
    return FlowPackets.of(trace, len(trace), 0)


@pytest.fixture(scope="module")
def hand_values():
    """Of all targets at once, as the host asks for them."""
    return score(list(SPECS.values()), hand.trace(hand.REAL), hand.trace(hand.SYNTHETIC), 0)


@pytest.mark.parametrize("name", hand.FORECASTS)
def test_forecasts_of_the_hand_made_pair_have_their_known_values(hand_values, name):
    # An optimiser stops elsewhere in another version.
    rel = 0.05 if name.split("_")[-1] in ("ar", "arma") else 1e-6
    value, reference = hand.FORECASTS[name]
    assert hand_values[name]["value"] == pytest.approx(value, rel=rel)
    assert hand_values[f"{name}@ref"]["value"] == pytest.approx(reference, rel=rel)


@pytest.mark.parametrize("name", hand.AGREEMENTS)
def test_detectors_of_the_hand_made_pair_have_their_known_values(hand_values, name):
    value, reference = hand.AGREEMENTS[name]
    if value is not None:
        assert hand_values[name]["value"] == pytest.approx(value, abs=0.01)
    assert hand_values[f"{name}@ref"]["value"] == pytest.approx(reference, abs=0.01)


def test_every_metric_has_a_number(hand_values):
    assert {name for name in SPECS if hand_values[name]["value"] is None} == set()
    assert len(SPECS) == 12 + 6 + 30


@needs_real_traffic
@pytest.mark.slow
@pytest.mark.parametrize("pair", ["alexa_jitter", "iot_shuffle", "iot_fields"])
def test_real_traffic_has_its_known_values(pair):
    spec = REAL_TRAFFIC.parent / "spec"
    pairs = module(spec / "header-pairs.py")

    def trace(table):
        return PacketTrace.of(
            time_ns=table["time"] * 1000,
            source=table["srcip"],
            destination=table["dstip"],
            source_port=table["srcport"],
            destination_port=table["dstport"],
            protocol=table["proto"],
            ip_length=table["pkt_len"],
            ttl=table["ttl"],
        )

    found = score(list(SPECS.values()), *map(trace, pairs.PAIRS[pair]()), 0)
    known = json.loads((spec / "header-known-values.json").read_text())["pairs"][pair]
    known = {name.lower().replace(".", "_"): one for name, one in known.items()}
    for name, one in known.items():
        if name in SPECS:
            bound = {"abs" if name.startswith("f1") else "rel": one["tolerance"]}
            assert found[f"{name}@ref"]["value"] == pytest.approx(one["ref"], **bound), name
            if one["correct"] is not None:
                assert found[name]["value"] == pytest.approx(one["correct"], **bound), name


@st.composite
def traces(draw):
    """Packets of few flows at few moments, so that many are equal."""
    flow = st.sampled_from([hand.A, hand.B, hand.C, hand.D])
    packet = st.tuples(st.integers(0, 50) | st.integers(0, 10_000), flow, st.integers(40, 1500))
    return hand.trace(sorted(draw(st.lists(packet, min_size=5, max_size=40))))


@settings(deadline=None)
@given(real=traces(), synthetic=traces())
def test_loads_and_representations_are_those_of_the_plain_definitions(real, synthetic):
    if real.span_ns:
        found = load(synthetic, real.span_ns)
        assert [found.packet_rate.tolist(), found.throughput.tolist()] == list(plain.load(synthetic, real.span_ns))
    measures = Measures.of(all_flows(real))
    if measures.span_ns:
        expected = plain.representations(plain.flows(real), plain.flows(synthetic), MOST_PACKETS)
        for name, rows in REPRESENTATIONS.items():
            np.testing.assert_allclose(rows(all_flows(synthetic), measures), expected[name], rtol=1e-12, atol=1e-9)


def test_flows_are_drawn_without_replacement_by_the_seed():
    trace = example_trace()
    some = FlowPackets.of(trace, 10, 1)
    assert len(some) == 10
    assert some.count.tolist() != FlowPackets.of(trace, 10, 2).count.tolist()
    assert (np.diff(some.time_ns[some.first]) >= 0).all()
    assert len(FlowPackets.of(trace, 10**6, 1)) == (trace.flows.count >= 2).sum()


def test_a_shifted_trace_is_as_good_as_the_real_one():
    real = example_trace()
    found = measure(real, replace(real, time_ns=real.time_ns + 10**15 + 1), QUICK)
    # All flows that are alone in their bins are equally rare: the reference's threshold then calls none anomalous.
    assert found.pop("f1_samp_size_kde") == 0.0
    assert {value for name, value in found.items() if "@" not in name} == {1.0}
    assert found["throughput_knn@se"] == 0.0
    assert found["throughput_knn@sums"] == 1.0


@pytest.mark.parametrize("model", MODELS)
def test_a_series_that_repeats_itself_goes_on(model):
    series = np.tile([1.0, 5.0, 2.0, 8.0], 12)
    # AdaBoost and forests of shallow trees are not exact, ARIMA is nearly.
    assert forecast(model, series, 8) == pytest.approx(series[:8], abs=0.5)
    constant = np.full(30, 7.0)
    assert forecast(model, constant, 4) == pytest.approx(constant[:4])


@pytest.mark.parametrize("model", ["knn", "dt", "rf", "ab"])
def test_regressors_predict_what_scikit_learn_predicts(model):
    from ntgbench_trace_tasks.forecasts import _regressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    series = np.random.default_rng(3).gamma(1, 100, 60)
    theirs = make_pipeline(StandardScaler(), _regressor(model))
    theirs.fit([series[i : i + 5] for i in range(55)], series[5:])
    lags = series[-5:].tolist()
    for value in forecast(model, series, 6):
        assert value == pytest.approx(theirs.predict([lags])[0], rel=1e-12)
        lags = [*lags[1:], value]


def test_the_reference_drops_the_start_and_pads_no_bins():
    real, start = hand.trace(hand.REAL), hand.trace(hand.REAL).time_ns[0]
    early = hand.trace([(0, hand.A, 40), (5, hand.A, 50), (40, hand.A, 60), (60, hand.A, 70)])
    found = load_as_reference(early, int(start), real.span_ns)
    assert found.packet_rate.tolist() == [2, 1]
    assert found.throughput.tolist() == [110, 70]
    assert load(early, real.span_ns).throughput[:3].tolist() == [150, 70, 0]
    # A day later nothing overlaps: there is no such value.
    later = replace(real, time_ns=real.time_ns + 86_400 * 10**9)
    assert "throughput_knn@ref" not in measure(real, later, ["prediction:knn"])
    assert "throughput_knn@ref" in measure(real, real, ["prediction:knn"])


@pytest.mark.parametrize(
    "rows",
    [[(0, hand.A, 40)], [(3, hand.A, 40), (3, hand.A, 80)], [(0, hand.A, 40), (1, hand.A, 80), (9000, hand.A, 80)]],
    ids=["one packet", "one moment", "one flow"],
)
def test_poor_synthetic_traces_are_measured_all_the_same(rows):
    found = measure(hand.trace(hand.REAL), hand.trace(rows), (*QUICK, "prediction:ar", "prediction:dt"))
    for name in SPECS.keys() & found.keys():
        assert isinstance(found[name], str) == (len(rows) == 1 and name.startswith("f1")), name


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([(5, hand.A, 40), (5, hand.A, 40)], "no duration"),
        ([(0, hand.A, 40), (9, hand.B, 40)], "no flow of the real trace"),
    ],
)
def test_what_is_undefined_says_why(rows, reason):
    found = measure(hand.trace(rows), hand.trace(hand.REAL), ["prediction:knn", "anomaly:one_class"])
    assert any(isinstance(value, str) and reason in value for value in found.values())


def test_what_is_predicted_without_error_has_no_ratio():
    steady = hand.trace([(10 * i, hand.A, 100) for i in range(2001)])
    found = measure(steady.select(np.arange(2000)), steady.select(np.arange(2000)), ["prediction:dt"])
    assert "no error" in found["throughput_dt"]


@pytest.mark.parametrize("name", ["f1_stats", "f1_stats_kde"])
@pytest.mark.parametrize("index", range(3), ids=["in-range", "same-number", "better"])
def test_keeps_the_contract(name, index):
    metric_checks(name)[index]()


def test_threads_change_nothing():
    from threadpoolctl import threadpool_limits

    real, synthetic = example_trace(1), example_trace(2)
    with threadpool_limits(1):
        alone = measure(real, synthetic, QUICK)
    with threadpool_limits(4):
        assert measure(real, synthetic, QUICK) == alone


def test_long_flows_are_looked_at_as_far_as_nine_in_ten_go():
    long = hand.trace([(ms, flow, 100) for ms in range(400) for flow in (hand.A, hand.B)])
    assert Measures.of(all_flows(long)).packets == 400
    longer = hand.trace([(ms, hand.A, 100) for ms in range(2 * MOST_PACKETS)])
    assert Measures.of(all_flows(longer)).packets == MOST_PACKETS
