"""Vertebrae of simple shapes, whose parts are known exactly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.space import Geometry, Volume
from spondyl.spine import Level
from spondyl.studies import LabelImage, Patient, Scan, Study

STEP_MM = 32.0  # from body centre to body centre
LEFT_PEDICLE_MM, RIGHT_PEDICLE_MM = 6.0, 9.0  # widths


@dataclass(frozen=True, eq=False)
class Blocks:
    """A label image of simple vertebrae with the true parts."""

    image: LabelImage
    body: NDArray[np.bool_]
    canal: NDArray[np.bool_]
    centres: Mapping[int, tuple[float, float, float]]

    @property
    def labels(self) -> Volume:
        return self.image.labels

    def with_array(self, array: NDArray[np.generic]) -> LabelImage:
        """The same grid with other numbers."""
        return LabelImage(Volume(array, self.labels.geometry, "1"), None)

    def study(self, bone_hu: float = 180.0, around_hu: float = 20.0) -> Study:
        """A CT on the same grid: bodies with a denser rim."""
        hu = np.where(self.labels.array > 0, bone_hu, around_hu)
        rim = (self.labels.array > 0) & ~ndimage.binary_erosion(self.labels.array > 0, iterations=2)
        hu = np.where(rim, bone_hu + 150.0, hu).astype(np.int16)
        return Study(Volume(hu, self.labels.geometry, "[hnsf'U]"), Scan(), Patient())


def vertebra_parts(
    x: NDArray[np.float64], y: NDArray[np.float64], z: NDArray[np.float64]
) -> dict[str, NDArray[np.bool_]]:
    """Body, arch and canal at points left, behind and above the body's centre. [mm]"""
    body = ((x / 20) ** 2 + (y / 15) ** 2 <= 1) & (np.abs(z) <= 12)
    canal = ((x / 11) ** 2 + ((y - 23) / 8) ** 2 <= 1) & (np.abs(z) <= 12)
    left = (x >= 10) & (x <= 10 + LEFT_PEDICLE_MM)
    right = (x <= -10) & (x >= -10 - RIGHT_PEDICLE_MM)
    pedicles = (left | right) & (y >= 8) & (y <= 32) & (z >= 0) & (z <= 11)
    ring = ((x / 17) ** 2 + ((y - 23) / 14) ** 2 <= 1) & (y > 25) & (z >= -6) & (z <= 9)
    spinous = (np.abs(x) <= 3) & (y > 34) & (y <= 60) & (z >= -10) & (z <= 4)
    transverse = (np.abs(x) >= 14) & (np.abs(x) <= 34) & (y >= 25) & (y <= 32) & (z >= 1) & (z <= 8)
    articular = (np.abs(np.abs(x) - 15) <= 4) & (y >= 24) & (y <= 31) & (np.abs(z) <= 18)
    arch = (pedicles | ring | spinous | transverse | articular) & ~body & ~(((x / 11) ** 2 + ((y - 23) / 8) ** 2) <= 1)
    return {"body": body, "arch": arch, "canal": canal}


def make_blocks(
    levels: tuple[Level, ...] = (Level.T12, Level.L1, Level.L2, Level.L3),
    *,
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0),
    steps_mm: tuple[float, ...] | None = None,
    margin_mm: float = 30.0,
    arch: bool = True,
) -> Blocks:
    """Vertebrae one below the other along the patient's z axis, numbered as in VerSe, on a grid in LPS order."""
    steps = steps_mm or (STEP_MM,) * (len(levels) - 1)
    below = np.concatenate([[0.0], np.cumsum(steps)])
    low = np.array([-42.0, -25.0, -below[-1] - margin_mm])
    high = np.array([42.0, 70.0, margin_mm])
    shape = tuple(int(n) for n in np.ceil((high - low) / spacing_mm))
    affine = np.diag([*spacing_mm, 1.0])
    affine[:3, 3] = low
    x, y, z = np.meshgrid(*[low[k] + spacing_mm[k] * np.arange(shape[k]) for k in range(3)], indexing="ij")
    labels, body, canal = np.zeros(shape, np.uint8), np.zeros(shape, bool), np.zeros(shape, bool)
    for level, depth in zip(levels, below, strict=True):
        parts = vertebra_parts(x, y, z + depth)
        labels[parts["body"] | (parts["arch"] if arch else False)] = level.value
        body |= parts["body"]
        canal |= parts["canal"]
    image = LabelImage(Volume(labels, Geometry(affine, shape), "1"), None)  # type: ignore[arg-type]
    centres = {level.value: (0.0, 0.0, -float(depth)) for level, depth in zip(levels, below, strict=True)}
    return Blocks(image, body, canal, centres)


@pytest.fixture(scope="session")
def blocks() -> Blocks:
    """T12 to L3."""
    return make_blocks()


@pytest.fixture(scope="session")
def make() -> Callable[..., Blocks]:
    return make_blocks
