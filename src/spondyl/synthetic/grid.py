"""Coordinates of voxels, and of finer points within them, in the frame of a structure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spondyl.space import Floats, Frame, Geometry
from spondyl.synthetic.solids import Field
from spondyl.synthetic.spec import ScanSpec, SliceProfile

_FINE_MM = 0.5  # largest distance of the points over which partial volume is averaged


@dataclass(frozen=True, eq=False)
class Block:
    """A block of voxels, by first and last-but-one index."""

    start: tuple[int, int, int]
    stop: tuple[int, int, int]

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """To take it from an array."""
        a, b, c = (slice(first, last) for first, last in zip(self.start, self.stop, strict=True))
        return a, b, c

    @property
    def axes(self) -> tuple[Floats, Floats, Floats]:
        """Indices of its voxel centres along each axis."""
        a, b, c = (np.arange(first, last, dtype=np.float64) for first, last in zip(self.start, self.stop, strict=True))
        return a, b, c


def block_around(geometry: Geometry, frame: Frame, low: Floats, high: Floats, pad: int = 1) -> Block | None:
    """The voxels that hold a box given in a frame, None when it lies outside the grid."""
    corners = np.array(np.meshgrid(*np.stack([low, high], axis=1), indexing="ij")).reshape(3, -1).T
    indices = geometry.indices(frame.to_patient(corners))
    start = np.clip(np.floor(indices.min(axis=0)).astype(int) - pad, 0, geometry.shape)
    stop = np.clip(np.ceil(indices.max(axis=0)).astype(int) + pad + 1, 0, geometry.shape)
    if (stop <= start).any():
        return None
    return Block((int(start[0]), int(start[1]), int(start[2])), (int(stop[0]), int(stop[1]), int(stop[2])))


def local_grid(geometry: Geometry, frame: Frame, axes: Sequence[Floats]) -> tuple[Field, Field, Field]:
    """(cranial, anterior, left) at every combination of fractional indices, three arrays. [mm]"""
    turn = frame.axes.T @ geometry.affine[:3, :3]
    offset = frame.axes.T @ (geometry.affine[:3, 3] - frame.origin)
    i, j, k = (np.asarray(axis, np.float64) for axis in axes)
    c, a, left = (
        (
            (offset[row] + turn[row, 0] * i)[:, None, None]
            + (turn[row, 1] * j)[None, :, None]
            + (turn[row, 2] * k)[None, None, :]
        ).astype(np.float32)
        for row in range(3)
    )
    return c, a, left


@dataclass(frozen=True, eq=False)
class FinePoints:
    """Points within voxels over which values are averaged: within the slice evenly, across it by the slice profile."""

    block: Block
    axes: tuple[Floats, Floats, Floats]  # fractional indices
    counts: tuple[int, int, int]  # points a voxel along each axis
    weights: Floats  # (counts[2],), of the points across the slice, sum 1
    step_mm: float  # mean distance of points

    def averaged(self, values: Field) -> Field:
        """Voxel means of values at the points."""
        n, m, p = (last - first for first, last in zip(self.block.start, self.block.stop, strict=True))
        f, g, h = self.counts
        split = values.reshape(n, f, m, g, p, h).mean(axis=(1, 3))
        return np.asarray(split @ self.weights.astype(np.float32), np.float32)


def fine_points(geometry: Geometry, block: Block, scan: ScanSpec) -> FinePoints:
    """Points for the voxels of a block: at most half a millimetre apart."""
    spacing = geometry.spacing_mm
    thickness = spacing[2] if scan.slice_thickness_mm is None else scan.slice_thickness_mm
    gaussian = scan.slice_profile is SliceProfile.GAUSSIAN
    extent = np.array([spacing[0], spacing[1], thickness * (2.0 if gaussian else 1.0)])
    counts = np.maximum(np.ceil(extent / _FINE_MM - 1e-9).astype(int), 1)
    offsets = [((np.arange(n) + 0.5) / n - 0.5) * e / s for n, e, s in zip(counts, extent, spacing, strict=True)]
    axes = [(axis[:, None] + offset).ravel() for axis, offset in zip(block.axes, offsets, strict=True)]
    across = offsets[2] * spacing[2] / thickness
    weights = np.exp(-4 * np.log(2) * across**2) if gaussian else np.ones(len(across))
    return FinePoints(
        block,
        (axes[0], axes[1], axes[2]),
        (int(counts[0]), int(counts[1]), int(counts[2])),
        weights / weights.sum(),
        float(np.mean(extent / counts)),
    )


def subrange(geometry: Geometry, frame: Frame, low: Floats, high: Floats, axes: Sequence[Floats]) -> tuple[slice, ...]:
    """Which of the given fractional indices reach a box given in a frame, one slice an axis; empty ones possible."""
    corners = np.array(np.meshgrid(*np.stack([low, high], axis=1), indexing="ij")).reshape(3, -1).T
    indices = geometry.indices(frame.to_patient(corners))
    first, last = indices.min(axis=0), indices.max(axis=0)
    found = []
    for axis, least, most in zip(axes, first, last, strict=True):
        # overlapping slices make the indices of thick slices rise only slice by slice: take all from first to last hit
        hits = np.flatnonzero((axis >= least) & (axis <= most))
        found.append(slice(int(hits[0]), int(hits[-1]) + 1) if len(hits) else slice(0, 0))
    return tuple(found)
