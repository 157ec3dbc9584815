"""Packets as rows and tokens, and back; tokens are those of the package."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("realtabformer", reason="realtabformer is not installed: pip install 'ntgbench[realtabformer]'")

import pandas as pd
from ntgbench_realtabformer import tokens
from ntgbench_realtabformer.rows import bounds, ranges_of, rows_of, trace_of, valid
from realtabformer.data_utils import SpecialTokens, build_vocab, get_input_ids, process_data

from ntgbench.tracks.headers.example import example_trace

TRAIN = example_trace()
KEPT = ("time_ns", "source", "destination", "source_port", "destination_port", "protocol", "ip_length", "ttl", "tos")
IPV4 = TRAIN.select(TRAIN.is_ipv4())


@pytest.mark.parametrize("digits", [1, 2, 3])
@pytest.mark.parametrize("trace", [TRAIN, IPV4], ids=["both", "IPv4"])
def test_tokens_give_back_the_rows_and_rows_the_packets(trace, digits):
    ipv6 = not trace.is_ipv4().all()
    rows = rows_of(trace, ipv6)
    layout, ids = tokens.tokenised(rows, digits)
    again = layout.read(ids[:, 1:-1])
    assert list(again) == list(rows) == list(bounds(ipv6))
    for column, numbers in rows.items():
        np.testing.assert_array_equal(again[column], numbers)
    made = trace_of(again, trace.time_ns, ipv6)
    for name in (*KEPT, "ip_id", "ip_flags", "fragment_offset"):
        np.testing.assert_array_equal(getattr(made, name), getattr(trace, name))
    assert valid(rows, ranges_of(rows), ipv6).all()


@pytest.mark.parametrize("digits", [1, 2])
def test_tokens_are_those_of_the_package(digits):
    rows = rows_of(TRAIN, True)
    layout, ids = tokens.tokenised(rows, digits)
    table, _ = process_data(pd.DataFrame(rows), numeric_nparts=digits)
    vocabulary = build_vocab(table, special_tokens=SpecialTokens.tokens(), add_columns=False)
    assert layout.first[-1] == len(vocabulary["id2token"])
    for at in range(0, len(table), 40):
        assert ids[at].tolist() == get_input_ids(table.iloc[at], vocabulary, table.columns)["input_ids"]
    allowed = [vocabulary["column_token_ids"][place] for place in table.columns]
    assert allowed == [list(range(a, b)) for a, b in zip(layout.first, layout.first[1:], strict=False)]
    special = SpecialTokens.tokens()
    assert len(special) == tokens.SPECIAL
    found = {"BOS": tokens.BOS, "EOS": tokens.EOS, "RMASK": tokens.RMASK}
    assert {name: special[token] for name, token in found.items()} == {name: f"[{name}]" for name in found}


@pytest.mark.parametrize(
    ("column", "number"),
    [("proto", 7), ("proto", 6 + 256), ("pkt_len", 27), ("srcip2", 1), ("dstip0", 1)],
)
def test_a_row_that_is_no_packet_is_known(column, number):
    rows = rows_of(IPV4, True)
    ranges = {column: (0, largest) for column, largest in bounds(True).items()}
    rows[column] = rows[column].copy()
    rows[column][5] = number
    assert np.flatnonzero(~valid(rows, ranges, True)).tolist() == [5]


@pytest.mark.parametrize("column", [name for name in bounds(False) if name != "proto"])
def test_a_number_that_no_training_row_comes_near_is_known(column):
    rows = rows_of(IPV4, False)
    least, largest = ranges_of(rows)[column]
    for number in (least - 1, largest + 1):
        changed = rows | {column: np.where(np.arange(len(IPV4)) == 5, number, rows[column])}
        assert np.flatnonzero(~valid(changed, ranges_of(rows), False)).tolist() == [5]


def test_ipv6_packets_have_no_identification():
    rows = rows_of(TRAIN, True)
    rows = {column: np.full(len(TRAIN), 3) if column in ("id", "flag", "off") else n for column, n in rows.items()}
    made = trace_of(rows, TRAIN.time_ns, True)
    for name in ("ip_id", "ip_flags", "fragment_offset"):
        assert (getattr(made, name) == np.where(TRAIN.is_ipv4(), 3, 0)).all()


def test_times_in_nanoseconds_are_cut_to_microseconds():
    trace = replace(IPV4, time_ns=IPV4.time_ns // 1000 * 1000 + 999)
    first = int(IPV4.time_ns[0] // 1000)
    np.testing.assert_array_equal(rows_of(trace, False)["time"], IPV4.time_ns // 1000 - first)
