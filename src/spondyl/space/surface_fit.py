"""The smoothest surface that keeps to what voxels say of it.

A mask tells of its surface only that it passes between two neighbouring voxel centres. Where the surface runs oblique
to the grid, the steps between such intervals fix it far better than a voxel; a least-squares fit to the middles would
throw that away. So the surface is a tensor-product cubic B-spline of least bending among those that keep to the
intervals, and violations cost quadratically, since real masks are noisy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.sparse.linalg import splu

from spondyl.errors import InputError
from spondyl.space.arrays import read_only
from spondyl.space.geometry import Floats

_DEGREE = 3
_MIDDLE_WEIGHT = 0.002  # of an interval's middle against a violation: decides only where the intervals leave a choice


@dataclass(frozen=True, eq=False)
class SplineSurface:
    """A height over (u, v) as a tensor-product cubic B-spline. [mm]"""

    knots_u: Floats
    knots_v: Floats
    coefficients: Floats  # (len(knots_u) - 4, len(knots_v) - 4)

    def __post_init__(self) -> None:
        for name in ("knots_u", "knots_v", "coefficients"):
            object.__setattr__(self, name, read_only(getattr(self, name), np.float64))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.knots_u, self.knots_v, self.coefficients)

    def __call__(self, u: ArrayLike, v: ArrayLike) -> Floats:
        """Heights at (u, v), same shape; beyond the knots the height of the nearest point within. [mm]"""
        shape = np.broadcast_shapes(np.shape(u), np.shape(v))
        flat_u = np.broadcast_to(np.asarray(u, np.float64), shape).ravel()
        flat_v = np.broadcast_to(np.asarray(v, np.float64), shape).ravel()
        weights_u, weights_v = _design(flat_u, self.knots_u), _design(flat_v, self.knots_v)
        return np.asarray((weights_u @ self.coefficients * weights_v.toarray()).sum(axis=1).reshape(shape))


def fit_interval_surface(
    u: ArrayLike,
    v: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    *,
    knot_spacing_mm: float = 3.0,
    bending: float = 0.1,
    margin_mm: float = 6.0,
    outlier_mm: float = 2.0,
    iterations: int = 25,
) -> SplineSurface:
    """The surface of least bending between the lower and upper limits given at scattered places.

    Parameters
    ----------
    u, v
        Places, shape (n,). [mm]
    low, high
        Limits of the height there, shape (n,). [mm]
    knot_spacing_mm
        Finest detail the surface can follow.
    bending
        Weight of the bending energy against squared violations.
    margin_mm
        How far beyond the places the surface is continued.
    outlier_mm
        A violation of this size counts half, larger ones ever less: notches and holes of a mask do not bend it.
    iterations
        At most so many reweighted solves (semi-smooth Newton); it stops when no height moves by more than 0.001 mm.

    Raises
    ------
    InputError
        If fewer than 16 places are given.
    """
    u, v, low, high = (np.asarray(a, np.float64).ravel() for a in (u, v, low, high))
    if len(u) < 16:
        raise InputError(f"a surface needs at least 16 places, found {len(u)}: the mask is too small or too coarse")
    knots_u, knots_v = (_knots(x, knot_spacing_mm, margin_mm) for x in (u, v))
    design = _row_products(_design(u, knots_u), _design(v, knots_v))
    penalty = _bending_energy(len(knots_u) - _DEGREE - 1, len(knots_v) - _DEGREE - 1, bending)
    middle = (low + high) / 2
    heights = middle
    weights = np.ones_like(middle)
    for _ in range(iterations):
        coefficients = _solve(design, weights, np.clip(heights, low, high), middle, penalty)
        moved = design @ coefficients
        violation = moved - np.clip(moved, low, high)
        weights = (violation != 0) / (1 + (violation / outlier_mm) ** 2)
        if np.abs(moved - heights).max() < 1e-3:
            break
        heights = moved
    shape = len(knots_u) - _DEGREE - 1, len(knots_v) - _DEGREE - 1
    return SplineSurface(knots_u, knots_v, coefficients.reshape(shape))


def _solve(
    design: sparse.csr_matrix, weights: Floats, targets: Floats, middle: Floats, penalty: sparse.csc_matrix
) -> Floats:
    total = weights + _MIDDLE_WEIGHT
    matrix = (design.T @ design.multiply(total[:, None]) + penalty).tocsc()
    right = design.T @ (weights * targets + _MIDDLE_WEIGHT * middle)
    return np.asarray(splu(matrix, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}).solve(right))


def _knots(x: Floats, spacing: float, margin: float) -> Floats:
    start, stop = x.min() - margin, x.max() + margin
    intervals = max(1, int(np.ceil((stop - start) / spacing)))
    return np.asarray(start + spacing * np.arange(-_DEGREE, intervals + _DEGREE + 1))


def _design(x: Floats, knots: Floats) -> sparse.csr_matrix:
    from scipy.interpolate import BSpline  # 0.4 s to load, which much of mechanics does without

    inside = np.clip(x, knots[_DEGREE], np.nextafter(knots[-_DEGREE - 1], -np.inf))
    return sparse.csr_matrix(BSpline.design_matrix(inside, knots, _DEGREE))


def _row_products(a: sparse.csr_matrix, b: sparse.csr_matrix) -> sparse.csr_matrix:
    """Row-wise Kronecker product; every row of both has degree + 1 entries."""
    k = _DEGREE + 1
    n = a.shape[0]
    data = (a.data.reshape(n, k, 1) * b.data.reshape(n, 1, k)).ravel()
    columns = (a.indices.reshape(n, k, 1) * b.shape[1] + b.indices.reshape(n, 1, k)).ravel()
    return sparse.csr_matrix((data, columns, np.arange(n + 1) * k * k), shape=(n, a.shape[1] * b.shape[1]))


def _bending_energy(n_u: int, n_v: int, weight: float) -> sparse.csc_matrix:
    def differences(n: int, order: int) -> NDArray[Any]:
        return np.diff(np.eye(n), order, axis=0)

    parts = [
        sparse.kron(differences(n_u, 2), sparse.eye(n_v)),
        np.sqrt(2) * sparse.kron(differences(n_u, 1), differences(n_v, 1)),
        sparse.kron(sparse.eye(n_u), differences(n_v, 2)),
    ]
    stacked = sparse.vstack(parts).tocsr()
    return (weight * (stacked.T @ stacked) + 1e-9 * sparse.eye(n_u * n_v)).tocsc()
