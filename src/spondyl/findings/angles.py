"""Angles of vertebrae and between them, from their endplates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from spondyl.space import Floats, HeightMap
from spondyl.spine import Spine, Vertebra

_RIM = 3  # grid steps of an endplate's rim left out
_DIRECTION_SD_DEG = 0.7  # of an endplate's plane at 1 mm voxels, from virtual patients (docs/validation/heights.md)


@dataclass(frozen=True)
class Angle:
    """An angle with its standard deviation. [deg]"""

    degrees: float
    sd_degrees: float


def endplate_direction(plate: HeightMap) -> Floats:
    """Unit normal of an endplate's least-squares plane, turned to the head, shape (3,), LPS."""
    shown = np.isfinite(plate.height_mm)
    core = ndimage.binary_erosion(shown, iterations=_RIM)
    used = core if core.sum() >= 30 else shown
    u, v = np.meshgrid(plate.u_mm, plate.v_mm, indexing="ij")
    design = np.stack([np.ones(used.sum()), u[used], v[used]], axis=1)
    fit, *_ = np.linalg.lstsq(design, plate.height_mm[used], rcond=None)
    normal = plate.frame.axes @ np.array([1.0, -fit[1], -fit[2]])
    return np.asarray(normal / np.linalg.norm(normal))


def vertebral_angle(vertebra: Vertebra) -> Angle | None:
    """Sagittal angle between a body's endplates; positive when the front is lower (kyphotic wedge)."""
    if vertebra.frame is None or vertebra.superior is None or vertebra.inferior is None:
        return None
    return _sagittal(vertebra.superior, vertebra.inferior, vertebra.frame.left)


def angle_between(upper: Vertebra, lower: Vertebra) -> Angle | None:
    """Sagittal angle from the superior endplate of `upper` to the inferior endplate of `lower` (Cobb).

    Positive for kyphosis, negative for lordosis; taken in the plane square to the mean of both left axes.
    """
    if upper.superior is None or lower.inferior is None or upper.frame is None or lower.frame is None:
        return None
    return _sagittal(upper.superior, lower.inferior, upper.frame.left + lower.frame.left)


def coronal_angle(upper: Vertebra, lower: Vertebra) -> Angle | None:
    """Coronal angle from the superior endplate of `upper` to the inferior endplate of `lower` (Cobb), unsigned."""
    if upper.superior is None or lower.inferior is None or upper.frame is None or lower.frame is None:
        return None
    across = upper.frame.anterior + lower.frame.anterior
    signed = _turn(endplate_direction(upper.superior), endplate_direction(lower.inferior), across)
    return Angle(abs(signed), _sd(upper.superior, lower.inferior))


def find_scoliosis(spine: Spine) -> tuple[Vertebra, Vertebra, Angle] | None:
    """The pair of levels with the greatest coronal angle between them, None where fewer than three have endplates."""
    whole = [v for v in spine if v.superior is not None and v.inferior is not None and not v.is_cut]
    if len(whole) < 3:
        return None
    pairs = [(a, b) for i, a in enumerate(whole) for b in whole[i + 1 :]]
    measured = [(a, b, angle) for a, b in pairs if (angle := coronal_angle(a, b)) is not None]
    return max(measured, key=lambda item: item[2].degrees) if measured else None


def _sagittal(superior: HeightMap, inferior: HeightMap, left: Floats) -> Angle:
    turn = _turn(endplate_direction(superior), endplate_direction(inferior), left)
    return Angle(turn, _sd(superior, inferior))


def _turn(first: Floats, second: Floats, axis: Floats) -> float:
    """Angle from `second` to `first` about an axis, right-handed. [deg]"""
    unit = axis / np.linalg.norm(axis)
    a, b = (n - (n @ unit) * unit for n in (first, second))
    return float(np.degrees(np.arctan2(np.cross(b, a) @ unit, a @ b)))


def _sd(superior: HeightMap, inferior: HeightMap) -> float:
    """A surface's doubt tilts its plane by about that much over half its depth."""
    tilt = [np.degrees(plate.sd_mm / (np.ptp(plate.u_mm) / 2)) for plate in (superior, inferior)]
    return float(np.sqrt(2 * _DIRECTION_SD_DEG**2 + tilt[0] ** 2 + tilt[1] ** 2))
