"""Linear elasticity on a voxel grid: each voxel is a box of eight nodes with trilinear displacements.

Displacements and forces are arrays of shape (3, nx+1, ny+1, nz+1), component first, in the axes of the grid. A material
is a few coefficients a voxel, of shape (m, nx, ny, nz): two for isotropy (λ, μ), nine for orthotropy in the order of
`ORTHOTROPIC`, so that an element's stiffness is the sum of coefficient times `element_matrices`. Void voxels have
coefficients 0. This module is the plain truth: `apply_stiffness` is the NumPy twin of the compiled operator in
`elastic_kernels`, `assembled` the sparse matrix for a direct solver. The fast way is `multigrid`, for cubes; `boxes`
turns a problem of other voxels into one of cubes.

Small strains; stiffness integrated exactly (2 x 2 x 2 Gauss points), so a voxel of nearly incompressible material
locks.

References
----------
[1] hughes2000: Hughes, "The Finite Element Method", sec. 3.2 and 4.5 (patch test).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import splu

from spondyl.errors import InputError

Array = NDArray[np.float64]
Edge = float | tuple[float, float, float]
"""Edge of a cubic voxel, or the three edges of a box. [mm]"""

CORNERS = np.array([(i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1)])
ORTHOTROPIC = ("xxxx", "yyyy", "zzzz", "xxyy", "xxzz", "yyzz", "yzyz", "xzxz", "xyxy")
_PLACES = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2), (3, 3), (4, 4), (5, 5))  # in the order xx yy zz yz xz xy


def isotropic(modulus: Array, poisson: Array | float) -> Array:
    """Coefficients λ, μ of each voxel, shape (2, nx, ny, nz). [MPa]

    Parameters
    ----------
    modulus
        Young's modulus of each voxel, 0 is void. [MPa]
    poisson
        Poisson's ratio, of each voxel or one for all.
    """
    modulus = _checked_modulus(modulus)
    ratio = np.broadcast_to(np.asarray(poisson, float), modulus.shape)
    solid = modulus > 0
    if not bool(np.all((ratio[solid] >= 0) & (ratio[solid] <= 0.49))):
        raise InputError("Poisson's ratio must lie in 0 to 0.49 in every voxel that is not void: check the input")
    ratio = np.where(solid, ratio, 0.0)
    return np.stack([modulus * ratio / ((1 + ratio) * (1 - 2 * ratio)), modulus / (2 * (1 + ratio))])


def transversely_isotropic(
    axial: Array, *, ratio: float, poisson_axial: float, poisson_transverse: float, shear_axial: float, axis: int = 2
) -> Array:
    """Coefficients of a material that is the same in all directions across one axis, shape (9, nx, ny, nz). [MPa]

    Parameters
    ----------
    axial
        Young's modulus along the axis, 0 is void. [MPa]
    ratio
        Transverse over axial modulus.
    poisson_axial
        Strain across over strain along, in tension along the axis.
    poisson_transverse
        The same within the plane across it.
    shear_axial
        Shear modulus of planes that hold the axis, over the axial modulus.
    axis
        Grid axis of symmetry; of a vertebra the cranio-caudal one.
    """
    axial = _checked_modulus(axial)
    across = [a for a in range(3) if a != axis]
    compliance = np.zeros((6, 6))
    compliance[axis, axis] = 1.0
    compliance[across, across] = 1 / ratio
    compliance[across[0], across[1]] = compliance[across[1], across[0]] = -poisson_transverse / ratio
    for a in across:
        compliance[a, axis] = compliance[axis, a] = -poisson_axial
        compliance[3 + a, 3 + a] = 1 / shear_axial
    compliance[3 + axis, 3 + axis] = 2 * (1 + poisson_transverse) / ratio
    if np.linalg.eigvalsh(compliance).min() <= 0:
        raise InputError("these moduli and Poisson's ratios give energy to some strain: lower the Poisson's ratios")
    unit = np.linalg.inv(compliance)
    return np.stack([axial * unit[place] for place in _PLACES])


def _checked_modulus(modulus: Array) -> Array:
    modulus = np.asarray(modulus, float)
    if modulus.ndim != 3:
        raise InputError(f"moduli have {modulus.ndim} axes, expected 3: give one volume")
    if not bool(np.all(np.isfinite(modulus))) or float(modulus.min(initial=0.0)) < 0:
        raise InputError("moduli hold negative values or no numbers; expected MPa, 0 for void: mend the volume")
    return modulus


@cache
def element_matrices(coefficients: int, edge: Edge) -> Array:
    """Stiffness of one voxel for each unit coefficient, shape (m, 24, 24), degrees of freedom corner by corner.

    Corners run as `CORNERS`, z fastest; within a corner x, y, z.
    """
    laws = np.zeros((coefficients, 6, 6))
    if coefficients == 2:
        laws[0, :3, :3] = 1.0
        laws[1] = np.diag([2.0, 2.0, 2.0, 1.0, 1.0, 1.0])
    else:
        for law, (row, column) in zip(laws, _PLACES, strict=True):
            law[row, column] = law[column, row] = 1.0
    total = np.zeros((coefficients, 24, 24))
    for point in (2 * CORNERS - 1) / np.sqrt(3):
        b = _strain_matrix(point, edge)
        total += np.einsum("ia,mij,jb->mab", b, laws, b) * voxel_volume(edge) / 8
    total.setflags(write=False)
    return total


def voxel_volume(edge: Edge) -> float:
    """Volume of a voxel. [mm³]"""
    return float(np.prod(np.broadcast_to(edge, 3)))


def _strain_matrix(point: Array, edge: Edge) -> Array:
    """Strains xx yy zz yz xz xy (shears doubled) at a point in [-1, 1]³ from 24 nodal values."""
    signs = 2.0 * CORNERS - 1.0
    factors = 1 + signs * point
    slopes = np.stack([signs[:, a] * factors[:, (a + 1) % 3] * factors[:, (a + 2) % 3] for a in range(3)])
    slopes /= 4 * np.broadcast_to(edge, 3)[:, None]
    b = np.zeros((6, 24))
    for a in range(3):
        b[a, a::3] = slopes[a]
        one, other = (a + 1) % 3, (a + 2) % 3
        b[3 + a, one::3], b[3 + a, other::3] = slopes[other], slopes[one]
    return b


def apply_stiffness(coefficients: Array, edge: Edge, displacement: Array) -> Array:
    """Forces that hold this displacement, shape (3, nx+1, ny+1, nz+1). [N]"""
    matrices = element_matrices(len(coefficients), edge)
    shape = coefficients.shape[1:]
    at = [np.s_[:, i : i + shape[0], j : j + shape[1], k : k + shape[2]] for i, j, k in CORNERS]
    local = np.concatenate([displacement[place] for place in at])
    held = np.einsum("mab,m...,b...->a...", matrices, coefficients, local, optimize=True)
    forces = np.zeros(displacement.shape)
    for corner, place in enumerate(at):
        forces[place] += held[3 * corner : 3 * corner + 3]
    return forces


def centre_strain(displacement: Array, edge: Edge) -> Array:
    """Mean strain of each voxel, shape (6, nx, ny, nz): xx yy zz yz xz xy, shears doubled."""
    shape = tuple(n - 1 for n in displacement.shape[1:])
    b = _strain_matrix(np.zeros(3), edge)
    strain = np.zeros((6, *shape))
    for corner, (i, j, k) in enumerate(CORNERS):
        place = displacement[:, i : i + shape[0], j : j + shape[1], k : k + shape[2]]
        strain += np.tensordot(b[:, 3 * corner : 3 * corner + 3], place, 1)
    return strain


def stress(coefficients: Array, strain: Array) -> Array:
    """Stress of each voxel from its strain, both of shape (6, nx, ny, nz). [MPa]"""
    if len(coefficients) == 2:
        lame, shear = coefficients
        doubled = np.array([2.0, 2.0, 2.0, 1.0, 1.0, 1.0]).reshape(6, 1, 1, 1)
        result = doubled * shear * strain
        result[:3] += lame * strain[:3].sum(0)
        return np.asarray(result)
    result = np.zeros_like(strain)
    for value, (row, column) in zip(coefficients, _PLACES, strict=True):
        result[row] += value * strain[column]
        if row != column:
            result[column] += value * strain[row]
    return result


def stress_forces(stresses: Array, edge: Edge) -> Array:
    """Nodal forces of stresses that are constant within each voxel, shape (3, nx+1, ny+1, nz+1). [N]

    With stress = C : eigenstrain these are the forces that load a body whose voxels want to change shape.
    """
    shape = stresses.shape[1:]
    b = _strain_matrix(np.zeros(3), edge) * voxel_volume(edge)
    forces = np.zeros((3, *(n + 1 for n in shape)))
    for corner, (i, j, k) in enumerate(CORNERS):
        share = np.tensordot(b[:, 3 * corner : 3 * corner + 3].T, stresses, 1)
        forces[:, i : i + shape[0], j : j + shape[1], k : k + shape[2]] += share
    return forces


def pressure_forces(solid: NDArray[np.bool_], cavity: NDArray[np.bool_], pressure: float, edge: float) -> Array:
    """Nodal forces of a pressure on every face between cavity and solid, pushing into the solid. [N]"""
    forces = np.zeros((3, *(n + 1 for n in solid.shape)))
    for axis in range(3):
        low, high = [slice(None)] * 3, [slice(None)] * 3
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        push = (cavity[tuple(low)] & solid[tuple(high)]).astype(float) - (solid[tuple(low)] & cavity[tuple(high)])
        share = np.moveaxis(push * pressure * edge**2 / 4, axis, 0)
        target = np.moveaxis(forces[axis], axis, 0)[1:-1]
        m, n = share.shape[1:]
        for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
            target[:, i : i + m, j : j + n] += share
    return forces


def assembled(coefficients: Array, edge: Edge) -> sparse.csr_matrix:
    """The stiffness as a sparse matrix over all 3 (nx+1)(ny+1)(nz+1) values in the order of the raveled arrays."""
    shape = coefficients.shape[1:]
    nodes = np.arange(np.prod([n + 1 for n in shape])).reshape([n + 1 for n in shape])
    count = nodes.size
    solid = np.argwhere(np.any(coefficients != 0, axis=0))
    corner = np.stack([nodes[tuple((solid + offset).T)] for offset in CORNERS], axis=1)
    freedoms = (corner[:, :, None] + count * np.arange(3)).reshape(len(solid), 24)
    values = np.tensordot(coefficients[(slice(None), *solid.T)].T, element_matrices(len(coefficients), edge), 1)
    rows, columns = np.repeat(freedoms, 24, axis=1), np.tile(freedoms, (1, 24))
    return sparse.csr_matrix((values.ravel(), (rows.ravel(), columns.ravel())), shape=(3 * count, 3 * count))


def solve_direct(
    coefficients: Array, edge: Edge, held: NDArray[np.bool_], prescribed: Array, forces: Array | None = None
) -> Array:
    """Displacements by sparse elimination in float64: the truth for small models (some 30,000 voxels).

    Parameters
    ----------
    held
        Which values are prescribed, of the displacements' shape.
    prescribed
        Their values; others are ignored. [mm]
    forces
        On the nodes. [N]
    """
    matrix = assembled(coefficients, edge)
    start = np.where(held, prescribed, 0.0).ravel()
    load = -(matrix @ start) + (0.0 if forces is None else forces.ravel())
    free = np.flatnonzero(~held.ravel() & (matrix.diagonal() > 0))
    answer = start.copy()
    if free.size:
        answer[free] = splu(matrix[free][:, free].tocsc()).solve(load[free])
    return answer.reshape(held.shape)


def rigid_modes(shape: tuple[int, int, int], edge: Edge) -> Array:
    """Three shifts and three turns of the nodes of a grid of so many voxels, shape (6, 3, nx+1, ny+1, nz+1)."""
    lines = (h * (np.arange(n + 1) - n / 2) for n, h in zip(shape, np.broadcast_to(edge, 3), strict=True))
    points = np.stack(np.meshgrid(*lines, indexing="ij"))
    modes = np.zeros((6, *points.shape))
    for axis in range(3):
        modes[axis, axis] = 1.0
        one, other = (axis + 1) % 3, (axis + 2) % 3
        modes[3 + axis, one], modes[3 + axis, other] = -points[other], points[one]
    return modes
