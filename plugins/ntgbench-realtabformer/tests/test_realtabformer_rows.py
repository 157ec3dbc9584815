"""Packets as rows and tokens, and back; tokens are those of the package."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("realtabformer", reason="realtabformer is not installed: pip install 'ntgbench[realtabformer]'")

import pandas as pd
from ntgbench_realtabformer import tokens
from ntgbench_realtabformer.rows import bounds, rows_of, trace_of, valid
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
    last = int(trace.time_ns[-1] // 1000)
    assert valid(rows, int(trace.time_ns[0] // 1000), last, ipv6).all()


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
    [
        ("proto", 7), ("proto", 6 + 256), ("time", 0), ("time", 2**53), ("srcport", 65_536), ("dstport", 99_999),
        ("pkt_len", 27), ("pkt_len", 2**31), ("tos", 256), ("id", 65_536), ("flag", 8), ("off", 8192), ("ttl", 256),
        ("srcip3", 2**32), ("srcip2", 1), ("dstip0", 1),
    ],
)  # fmt: skip
def test_a_row_that_is_no_packet_is_known(column, number):
    rows = rows_of(IPV4, True)
    span = int(IPV4.time_ns[0] // 1000), int(IPV4.time_ns[-1] // 1000)
    rows[column] = rows[column].copy()
    rows[column][5] = number
    assert np.flatnonzero(~valid(rows, *span, True)).tolist() == [5]


def test_ipv6_packets_have_no_identification():
    rows = rows_of(TRAIN, True)
    rows = {column: np.full(len(TRAIN), 3) if column in ("id", "flag", "off") else n for column, n in rows.items()}
    made = trace_of(rows, TRAIN.time_ns, True)
    for name in ("ip_id", "ip_flags", "fragment_offset"):
        assert (getattr(made, name) == np.where(TRAIN.is_ipv4(), 3, 0)).all()


def test_times_in_nanoseconds_are_cut_to_microseconds():
    trace = replace(IPV4, time_ns=IPV4.time_ns // 1000 * 1000 + 999)
    np.testing.assert_array_equal(rows_of(trace, False)["time"], IPV4.time_ns // 1000)
