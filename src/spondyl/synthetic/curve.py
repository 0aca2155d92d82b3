"""How the vertebrae stand on one another."""

from __future__ import annotations

from math import atan2, cos, pi, radians

import numpy as np
from scipy.spatial.transform import Rotation

from spondyl.space import Floats, Frame
from spondyl.spine import Level
from spondyl.synthetic.anatomy import sagittal_bends, size_of
from spondyl.synthetic.spec import VirtualSpineSpec

_UPRIGHT = np.array([[0.0, 0.0, 1.0], [0.0, -1.0, 0.0], [1.0, 0.0, 0.0]])  # columns: cranial, anterior, left in LPS
_TURN_PER_TILT = 0.35  # axial turn of the apex of a scoliosis, as a share of the Cobb angle
_COLLAPSE_SHARE = 0.6  # of a deformed body's wedge that the spine above follows; the discs take the rest


def stack_frames(spec: VirtualSpineSpec) -> dict[Level, Frame]:
    """The frame of every level's intact body: bodies a disc apart, turned by kyphosis, lordosis and scoliosis.

    The coronal tilt of the bodies' mid-planes runs from +Cobb/2 at the first level to -Cobb/2 at the last, as a half
    cosine. A deformed body lets the spine above sink and lean forward. The middle level lies near the origin.
    """
    axes = _orientations(spec)
    origin = np.zeros(3)
    origins = {spec.levels[-1]: origin}
    for upper, lower in zip(spec.levels[-2::-1], spec.levels[:0:-1], strict=True):
        gap = size_of(upper, spec.scale).disc_mm / 2
        origin = origin + axes[lower][:, 0] * (_half_height(spec, lower, 1.0) + gap)
        origin = origin + axes[upper][:, 0] * (_half_height(spec, upper, -1.0) + gap)
        origins[upper] = origin
    middle = (origins[spec.levels[0]] + origins[spec.levels[-1]]) / 2
    return {
        level: Frame.from_directions(origins[level] - middle, axes[level][:, 0], axes[level][:, 1])
        for level in spec.levels
    }


def _half_height(spec: VirtualSpineSpec, level: Level, side: float) -> float:
    """Distance from the middle of the intact body to its endplate; less where a deformity took it."""
    size, deformity = size_of(level, spec.scale), spec.vertebra(level).deformity
    half = (size.anterior_mm + size.posterior_mm) / 4
    if deformity is None:
        return half
    kept = min(1.0, (deformity.anterior + deformity.posterior) / 2)
    share = deformity.superior_share if side > 0 else 1 - deformity.superior_share
    return half - share * (1 - kept) * 2 * half


def _orientations(spec: VirtualSpineSpec) -> dict[Level, Floats]:
    lean = _sagittal_lean(spec)
    turned = {}
    for index, level in enumerate(spec.levels):
        place = index / max(len(spec.levels) - 1, 1)
        coronal = spec.cobb_deg / 2 * cos(pi * place)
        axial = spec.cobb_deg * _TURN_PER_TILT * float(np.sin(pi * place))
        # forward lean turns about the left axis; positive coronal tilt moves the head end to the left
        turn = Rotation.from_euler("xyz", [lean[level], coronal, 0], degrees=True)
        turned[level] = turn.as_matrix() @ Rotation.from_euler("z", axial, degrees=True).as_matrix() @ _UPRIGHT
    return turned


def _sagittal_lean(spec: VirtualSpineSpec) -> dict[Level, float]:
    """Forward lean of each level's cranial axis; the middle of the lumbar spine stands upright. [deg]"""
    bends = sagittal_bends(spec.kyphosis_deg, spec.lordosis_deg)
    chain = spec.chain
    lean = {chain[-1]: 0.0}
    for level, below in zip(chain[-2::-1], chain[:0:-1], strict=True):
        lean[level] = lean[below] + bends[level] + (_collapse(spec, below) + _collapse(spec, level)) / 2
    base = lean[Level.L3]
    return {level: value - base for level, value in lean.items()}


def _collapse(spec: VirtualSpineSpec, level: Level) -> float:
    """Kyphosis that a deformed body adds. [deg]"""
    deformity = spec.vertebra(level).deformity
    if deformity is None:
        return 0.0
    size = size_of(level, spec.scale)
    loss = size.posterior_mm * deformity.posterior - size.anterior_mm * deformity.anterior
    lost = loss - (size.posterior_mm - size.anterior_mm)
    return _COLLAPSE_SHARE * float(np.degrees(atan2(lost, size.depth_mm)))


def turned_about(axis: str, degrees: float) -> Floats:
    """Rotation about the left ("x"), posterior ("y") or cranial ("z") axis of the patient, shape (3, 3)."""
    return np.asarray(Rotation.from_rotvec(radians(degrees) * np.eye(3)["xyz".index(axis)]).as_matrix())
