"""Traffic matrices as images, and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntgbench.errors import TrafficError
from ntgbench.mapping.image import ImageMapping, fit_angles


def random_series(count: int, packets: int, pl_max: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(1, pl_max + 1, (count, packets)) * rng.choice([-1, 1], (count, packets))


def noisy(mapping: ImageMapping, signed_pl: np.ndarray, deviation: float) -> np.ndarray:
    images = mapping.encode(signed_pl)
    return images + deviation * np.random.default_rng(2).standard_normal(images.shape, np.float32)


@st.composite
def matrices(draw):
    mapping = ImageMapping(draw(st.integers(1, 30)), draw(st.sampled_from([1, 3, 120, 1460, 4082])))
    length = st.integers(-mapping.pl_max, mapping.pl_max).filter(bool)
    flows = draw(st.lists(st.lists(length, min_size=1, max_size=mapping.packets)))
    signed_pl = np.zeros((len(flows), mapping.packets), np.int16)
    for row, flow in zip(signed_pl, flows, strict=True):
        row[: len(flow)] = flow
    return mapping, signed_pl


@pytest.mark.parametrize("inverse", ["fit", "diag"])
@given(matrices())
def test_decoding_undoes_encoding(inverse, made) -> None:
    mapping, signed_pl = made
    images = mapping.encode(signed_pl)
    assert images.dtype == np.float32
    assert images.shape == (len(signed_pl), mapping.packets, mapping.packets)
    decoded = mapping.decode(images, inverse)
    assert decoded.dtype == np.int16
    np.testing.assert_array_equal(decoded, signed_pl)


@pytest.mark.parametrize("inverse", ["fit", "diag"])
def test_real_biflows_come_back_exactly(inverse, real_flows) -> None:
    from ntgbench.datasets.loading import load_dataset

    real = load_dataset(real_flows / "mirage_appxact2024.parquet").traffic
    mapping = ImageMapping(10, 1460)
    np.testing.assert_array_equal(mapping.decode(mapping.encode(real.signed_pl), inverse), real.signed_pl)


def test_images_by_hand() -> None:
    # u is 1, 1/2 and 0, so phi is 0, 60 and 90 degrees, and the image has the cosines of their sums.
    image = ImageMapping(packets=3, pl_max=100).encode(np.array([[100, 0, -100]], np.int16))[0]
    half, root = 0.5, np.sqrt(0.75)
    np.testing.assert_allclose(image, [[1, half, 0], [half, -half, -root], [0, -root, -1]], atol=1e-7)


def test_with_one_scale_opposite_series_differ() -> None:
    mapping = ImageMapping(packets=2, pl_max=10)
    images = mapping.encode(np.array([[3, -7], [-3, 7]], np.int16))
    assert np.abs(images[0] - images[1]).max() > 0.1


def test_the_longest_payloads_lose_bytes_at_the_lower_end_alone() -> None:
    mapping = ImageMapping(packets=10, pl_max=32767)
    signed_pl = random_series(3000, 10, 32767)
    wrong = mapping.decode(mapping.encode(signed_pl)) != signed_pl
    assert wrong.mean() < 1e-3
    assert (signed_pl[wrong] < -32000).all()


@pytest.mark.parametrize(
    ("deviation", "diagonal", "whole"), [(0.005, 12.2, 2.7), (0.02, 40.0, 10.9), (0.05, 87.6, 27.0)]
)
def test_the_whole_image_stands_more_noise_than_its_diagonal(deviation, diagonal, whole) -> None:
    mapping = ImageMapping(packets=10, pl_max=1460)
    signed_pl = random_series(4000, 10, 1460)
    images = noisy(mapping, signed_pl, deviation)
    fields = np.clip((images + images.transpose(0, 2, 1)).astype(np.float64) / 2, -1, 1)
    angles = np.arccos(np.diagonal(fields, axis1=1, axis2=2)) / 2
    for found, expected in ((angles, diagonal), (fit_angles(fields, angles), whole)):
        error = np.abs(np.cos(found) * 2920 - 1460 - signed_pl).mean()
        assert error == pytest.approx(expected, rel=0.05)


def test_no_other_series_is_nearer() -> None:
    from scipy.optimize import least_squares

    mapping = ImageMapping(packets=6, pl_max=1460)
    fields = noisy(mapping, random_series(50, 6, 1460), 0.02).astype(np.float64)
    fields = np.clip((fields + fields.transpose(0, 2, 1)) / 2, -1, 1)
    start = np.arccos(np.diagonal(fields, axis1=1, axis2=2)) / 2

    def residual(angles: np.ndarray, field: np.ndarray) -> np.ndarray:
        return (np.cos(angles[:, None] + angles) - field).ravel()

    inside = np.clip(start, 1e-6, np.pi / 2 - 1e-6)
    theirs = [
        least_squares(residual, guess, bounds=(0, np.pi / 2), args=(field,), xtol=1e-12).cost * 2
        for guess, field in zip(inside, fields, strict=True)
    ]
    angles = fit_angles(fields, start)
    ours = [(residual(found, field) ** 2).sum() for found, field in zip(angles, fields, strict=True)]
    np.testing.assert_allclose(ours, theirs, rtol=0.01)


def test_any_image_gives_a_valid_biflow() -> None:
    mapping = ImageMapping(packets=5, pl_max=50)
    images = np.random.default_rng(1).normal(0, 3, (500, 5, 5))
    for inverse in ("fit", "diag"):
        decoded = mapping.decode(images, inverse, snap=5)
        present = decoded != 0
        assert present[:, 0].all()
        assert (present[:, :-1] | ~present[:, 1:]).all()
        assert (np.abs(decoded) <= 50).all()


@pytest.mark.parametrize(
    ("series", "snap", "biflow"),
    [
        ([9, 3, 7, -8], 3, [9, 0, 0, 0]),
        ([9, 3, 7, -8], 2, [9, 3, 7, -8]),
        ([9, -1, 0, 0], 1, [9, 0, 0, 0]),
        ([2, 9, 8, 0], 2, [9, 0, 0, 0]),
        ([-1, 1, 0, 0], 1, [1, 0, 0, 0]),
    ],
)
def test_short_packets_are_none_and_end_the_biflow(series, snap, biflow) -> None:
    mapping = ImageMapping(packets=4, pl_max=10)
    assert mapping.decode(mapping.encode(np.array([series])), snap=snap)[0].tolist() == biflow


def test_images_that_are_none_are_refused() -> None:
    mapping = ImageMapping(packets=4, pl_max=10)
    with pytest.raises(TrafficError, match="4 x 4"):
        mapping.decode(np.zeros((2, 4, 5)))
    with pytest.raises(TrafficError, match="finite"):
        mapping.decode(np.full((2, 4, 4), np.nan))
    assert mapping.decode(np.zeros((0, 4, 4))).shape == (0, 4)
