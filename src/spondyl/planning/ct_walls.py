"""The wall of a pedicle as the CT shows it, and which part of it faces the canal."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spondyl.planning.types import WITHIN_PEDICLE, Structure
from spondyl.space import Floats, Geometry, read_only
from spondyl.spine import Side, Spine, Vertebra
from spondyl.spine.pedicle_outline import PedicleOutline, find_outline

# From the border on the CT outwards: what the mask holds beyond it is too wide by so much at most, or holds a rib. The
# canal is not wider than twice that.
_OUTWARDS_MM, _STEP_MM = 6.0, 0.5
# Of either wall: widths on the CT are up to 0.7 mm too large where the cortex is thinner than the blur (decision 0031).
BLUR_MM = 0.35
_AROUND_MM = 3.0  # of the outline: lines through its middle do not run further off along it


@dataclass(frozen=True, eq=False)
class CtWall:
    """A pedicle's outline on the CT, with the part of its border behind which the canal lies."""

    outline: PedicleOutline
    faces_canal: NDArray[np.bool_]  # as the outline's points

    def __post_init__(self) -> None:
        object.__setattr__(self, "faces_canal", read_only(self.faces_canal, np.bool_))

    def __reduce__(self) -> tuple[type[CtWall], tuple[PedicleOutline, NDArray[np.bool_]]]:
        return type(self), (self.outline, self.faces_canal)

    @property
    def side(self) -> Side:
        """Whose pedicle it is."""
        return self.outline.side

    def distance(self, structure: Structure, points: Floats) -> Floats:
        """Distance of points within the pedicle to its wall, or to the part of it before the canal, shape (n,). [mm]

        The wall counts 0.35 mm within its half height, so that a thin cortex is not told wider than it is. Zero beyond
        it; infinite for other structures, and beyond the sections in which the CT shows the outline.
        """
        if structure not in WITHIN_PEDICLE:
            return np.full(len(points), np.inf)
        seen = self.outline.distance(points, self.faces_canal if structure is Structure.CANAL else None)
        return np.maximum(seen - BLUR_MM, 0.0)

    def near(self, geometry: Geometry) -> tuple[slice, slice, slice]:
        """The part of a grid around the outline."""
        seen = self.outline.points[np.isfinite(self.outline.points[..., 0])]
        places, reach = geometry.indices(seen), _AROUND_MM / geometry.spacing_mm
        first = np.maximum(np.floor(places.min(axis=0) - reach), 0).astype(int)
        stop = np.minimum(np.ceil(places.max(axis=0) + reach) + 1, geometry.shape).astype(int)
        i, j, k = (slice(int(a), int(b)) for a, b in zip(first, stop, strict=True))
        return i, j, k


def ct_walls(
    spine: Spine, vertebra: Vertebra, geometry: Geometry, bone: NDArray[np.bool_], canal: NDArray[np.bool_]
) -> tuple[CtWall, ...]:
    """The walls of both pedicles on the CT, as far as it shows them; none without a CT.

    Parameters
    ----------
    geometry
        Of the grid on which `bone`, this vertebra, and `canal` are given.
    """
    frame, posterior = vertebra.frame, vertebra.posterior
    if spine.ct is None or frame is None or posterior is None:
        return ()
    back = float(np.nanmedian(posterior.height_mm))
    walls = []
    for pedicle in vertebra.pedicles:
        outline = find_outline(spine.ct, pedicle, frame.cranial)
        if outline is None:
            continue
        middles = outline.origin + outline.along_mm[:, None] * outline.directions[0]
        behind = frame.to_local(middles)[:, 1] <= back
        if behind.any():
            kept = replace(outline, along_mm=outline.along_mm[behind], reach_mm=outline.reach_mm[behind])
            walls.append(CtWall(kept, _faces(kept, geometry, bone, canal)))
    return tuple(walls)


def _faces(
    outline: PedicleOutline, geometry: Geometry, bone: NDArray[np.bool_], canal: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Which points of the border have the canal as the first that is no bone, going outwards."""
    middle = outline.origin + outline.along_mm[:, None, None] * outline.directions[0]
    ray = outline.points - middle
    ray = ray / np.linalg.norm(ray, axis=-1, keepdims=True)
    steps = np.arange(0.0, _OUTWARDS_MM + _STEP_MM / 2, _STEP_MM)
    places = np.nan_to_num(geometry.indices(outline.points[..., None, :] + steps[:, None] * ray[..., None, :]))
    index = tuple(np.clip(np.rint(places).astype(int), 0, np.array(geometry.shape) - 1).reshape(-1, 3).T)
    outside, within = ((~bone)[index], canal[index])
    outside, within = (a.reshape(places.shape[:-1]) for a in (outside, within))
    first = outside.argmax(axis=-1)[..., None]
    return np.asarray(np.take_along_axis(within & outside, first, axis=-1)[..., 0])
