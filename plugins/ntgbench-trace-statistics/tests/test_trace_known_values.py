import pytest
from ntgbench_trace_statistics.fields import statistics
from ntgbench_trace_statistics.link import bursts
from ntgbench_trace_statistics.timing import temporal
from real_traffic import needs_real_traffic
from trace_pairs import trace_pair

# The reference code of CascadeNet and an independent program, as (correct, reference's form); the latter is None where
# it is the former but for the rounding of seconds, or random, as the Hurst exponents of the reference are.
KNOWN = {
    "hand12": {
        "sa": (0.0204260414863776, 0.11898845770192631),
        "da": (0.0204260414863776, 0.11898845770192631),
        "sp": (0.0204260414863776, 0.11898845770192622),
        "dp": (0.0204260414863776, 0.11898845770192631),
        "pr": (0.011644807223602503, 0.08984189053667647),
        "pl": (9.16666666666667, None),
        "ttl": (7.833333333333329, None),
        "npf": (0.0, None),
        "nbf": (762.5, None),
        "it": (0.27454545454545454, None),
        "fit": (0.21249999999999997, None),
        "fd": (1.35, None),
        "at": (105.23561210836972, 150.27575754396844),
        "bu": (0.9760351450511648, None),
        "ld": (0.06479302992907987, None),
        "bd": (5000.0, 5000.0),
        "tb": (985000.0, 985000.0),
        "nu": (7.326007326007151e-05, 7.326007326007151e-05),
        "bps": (783.3333333333334, 783.3333333333334),
        "nps": (3.333333333333334, 3.333333333333334),
    },
    "alexa_jitter": {
        "sa": (0.0, 0.0),
        "npf": (0.0, None),
        "it": (0.0016209609311412113, None),
        "fit": (0.003525784435146365, None),
        "fd": (0.04432199999999924, None),
        "at": (619.2926404149243, 0.10595102505538699),
        "bu": (0.10131669686600193, None),
        "ld": (0.002331643739705144, None),
        "bd": (69503.59999999999, 0.0),
        "tb": (0.0, 0.0),
        "nu": (0.001096932280708225, 0.0010842279157115477),
        "bps": (5407.0, 7223.4),
        "nps": (14132.166666666666, 6180.499999999999),
    },
    "iot_shuffle": {
        "it": (0.0, None),
        "fit": (0.9669058650060597, None),
        "fd": (8.199326230288838, None),
        "at": (4680.102553767371, 142.68649840227943),
        "bu": (0.6922859740140128, None),
        "ld": (0.014458231535951507, None),
        "bd": (199393.0769230768, 682134.2105263158),
        "tb": (104664749.29487179, 87633257.30769229),
        "nu": (0.03282427710160973, 0.03429747166478642),
        "bps": (158491.0494505494, 122437.0037593985),
        "nps": (193368.86666666664, 69780.21754385969),
    },
    "iot_fields": {
        "pl": (6.512899999999968, None),
        "ttl": (0.8787999999999989, None),
        "nbf": (5148.014541387016, None),
        "at": (4885.832236658756, 17.349540259246265),
        "ld": (0.0, None),
        "bd": (245508.1875, 163672.125),
        "tb": (261875.39999999997, 174583.59999999995),
        "nu": (0.025258358786011813, 0.025838940764065347),
        "bps": (97881.5625, 86281.1875),
        "nps": (88537.29411764706, 77480.58823529413),
    },
    "iot_windows": {
        "sa": (0.0019183652591789925, 0.03646518162143262),
        "da": (0.0025262506068140125, 0.0418457104791058),
        "sp": (0.4972458642370734, 0.5870813988204879),
        "dp": (0.4409234157803426, 0.5528334491426917),
        "pr": (0.001819050997119077, 0.03550873230555894),
        "pl": (5.505411111111105, None),
        "ttl": (0.5384000000000173, None),
        "npf": (0.20538654596625755, None),
        "nbf": (59.773055664359994, None),
        "it": (0.005341557997587108, None),
        "fit": (0.39735184112887506, None),
        "fd": (1.7531893053198144, None),
        "at": (3686.7411877780673, 98.54185304097045),
        "bu": (0.03433642030933073, None),
        "ld": (0.013135899112379869, None),
        "bd": (0.0, 0.0),
        "tb": (19947980.5, 19947980.5),
        "nu": (0.012956056659795837, 0.012818590204571979),
        "bps": (797.7454545454545, 794.2181818181817),
        "nps": (39008.63636363635, 39004.81818181817),
    },
}


@pytest.mark.parametrize(
    "name", [name if name == "hand12" else pytest.param(name, marks=needs_real_traffic) for name in KNOWN]
)
def test_known_values(name):
    sides = trace_pair(name)
    found = statistics(*sides, 0) | temporal(*sides, 0) | bursts(*sides, 0)
    for metric, (correct, of_reference) in KNOWN[name].items():
        assert found[metric] == pytest.approx(correct, rel=1e-9, abs=1e-12), metric
        assert (f"{metric}@ref" in found) == (of_reference is not None)
        if of_reference is not None:
            assert found[f"{metric}@ref"] == pytest.approx(of_reference, rel=1e-9, abs=1e-12), metric
