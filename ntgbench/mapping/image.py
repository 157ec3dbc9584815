"""Traffic matrices as images (Gramian fields), and back: the paper's TrafficMatrix2Image (arXiv 2603.25507)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from ntgbench.errors import TrafficError, refuse

if TYPE_CHECKING:
    from ntgbench.tracks.biflows.interfaces import SignedPL

Inverse = Literal["fit", "diag"]

Images = npt.NDArray[np.float32]
"""One image a biflow, float32 (N, P, P), symmetric, in -1..1."""

Floats = npt.NDArray[np.float64]

STEPS = 4
"""Gauss-Newton steps of `fit_angles`: starting at the diagonal, more steps change no byte, with or without noise."""

DAMPING = 1e-9
"""Added to the diagonal of the normal equations, which are singular where all packets have the same extreme length."""

CHUNK = 512
"""Images decoded at a time, so that the data of a step stays in the cache."""


@dataclass(frozen=True)
class ImageMapping:
    """A biflow as the Gramian angular summation field of its signed payload lengths (Wang and Oates 2015, 1506.00327).

    With one scale for all biflows, u = (signed payload length + pl_max) / (2 pl_max) in 0..1 and phi = arccos u,

        G_ij = cos(phi_i + phi_j) = u_i u_j - sqrt(1 - u_i^2) sqrt(1 - u_j^2).

    As no u is negative, an image belongs to one series only. "No packet" is u = 1/2, between the shortest packets of
    either direction. The paper names the image and no scale; scale and inverse are our choice.

    Attributes:
        packets: P, the largest number of packets of a biflow.
        pl_max: largest payload length in bytes.
    """

    packets: int
    pl_max: int

    def encode(self, signed_pl: SignedPL) -> Images:
        """The images of biflows laid out as in `Biflows`.

        Both inverses give the biflows back exactly for pl_max up to 4082. Beyond, float32 is too coarse for the
        diagonal of the longest downstream packets.
        """
        u = (signed_pl.astype(np.float64) + self.pl_max) / (2 * self.pl_max)
        s = np.sqrt(1.0 - u * u)
        images: Images = (u[:, :, None] * u[:, None, :] - s[:, :, None] * s[:, None, :]).astype(np.float32)
        return images

    def decode(
        self, images: npt.NDArray[np.floating[Any]], inverse: Inverse = "fit", snap: int = 0
    ) -> npt.NDArray[np.int16]:
        """Signed payload lengths, int16 (N, P), that obey the rules of `Biflows`, of any images (N, P, P).

        Args:
            images: images, noisy ones too: they are made symmetric and clipped to -1..1.
            inverse: "fit" takes the series whose image is nearest in least squares, "diag" the one with this diagonal.
            snap: lengths up to this many bytes mean that there is no packet.

        Returns:
            The rounded lengths up to the first that is no packet. Where the first is, the biflow is the first packet
            there is in the row, or where there is none one upstream byte.

        Raises:
            TrafficError: for images of another size, and for the first one that is not finite.
        """
        if images.shape[1:] != (self.packets, self.packets):
            raise TrafficError(
                f"images of {self.packets} x {self.packets} are expected, not an array of {images.shape}"
            )
        refuse(~np.isfinite(images).all(axis=(1, 2)), "an image holds finite numbers")
        found = np.zeros((len(images), self.packets), np.int16)
        for start in range(0, len(images), CHUNK):
            part = slice(start, start + CHUNK)
            found[part] = self._series(images[part].astype(np.float64), inverse)
        found[np.abs(found) <= snap] = 0
        return _biflows(found)

    def settings(self) -> dict[str, Any]:
        """What makes an equal mapping: its attributes by name."""
        return {"packets": self.packets, "pl_max": self.pl_max}

    def _series(self, images: Floats, inverse: Inverse) -> Floats:
        """Whole signed lengths in -pl_max..pl_max, float64 (N, P)."""
        fields = np.clip((images + images.transpose(0, 2, 1)) / 2, -1.0, 1.0)
        angles = np.arccos(np.diagonal(fields, axis1=1, axis2=2)) / 2
        if inverse == "fit":
            angles = fit_angles(fields, angles)
        series: Floats = np.rint(np.cos(angles) * (2 * self.pl_max) - self.pl_max)
        return series


def fit_angles(fields: Floats, angles: Floats) -> Floats:
    """The angles phi in 0..pi/2, (N, P), that minimise sum_ij (cos(phi_i + phi_j) - G_ij)^2, starting at `angles`.

    With S_ij = sin(phi_i + phi_j) and R_ij = cos(phi_i + phi_j) - G_ij, the normal equations of a Gauss-Newton step d
    (Björck 1996, section 9.2) are (diag(sum_j S_ij^2) + S_ij^2) d = sum_j S_ij R_ij.

    Args:
        fields: symmetric images G, (N, P, P).
        angles: first guess, (N, P).
    """
    diagonal = np.arange(angles.shape[1])
    for _ in range(STEPS):
        u, s = np.cos(angles), np.sin(angles)
        across = s[:, :, None] * u[:, None, :]
        slope = across + across.transpose(0, 2, 1)
        residual = u[:, :, None] * u[:, None, :] - s[:, :, None] * s[:, None, :] - fields
        downhill = np.einsum("nij,nij->ni", slope, residual)
        normal = slope * slope
        normal[:, diagonal, diagonal] += normal.sum(axis=2) + DAMPING
        angles = np.clip(angles + np.linalg.solve(normal, downhill[:, :, None])[:, :, 0], 0.0, np.pi / 2)
    return angles


def _biflows(values: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
    """Rows of signed lengths up to their first 0, none of them empty."""
    present = values != 0
    first = values[np.arange(len(values)), present.argmax(axis=1)]
    kept = np.where(np.logical_and.accumulate(present, axis=1), values, 0).astype(np.int16)
    empty = ~present[:, 0]
    kept[empty, 0] = np.where(first[empty] == 0, 1, first[empty])
    return kept
