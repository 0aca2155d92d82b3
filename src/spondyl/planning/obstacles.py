"""What a needle must not meet besides bone and canal: air in the body, metal, the foramina with their roots."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.space import Geometry, Volume
from spondyl.spine import Spine, Vertebra
from spondyl.spine.grey_border import METAL_HU

AIR_HU = -300.0  # between fat (above -150) and lung (below -500)
TISSUE_BEHIND_MM = 15.0  # behind air, in all: more than the shells of a table, so the air is lung or bowel
_AIR_MM3 = 1000.0  # less is gas in a disc or a joint, not lung or bowel
_METAL_VOXELS = 5  # fewer may be noise


def inner_air(ct: Volume, geometry: Geometry, bone: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Lung and bowel on a grid: air with tissue behind it, so not the air around the patient.

    Air within vertebrae is a cleft and is left out. The pleura's folds hold no air, so they are not seen.

    Parameters
    ----------
    geometry
        A block whose axes run along those of the CT.
    bone
        All vertebrae on that block.
    """
    axis = int(np.abs(geometry.axes[1]).argmax())
    backwards = 1 if geometry.axes[1, axis] > 0 else -1
    whole = _to_the_back(geometry, ct.geometry, axis, backwards)
    hu = ct.resampled(whole, order=0, outside=-1000.0).array
    air = hu < AIR_HU
    towards = slice(None, None, -backwards)
    lines = np.moveaxis(~air, axis, 0)[towards]
    behind = np.moveaxis(np.cumsum(lines, axis=0)[towards], 0, axis) * whole.spacing_mm[axis]
    inner = air & (behind > TISSUE_BEHIND_MM)
    kept = [slice(None)] * 3
    kept[axis] = slice(0, geometry.shape[axis]) if backwards > 0 else slice(-geometry.shape[axis], None)
    return _large(inner[tuple(kept)] & ~bone, _AIR_MM3 / geometry.voxel_volume_mm3)


def metal(ct: Volume, geometry: Geometry) -> NDArray[np.bool_]:
    """Voxels brighter than any bone, in pieces of at least five: metal, or dense cement."""
    return _large(ct.resampled(geometry, order=0).array > METAL_HU, _METAL_VOXELS)


def foramina(
    spine: Spine, vertebra: Vertebra, geometry: Geometry, taken: NDArray[np.bool_]
) -> NDArray[np.bool_] | None:
    """The openings for the nerve roots above and below the pedicles: what lies between pedicles and is not `taken`.

    From the posterior wall of the body back to the facets, and from the midline out to the outer wall of the pedicles,
    as far as the middle of the next vertebrae. The root itself is not seen on CT: it may lie anywhere there.
    None where a pedicle was not found.

    Parameters
    ----------
    taken
        Bone and canal, which are structures of their own.
    """
    frame, wall = vertebra.frame, vertebra.posterior
    if frame is None or wall is None or len(vertebra.pedicles) < 2:
        return None
    local = frame.to_local(geometry.points(np.moveaxis(np.indices(geometry.shape), 0, -1)))
    isthmus = {p.side: frame.to_local(p.isthmus) for p in vertebra.pedicles}
    outer = max(abs(place[2]) + p.width_mm / 2 for p, place in zip(vertebra.pedicles, isthmus.values(), strict=True))
    front = float(np.nanmedian(wall.height_mm))
    back = min(place[1] for place in isthmus.values()) - _facet_depth(spine, vertebra)
    reach = _pitch(spine, vertebra)
    within = (np.abs(local[..., 2]) <= outer) & (local[..., 1] <= front) & (local[..., 1] >= back)
    return np.asarray(within & (np.abs(local[..., 0]) <= reach) & ~taken)


def _facet_depth(spine: Spine, vertebra: Vertebra) -> float:
    """From the pedicles' narrowest sections back to the middle of the canal, at least the pedicle's half width. [mm]"""
    assert vertebra.frame is not None and spine.canal is not None
    least = max(p.width_mm for p in vertebra.pedicles) / 2
    points = spine.canal.geometry.points(np.argwhere(spine.canal.array))
    local = vertebra.frame.to_local(points)
    beside = local[np.abs(local[:, 0]) < 5.0]
    if not len(beside):
        return least
    middle = float(np.median(beside[:, 1]))
    isthmus = min(float(vertebra.frame.to_local(p.isthmus)[1]) for p in vertebra.pedicles)
    return max(isthmus - middle, least)


def _pitch(spine: Spine, vertebra: Vertebra) -> float:
    """Distance to the nearest next body's middle, else half the height of the whole vertebra. [mm]"""
    assert vertebra.frame is not None
    origin = vertebra.frame.origin
    near = [
        float(np.linalg.norm(v.frame.origin - origin))
        for v in spine
        if v.frame is not None and v.level is not vertebra.level and abs(v.level.order - vertebra.level.order) <= 1.0
    ]
    if near:
        return max(near)
    points = vertebra.mask.geometry.points(np.argwhere(vertebra.mask.array))
    return float(np.ptp(vertebra.frame.to_local(points)[:, 0])) / 2


def _to_the_back(block: Geometry, whole: Geometry, axis: int, backwards: int) -> Geometry:
    """The block, longer along one axis up to the CT's end at the back."""
    ends = np.zeros(3), np.array(block.shape, float)
    far = whole.points(np.array(np.meshgrid(*[(0, n - 1) for n in whole.shape])).reshape(3, -1).T)
    places = block.indices(far)[:, axis]
    if backwards > 0:
        ends[1][axis] = max(ends[1][axis], np.ceil(places.max()) + 1)
    else:
        ends[0][axis] = min(ends[0][axis], np.floor(places.min()))
    return block.cropped(*ends)


def _large(mask: NDArray[np.bool_], voxels: float) -> NDArray[np.bool_]:
    """The pieces of at least so many voxels."""
    pieces, count = ndimage.label(mask)
    if not count:
        return np.zeros(mask.shape, bool)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return np.asarray((sizes >= voxels)[pieces])
