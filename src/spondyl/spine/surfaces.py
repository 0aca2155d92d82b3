"""Endplates and walls of a vertebral body as smooth, sub-voxel height maps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.errors import InputError
from spondyl.space import Floats, Frame, HeightMap, SplineSurface, Volume, fit_interval_surface
from spondyl.spine.edges import snap_endplate
from spondyl.spine.frames import Columns, find_columns, find_frame

_RIM_MM = 2.0  # of the footprint not used for an endplate: there the body's edge rounds into its wall
_OVERHANG_MM = 2  # how far beyond the footprint an endplate is continued
_WALL_HALF_WIDTH_MM = 10.0  # of a wall that is followed, either side of the midsagittal plane
_STRIDE_MM = 10.0  # longest step towards a surface
_MEETING_MM = 0.05  # a line that is still further from the surface does not meet it
_FLOOR_SD_MM = 0.1  # doubt of any surface: what is left between a fitted and the true surface at 0.7 mm voxels
_MASK_BORDER_SHARE = 0.25  # sd of a mask's border in voxels where no CT confirms it: +-half a voxel is two sd


@dataclass(frozen=True, eq=False)
class Surfaces:
    """Frame, endplates and walls of one body; a surface that could not be found is None and a remark says why."""

    frame: Frame
    superior: HeightMap
    inferior: HeightMap
    anterior: HeightMap | None
    posterior: HeightMap | None
    remarks: tuple[str, ...]


def find_surfaces(body: Volume, toward_head: Floats, front_from: Floats, ct: Volume | None = None) -> Surfaces:
    """Frame, endplates and walls from the mask of a whole body, endplates moved onto the CT's edge where it shows one.

    Parameters
    ----------
    body
        Mask of the vertebral body.
    toward_head, front_from
        Rough cranial direction and a point behind the body (`find_frame`).
    ct
        Where given, endplates follow its grey values (`snap_endplate`): a mask drawn half a voxel too small or too
        large then measures the same.

    Raises
    ------
    InputError
        If the mask is too small or too coarse for two endplates.
    """
    frame = find_frame(body, toward_head, front_from)
    columns = find_columns(body, frame)
    superior, inferior = (_endplate(body, frame, columns, sign) for sign in (1, -1))
    remarks: list[str] = []
    if ct is not None:
        superior, remark_up = snap_endplate(superior, inferior, ct)
        inferior, remark_down = snap_endplate(inferior, superior, ct)
        remarks += [remark for remark in (remark_up, remark_down) if remark]
    walls: list[HeightMap | None] = []
    for sign, name in ((1, "anterior"), (-1, "posterior")):
        try:
            walls.append(_wall(body, frame, superior, inferior, sign))
        except InputError as error:
            walls.append(None)
            remarks.append(f"{name} wall not found: {error}")
    return Surfaces(frame, superior, inferior, walls[0], walls[1], tuple(remarks))


def _endplate(body: Volume, frame: Frame, columns: Columns, sign: int) -> HeightMap:
    """Superior (sign 1) or inferior (-1) endplate."""
    used = ndimage.binary_erosion(columns.footprint, iterations=int(_RIM_MM))
    used = used if used.sum() >= 50 else columns.footprint

    def on_endplate(local: Floats) -> NDArray[np.bool_]:
        place = [_nearest(columns.anterior_mm, local[:, 1]), _nearest(columns.left_mm, local[:, 2])]
        return used[place[0], place[1]] & (sign * local[:, 0] > 0)

    surface, sd = _fit(body, frame, frame.cranial, sign, on_endplate)
    shown = ndimage.binary_dilation(columns.footprint, iterations=_OVERHANG_MM)
    a, left = np.meshgrid(columns.anterior_mm, columns.left_mm, indexing="ij")
    heights = surface.heights(np.stack([np.zeros_like(a), a, left], axis=-1), along=0)
    box = tuple(slice(s.start, s.stop) for s in ndimage.find_objects(shown.astype(int))[0])
    height = np.where(shown, heights, np.nan)[box]
    return HeightMap(frame, "cranial", columns.anterior_mm[box[0]], columns.left_mm[box[1]], height, sd)


def _wall(body: Volume, frame: Frame, superior: HeightMap, inferior: HeightMap, sign: int) -> HeightMap:
    """Anterior (sign 1) or posterior (-1) wall between the endplates, near the midsagittal plane."""
    top, bottom = (float(np.nanmedian(plate.height_mm)) for plate in (superior, inferior))
    inset = min(2.5, 0.2 * (top - bottom))

    def on_wall(local: Floats) -> NDArray[np.bool_]:
        between = (local[:, 0] > bottom + inset) & (local[:, 0] < top - inset)
        return np.asarray(between & (np.abs(local[:, 2]) < _WALL_HALF_WIDTH_MM) & (sign * local[:, 1] > 0))

    surface, sd = _fit(body, frame, frame.anterior, sign, on_wall)
    cranial = np.arange(np.ceil(bottom), np.floor(top) + 0.5)
    left = np.arange(-_WALL_HALF_WIDTH_MM, _WALL_HALF_WIDTH_MM + 0.5)
    c, across = np.meshgrid(cranial, left, indexing="ij")
    heights = surface.heights(np.stack([c, np.zeros_like(c), across], axis=-1), along=1)
    return HeightMap(frame, "anterior", cranial, left, heights, sd)


@dataclass(frozen=True, eq=False)
class _GridSurface:
    """A surface over two index axes of a grid, heights along the third. [mm of index axis]"""

    spline: SplineSurface
    volume: Volume
    frame: Frame
    axis: int

    def heights(self, local: Floats, along: int) -> Floats:
        """Where lines through local points along local axis `along` meet the surface, as coordinate on that axis."""
        unit = np.eye(3)[along]
        shift = np.zeros(local.shape[:-1])
        slope = self._gap(local + unit) - self._gap(local)
        gap = np.full(shift.shape, np.inf)
        for _ in range(10):  # quasi-Newton: endplates and walls are nearly square to the axis, so it contracts fast
            gap = self._gap(local + shift[..., None] * unit)
            shift = shift - np.clip(gap / slope, -_STRIDE_MM, _STRIDE_MM)
        return np.where(np.abs(gap / slope) < _MEETING_MM, shift + local[..., along], np.nan)

    def _gap(self, local: Floats) -> Floats:
        grid = self.volume.geometry.indices(self.frame.to_patient(local)) * self.volume.geometry.spacing_mm
        u, v = (grid[..., k] for k in range(3) if k != self.axis)
        return np.asarray(grid[..., self.axis] - self.spline(u, v))


def _fit(
    body: Volume, frame: Frame, direction: Floats, sign: int, belongs: Callable[[Floats], NDArray[np.bool_]]
) -> tuple[_GridSurface, float]:
    """The smoothest surface through the mask's last voxel faces along `direction`, and its standard deviation."""
    geometry = body.geometry
    axis = int(np.abs(direction @ geometry.axes).argmax())
    outward = sign * np.sign(direction @ geometry.axes[:, axis])
    u, v, low, high = _last_faces(body.array, axis, bool(outward > 0))
    spacing = geometry.spacing_mm
    index = np.empty((len(u), 3))
    others = [k for k in range(3) if k != axis]
    index[:, others[0]], index[:, others[1]], index[:, axis] = u, v, (low + high) / 2
    chosen = belongs(frame.to_local(geometry.points(index)))
    place = (u * spacing[others[0]])[chosen], (v * spacing[others[1]])[chosen]
    limits = (low * spacing[axis])[chosen], (high * spacing[axis])[chosen]
    spline = fit_interval_surface(*place, *limits)
    middle = np.abs(frame.to_local(geometry.points(index[chosen]))[:, 2]) < 8
    sd = _doubt(spline(*place)[middle], limits[0][middle], limits[1][middle])
    border = _MASK_BORDER_SHARE * float(np.abs(direction @ geometry.axes) @ spacing)
    return _GridSurface(spline, body, frame, axis), float(np.hypot(np.hypot(sd, border), _FLOOR_SD_MM))


def _last_faces(mask: NDArray[np.bool_], axis: int, toward_end: bool) -> tuple[Floats, Floats, Floats, Floats]:
    """Index places (u, v) of all columns along `axis`, and the two voxel centres between which the mask ends there."""
    stacked = np.moveaxis(mask, axis, -1)
    u, v = np.nonzero(stacked.any(axis=-1))
    columns = stacked[u, v]
    if toward_end:
        last = columns.shape[1] - 1 - columns[:, ::-1].argmax(axis=1)
        return u.astype(float), v.astype(float), last.astype(float), last + 1.0
    first = columns.argmax(axis=1)
    return u.astype(float), v.astype(float), first - 1.0, first.astype(float)


def _doubt(heights: Floats, low: Floats, high: Floats) -> float:
    """Standard deviation left to the surface as a whole by its intervals: uniform over the shift they all allow."""
    if len(heights) == 0:
        return 1.0
    slack = np.quantile(high - heights, 0.02) + np.quantile(heights - low, 0.02)
    return float(max(slack, 0.0) / np.sqrt(12))


def _nearest(grid: Floats, values: Floats) -> NDArray[np.intp]:
    return np.asarray(np.clip(np.rint(values - grid[0]).astype(int), 0, len(grid) - 1))
