"""Body and arch of a vertebra, separated where the label image does not do it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.space import Floats, Volume
from spondyl.spine.foramen import Foramen
from spondyl.spine.local_view import LocalView
from spondyl.spine.masks import filled

_WALL_SHARE = 0.8  # of the canal's half width where its front border is the posterior wall and not yet the pedicle
_THIN_MM = 2.5  # half thickness of what is no body although it lies in front: rib heads, spurs, transverse processes
_REGROWN_MM = 2.0  # of thin parts beside the body that are kept
_ARCH_RATIO = 1.7  # reach behind the body's centre against that in front: more, and there is an arch


@dataclass(frozen=True, eq=False)
class PosteriorWall:
    """The posterior wall as a smooth surface: its anterior position over (cranial, left), continued sideways. [mm]"""

    coefficients: Floats  # of 1, h, h², l, l²
    middle_mm: float  # left coordinate of the canal's centre
    half_width_mm: float  # beyond it the wall goes straight on
    range_mm: tuple[float, float]  # bottom and top

    def __call__(self, cranial: Floats, left: Floats) -> Floats:
        """Anterior position of the wall."""
        h = np.clip(cranial, *self.range_mm)
        across = np.clip(left - self.middle_mm, -self.half_width_mm, self.half_width_mm)
        return _design(h, across) @ self.coefficients


def has_arch(view: LocalView) -> bool:
    """Whether the mask reaches further behind its body's centre than a body alone does."""
    bottom, top = view.level_range()
    used = (view.cranial_mm >= bottom) & (view.cranial_mm <= top)
    reached = view.anterior_mm[view.bone[used].any(axis=(0, 2))]
    return len(reached) > 0 and -reached[0] > _ARCH_RATIO * max(float(reached[-1]), 8.0)


def find_posterior_wall(view: LocalView, foramen: Foramen) -> PosteriorWall | None:
    """The posterior wall from the front border of the canal.

    A quadratic surface is fitted to the first bone in front of the canal's centre, robustly, so that the basivertebral
    foramen, a fragment in the canal or a notch of the mask does not bend it. It is fitted over the middle 80 % of the
    canal's width and goes straight on from there, which is where pedicles are cut.
    """
    bottom, top = view.level_range()
    rows = np.flatnonzero((view.cranial_mm >= bottom + 1) & (view.cranial_mm <= top - 1))
    half = _WALL_SHARE * foramen.half_width_mm
    columns = np.flatnonzero(np.abs(view.left_mm - foramen.centre[1]) <= half)
    start = int(np.rint(foramen.centre[0] - view.anterior_mm[0]))
    ahead = view.bone[np.ix_(rows, np.arange(start, len(view.anterior_mm)), columns)]
    met = ahead.any(axis=1) & ~ahead[:, 0]
    if met.sum() < 20:
        return None
    h, across = np.meshgrid(view.cranial_mm[rows], view.left_mm[columns] - foramen.centre[1], indexing="ij")
    position = view.anterior_mm[start] + ahead.argmax(axis=1) - 0.5
    fit = _robust_fit(_design(h[met], across[met]), position[met])
    return PosteriorWall(fit, foramen.centre[1], half, (bottom, top))


def separate_body(mask: Volume, view: LocalView, foramen: Foramen, wall: PosteriorWall) -> Volume | None:
    """The body: what lies in front of the posterior wall, pedicles cut at its level, without thin appendages.

    In front of the canal's centre, within the canal's width, everything is body, a fragment in the canal too.
    """
    inside = np.argwhere(mask.array)
    local = view.frame.to_local(mask.geometry.points(inside))
    stout = _stout(_bone_in_front(view, foramen, wall))
    if stout is None:
        return None
    index = np.rint(view.at(local)).astype(int)
    seen = ((index >= 0) & (index < np.array(stout.shape))).all(axis=1)
    kept = np.zeros(len(local), bool)
    kept[seen] = stout[tuple(index[seen].T)]
    kept &= _in_front(local, foramen, wall)
    body = np.zeros(mask.array.shape, bool)
    body[tuple(inside[kept].T)] = True
    return Volume(filled(body), mask.geometry, "1") if body.any() else None


def _bone_in_front(view: LocalView, foramen: Foramen, wall: PosteriorWall) -> NDArray[np.bool_]:
    """The bone of a view that lies in front of the wall."""
    place = np.nonzero(view.bone)
    grids = (view.cranial_mm, view.anterior_mm, view.left_mm)
    local = np.stack([grid[i] for grid, i in zip(grids, place, strict=True)], axis=-1)
    front = np.zeros_like(view.bone)
    front[place] = _in_front(local, foramen, wall)
    return front


def _in_front(local: Floats, foramen: Foramen, wall: PosteriorWall) -> NDArray[np.bool_]:
    h, a, left = local[..., 0], local[..., 1], local[..., 2]
    before_canal = (np.abs(left - wall.middle_mm) <= wall.half_width_mm) & (a > foramen.centre[0])
    return np.asarray((a > wall(h, left)) | before_canal)


def _stout(front: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """The main piece of a mask without what is thin, grown back a little; None where nothing is left."""
    if not front.any():
        return None
    box = ndimage.find_objects(front.view(np.uint8))[0]
    padded = np.pad(front[box], 1)
    depth = ndimage.distance_transform_edt(padded)
    for thin in (_THIN_MM, _THIN_MM / 2):  # a flat body is thinner than a rib
        pieces, count = ndimage.label(depth > thin)
        if count:
            sizes = np.bincount(pieces.ravel())[1:]
            core = pieces == int(sizes.argmax()) + 1
            near = ndimage.distance_transform_edt(~core) <= thin + _REGROWN_MM
            if (near & padded).sum() > 0.6 * padded.sum():
                grown = np.zeros_like(front)
                grown[box] = near[1:-1, 1:-1, 1:-1]
                return grown
    return None


def _design(h: Floats, across: Floats) -> Floats:
    return np.stack([np.ones_like(h), h / 10, (h / 10) ** 2, across / 10, (across / 10) ** 2], axis=-1)


def _robust_fit(design: Floats, values: Floats) -> Floats:
    """Least squares with bisquare weights (scale from the median deviation)."""
    weights = np.ones(len(values))
    fit: Floats = np.zeros(design.shape[1])
    for _ in range(8):
        root = np.sqrt(weights)[:, None]
        fit = np.asarray(np.linalg.lstsq(design * root, values * root[:, 0], rcond=None)[0], np.float64)
        residual = values - design @ fit
        scale = max(1.4826 * float(np.median(np.abs(residual - np.median(residual)))), 0.4)
        weights = np.clip(1 - (residual / (4.685 * scale)) ** 2, 1e-6, None) ** 2
    return fit
