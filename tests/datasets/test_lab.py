"""The lab's data set: what the package holds, and that it is what its datasheet says."""

import re
from pathlib import Path

import numpy as np
import pytest

from ntgbench import Biflows, Context, load_dataset
from ntgbench.datasets import lab
from ntgbench.plugins import registry, resolve
from ntgbench.systems import choose
from ntgbench.tracks.biflows.splits import fraction, split
from ntgbench.tracks.headers.track import has_room
from ntgbench.traffic.flows import FlowTable
from ntgbench.traffic.trace import TCP, PacketTrace

FOLDER = Path(lab.__file__).parent


@pytest.fixture(scope="module")
def both() -> Biflows:
    return load_dataset("lab").traffic


@pytest.fixture(scope="module")
def link() -> PacketTrace:
    return load_dataset("lab-trace", track="headers").traffic


def named(biflows: Biflows) -> list[tuple[str, tuple[int, ...]]]:
    """Class and signed payload lengths of each."""
    rows = zip(biflows.label, biflows.signed_pl.tolist(), strict=True)
    return [(biflows.classes[label], tuple(row)) for label, row in rows]


def macro_f1(train: Biflows, test: Biflows) -> float:
    return float(resolve(registry().metrics()["macro_f1"].target)(test, train, 0)["macro_f1"].value)


def test_it_is_small_and_has_many_classes_of_many_sessions(both: Biflows) -> None:
    assert (FOLDER / lab.FLOWS).stat().st_size <= 3_000_000
    counts = both.class_counts()
    assert len(counts) >= 24
    assert np.median(counts) >= 1000
    assert counts.max() > 2 * counts.min()
    pairs = np.unique(np.stack([both.label, both.session]), axis=1)
    assert len(pairs[0]) == len(np.unique(both.session))  # a session is of one class
    assert np.bincount(pairs[0]).min() >= 24


def test_the_days_are_its_parts(both: Biflows) -> None:
    days = [load_dataset(f"lab-day{day}").traffic for day in (1, 2)]
    assert sum(map(len, days)) == len(both)
    assert not set(days[0].session.tolist()) & set(days[1].session.tolist())
    assert days[0].classes == days[1].classes == both.classes


def test_thirty_packets_and_their_iat_are_kept(both: Biflows) -> None:
    longer = lab.load(40, 1460)
    assert longer.lengths().max() == 30
    assert longer.iat is not None
    assert (longer.signed_pl[:, :10] == both.signed_pl).all()


def test_the_captures_are_of_the_same_biflows() -> None:
    """Each biflow of the sample is one of its session's, as far as the sample goes."""
    sample = load_dataset("lab-pcap").traffic
    flows, _ = FlowTable.from_parquet(FOLDER / lab.FLOWS)
    whole = flows.to_biflows(10, 1460)[0]
    known = set(named(whole))
    found = [one in known for one in named(sample)]
    assert set(sample.classes) == set(whole.classes)
    assert np.mean(found) >= 0.95
    assert sum(path.stat().st_size for path in (FOLDER / lab.CAPTURES).rglob("*.pcap")) < 1_500_000


def test_the_datasheet_counts_what_is_there(both: Biflows) -> None:
    page = (FOLDER / "datasheet.md").read_text()
    line = r"^\| `([a-z0-9-]+)` .*\| +([\d,]+) +\| +([\d,]+) +\| +\d+ +\| +\d+ +\|$"
    rows = re.findall(line, page, flags=re.MULTILINE)
    said = {name: int(one.replace(",", "")) + int(two.replace(",", "")) for name, one, two in rows}
    assert said == dict(zip(both.classes, both.class_counts().tolist(), strict=True))


def test_the_trace_is_what_its_datasheet_says(link: PacketTrace) -> None:
    assert (FOLDER / lab.TRACE).stat().st_size <= 2_000_000
    assert link.digest() == "ff63823d65e22d1807aa115ff730dc49"
    page = (FOLDER / "trace.md").read_text()
    said = f"headers of {len(link):,} packets on one link in 15 seconds: {len(link.flows):,} unidirectional flows"
    assert said in page
    assert f"{len(link):,} packets" in registry().datasets()["lab-trace"].summary
    assert 14.9 < link.span_ns / 1e9 < 15
    line = r"^\| `[a-z0-9-]+` +\| ([\d.]+) +\| ([\d,]+) +\| ([\d,]+) +\|$"
    rows = re.findall(line, page, flags=re.MULTILINE)
    assert len(rows) == len({address for address, *_ in rows}) == 39
    assert [sum(int(row[place].replace(",", "")) for row in rows) for place in (1, 2)] == [len(link), len(link.flows)]


def test_the_packets_of_the_trace_can_exist(link: PacketTrace) -> None:
    assert (np.diff(link.time_ns) >= 0).all()
    assert (link.time_ns % 1000 == 0).all()
    assert has_room(link).all()
    assert 0.5 < (link.protocol == TCP).mean() < 0.95
    for ends in (link.source, link.destination):
        address = ends[:, 1] & np.uint64(0xFFFF_FFFF)
        client = address >> np.uint64(16) == 198 << 8 | 18  # RFC 2544
        server = address >> np.uint64(8) == 192 << 16 | 2  # RFC 5737
        assert link.is_ipv4().all()
        assert (client | server).all()
    assert ((link.source[:, 1] >> np.uint64(16)) != (link.destination[:, 1] >> np.uint64(16))).all()


def test_the_trace_has_heavy_tails_and_no_flow_dominates(link: PacketTrace) -> None:
    count = link.flows.count
    assert len(count) > 5_000
    assert 0.1 < (count == 1).mean() < 0.3
    assert count.mean() > 1.4 * np.median(count)
    assert 200 < count.max() < 0.01 * len(link)


def test_the_trace_is_bursty_at_many_time_scales_and_its_halves_are_alike(link: PacketTrace) -> None:
    """A Poisson process has a variance-to-mean ratio of 1 at every scale."""
    time = link.time_ns - link.time_ns[0]
    ratio = []
    for step_us in (500, 5_000, 50_000, 500_000):
        packets = np.bincount(time // (step_us * 10**3))[: 15_000_000 // step_us]
        ratio.append(packets.var() / packets.mean())
    assert ratio[0] > 4
    assert (np.diff(np.log10(ratio)) > 0.3).all()
    early = time < 7_500_000_000
    assert 0.45 < early.mean() < 0.55
    assert 0.45 < link.ip_length[early].sum() / link.ip_length.sum() < 0.55


@pytest.mark.slow
def test_it_is_neither_easy_nor_hopeless_and_the_days_differ(both: Biflows) -> None:
    train, test = split(fraction(both, 0.15, 0), 0.2, seed=0)
    assert 0.75 <= macro_f1(train, test) <= 0.95
    first, second = (load_dataset(f"lab-day{day}", max_items=5_000).traffic for day in (1, 2))
    train, test = split(first, 0.2, seed=0)
    assert macro_f1(train, second) < macro_f1(train, test) - 0.02


@pytest.mark.slow
def test_a_longer_memory_scores_higher() -> None:
    """Some classes differ by what lies further back than a chain of order three remembers."""
    train, test = split(load_dataset("lab-day1", max_items=6_000).traffic, 0.2, seed=1)
    chains = [choose(name).fit(train, Context(seed=1)) for name in ("marginals", "markov", "markov[order=3]")]
    scores = [macro_f1(made, test) for made in (*(chain.sample(train.label, seed=1) for chain in chains), train)]
    assert (np.diff(scores) > 0.02).all()
