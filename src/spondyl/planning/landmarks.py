"""Where a needle's entry lies against what an operator knows by name, from the masks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spondyl.planning.types import EntryLandmark, NeedlePath
from spondyl.space import Floats
from spondyl.spine import Pedicle, Side, Vertebra

PEDICLE = "outer border of the pedicle"
TRANSVERSE = "middle line of the transverse process"
FACET = "outer border of the superior articular process"
# Choices of this program, tried on virtual patients whose processes are labelled
_PROCESS_FROM_MM = 5.0  # outwards of the pedicle's outer border: further out the arch is transverse process
_PROCESS_REACH_MM = 8.0  # a stump that ends before has no middle line
_FACET_FROM_MM = 1.0  # above the pedicle: what is higher and no transverse process is the superior articular process
_PROCESS_DOUBT_MM = 2.5  # largest difference from the labelled processes of one real vertebra (docs: The way in)
_LEAST_MM3 = 30.0  # of a process that is told


def entry_landmarks(vertebra: Vertebra, path: NeedlePath) -> tuple[EntryLandmark, ...]:
    """Places of an entry against the pedicle, the transverse process and the superior facet of its side.

    Outward and upward are in the axes of the vertebra, as it is seen from behind along its endplates. A process that
    the mask does not hold is not found: its offsets are None.
    """
    pedicle, arch, frame = vertebra.pedicle(path.side), vertebra.arch, vertebra.frame
    if pedicle is None or arch is None or frame is None:
        return tuple(EntryLandmark(name, None, None, None) for name in (PEDICLE, TRANSVERSE, FACET))
    sign = 1.0 if path.side is Side.LEFT else -1.0
    up, _, out = frame.to_local(path.entry) * [1, 1, sign]
    middle, _, isthmus = frame.to_local(pedicle.isthmus) * [1, 1, sign]
    edge = isthmus + pedicle.width_mm / 2
    local = frame.to_local(arch.geometry.points(np.argwhere(arch.array))) * [1, 1, sign]
    volume, doubt = arch.geometry.voxel_volume_mm3, float(arch.geometry.spacing_mm.max()) / 2
    rough = max(doubt, _PROCESS_DOUBT_MM)
    line, border = _transverse(local, edge, volume), _facet(local, edge, middle, pedicle, volume)
    return (
        EntryLandmark(PEDICLE, out - edge, up - middle, doubt),
        EntryLandmark(TRANSVERSE, None, None if line is None else up - line, rough),
        EntryLandmark(FACET, None if border is None else out - border, None, rough),
    )


def _transverse(local: Floats, edge: float, voxel_mm3: float) -> float | None:
    """Height of the middle line of the transverse process; None where it is not in the mask. [mm]"""
    process = local[(local[:, 2] > edge + _PROCESS_FROM_MM) & _behind(local)]
    if len(process) * voxel_mm3 < _LEAST_MM3 or process[:, 2].max() < edge + _PROCESS_REACH_MM:
        return None
    return float(np.median(process[:, 0]))


def _facet(local: Floats, edge: float, middle: float, pedicle: Pedicle, voxel_mm3: float) -> float | None:
    """How far out the superior articular process reaches; None where it is not in the mask. [mm]"""
    above = middle + pedicle.height_mm / 2 + _FACET_FROM_MM
    inward = (local[:, 2] > 0) & (local[:, 2] <= edge + _PROCESS_FROM_MM)
    process = local[(local[:, 0] > above) & inward & _behind(local)]
    return None if len(process) * voxel_mm3 < _LEAST_MM3 else float(np.quantile(process[:, 2], 0.98))


def _behind(local: Floats) -> NDArray[np.bool_]:
    return np.asarray(local[:, 1] < 0)
