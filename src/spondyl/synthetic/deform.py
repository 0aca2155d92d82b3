"""Deformities made in a CT and its labels, real or virtual, and cement-bright voxels.

Whatever comes out is virtual, also where it began with a real scan; many deformities of one CT are one patient.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.errors import InputError
from spondyl.space import Floats, Frame, Geometry, HeightMap, Volume
from spondyl.spine import Level
from spondyl.spine.surfaces import Surfaces, find_surfaces
from spondyl.synthetic.grid import Block, block_around, local_grid
from spondyl.synthetic.perturb import signed_distance
from spondyl.synthetic.spec import Deformity

MARROW_HU = -50.0  # fat marrow at a usual energy: what a trabecular voxel without mineral would have
CEMENT_HU = 2500.0  # acrylic with a radiopaque filler: a bright, round figure
_BODY = (49, 50)
_OPENING_MM = 7.0  # half the least thickness of a body, more than half of any process or pedicle
_CORNER_MM = 2.0  # of its rounded-off edges that it is given back
_RIM_MM = 5.0  # around the footprint that moves with it: overhanging rims and osteophytes
_SIDE_TAPER_MM = 8.0  # over which the map dies out further in front and to the sides
_BACK_TAPER_MM = 5.0  # and behind its posterior wall, so that the arch keeps its place
_LEAST_LIP_MM, _HIGHEST_LIP_MM = 1.5, 7.0
_LEAST_GAP_MM = 1.5  # of disc that is stretched where the next label touches
_USUAL_GAP_MM = 8.0  # where there is no next label
_REACH_MM = (45.0, 40.0, 45.0)  # half extent of the changed block along cranial, anterior, left
_PLATE_STEP_MM = 1.0
_HIGHEST_HU = 3071


@dataclass(frozen=True, eq=False)
class DeformedStudy:
    """A CT with a virtual deformity of one level."""

    ct: Volume
    labels: Volume
    subregions: Volume | None
    level: Level
    deformity: Deformity
    frame: Frame  # of the body before it was deformed
    intact_heights_mm: tuple[float, float, float]  # anterior, middle, posterior, along the cranial axis of `frame`
    heights_mm: tuple[float, float, float]  # what the map makes of them
    description: str

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, item.name) for item in fields(self))


def deform_vertebra(
    ct: Volume,
    labels: Volume,
    level: Level,
    shape: str,
    *,
    anterior: float,
    middle: float,
    posterior: float,
    subregions: Volume | None = None,
) -> DeformedStudy:
    """Press one vertebral body to given fractions of its heights by a smooth map along its cranial axis.

    The endplates move toward one another; the discs stretch to fill the room, so that neighbouring bodies stay where
    they are. Behind the posterior wall the map dies out within 5 mm, so that the arch stays too. Within the body the
    CT number over that of marrow grows as the volume shrinks, which keeps the mineral's mass; it ends at 3071 HU.

    Parameters
    ----------
    ct, labels
        On one grid; labels are VerSe numbers.
    level
        The vertebra; it must lie wholly in the image.
    shape
        "wedge" (mostly the superior endplate), "biconcave" (both, and the sides keep their height) or "crush".
    anterior, middle, posterior
        Fractions of the intact heights, 0.3 to 1.
    subregions
        SPINEPS numbers on the same grid. Without them the body is what an opening by a 7 mm ball leaves of the label.
    """
    wanted = _checked(ct, labels, level, shape, (anterior, middle, posterior))
    target = labels.array == level
    surfaces, body = _survey(labels, target, level, subregions)
    press = _fitted_press(surfaces, labels, target, wanted, shape)
    block = block_around(ct.geometry, surfaces.frame, -np.array(_REACH_MM), np.array(_REACH_MM))
    assert block is not None  # the body lies in the image
    sources, shrink = _sources(press, ct.geometry, block)
    return DeformedStudy(
        _pressed_ct(ct, body, block, sources, shrink),
        *_pressed_labels(labels, subregions, target, level, block, sources),
        level,
        wanted,
        surfaces.frame,
        press.heights(Deformity(1.0, 1.0, 1.0)),
        press.heights(press.deformity),
        f"virtual {shape} deformity of {level.name}: made by a map, not a scan of a fracture",
    )


def cement_bright(ct: Volume, mask: Volume, *, cement_hu: float = CEMENT_HU) -> Volume:
    """The CT with voxels of a mask as bright as bone cement, their border blended over a voxel.

    For tests of images after treatment; virtual wherever it is used.
    """
    if not mask.geometry.is_same_grid(ct.geometry):
        raise InputError("the cement mask lies on another grid than the CT: resample it first")
    if not -1024 <= cement_hu <= _HIGHEST_HU:
        raise InputError(f"cement_hu is {cement_hu}; a CT number lies between -1024 and {_HIGHEST_HU}")
    share = ndimage.gaussian_filter(mask.array.astype(np.float32), 0.5)
    share[mask.array.astype(bool)] = np.maximum(share[mask.array.astype(bool)], 0.8)
    values = ct.array + share * (cement_hu - ct.array.astype(np.float32))
    return Volume(_as_type_of(ct.array, values), ct.geometry, ct.unit)


def _checked(ct: Volume, labels: Volume, level: Level, shape: str, fractions: tuple[float, float, float]) -> Deformity:
    if not labels.geometry.is_same_grid(ct.geometry):
        raise InputError("labels lie on another grid than the CT: resample them first")
    if not all(0.3 <= fraction <= 1 for fraction in fractions):
        raise InputError(f"height fractions lie between 0.3 and 1, found {fractions}")
    shares = {"wedge": 0.8, "biconcave": 0.5, "crush": 0.6}
    if shape not in shares:
        raise InputError(f"'{shape}' is not a shape of deformity; shapes are {', '.join(shares)}")
    where = ndimage.find_objects((labels.array == level).astype(np.uint8))
    if not where:
        found = ", ".join(Level(int(n)).name for n in np.unique(labels.array) if 0 < n <= Level.T13)
        raise InputError(f"{level.name} is not in these labels; their levels are {found}")
    if any(s.start == 0 or s.stop == n for s, n in zip(where[0], labels.array.shape, strict=True)):
        raise InputError(f"{level.name} touches the border of the image; choose a vertebra that lies wholly inside")
    return Deformity(*fractions, superior_share=shares[shape])


def _survey(
    labels: Volume, target: NDArray[np.bool_], level: Level, subregions: Volume | None
) -> tuple[Surfaces, NDArray[np.bool_]]:
    """Surfaces and mask of the body."""
    spacing = labels.geometry.spacing_mm
    body = np.isin(subregions.array, _BODY) & target if subregions is not None else _opened(target, spacing)
    indices = np.argwhere(body)
    if len(indices) == 0:
        raise InputError(f"{level.name} has no body in its mask: give subregions with the numbers 49 or 50")
    behind = labels.geometry.points(np.argwhere(target & ~body).mean(axis=0))
    crop = Volume(body, labels.geometry, "1").cropped(indices.min(axis=0) - 4, indices.max(axis=0) + 5)
    return find_surfaces(crop, _to_head(labels, level), behind), body


def _opened(target: NDArray[np.bool_], spacing: Floats) -> NDArray[np.bool_]:
    """The thick part of a vertebra: its body."""
    deep = ndimage.distance_transform_edt(target, sampling=spacing) > _OPENING_MM
    labelled, count = ndimage.label(deep)
    if count == 0:
        return np.zeros_like(target)
    largest = labelled == 1 + np.argmax(ndimage.sum_labels(deep, labelled, range(1, count + 1)))
    grown = ndimage.distance_transform_edt(~largest, sampling=spacing) <= _OPENING_MM + _CORNER_MM
    return np.asarray(grown & target)


def _to_head(labels: Volume, level: Level) -> Floats:
    """Rough cranial direction from the neighbours' centres; the patient's own where there are none."""
    numbers = [n for n in (level - 1, level, level + 1) if (labels.array == n).any()]
    if len(numbers) < 2:
        return np.array([0.0, 0.0, 1.0])
    centres = [labels.geometry.points(np.argwhere(labels.array == n).mean(axis=0)) for n in (numbers[0], numbers[-1])]
    return np.asarray(centres[0] - centres[1])


@dataclass(frozen=True, eq=False)
class _Press:
    """The map: endplates before and after over a grid of (anterior, left), and how far it reaches. [mm]"""

    frame: Frame
    anterior: Floats  # (n,) grid
    left: Floats  # (m,)
    top: Floats  # (n, m) superior endplate, continued beyond the footprint
    bottom: Floats
    gap_above: Floats  # (n, m) from the endplate to where nothing moves
    gap_below: Floats
    weight: Floats  # (n, m) 1 within the footprint, 0 where nothing moves
    sides: Floats  # (n, m) 0 in the middle, 1 at the sides of the body
    walls: tuple[float, float]  # mean anterior and posterior wall
    biconcave: bool
    deformity: Deformity  # whose knots give the wanted heights

    def kept(self, deformity: Deformity) -> Floats:
        """Share of the height that is left, (n, m)."""
        front, back = self.walls
        place = np.clip((front - self.anterior) / (front - back), 0, 1)
        kept = np.broadcast_to(deformity.profile()(place)[:, None], self.top.shape)
        if self.biconcave:
            rim = max(deformity.anterior, deformity.posterior)
            kept = kept + self.sides * np.clip(rim - kept, 0, None)
        return np.asarray(1 - self.weight * (1 - kept))

    def heights(self, deformity: Deformity) -> tuple[float, float, float]:
        """Anterior, middle and posterior height by the default bands. [mm]"""
        height = (self.top - self.bottom) * self.kept(deformity)
        share = (self.walls[0] - self.anterior) / (self.walls[0] - self.walls[1])
        slab = np.abs(self.left) <= 6
        bands = ((0.05, 0.20), (0.40, 0.60), (0.80, 0.95))
        a, b, c = (float(height[(share >= low) & (share <= high)][:, slab].mean()) for low, high in bands)
        return a, b, c


def _fitted_press(
    surfaces: Surfaces, labels: Volume, target: NDArray[np.bool_], wanted: Deformity, shape: str
) -> _Press:
    """The map whose band heights are the wanted fractions of the intact ones."""
    press = _press(surfaces, labels, target, wanted, shape)
    intact = np.array(press.heights(Deformity(1.0, 1.0, 1.0)))
    goal = np.array([wanted.anterior, wanted.middle, wanted.posterior])
    knots = goal.copy()
    for _ in range(10):
        tried = replace(wanted, anterior=knots[0], middle=knots[1], posterior=knots[2])
        knots = np.clip(knots * goal / (np.array(press.heights(tried)) / intact), 0.2, 1.2)
    return replace(press, deformity=replace(wanted, anterior=knots[0], middle=knots[1], posterior=knots[2]))


def _press(surfaces: Surfaces, labels: Volume, target: NDArray[np.bool_], wanted: Deformity, shape: str) -> _Press:
    frame = surfaces.frame
    anterior, left = (np.arange(-reach, reach + 0.5, _PLATE_STEP_MM) for reach in _REACH_MM[1:])
    top, inside = _continued(surfaces.superior, anterior, left)
    bottom, _ = _continued(surfaces.inferior, anterior, left)
    walls = _mean_walls(surfaces)
    in_front = (anterior > walls[1])[:, None]
    top = top + in_front * _lip(labels, target, frame, anterior, left, top, 1)
    bottom = bottom - in_front * _lip(labels, target, frame, anterior, left, bottom, -1)
    beyond = ndimage.distance_transform_edt(~inside) * _PLATE_STEP_MM
    side = np.clip(1 - (beyond - _RIM_MM) / _SIDE_TAPER_MM, 0, 1)
    behind = np.clip(1 - (walls[1] - anterior) / _BACK_TAPER_MM, 0, 1)[:, None]
    weight = np.minimum(_smooth(side), _smooth(np.broadcast_to(behind, side.shape)))
    half = max(float(np.abs(left[inside.any(axis=0)]).max()), 1.0)
    sides = np.broadcast_to(np.clip(np.abs(left) / half, 0, 1) ** 3, top.shape)
    above, below = (
        _gaps(labels, target, frame, anterior, left, plate, sign) for plate, sign in ((top, 1), (bottom, -1))
    )
    return _Press(frame, anterior, left, top, bottom, above, below, weight, sides, walls, shape == "biconcave", wanted)


def _smooth(share: Floats) -> Floats:
    """A straight ramp made smooth at both ends."""
    return np.asarray(share**2 * (3 - 2 * share))


def _continued(plate: HeightMap, anterior: Floats, left: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """An endplate on a wider grid, its nearest height beyond its border, and where it is."""
    heights = np.full((len(anterior), len(left)), np.nan)
    rows, columns = (np.searchsorted(grid, axis - 0.01) for grid, axis in ((anterior, plate.u_mm), (left, plate.v_mm)))
    fit = (rows < len(anterior))[:, None] & (columns < len(left))[None, :]
    values = np.where(fit, plate.height_mm, np.nan)
    heights[np.ix_(np.clip(rows, 0, len(anterior) - 1), np.clip(columns, 0, len(left) - 1))] = values
    inside = np.isfinite(heights)
    where = ndimage.distance_transform_edt(~inside, return_distances=False, return_indices=True)
    return np.asarray(ndimage.gaussian_filter(heights[tuple(where)], 1.0)), inside


def _mean_walls(surfaces: Surfaces) -> tuple[float, float]:
    """Mean anterior and posterior wall over the middle third of the height within the slab."""
    if surfaces.anterior is None or surfaces.posterior is None:
        raise InputError("the walls of the body cannot be found in its mask: " + "; ".join(surfaces.remarks))
    found = []
    for wall in (surfaces.anterior, surfaces.posterior):
        third = (wall.u_mm[-1] - wall.u_mm[0]) / 3
        rows = np.abs(wall.u_mm - wall.u_mm.mean()) <= third / 2
        found.append(float(np.nanmean(wall.height_mm[rows][:, np.abs(wall.v_mm) <= 6])))
    return found[0], found[1]


def _lip(
    labels: Volume,
    target: NDArray[np.bool_],
    frame: Frame,
    anterior: Floats,
    left: Floats,
    plate: Floats,
    sign: int,
) -> Floats:
    """How far the mask's rim stands out beyond a smooth endplate: it would be drawn out like a thread. [mm]"""
    mask = Volume(target.astype(np.float32), labels.geometry, "1")
    a, across = np.meshgrid(anterior, left, indexing="ij")
    lip = np.zeros(plate.shape)
    reached = np.ones(plate.shape, bool)
    for step in np.arange(0.5, _HIGHEST_LIP_MM + 0.1, 0.5):
        reached &= mask.sample(frame.to_patient(np.stack([plate + sign * step, a, across], axis=-1))) > 0.5
        lip[reached] = step
    lip[lip < _LEAST_LIP_MM] = 0  # a mask's steps are no lip
    return np.asarray(ndimage.gaussian_filter(ndimage.maximum_filter(lip, 3), 1.0))


def _gaps(
    labels: Volume,
    target: NDArray[np.bool_],
    frame: Frame,
    anterior: Floats,
    left: Floats,
    plate: Floats,
    sign: int,
) -> Floats:
    """Distance from an endplate to the next label along the cranial axis, a little less for safety. [mm]"""
    others = Volume(((labels.array > 0) & ~target).astype(np.uint8), labels.geometry, "1")
    steps = np.arange(_LEAST_GAP_MM, 2 * _USUAL_GAP_MM, 0.5)
    a, across = np.meshgrid(anterior, left, indexing="ij")
    gap = np.full(plate.shape, _USUAL_GAP_MM)
    for step in steps[::-1]:
        points = frame.to_patient(np.stack([plate + sign * step, a, across], axis=-1))
        gap[others.sample(points, order=0) > 0] = step
    reach = float(labels.geometry.spacing_mm.max()) / 2  # a voxel's edge lies half a voxel before its centre
    nearest = ndimage.minimum_filter(gap, 5) - reach
    return np.asarray(np.maximum(ndimage.gaussian_filter(nearest, 1.5), _LEAST_GAP_MM))


def _sources(press: _Press, geometry: Geometry, block: Block) -> tuple[Floats, NDArray[np.float32]]:
    """Where each voxel of the block comes from, as indices (3, ...), and how much its volume shrank there."""
    c, a, left = local_grid(geometry, press.frame, block.axes)
    place = np.stack([(a - press.anterior[0]) / _PLATE_STEP_MM, (left - press.left[0]) / _PLATE_STEP_MM])

    def over(values: Floats) -> NDArray[np.float32]:
        found = ndimage.map_coordinates(values.astype(np.float32), place, order=1, mode="nearest")
        return np.asarray(found, np.float32)

    height = press.top - press.bottom
    loss = height * (1 - press.kept(press.deformity))
    share = press.deformity.superior_share
    top, bottom, lost = over(press.top), over(press.bottom), over(loss)
    new_top, new_bottom = top - np.float32(share) * lost, bottom + np.float32(1 - share) * lost
    shrink = (top - bottom) / np.maximum(new_top - new_bottom, np.float32(1.0))
    above, below = over(press.gap_above), over(press.gap_below)
    inside = bottom + (c - new_bottom) * shrink
    over_top = top + (c - new_top) * above / (above + top - new_top)
    under = bottom - (new_bottom - c) * below / (below + new_bottom - bottom)
    source = np.where(c > new_top, over_top, np.where(c < new_bottom, under, inside))
    source = np.where((c >= top + above) | (c <= bottom - below), c, source)
    within = (c <= new_top + 0.5) & (c >= new_bottom - 0.5)
    step = np.linalg.inv(geometry.affine[:3, :3]) @ press.frame.cranial
    grid = np.meshgrid(*block.axes, indexing="ij")
    indices = np.stack([axis + (source - c) * d for axis, d in zip(grid, step, strict=True)])
    return indices, np.where(within, shrink, 1).astype(np.float32)


def _pressed_ct(
    ct: Volume, body: NDArray[np.bool_], block: Block, sources: Floats, shrink: NDArray[np.float32]
) -> Volume:
    """Grey values moved; within the body the mineral of a shrunken volume is in fewer voxels."""
    values = ndimage.map_coordinates(ct.array.astype(np.float32), sources, order=1, mode="nearest")
    share = ndimage.map_coordinates(body.astype(np.float32), sources, order=1, mode="nearest")
    mineral = np.clip(values - np.float32(MARROW_HU), 0, None)
    values += share * (shrink - 1) * mineral
    out = ct.array.copy()
    moved = np.abs(sources - np.stack(np.meshgrid(*block.axes, indexing="ij"))).max(axis=0) > 1e-4
    out[block.slices][moved] = _as_type_of(ct.array, values)[moved]
    return Volume(out, ct.geometry, ct.unit)


def _pressed_labels(
    labels: Volume,
    subregions: Volume | None,
    target: NDArray[np.bool_],
    level: Level,
    block: Block,
    sources: Floats,
) -> tuple[Volume, Volume | None]:
    """The mask moved with less than a voxel's error through its signed distance; other labels stay."""
    distance = signed_distance(target[block.slices], labels.geometry.spacing_mm)
    start = np.array(block.start)[:, None, None, None]
    moved = np.abs(sources - np.stack(np.meshgrid(*block.axes, indexing="ij"))).max(axis=0) > 1e-4
    new = target[block.slices].copy()
    new[moved] = (ndimage.map_coordinates(distance, sources - start, order=1, mode="nearest") > 0)[moved]
    out = labels.array.copy()
    view = out[block.slices]
    view[(view == level) & ~new] = 0
    new &= (view == 0) | (view == level)
    view[new] = level
    if subregions is None:
        return Volume(out, labels.geometry, "1"), None
    parts = subregions.array.copy()
    old = np.where(target, parts, 0)[block.slices]
    where = ndimage.distance_transform_edt(old == 0, return_distances=False, return_indices=True)
    filled = old[tuple(where)]
    carried = ndimage.map_coordinates(filled, sources - start, order=0, mode="nearest")
    parts[block.slices][target[block.slices]] = 0
    parts[block.slices][new] = carried[new]
    return Volume(out, labels.geometry, "1"), Volume(parts, subregions.geometry, "1")


def _as_type_of(like: NDArray[Any], values: NDArray[Any]) -> NDArray[Any]:
    limited = np.clip(values, -1024, _HIGHEST_HU)
    return np.asarray(limited if like.dtype.kind == "f" else np.rint(limited), like.dtype)
