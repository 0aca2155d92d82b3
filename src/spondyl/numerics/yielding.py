"""A voxel body that yields, as `nonlinear` wants it: residual, tangent, and the elastic multigrid as preconditioner.

The voxels are those of `elasticity` (trilinear, small strain), the law is of `plasticity`. Integration is full (eight
Gauss points, as the elastic stiffness has it) or at the middle, with half of the elastic stiffness kept against
hourglasses: an eighth of the memory and of the points. Neither averages dilatation: full integration is somewhat stiff
where the flow keeps its volume.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spondyl.errors import InputError, NotConverged
from spondyl.numerics.boxes import stretched
from spondyl.numerics.elasticity import CORNERS, voxel_volume
from spondyl.numerics.multigrid import VCycle, inverse_diagonal
from spondyl.numerics.operators import Operator, padded, prepare_threads
from spondyl.numerics.plasticity import YieldLaw, recover_damage
from spondyl.numerics.side_by_side import cuts, side_by_side

Array = NDArray[Any]
Edges = tuple[float, float, float]

HOURGLASS = 0.5  # of the elastic stiffness; a body's curves at 1 and 2 mm lay within 0.8 and 1.3 % of full integration
INTEGRATIONS = ("full", "one_point")
_EARNS_A_THREAD = 4000  # voxels; a thread wakes in a tenth of a millisecond, these take half of one or more
_RATIO = 8.0  # of one smoothing step a visit; three made 12 % fewer iterations, each of twice the time


class YieldingBody:
    """State and forces of a body; arrays on nodes are (3, nx+1, ny+1, nz+1), padded along z to whole blocks.

    Parameters
    ----------
    coefficients
        λ and μ of each voxel, shape (2, nx, ny, nz), 0 is void. [MPa]
    edges
        Of a voxel. [mm]
    held
        Which displacements are prescribed; grow it and what else lives on nodes with `widened`.
    yield_stress
        Uniaxial, in compression, shape (nx, ny, nz); a voxel of 0 never yields. [MPa]
    law
        How it yields, for voxels of this size.

    Forces on the nodes are `load`, which the caller may change between steps. [N]
    """

    kind = np.float32

    def __init__(
        self,
        coefficients: Array,
        edges: Edges,
        held: NDArray[np.bool_],
        yield_stress: Array,
        law: YieldLaw,
        *,
        integration: str = "full",
        threads: int | None = None,
    ) -> None:
        from spondyl.numerics.plastic_kernels import law_numbers

        if integration not in INTEGRATIONS:
            raise InputError(f"integration is '{integration}'; one of {', '.join(INTEGRATIONS)} is expected")
        wide = padded(coefficients)
        self.extra = wide.shape[3] - coefficients.shape[3]
        self.law, self._numbers = law, law_numbers(law)
        self._elastic = _Elastic(wide, edges, self.widened(held), threads)
        self.free, self.held = self._elastic.free, ~self._elastic.free
        points = _POINTS if integration == "full" else np.zeros((1, 3))
        x, y, z = points.T
        self._points = np.stack([x, y, z, y * z, x * z, x * y])
        self._scale = 1 / (4 * np.array(edges))
        self._weight = voxel_volume(edges) / len(points)
        self._share = 1.0 if integration == "full" else HOURGLASS
        self._cells = np.ascontiguousarray(np.argwhere(np.any(wide != 0, axis=0)))
        self._blocks = _blocks(self._cells[:, 0], threads)
        lame, shear = wide[(slice(None), *self._cells.T)]
        self._bulk, self._shear = lame + 2 * shear / 3, shear.copy()
        self._limit = np.pad(yield_stress, ((0, 0), (0, 0), (0, self.extra)))[tuple(self._cells.T)]
        shape = (len(self._cells), len(points))
        self._plastic, self._accumulated = np.zeros((*shape, 6)), np.zeros(shape)
        self._strain, self._plastic_after, self._after = np.zeros((*shape, 6)), np.zeros((*shape, 6)), np.zeros(shape)
        self._active = np.zeros(len(self._cells), bool)  # voxels where something yields or did
        self._tangent = np.zeros((len(self._cells), 8, len(points)), np.float32)
        self._first = self._active.copy(), self._tangent  # before anything yielded: nothing where all is in the share
        if self._share != 1:
            self._first = ~self._active, self._tangent.copy()
            self._first[1][:, :2] = np.stack([2 * self._shear, self._bulk], axis=1)[..., None]
        self._narrow = tuple(np.asarray(a, np.float32) for a in (self._points, self._scale, self._bulk, self._shear))
        self.internal = np.zeros(self.free.shape)
        self.load = np.zeros(self.free.shape)

    def widened(self, nodal: Array) -> Array:
        """Values of nodes on the padded grid."""
        return np.pad(nodal, ((0, 0), (0, 0), (0, 0), (0, self.extra)))

    def cut(self, nodal: Array) -> Array:
        """Values of nodes on the grid as it was given."""
        return np.ascontiguousarray(nodal[..., : nodal.shape[3] - self.extra])

    @property
    def accumulated(self) -> Array:
        """κ at the end of the last step, shape (voxels with material, points)."""
        return self._accumulated

    def residual(self, displacement: Array) -> Array:
        """Load less internal forces, 0 where prescribed; no number where a return to the yield surface did not end."""
        forces = self._share * self._elastic.forces(displacement)
        self.add_stresses(displacement, forces)
        self.internal = forces
        return np.where(self.free, self.load - forces, 0.0)

    def add_stresses(self, displacement: Array, forces: Array) -> None:
        """Add the forces of the stresses at this displacement, less the elastic share that `forces` hold already."""
        from spondyl.numerics.yield_kernels import add_stress_forces

        self._in_blocks(
            lambda first, stop: add_stress_forces(
                first,
                stop,
                displacement,
                self._cells,
                self._points,
                self._scale,
                self._weight,
                self._share,
                self._bulk,
                self._shear,
                self._limit,
                self._numbers,
                self._plastic,
                self._accumulated,
                self._strain,
                self._plastic_after,
                self._after,
                self._active,
                self._tangent,
                forces,
            )
        )

    def force_norm(self) -> float:
        """Norm of the internal forces of the last residual."""
        return float(np.linalg.norm(self.internal))

    def tangent(self, change: Array) -> Array:
        """Change of the internal forces about the last residual, 0 where prescribed; in single precision."""
        return self._pushed(change, self._active, self._tangent)

    def elastic(self, change: Array) -> Array:
        """The same before anything yielded."""
        return self._pushed(change, *self._first)

    def precondition(self, forces: Array) -> Array:
        """One V-cycle of the elastic body."""
        return self._elastic.cycle(forces)

    def commit(self, displacement: Array) -> None:
        """Take the state at the last residual as the start of the next step; damage rises at constant stress."""
        if not np.isfinite(self._after).all():
            raise NotConverged("the return to the yield surface did not end at some points: take smaller load steps")
        plastic = self._plastic_after.copy()
        if self.law.damage_limit > 0:
            grown = self._after > self._accumulated
            at_points = self._strain[grown], plastic[grown], self._accumulated[grown], self._after[grown]
            plastic[grown] = recover_damage(*at_points, self.law)
        self._plastic, self._accumulated = plastic, self._after.copy()

    def _in_blocks(self, work: Callable[[int, int], None]) -> None:
        """Do it for all voxels; blocks of the same turn share no node."""
        for turn in self._blocks:
            side_by_side(partial(_do_piece, work, turn), len(turn))

    def _pushed(self, change: Array, active: NDArray[np.bool_], tangent: Array) -> Array:
        from spondyl.numerics.yield_kernels import add_tangent_forces

        change = np.asarray(change, np.float32)
        forces: Array = self._elastic.forces(change)
        if self._share != 1:
            forces *= np.float32(self._share)
        points, scale, bulk, shear = self._narrow
        place = self._cells, points, scale, np.float32(self._weight), np.float32(self._share)
        rest = bulk, shear, active, tangent, forces
        self._in_blocks(lambda first, stop: add_tangent_forces(first, stop, change, *place, *rest))
        forces[self.held] = 0.0
        return forces


class _Elastic:
    """The elastic stiffness and its V-cycle; boxes as the cubes that they are equal to."""

    def __init__(self, coefficients: Array, edges: Edges, held: NDArray[np.bool_], threads: int | None) -> None:
        edge = voxel_volume(edges) ** (1 / 3)
        self._stretch: Array | None = (edge / np.array(edges)).reshape(3, 1, 1, 1)
        if np.allclose(self._stretch, 1.0, atol=1e-5, rtol=0):
            self._stretch = None
        else:
            coefficients = stretched(coefficients, edges)
        used = prepare_threads(held.size, threads)
        self._cycle: VCycle | None = None  # made when it is first asked for
        self._make_cycle = partial(VCycle, coefficients, edge, held, threads=threads, degree=1, ratio=_RATIO)
        self._operators = {kind: Operator(coefficients, edge, kind, used) for kind in (np.float64, np.float32)}
        self.free = inverse_diagonal(coefficients, edge, held) != 0

    def forces(self, displacement: Array) -> Array:
        """K u, also where prescribed, in the precision of u."""
        operator = self._operators[displacement.dtype.type]
        out = np.empty_like(displacement)
        if self._stretch is None:
            operator(displacement, out)
            return out
        stretch = self._stretch.astype(displacement.dtype)
        operator(np.ascontiguousarray(displacement / stretch), out)
        return np.asarray(out / stretch)

    def cycle(self, forces: Array) -> Array:
        """About K⁻¹ f; forces go in relative to their size, since single precision ends at 1e-38."""
        self._cycle = self._cycle or self._make_cycle()
        size = float(np.abs(forces).max(initial=0.0)) or 1.0
        if self._stretch is None:
            return np.asarray(self._cycle(forces * (1 / size)) * size, forces.dtype)
        return np.asarray(self._cycle(forces * (self._stretch / size)) * (self._stretch * size), forces.dtype)


_POINTS = (2 * CORNERS - 1) / np.sqrt(3)  # of Gauss, in [-1, 1]³


def _do_piece(work: Callable[[int, int], None], turn: list[tuple[int, int]], piece: int) -> None:
    work(*turn[piece])


def _blocks(planes: Array, threads: int | None) -> tuple[list[tuple[int, int]], ...]:
    """Where blocks of voxels begin and end, in two turns; `planes` are the voxels' places along x, in rising order."""
    import numba

    most = min(threads or numba.get_num_threads(), numba.get_num_threads(), len(planes) // _EARNS_A_THREAD)
    if most < 2:
        return ([(0, len(planes))],)
    bounds = [0]
    for at, _ in cuts(len(planes), 2 * most)[1:]:  # between planes; no block is empty, so those of a turn lie apart
        bounds.append(max(int(np.searchsorted(planes, planes[at])), bounds[-1]))
    whole = [pair for pair in zip(bounds, [*bounds[1:], len(planes)], strict=True) if pair[0] < pair[1]]
    return whole[::2], whole[1::2]
