"""Captures that users of such tools reported as read wrongly: each gives the right biflows."""

from __future__ import annotations

import pytest
from real_traffic import CASES, needs_real_traffic

from ntgbench.traffic.capture_flows import capture_flows

USUAL = [(100, -200, 300)]
RIGHT = {
    "k8_late_syn.pcap": USUAL,
    "k8b_late_syn_after_data.pcap": USUAL,
    "k10_reuse.pcap": [(10, -20), (30, -40)],
    "k1_cisco_metadata_one_way.pcap": USUAL,
    "k2_vntag.pcap": USUAL,
    "k6_ppp_hdlc_chdlc.pcap": USUAL,
    "k5_pktap.pcap": USUAL,
    "k7_modified.pcap": USUAL,
    "k20_tcp_header_split_fragments.pcap": [(72,)],
}


@needs_real_traffic
@pytest.mark.parametrize("name", RIGHT)
def test_gives_the_right_biflows(name: str):
    flows, _, warnings = capture_flows(CASES / name, "app")
    bounds = zip(flows.offsets[:-1], flows.offsets[1:], strict=True)
    assert [tuple(flows.signed_pl[begin:end].tolist()) for begin, end in bounds] == RIGHT[name]
    assert warnings == ()
