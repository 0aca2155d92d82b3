"""The outline of a pedicle on the CT along its neck: what a needle through it is measured to beside the mask."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from spondyl.space import Floats, Volume, read_only
from spondyl.spine.cross_sections import plane_square_to
from spondyl.spine.grey_border import METAL_HU
from spondyl.spine.isthmus import (
    BESIDE_MM,
    CLOSED,
    LEAST_HEIGHT,
    PLANES_MM,
    Block,
    borders,
    extents,
    filled,
    is_oval,
    ray_directions,
)
from spondyl.spine.types import Pedicle, Side

_BETWEEN = 4  # points of the surface from one ray to the next, so that none is further from the next than 0.3 mm


@dataclass(frozen=True, eq=False)
class PedicleOutline:
    """Cross-sections of a pedicle's cortex around its narrowest, as the CT shows them.

    A border that was not seen is NaN: nothing is measured to it. In the narrowest section borders that were not seen
    lie between those beside them, as they do for its width.
    """

    side: Side
    origin: Floats  # (3,), where the rays begin in the narrowest section, patient mm
    directions: Floats  # (3, 3), unit rows, LPS: along the pedicle, up, and aside, away from the canal
    along_mm: Floats  # (n,), of the sections from the origin, in equal steps
    reach_mm: Floats  # (n, rays), from the line of the origin to the border; rays turn from aside to up
    half_voxel_mm: float  # half the CT's largest voxel edge: the doubt of the border

    def __post_init__(self) -> None:
        for name in ("origin", "directions", "along_mm", "reach_mm"):
            object.__setattr__(self, name, read_only(getattr(self, name), np.float64))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, item.name) for item in fields(self))

    @cached_property
    def points(self) -> Floats:
        """Points of the border, shape (n, 4 rays, 3), patient mm; NaN where it was not seen."""
        between = np.arange(_BETWEEN) / _BETWEEN
        after = np.roll(self.reach_mm, -1, axis=1)
        reach = self.reach_mm[..., None] * (1 - between) + after[..., None] * between
        turn = 2 * np.pi * np.arange(reach[0].size) / reach[0].size
        reach = reach.reshape(len(self.along_mm), -1)
        along = np.broadcast_to(self.along_mm[:, None], reach.shape)
        local = np.stack([along, reach * np.sin(turn), reach * np.cos(turn)], axis=-1)
        return np.asarray(self.origin + local @ self.directions)

    def spans(self, points: Floats) -> NDArray[np.bool_]:
        """Whether points, shape (n, 3), lie between the first and the last section."""
        along = (points - self.origin) @ self.directions[0]
        return np.asarray((along >= self.along_mm[0] - PLANES_MM / 2) & (along <= self.along_mm[-1] + PLANES_MM / 2))

    def distance(self, points: Floats, chosen: NDArray[np.bool_] | None = None) -> Floats:
        """Distance of points to the border; zero outside it, infinite beyond the sections, shape (n,). [mm]

        Parameters
        ----------
        points
            Shape (n, 3), patient mm.
        chosen
            Which points of the border count, shape (n, 4 rays); None: all.
        """
        counted = np.isfinite(self.points[..., 0]) if chosen is None else chosen & np.isfinite(self.points[..., 0])
        out, within = np.full(len(points), np.inf), self.spans(points)
        if not counted.any() or not within.any():
            return out
        out[within] = cKDTree(self.points[counted]).query(points[within])[0]
        out[within] *= ~self._beyond(points[within], counted)
        return out

    def _beyond(self, points: Floats, counted: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Whether points lie further out than the counted border on the ray that they lie on."""
        along, up, aside = ((points - self.origin) @ self.directions.T).T
        row = np.clip(np.rint((along - self.along_mm[0]) / PLANES_MM).astype(int), 0, len(self.along_mm) - 1)
        rays = counted.shape[1]
        ray = np.rint(np.arctan2(up, aside) * rays / (2 * np.pi)).astype(int) % rays
        reach = np.linalg.norm(self.points[row, ray] - self.origin - along[:, None] * self.directions[0], axis=1)
        return np.asarray(counted[row, ray] & (np.hypot(up, aside) > reach))


def find_outline(ct: Volume, pedicle: Pedicle, cranial: Floats) -> PedicleOutline | None:
    """The outline around a pedicle's narrowest section; None where that section is the mask's or does not close.

    Rays start on a line along the axis through the middle of the narrowest section. From there forwards and backwards
    sections count as long as they are pedicle by the same measure: three quarters of the rays close, the outline begins
    within 2 mm of where the narrowest does beside the canal, has no dents and is at least 0.65 of its height.

    Parameters
    ----------
    ct
        Around the pedicle. [hnsf'U]
    cranial
        Of the vertebra: spans the cross-sections together with the direction to the left; shape (3,), LPS.
    """
    if pedicle.mask_width_mm is None:
        return None
    plane = plane_square_to(pedicle.isthmus, pedicle.axis, cranial)
    lateral = plane.left if pedicle.side is Side.LEFT else -plane.left
    half = pedicle.width_mm / 2
    block = Block.cut(ct, pedicle.isthmus - half * lateral, lateral, pedicle.axis, cranial)
    if block.brightest > METAL_HU:
        return None
    seen = borders(block.rays(0.0, half))
    middle, begins = len(seen) // 2, -half
    whole = {i: filled(row) for i, row in enumerate(seen) if np.isfinite(row).mean() >= CLOSED}

    def is_pedicle(i: int) -> bool:
        if i not in whole:
            return False
        outline = whole[i][:, None] * np.stack(ray_directions(), axis=-1)
        beside = abs(float(outline[:, 1].min()) - begins) <= BESIDE_MM
        return beside and extents(outline)[1] >= LEAST_HEIGHT * pedicle.height_mm and is_oval(outline)

    if not is_pedicle(middle):
        return None
    first = last = middle
    while is_pedicle(first - 1):
        first -= 1
    while is_pedicle(last + 1):
        last += 1
    kept = range(first, last + 1)
    reach = np.stack([whole[i] if i == middle else np.where(np.isfinite(seen[i]), whole[i], np.nan) for i in kept])
    half_voxel = float(ct.geometry.spacing_mm.max()) / 2
    along = block.along_mm[first : last + 1]
    return PedicleOutline(pedicle.side, pedicle.isthmus, block.directions, along, reach, half_voxel)
