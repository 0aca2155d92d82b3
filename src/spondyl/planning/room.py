"""What surrounds a vertebra: its bone, the canal and all else that a needle must not meet, with distance fields."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from spondyl.errors import InputError
from spondyl.planning.ct_walls import CtWall, ct_walls
from spondyl.planning.distances import border_indices, box_distance_field, exact_distances
from spondyl.planning.obstacles import foramina, inner_air, metal
from spondyl.planning.types import Structure
from spondyl.space import Floats, Geometry, Volume, read_only
from spondyl.spine import Side, Spine, Vertebra

_MARGIN_MM = 20.0  # around the vertebra: needles beside the pedicle are watched so far behind their entry
_REACH_MM = 8.0  # of the fields; a path further away is as good as any
_SKEW = 1e-3  # of the cosine between two grid axes


@dataclass(frozen=True, eq=False)
class Room:
    """One vertebra and its surroundings on a block of the label image's grid."""

    geometry: Geometry
    bone: NDArray[np.bool_]  # this vertebra
    obstacles: tuple[tuple[Structure, NDArray[np.bool_]], ...]  # what was looked for outside this bone
    free_mm: NDArray[np.float32]  # to the nearest face of what is not this bone, or is metal in it
    away_mm: NDArray[np.float32]  # to the nearest face of an obstacle
    walls: tuple[CtWall, ...] = ()  # of the pedicles, as the CT shows them

    def __post_init__(self) -> None:
        for name in ("bone", "free_mm", "away_mm"):
            object.__setattr__(self, name, read_only(getattr(self, name)))
        object.__setattr__(self, "obstacles", tuple((s, read_only(mask)) for s, mask in self.obstacles))

    def __reduce__(self) -> tuple[type[Room], tuple[object, ...]]:
        return type(self), (self.geometry, self.bone, self.obstacles, self.free_mm, self.away_mm, self.walls)

    @property
    def half_voxel_mm(self) -> float:
        """Half the largest voxel edge: the doubt of a mask's border."""
        return float(self.geometry.spacing_mm.max()) / 2

    @property
    def half_diagonal_mm(self) -> float:
        """From a voxel's corner to its centre: so much further than the voxel's face the true border may lie."""
        return float(np.linalg.norm(self.geometry.spacing_mm)) / 2

    @property
    def checked(self) -> tuple[Structure, ...]:
        """The obstacles that were looked for."""
        return tuple(structure for structure, _ in self.obstacles)

    def forbidden(self, structure: Structure) -> NDArray[np.bool_]:
        """Voxels that a needle must not meet; for a wall of this bone, all that is outside it."""
        return next((mask for found, mask in self.obstacles if found is structure), ~self.bone)

    def least_distance(self, structure: Structure, points: Floats) -> tuple[float, int]:
        """Exact least distance of points, shape (n, 3), to the faces of a structure, and the point that has it. [mm]

        A box is nearer than its centre, by no more than half its diagonal: only points that may be nearest are asked.
        """
        boxes, tree = _border(self, structure)
        to_centre = np.asarray(tree.query(self.geometry.indices(points) * self.geometry.spacing_mm)[0])
        asked = np.flatnonzero(to_centre - self.half_diagonal_mm <= to_centre.min())
        exact = exact_distances(points[asked], self.geometry, boxes, self.forbidden(structure))
        return float(exact.min()), int(asked[exact.argmin()])

    def wall(self, side: Side) -> CtWall | None:
        """The wall of one pedicle as the CT shows it; None where it does not."""
        return next((wall for wall in self.walls if wall.side is side), None)

    def in_pedicle_mm(self, side: Side, keep_off_mm: float) -> NDArray[np.float32]:
        """As `free_of_canal_mm`, within one pedicle no more than its wall on the CT leaves."""
        return _in_pedicle(self, side, max(keep_off_mm, 0.0))

    def free_of_canal_mm(self, keep_off_mm: float) -> NDArray[np.float32]:
        """Distance to the nearest face of what is not this bone, or to the canal less `keep_off_mm`: the lesser."""
        if keep_off_mm <= 0:
            return self.free_mm
        return np.asarray(np.minimum(self.free_mm, _to_canal(self) - np.float32(keep_off_mm)))

    def away_with_canal_mm(self, keep_off_mm: float) -> NDArray[np.float32]:
        """Distance to the nearest face of an obstacle, or to the canal less `keep_off_mm`: the lesser."""
        if keep_off_mm <= 0:
            return self.away_mm
        return np.asarray(np.minimum(self.away_mm, _to_canal(self) - np.float32(keep_off_mm)))


@lru_cache(maxsize=4)
def _to_canal(room: Room) -> NDArray[np.float32]:
    return box_distance_field(room.forbidden(Structure.CANAL), room.geometry.spacing_mm, _REACH_MM)


@lru_cache(maxsize=8)
def _in_pedicle(room: Room, side: Side, keep_off_mm: float) -> NDArray[np.float32]:
    field, wall = room.free_of_canal_mm(keep_off_mm), room.wall(side)
    if wall is None:
        return field
    part = wall.near(room.geometry)
    places = np.argwhere(room.bone[part])
    at = tuple((places + [s.start for s in part]).T)
    points = room.geometry.points(np.stack(at, axis=-1))
    out = field.copy()
    for structure, less, mask in (
        (Structure.PEDICLE_WALL, 0.0, room.free_mm),
        *([(Structure.CANAL, keep_off_mm, _to_canal(room))] if keep_off_mm > 0 else []),
    ):
        on_ct = wall.distance(structure, points)
        counts = on_ct < mask[at] - room.half_voxel_mm
        out[at] = np.where(counts, np.minimum(out[at], on_ct - less), out[at])
    return out


@lru_cache(maxsize=16)
def _border(room: Room, structure: Structure) -> tuple[NDArray[np.int64], Any]:
    """Border voxels of a structure, and the tree of their centres."""
    boxes = border_indices(room.forbidden(structure))
    return boxes, cKDTree(boxes * room.geometry.spacing_mm)


@lru_cache(maxsize=2)
def make_room(spine: Spine, vertebra: Vertebra, canal: Volume) -> Room:
    """The surroundings of one vertebra; kept, since needles, their profiles and another course ask in turn."""
    geometry = _block(spine.geometry, vertebra.mask.geometry)
    bone, within = _on(vertebra.mask, geometry), _on(canal, geometry)
    others = np.zeros(geometry.shape, bool)
    for other in spine:
        if other.level is not vertebra.level and abs(other.level.order - vertebra.level.order) <= 1.5:
            others |= _on(other.mask, geometry)
    found = {Structure.CANAL: within, Structure.NEIGHBOUR: others}
    roots = foramina(spine, vertebra, geometry, bone | others | within)
    if roots is not None:
        found[Structure.FORAMEN] = roots
    bright = np.zeros(geometry.shape, bool)
    if spine.ct is not None:
        bright = metal(spine.ct, geometry)
        found |= {Structure.AIR: inner_air(spine.ct, geometry, bone | others), Structure.METAL: bright}
    for kind, mask in spine.surroundings:
        found[Structure(kind.value)] = _on(mask, geometry) & ~bone
    spacing = geometry.spacing_mm
    free = box_distance_field(~bone | bright, spacing, _REACH_MM)
    away = box_distance_field(np.logical_or.reduce(list(found.values())), spacing, _REACH_MM)
    walls = ct_walls(spine, vertebra, geometry, bone, within)
    return Room(geometry, bone, tuple(found.items()), free, away, walls)


def _block(whole: Geometry, part: Geometry) -> Geometry:
    """The part's grid with a margin, within the whole."""
    cosines = np.abs(whole.axes.T @ whole.axes - np.eye(3))
    if cosines.max() > _SKEW:
        raise InputError(
            "the grid of the labels is skew (gantry tilt): resample labels and CT to a straight grid first"
        )
    first = np.rint(whole.indices(part.affine[:3, 3])).astype(int)
    margin = np.ceil(_MARGIN_MM / whole.spacing_mm).astype(int)
    start = np.clip(first - margin, 0, None)
    stop = np.minimum(first + part.shape + margin, whole.shape)
    return whole.cropped(start, stop)


def _on(mask: Volume, geometry: Geometry) -> NDArray[np.bool_]:
    """A mask on a block of the same grid."""
    out = np.zeros(geometry.shape, bool)
    shift = np.rint(geometry.indices(mask.geometry.affine[:3, 3])).astype(int)
    start, stop = np.maximum(shift, 0), np.minimum(shift + mask.array.shape, geometry.shape)
    if (stop <= start).any():
        return out
    there = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
    here = tuple(slice(a, b) for a, b in zip(start - shift, stop - shift, strict=True))
    out[there] = mask.array[here]
    return out
