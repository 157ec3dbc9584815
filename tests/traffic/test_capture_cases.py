"""Captures that users of such tools reported as read wrongly: each gives the right biflows."""

from __future__ import annotations

from pathlib import Path

import pytest

from ntgbench.traffic.capture_flows import capture_flows

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "cases"
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


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"the captures are not here: {FOLDER}")
@pytest.mark.parametrize("name", RIGHT)
def test_gives_the_right_biflows(name: str):
    flows, _, warnings = capture_flows(FOLDER / name, "app")
    bounds = zip(flows.offsets[:-1], flows.offsets[1:], strict=True)
    assert [tuple(flows.signed_pl[begin:end].tolist()) for begin, end in bounds] == RIGHT[name]
    assert warnings == ()
