"""The hand-made pair of traces of the known values, and what the reference's code and the right definition give."""

from ntgbench.traffic.trace import PacketTrace

A, B = (1, 2, 1000, 80, 6), (2, 1, 80, 1000, 6)
C, D = (3, 4, 5353, 53, 17), (5, 6, 2000, 443, 6)

REAL = [(0, A, 100), (10, B, 1500), (20, A, 40), (1000, C, 80), (1500, C, 80), (2000, A, 40), (2010, B, 1500)]
REAL += [(2020, B, 1500), (5000, D, 60), (6000, A, 40), (8000, B, 40), (10000, A, 40)]
SYNTHETIC = [(0, A, 100), (10, B, 1400), (30, A, 40), (1000, C, 80), (1600, D, 90), (2000, A, 40), (2010, B, 1500)]
SYNTHETIC += [(2040, A, 1500), (5500, D, 60), (6000, A, 40), (9000, B, 40), (10000, B, 40)]


def trace(rows, start_ns=1_500_000_000 * 10**9):
    """Packets as (milliseconds, flow, bytes)."""
    source, destination, source_port, destination_port, protocol = zip(*(flow for _, flow, _ in rows), strict=True)
    return PacketTrace.of(
        time_ns=[start_ns + time * 10**6 for time, _, _ in rows],
        source=source,
        destination=destination,
        source_port=source_port,
        destination_port=destination_port,
        protocol=protocol,
        ip_length=[length for _, _, length in rows],
        ttl=[64] * len(rows),
    )


FORECASTS = {  # value, @ref
    "throughput_ar": (0.9999449344514533, 0.9999014676406631),
    "throughput_arma": (1.0005965260105998, 1.0007354737923013),
    "throughput_knn": (1.0, 1.0),
    "throughput_dt": (0.9956874565101966, 0.9956874565101966),
    "throughput_rf": (1.0297603858053646, 1.0297603858053646),
    "throughput_ab": (1.0586606955980797, 1.0586606955980797),
    "packet_rate_ar": (0.9882140979192144, 0.9882222957403096),
    "packet_rate_arma": (0.9779462653801732, 0.9785250998564811),
    "packet_rate_knn": (1.0, 1.0),
    "packet_rate_dt": (0.9845637583892618, 1.0),
    "packet_rate_rf": (0.9618695575195793, 1.0),
    "packet_rate_ab": (0.9696510897318612, 1.0),
}

AGREEMENTS = {  # value (None: not known), @ref
    "f1_iat": (0.0, 0.0),
    "f1_size": (0.5, 0.0),
    "f1_iat_size": (0.0, 0.0),
    "f1_stats": (0.0, 0.5),
    "f1_samp_num": (0.5, 0.5),
    "f1_samp_size": (0.5, 0.0),
    "f1_iat_iforest": (None, 0.8),
    "f1_iat_gmm": (None, 0.0),
    "f1_iat_pca": (None, 2 / 3),
    "f1_iat_kde": (None, 0.5),
    "f1_stats_iforest": (None, 1.0),
    "f1_stats_gmm": (None, 1.0),
    "f1_stats_pca": (None, 1.0),
    "f1_stats_kde": (None, 0.5),
}
