"""Packets as rows of a table, and models in files."""

import json
from dataclasses import replace

import numpy as np
import pytest
from ntgbench_ctgan.biflows import CtganOfBiflows
from ntgbench_ctgan.columns import Mixtures, mixed
from ntgbench_ctgan.endpoints import Known, of_words, words
from ntgbench_ctgan.headers import CtganOfPackets
from ntgbench_ctgan.packets import Packets, table_of
from ntgbench_ctgan.parameters import BiflowParameters, HeaderParameters

from ntgbench.errors import PluginError
from ntgbench.interfaces import Context
from ntgbench.testing import example_traffic
from ntgbench.tracks.headers.example import example_trace
from ntgbench.traffic.trace import COLUMN_KINDS, PacketTrace, is_ipv4

TRACE = example_trace()
MODES = HeaderParameters(endpoints="modes", fields="modes")
TINY = {"steps": 2, "batch": 20, "hidden": 8, "noise": 4}


@pytest.mark.parametrize("parameters", [HeaderParameters(), MODES], ids=["mixed", "modes"])
@pytest.mark.parametrize("short", [False, True], ids=["ipv6", "ipv4"])
def test_numbers_of_packets_are_packets_again(parameters, short):
    trace = TRACE.select(TRACE.is_ipv4()) if short else TRACE
    packets = Packets.of(trace, parameters)
    numbers = packets.numbers(trace)
    assert tuple(numbers) == packets.names
    back = packets.trace(numbers, trace.span_ns)
    for name in COLUMN_KINDS:
        if name == "time_ns":
            assert np.abs(back.time_ns - trace.time_ns).max() <= 1
        else:
            assert (getattr(back, name) == getattr(trace, name)).all(), name


def test_a_row_of_ten_thousand_addresses_is_narrow():
    rng = np.random.default_rng(1)
    trace = PacketTrace.of(
        time_ns=np.arange(20_000),
        source=rng.permutation(10_000).repeat(2) * 400_000,
        destination=rng.integers(0, 2**32, 20_000),
        source_port=rng.integers(0, 2**16, 20_000),
        destination_port=np.full(20_000, 443),
        protocol=np.full(20_000, 6),
        ip_length=np.full(20_000, 40),
        ttl=np.full(20_000, 64),
    )
    for parameters in (HeaderParameters(mixture_rows=500), replace(MODES, mixture_rows=500)):
        table, rows = table_of(Packets.of(trace, parameters).numbers(trace), parameters, rng)
        assert table.width < 100
        assert rows.choice.nbytes + rows.place.nbytes < 20_000 * 300


def test_an_address_of_a_rank_has_the_version_that_is_wanted():
    known = Known.of(TRACE.source, TRACE.destination)
    ranks = np.linspace(-3, len(known.addresses) + 3, 50)
    for version in (True, False):
        made = known.at(ranks, np.full(50, version))
        assert (is_ipv4(made) != version).all()
    exact = known.ranks(TRACE.source)
    assert (known.at(exact, ~TRACE.is_ipv4()) == TRACE.source).all()
    # Of one version alone, that is what there is.
    short = Known.of(TRACE.source[TRACE.is_ipv4()])
    assert is_ipv4(short.at(ranks, np.ones(50, bool))).all()


def test_words_that_are_no_ipv6_address_become_one():
    addresses = np.array([[0x2001_0DB8 << 32, 1], [0, 0xFFFF_0A00_0001]], np.uint64)
    ipv6 = np.array([True, False])
    assert (of_words(words(addresses, ipv6=True), ipv6) == addresses).all()
    mapped = [np.zeros(1), np.zeros(1), np.full(1, 65_535.0), np.full(1, 9.0)]
    made = of_words(mapped, np.array([True]))
    assert not is_ipv4(made).any()
    outside = of_words([np.array([-5.0, 1e12])], np.zeros(2, bool))
    assert (outside[:, 1] & np.uint64(2**32 - 1)).tolist() == [0, 2**32 - 1]


def test_forms_modes_and_frequent_values_shape_the_table():
    parameters = HeaderParameters(mixture_rows=300)

    def widths(**changes):
        p = replace(parameters, **changes)
        packets = Packets.of(TRACE, p)
        table, _ = table_of(packets.numbers(TRACE), p, np.random.default_rng(1))
        return dict(zip(packets.names, table.columns, strict=True))

    usual = widths()
    assert len(usual["ttl"].values) == 2
    assert not usual["ttl"].has_places
    assert not len(widths(fields="modes")["ttl"].values)
    assert len(usual["source_port"].values) > len(widths(frequent=2)["source_port"].values) == 2
    assert not len(widths(endpoints="modes")["source_port"].values)
    assert len(widths(modes=1)["time"].means) == 1
    assert len(usual["time"].means) > 1
    numbers = np.random.default_rng(1).normal(0, 1, 1_000)
    few, many = (mixed(numbers, Mixtures(1, rows), 0, np.random.default_rng(1))[0] for rows in (10, 1_000))
    assert few.means != pytest.approx(many.means)


def saved(tmp_path, **changes):
    system = CtganOfPackets(HeaderParameters(**TINY, **changes))
    system.fit(TRACE, Context(seed=1))
    system.save(tmp_path)
    return system


@pytest.mark.parametrize("form", ["mixed", "modes"])
def test_a_saved_model_makes_the_same(tmp_path, form):
    system = saved(tmp_path, endpoints=form, fields=form)
    other = CtganOfPackets(system.parameters)
    other.load(tmp_path)
    made = [one.sample(300, 10**9, np.random.default_rng(1)).digest() for one in (system, other)]
    assert made[0] == made[1]
    biflows = CtganOfBiflows(BiflowParameters(**TINY, lengths=form))
    biflows.fit(example_traffic(), Context(seed=1))
    biflows.save(tmp_path)
    again = CtganOfBiflows(biflows.parameters)
    again.load(tmp_path)
    labels = np.repeat([0, 1, 2, 3], 50).astype(np.int32)
    one, two = (each.sample(labels, np.random.default_rng(1)) for each in (biflows, again))
    assert (one == two).all()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda s: s.update(ipv6=False), "columns are needed"),
        (lambda s: s.update(known=0), "endpoints"),
        (lambda s: s.update(known=3), "known"),
        (lambda s: s["columns"][0].update(sigmas=[]), "each mode has a sigma"),
        (lambda s: s["columns"][1].update(values=[6.0, 17.5]), "values that the field can hold"),
        (lambda s: s["columns"][1].update(values=[17.0, 6.0]), "values go up"),
        (lambda s: s["columns"][1].update(counts=[0, 0]), "some rows"),
        (lambda s: s["columns"][1].update(counts=[1]), "has a count"),
        (lambda s: s["columns"][1].update(low=99.0), "low is at most high"),
        (lambda s: s["columns"][0]["sigmas"].__setitem__(0, 0.0), "above 0"),
    ],
)
def test_a_damaged_model_is_refused(tmp_path, change, told):
    system = saved(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    change(config["ntgbench"]["settings"])
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(PluginError, match=told):
        CtganOfPackets(system.parameters).load(tmp_path)


@pytest.mark.parametrize(
    ("column", "share", "told"), [(0, -1.0, "the class"), (1, 1e-9, "at least one byte")], ids=["class", "packet"]
)
def test_a_model_of_biflows_needs_a_class_and_a_packet(tmp_path, column, share, told):
    system = CtganOfBiflows(BiflowParameters(**TINY, frequent=1_000))
    system.fit(example_traffic(), Context(seed=1))
    system.save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    values = config["ntgbench"]["settings"]["columns"][column]["values"]
    values[:] = sorted(share * value for value in values)
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(PluginError, match=told):
        CtganOfBiflows(system.parameters).load(tmp_path)
