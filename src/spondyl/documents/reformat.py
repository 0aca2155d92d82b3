"""Planes through a spine for pictures: along its curve, and through one vertebra. No drawing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator

from spondyl.errors import InputError
from spondyl.space import Floats, Frame
from spondyl.spine import Spine, Vertebra

_SOME = 4000  # points of a vertebra where only its extent counts
View = Literal["sagittal", "coronal"]


@dataclass(frozen=True, eq=False)
class CurvedPlane:
    """A surface that follows the spine from head to foot, for a picture that keeps lengths.

    The sagittal one bends with the spine to the left and right and turns with its vertebrae, so that it stays in the
    middle of every body, and keeps the kyphosis as it is; the coronal one bends to the front and back. Picture
    coordinates are (down, across) in mm: `down` is the length along the bend, counted from the top; `across` grows
    to the front (sagittal) or to the patient's left (coronal).
    """

    up: Floats  # (3,), mean direction to the head
    rows: Floats  # (n,), heights of the rows along `up`, falling [mm]
    down: Floats  # (n,), length along the bend at each row [mm]
    centres: Floats  # (n, 3), where each row crosses the spine's curve
    directions: Floats  # (n, 3), direction of each row
    centre_across: Floats  # (n,), picture coordinate of `centres`

    def points(self, down: ArrayLike, across: ArrayLike) -> Floats:
        """Patient points of picture coordinates, shape (..., 3). [mm, LPS]"""
        row = np.interp(np.asarray(down, float), self.down, np.arange(len(self.rows)))
        offset = np.asarray(across, float) - _at(self.centre_across, row)
        return np.asarray(_at(self.centres, row) + offset[..., None] * _at(self.directions, row))

    def picture(self, points: ArrayLike) -> Floats:
        """Picture coordinates (down, across) of patient points, shape (..., 2). [mm]"""
        given = np.asarray(points, float)
        height = given @ self.up
        row = np.interp(-height, -self.rows, np.arange(len(self.rows)))
        across = np.sum((given - _at(self.centres, row)) * _at(self.directions, row), axis=-1)
        return np.stack([_at(self.down, row), across + _at(self.centre_across, row)], axis=-1)


def curved_plane(spine: Spine, view: View, *, margin_mm: float = 15.0, step_mm: float = 1.0) -> CurvedPlane:
    """The curved plane through the body centres of a spine, `margin_mm` beyond its outermost voxels."""
    framed = [vertebra for vertebra in spine if vertebra.frame is not None]
    if not framed:
        raise InputError("no vertebra of this spine has a frame, so there is no curve to draw it along")
    frames = [vertebra.frame for vertebra in framed if vertebra.frame is not None]
    mean = _mean_frame(frames)
    centres = np.array([frame.origin for frame in frames])
    heights = np.concatenate([some_points(vertebra) @ mean.cranial for vertebra in spine])
    rows = np.arange(heights.max() + margin_mm, heights.min() - margin_mm, -step_mm)
    curve = _along(centres, centres @ mean.cranial, rows)
    curve += (rows - curve @ mean.cranial)[:, None] * mean.cranial
    towards = np.array([frame.anterior if view == "sagittal" else frame.left for frame in frames])
    directions = _square_to(_along(towards, centres @ mean.cranial, rows), mean.cranial)
    bend, across = (mean.left, mean.anterior) if view == "sagittal" else (mean.anterior, mean.left)
    steps = np.hypot(np.diff(curve @ bend), np.diff(rows))
    down = np.concatenate([[0.0], np.cumsum(steps)])
    return CurvedPlane(mean.cranial, rows, down, curve, directions, curve @ across)


def mask_points(vertebra: Vertebra) -> Floats:
    """Patient points of the voxels of a vertebra's mask, shape (n, 3). [mm, LPS]"""
    return vertebra.mask.geometry.points(np.argwhere(vertebra.mask.array))


def some_points(vertebra: Vertebra) -> Floats:
    """Some thousand of them, evenly spread: enough to see how far the vertebra reaches, to a mm or so."""
    indices = np.argwhere(vertebra.mask.array)
    return vertebra.mask.geometry.points(indices[:: max(1, len(indices) // _SOME)])


def sample_labels(spine: Spine, points: Floats) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Level numbers at patient points (0: none), and whether each lies in a body, both of shape (...)."""
    levels, bodies = np.zeros(points.shape[:-1], np.uint8), np.zeros(points.shape[:-1], bool)
    voxels = np.rint(spine.geometry.indices(points)).astype(np.int32)
    for vertebra in spine:
        start = np.rint(spine.geometry.indices(vertebra.mask.geometry.affine[:3, 3])).astype(np.int32)
        near = ((voxels >= start) & (voxels < start + vertebra.mask.geometry.shape)).all(axis=-1)
        own = tuple((voxels[near] - start).T)
        levels[near] = np.where(vertebra.mask.array[own], vertebra.level, levels[near])
        if vertebra.body is not None:
            bodies[near] |= vertebra.body.array[own]
    return levels, bodies


def _mean_frame(frames: list[Frame]) -> Frame:
    return Frame.from_directions(
        np.mean([frame.origin for frame in frames], axis=0),
        np.sum([frame.cranial for frame in frames], axis=0),
        np.sum([frame.anterior for frame in frames], axis=0),
    )


def _along(values: Floats, heights: Floats, rows: Floats) -> Floats:
    """Vectors known at some heights, smoothly at each row; constant beyond the outermost."""
    if len(values) == 1:
        return np.repeat(values, len(rows), axis=0)
    order = np.argsort(heights)
    curve = PchipInterpolator(heights[order], values[order])
    return np.asarray(curve(np.clip(rows, heights.min(), heights.max())))


def _square_to(vectors: Floats, axis: Floats) -> Floats:
    flat = vectors - (vectors @ axis)[:, None] * axis
    return np.asarray(flat / np.linalg.norm(flat, axis=1, keepdims=True))


def _at(values: Floats, row: Floats) -> Floats:
    """Values of the rows at fractional row numbers."""
    below = np.clip(np.floor(row).astype(int), 0, len(values) - 1)
    above = np.minimum(below + 1, len(values) - 1)
    part = np.asarray(row - below)
    if values.ndim == 2:
        part = part[..., None]
    return np.asarray(values[below] * (1 - part) + values[above] * part)
