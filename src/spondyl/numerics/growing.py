"""A yielding voxel body with cavities that grow in it and a plane that bears no tension.

Bone far from a cavity moves little: small strain, as in `yielding`. Bone at its wall moves by more than its own size,
so after each stage the voxels that are strained past a limit take the shape that they have then, and the next stage's
strain counts from there (updated geometry; stresses are carried on without turning them, which holds for turns of a few
degrees a stage). The wall's area vectors are brought up to date too. Mass needs no bookkeeping: each voxel keeps its
own, and its density follows from its volume.

Crushed bone locks once its pores are used up. The yield stress therefore rises with the volume that a voxel has lost
(Gibson and Ashby's form, handbook 5), stage by stage.

A cavity is either at a pressure, or filled with so much of a fluid that is a little compressible; two cavities may have
two pressures. In the plane only the normal stress of contact is borne, without friction.

References
----------
[1] bathe1996: Bathe, "Finite Element Procedures", sec. 6.2 (updated Lagrangian formulation).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spondyl.errors import InputError, NotConverged
from spondyl.numerics.cavity import CavityWall, enclosed_volume, find_wall, volume_gradient
from spondyl.numerics.elasticity import CORNERS
from spondyl.numerics.multigrid import VCycle
from spondyl.numerics.operators import Operator, padded, prepare_threads
from spondyl.numerics.plasticity import YieldLaw, recover_damage
from spondyl.numerics.yielding import _POINTS, _RATIO

Array = NDArray[Any]
Mask = NDArray[np.bool_]

LARGE = 0.02  # strain from which a voxel takes its own shape: its square is a twentieth of the yield strain
OPEN = 2e-5  # share of its stiffness that an open plane keeps, so that no node floats
FOLDED = 0.05  # of its first volume: a voxel with a point of less keeps the shape of the stage before
_SERVES = 40  # applications of a multigrid cycle, one to four times what making it costs, before it is made anew
_SOFTEST = 0.02  # of its elastic stiffness, that a voxel keeps in the cycle
_AS_SOFT = 0.01  # mean change of the voxels' shear moduli, over the elastic ones, below which the cycle serves on
_MOST_CAUTION = 0.5  # share of the stiffness along the flow


@dataclass(frozen=True)
class Locking:
    """Yield stress over its first value after a loss of volume, by Gibson and Ashby's form (handbook 5).

    1 + rise <(ε - ε_D) / (ε_max - ε)>^power, with ε the share of volume lost.
    """

    rise: float = 1.0
    power: float = 1.0
    margin: float = 0.1  # ε_max - ε_D
    most: float = 20.0  # no factor above it

    def factor(self, lost: Array, onset: Array) -> Array:
        """For shares of volume lost, and those from which the pores are used up."""
        over = np.clip((lost - onset) / np.maximum(onset + self.margin - lost, 1e-3), 0.0, None)
        return np.minimum(1 + self.rise * over**self.power, self.most)


class GrowingBody:
    """As `yielding.YieldingBody` with full integration on cubes; what a solver of `nonlinear` may ask is the same.

    Parameters
    ----------
    coefficients
        λ and μ of each voxel, shape (2, nx, ny, nz), 0 is void; of the plane's voxels those of the bone there. [MPa]
    edge
        Of a voxel. [mm]
    held
        Which displacements are 0, shape (3, nx+1, ny+1, nz+1).
    yield_stress
        Uniaxial, in compression; a voxel of 0 never yields. [MPa]
    onset
        Share of volume lost from which a voxel's yield stress rises, shape (nx, ny, nz).
    cavities
        Masks of void voxels.
    plane, normal
        Voxels that bear no tension along a unit vector.
    bridged
        Share of each voxel's faces that a cavity's pressure does not reach, shape (nx, ny, nz); left out: the plane's.
    fluid
        Pressure a volume of fluid makes beyond what fits. [MPa/mm³]
    caution
        Share of the stiffness along the flow that the tangent keeps where all forces are out of balance, less as they
        are nearer to it: the plain tangent calls for steps of three to five times what the energy then wants.
    """

    kind = np.float32

    def __init__(
        self,
        coefficients: Array,
        edge: float,
        held: Mask,
        yield_stress: Array,
        law: YieldLaw,
        *,
        onset: Array,
        cavities: Sequence[Mask],
        plane: Mask,
        normal: Array,
        fluid: float,
        bridged: Array | None = None,
        locking: Locking | None = None,
        caution: float = 0.3,
        threads: int | None = None,
    ) -> None:
        from spondyl.numerics.plastic_kernels import law_numbers

        wide = padded(coefficients)
        self.extra, self.edge, self.law = wide.shape[3] - coefficients.shape[3], edge, law
        self._numbers, self._locking, self._fluid = law_numbers(law), locking or Locking(), fluid
        self._held, self._coefficients = self.widened(held), wide
        self._threads = prepare_threads(held.size, threads)
        solid = np.any(wide != 0, axis=0)
        self._plane = np.pad(plane, ((0, 0), (0, 0), (0, self.extra))) & solid
        self._slopes = _slopes(_POINTS, (edge, edge, edge))
        self._natural = _slopes(_POINTS, (2.0, 2.0, 2.0))
        self._weight = edge**3 / 8
        x, y, z = _POINTS.T
        self._gauss = np.stack([x, y, z, y * z, x * z, x * y]), np.full(3, 1 / (4 * edge))
        self._place_voxels(solid, yield_stress, onset)
        self._place_contact(np.asarray(normal, float))
        whole = [np.pad(cavity, ((0, 0), (0, 0), (0, self.extra))) for cavity in cavities]
        skin = self._plane if bridged is None else np.pad(bridged, ((0, 0), (0, 0), (0, self.extra))) * solid
        self.walls: tuple[CavityWall, ...] = tuple(find_wall(cavity, skin) for cavity in whole)
        self._points = edge * np.stack(np.meshgrid(*(np.arange(n) for n in self._held.shape[1:]), indexing="ij"))
        self._stage = np.zeros(self._held.shape)
        self._push_with([volume_gradient(wall, self._points) for wall in self.walls])
        self.volumes = [enclosed_volume(wall, self._points) for wall in self.walls]
        self.filled: tuple[float | None, ...] = (None,) * len(self.walls)  # volume of fluid; None: at `pressures` [mm³]
        self.pressures = (0.0,) * len(self.walls)
        self.load = np.zeros(self._held.shape)
        self.internal, self._outside = np.zeros(self._held.shape), 0.0
        self._fluid_answers: list[tuple[Array, float]] | None = None
        self._cycle_shares: Array | None = None
        self._served, self._is_moved = 0, True  # applications of the cycle, and whether a residual came since the last
        self._cycle_soft: Array = np.zeros((2, 0))  # moduli of the voxels in the cycle
        self._caution, self._flow_kept = caution, 1.0
        self._operate()
        self._renew_cycle()

    def _push_with(self, pushes: list[Array]) -> None:
        """Area vectors of each cavity's wall, and where they are not 0."""
        self.pushes = pushes
        where = [np.flatnonzero(push) for push in pushes]
        self._pushed = [(places, push.reshape(-1)[places]) for places, push in zip(where, pushes, strict=True)]

    def fill(self, volumes: Sequence[float | None]) -> None:
        """Fill cavities up to these volumes until the next stage; None leaves one at its pressure. [mm³]

        The fluid gives way by its own compressibility as the pressure changes over the stage.
        """
        if [v is None for v in volumes] != [v is None for v in self.filled]:
            self._fluid_answers = None
        self.filled = tuple(
            None if v is None else v + pressure / self._fluid
            for v, pressure in zip(volumes, self.pressures, strict=True)
        )

    def _place_voxels(self, solid: Mask, yield_stress: Array, onset: Array) -> None:
        self._cells = np.ascontiguousarray(np.argwhere(solid & ~self._plane))
        self._starts = np.searchsorted(self._cells[:, 0], np.arange(solid.shape[0] + 1))
        at = tuple(self._cells.T)
        lame, shear = self._coefficients[:, at[0], at[1], at[2]]
        self._bulk, self._shear = lame + 2 * shear / 3, shear.copy()
        self._first_limit, self._onset = self._of_cells(yield_stress), self._of_cells(onset)
        self._limit = self._first_limit.copy()
        count = len(self._cells)
        self._row = np.full(count, -1)
        self._own: Array = np.zeros(0, int)
        self.folded = 0  # voxels that are crushed to next to nothing and keep the shape that they had before
        self._own_slopes, self._own_weights = np.zeros((0, 8, 8, 3)), np.zeros((0, 8))
        self._own_narrow: tuple[Array, Array] = np.zeros((0, 8, 3, 8), np.float32), np.zeros((0, 8), np.float32)
        self._base, self._plastic, self._strain, self._plastic_after = np.zeros((4, count, 8, 6))
        self._accumulated, self._after = np.zeros((2, count, 8))
        self._tangents: tuple[tuple[Any, ...], tuple[Any, ...]] | None = None  # of the last residual, once asked for
        self._active = np.zeros(count, bool)  # voxels that are not as they were before anything yielded
        self._tangent = np.zeros((count, 8, 8))
        self._tangent[..., 0], self._tangent[..., 1] = 2 * self._shear[:, None], self._bulk[:, None]

    def _place_contact(self, normal: Array) -> None:
        bearing = self._plane & ~_loose(self._plane, np.any(self._coefficients != 0, axis=0))
        self._contact_cells = np.ascontiguousarray(np.argwhere(bearing))  # else loops are compiled again where none is
        self._contact_starts = np.searchsorted(self._contact_cells[:, 0], np.arange(self._plane.shape[0] + 1))
        lame, shear = self._coefficients[(slice(None), *self._contact_cells.T)]
        if abs(float(np.linalg.norm(normal)) - 1) > 1e-6:
            raise InputError(f"the normal of the plane is {normal}; a vector of length 1 is expected")
        self._contact_stiffness, self._normal = lame + 2 * shear, normal
        self._closed = np.ones((len(self._contact_cells), 8), bool)

    def _of_cells(self, field: Array) -> Array:
        return np.asarray(np.pad(field, ((0, 0), (0, 0), (0, self.extra)))[tuple(self._cells.T)], float)

    def widened(self, nodal: Array) -> Array:
        """Values of nodes on the padded grid."""
        return np.pad(nodal, ((0, 0), (0, 0), (0, 0), (0, self.extra)))

    def cut(self, nodal: Array) -> Array:
        """Values of nodes on the grid as it was given."""
        return np.ascontiguousarray(nodal[..., : nodal.shape[3] - self.extra])

    def volume_of(self, cavity: int, displacement: Array) -> float:
        """Volume of a cavity by the last stage's area vectors, as the solver sees it. [mm³]"""
        return self.volumes[cavity] + float(np.vdot(self.pushes[cavity], displacement - self._stage))

    def pressure_of(self, cavity: int, displacement: Array) -> float:
        """Pressure in a cavity. [MPa]"""
        filled = self.filled[cavity]
        if filled is None:
            return self.pressures[cavity]
        return self._fluid * (filled - self.volume_of(cavity, displacement))

    def residual(self, displacement: Array) -> Array:
        """Loads and pressures less internal forces, 0 where held; no number where a return did not end."""
        from spondyl.numerics.threaded import limited_threads

        with limited_threads(self._threads):
            forces = self._forces(displacement)
        self.internal = forces
        outside = self.load.copy()
        for cavity, push in enumerate(self.pushes):
            outside += self.pressure_of(cavity, displacement) * push
        self._outside = float(np.linalg.norm(outside))
        lack = np.where(self.free, outside - forces, 0.0)
        off = float(np.linalg.norm(lack)) / max(self.force_norm(), np.finfo(float).tiny)
        self._flow_kept = float(np.sqrt(1 - min(self._caution * off, _MOST_CAUTION)))
        return lack

    def _forces(self, displacement: Array) -> Array:
        """Internal forces; the state at the points is kept for the tangent, and for the next stage."""
        from spondyl.numerics.growing_kernels import add_contact, add_grown_forces

        forces: Array = np.empty(displacement.shape)
        self._operators[np.float64](displacement, forces)
        self._tangents, self._is_moved = None, True
        place = self._cells, self._starts, self._row, self._slopes, self._weight
        bone = self._base, self._bulk, self._shear, self._limit, self._numbers, self._plastic, self._accumulated
        after = self._strain, self._plastic_after, self._after, self._active, self._tangent
        own = self._own_slopes, self._own_weights
        add_grown_forces(displacement, displacement - self._stage, *place, *own, *bone, *after, *self._gauss, forces)
        add_contact(displacement, *self._contact, self._closed, False, forces)
        return forces

    def force_norm(self) -> float:
        """Norm of the internal forces of the last residual, or of the pressures and loads where these are more."""
        return max(float(np.linalg.norm(self.internal)), self._outside)

    def tangent(self, change: Array) -> Array:
        """Change of the internal forces less that of the pressures, about the last residual; in single precision."""
        from spondyl.numerics.growing_kernels import add_contact, add_grown_tangent
        from spondyl.numerics.threaded import limited_threads
        from spondyl.numerics.yield_kernels import add_tangent_forces

        self._tangents = self._tangents or self._narrow_tangents()
        change = np.asarray(change, np.float32)
        forces = np.empty_like(change)
        self._operators[np.float32](change, forces)
        on_cubes, on_shapes = self._tangents
        add_tangent_forces(0, len(on_cubes[0]), change, *on_cubes, forces)
        add_grown_tangent(change, *on_shapes, forces)
        with limited_threads(self._threads):
            add_contact(change, *self._contact, self._closed, True, forces)
        for (places, areas), filled in zip(self._pushed, self.filled, strict=True):
            if filled is not None:
                more = self._fluid * float(np.vdot(areas, change.reshape(-1)[places]))
                forces.reshape(-1)[places] += np.float32(more) * areas.astype(np.float32)
        np.copyto(forces, 0.0, where=self._fixed)
        return forces

    def _narrow_tangents(self) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Of voxels that are cubes and not elastic, and of those with shapes of their own: as their loops take them."""
        yielding = (self._tangent[..., 0] != 2 * self._shear[:, None]) | (self._tangent[..., 1] != self._bulk[:, None])
        cubes = np.flatnonzero(yielding.any(axis=1) & (self._row < 0))
        moduli = self._bulk[cubes].astype(np.float32), self._shear[cubes].astype(np.float32)
        gauss = (part.astype(np.float32) for part in self._gauss)
        where = self._cells[cubes], *gauss, np.float32(self._weight), np.float32(1.0)
        on_cubes = *where, *moduli, np.ones(len(cubes), bool), self._points_last(cubes)
        on_shapes = self._cells[self._own], *self._own_narrow, self._points_last(self._own)
        return on_cubes, on_shapes

    def _points_last(self, cells: Array) -> Array:
        tangent = np.ascontiguousarray(self._tangent[cells].transpose(0, 2, 1), np.float32)
        tangent[:, 2:] *= np.float32(self._flow_kept)
        return tangent

    def elastic(self, change: Array) -> Array:
        """About the tangent before anything yielded: that of the last residual serves as well."""
        return self.tangent(change)

    def precondition(self, forces: Array) -> Array:
        """One V-cycle of the body as soft as it was a while ago, with the plane as open as at the last residual."""
        self._renew_cycle()
        self._served += 1
        narrow = np.asarray(forces, np.float32)
        fluids = self._fluids()  # first: the cycle writes its answers into one array
        change: Array = self._cycle(narrow)
        for answer, softness in fluids:
            change -= np.float32(float(np.vdot(answer, narrow)) / softness) * answer
        return np.array(change, forces.dtype)

    def _fluids(self) -> list[tuple[Array, float]]:
        """About the answer to each fluid's push, and the divisor of Sherman and Morrison's formula.

        Fluids are taken one after another, each answer through the formula with those before.
        """
        if self._fluid_answers is None:
            found: list[tuple[Array, float]] = []
            for push, filled in zip(self.pushes, self.filled, strict=True):
                if filled is None:
                    continue
                loaded = np.where(self.free, push, 0.0).astype(np.float32)
                answer = self._cycle(loaded).copy()
                for before, softness in found:
                    answer -= np.float32(float(np.vdot(before, loaded)) / softness) * before
                found.append((answer, 1 / self._fluid + float(np.vdot(loaded, answer))))
            self._fluid_answers = found
        return self._fluid_answers

    def commit(self, displacement: Array) -> None:
        """Take the last residual's state as the start of the next stage, and the shapes as they are now."""
        if not np.isfinite(self._after).all():
            raise NotConverged("the return to the yield surface did not end at some points: take smaller stages")
        self._shape(self._points + displacement)
        pressures = [self.pressure_of(cavity, displacement) for cavity in range(len(self.walls))]
        plastic = self._plastic_after.copy()
        if self.law.damage_limit > 0:
            before, after = self._accumulated.ravel(), self._after.ravel()
            flat = self._strain.reshape(-1, 6), plastic.reshape(-1, 6)
            plastic = recover_damage(*flat, before, after, self.law).reshape(plastic.shape)
        self._plastic, self._accumulated, self._base = plastic, self._after.copy(), self._strain.copy()
        self._stage, self._tangents = displacement.copy(), None
        self._push_with([volume_gradient(wall, self._points + displacement) for wall in self.walls])
        self.volumes = [enclosed_volume(wall, self._points + displacement) for wall in self.walls]
        self.pressures = tuple(pressures)
        self.fill([None] * len(self.walls))
        self._fluid_answers = None
        self._limit = self._first_limit * self._locking.factor(1 - self.shrunk, self._onset)
        self._renew_cycle()

    @property
    def shrunk(self) -> Array:
        """Volume of each voxel over its first one, at the last stage, in the order of `cells`."""
        ratio = 1 + self._base[..., :3].sum(axis=(1, 2)) / 8
        if len(self._own):
            ratio[self._own] = self._own_weights.sum(axis=1) / (8 * self._weight)
        return np.asarray(ratio)

    @property
    def cells(self) -> Array:
        """Indices of the voxels that hold bone and do not lie in the plane, (n, 3)."""
        return self._cells

    @property
    def accumulated(self) -> Array:
        """Equivalent plastic strain of each of `cells`, the mean of its points."""
        return np.asarray(self._accumulated.mean(axis=1))

    def _shape(self, moved: Array) -> None:
        from spondyl.numerics.growing_kernels import shape_voxels
        from spondyl.numerics.threaded import limited_threads

        large = np.abs(self._strain).max(axis=(1, 2)) > LARGE
        fresh = np.flatnonzero(large | (self._row >= 0))
        slopes, weights = np.zeros((len(fresh), 8, 8, 3)), np.zeros((len(fresh), 8))
        with limited_threads(self._threads):
            shape_voxels(moved, self._cells, fresh, self._natural, slopes, weights)
        folded = (weights < FOLDED * self._weight).any(axis=1)
        kept = folded & (self._row[fresh] >= 0)
        slopes[kept], weights[kept] = (
            self._own_slopes[self._row[fresh[kept]]],
            self._own_weights[self._row[fresh[kept]]],
        )
        slopes[folded & ~kept], weights[folded & ~kept] = self._slopes, self._weight
        self.folded = int(folded.sum())
        changed = len(fresh) != len(self._own)
        self._own, self._own_slopes, self._own_weights = fresh, slopes, weights
        self._own_narrow = np.ascontiguousarray(slopes.transpose(0, 2, 3, 1), np.float32), weights.astype(np.float32)
        self._row[:] = -1
        self._row[fresh] = np.arange(len(fresh))
        if changed:
            self._operate()

    def _operate(self) -> None:
        """The elastic operator of what keeps the shape of a cube; of the plane what it keeps when open."""
        kept = self._coefficients.copy()
        kept[:, self._plane] *= OPEN
        kept[(slice(None), *self._cells[self._own].T)] = 0.0
        self._operators = {kind: Operator(kept, self.edge, kind, self._threads) for kind in (np.float64, np.float32)}

    def _renew_cycle(self) -> None:
        """The cycle anew once the plane has opened or closed elsewhere, or once it has served for long.

        Where the plane is open it is void: its coarse grids then keep the halves apart, which halves the cycles. Voxels
        that yield are as soft as the last residual left them, which halves them again. Within a linear step, whose
        residual stays the same, a cycle stays what it is.
        """
        if not self._is_moved:
            return
        self._is_moved = False
        shares = self._closed.mean(axis=1)
        is_as_open = self._cycle_shares is not None and np.abs(shares - self._cycle_shares).sum() <= 0.02 * len(shares)
        if is_as_open and self._served < _SERVES:
            return
        soft = self._softened()
        if is_as_open and np.mean(np.abs(soft[1] - self._cycle_soft[1]) / self._shear) < _AS_SOFT:
            return
        self._served, self._cycle_soft = 0, soft
        kept = self._coefficients.copy()
        kept[(slice(None), *self._cells.T)] = soft
        kept[:, self._plane] *= OPEN
        kept[(slice(None), *self._contact_cells.T)] *= shares / OPEN
        self._cycle = VCycle(kept, self.edge, self._held, threads=self._threads, degree=1, ratio=_RATIO)
        self._cycle_shares, self._fluid_answers = shares, None
        self._fixed: Mask = self._cycle.inverse == 0
        self.free: Mask = ~self._fixed
        if not self.free.any():
            raise InputError("nothing can move: every displacement of the body is held")

    def _softened(self) -> Array:
        """λ and μ of each voxel: of its points that flow by their tangents, without what that loses in one direction.

        Others count as whole: where bone is let go, what it lost by damage it gained by being squeezed.
        """
        flows = self._after > self._accumulated
        shear = np.where(flows, self._tangent[..., 0] / 2, self._shear[:, None]).mean(axis=1)
        bulk = np.where(flows, self._tangent[..., 1], self._bulk[:, None]).mean(axis=1)
        shear, bulk = np.maximum(shear, _SOFTEST * self._shear), np.maximum(bulk, _SOFTEST * self._bulk)
        return np.stack([bulk - 2 * shear / 3, shear])

    @property
    def _contact(self) -> tuple[Any, ...]:
        return (
            self._contact_cells,
            self._contact_starts,
            self._slopes,
            self._weight,
            self._normal,
            self._contact_stiffness,
        )


def _loose(plane: Mask, solid: Mask) -> Mask:
    """Voxels of the plane with a node that no other bone holds: they bear no contact, or that node would float."""
    shape = [n + 1 for n in plane.shape]
    held = np.zeros(shape, bool)
    a, b, c = plane.shape
    for i, j, k in CORNERS:
        held[i : i + a, j : j + b, k : k + c] |= solid & ~plane
    loose = np.zeros(plane.shape, bool)
    for i, j, k in CORNERS:
        loose |= ~held[i : i + a, j : j + b, k : k + c]
    return loose & plane


def _slopes(points: Array, edges: tuple[float, float, float]) -> Array:
    """Derivatives of the eight trilinear shapes at these points, shape (points, 8, 3). [1/mm]"""
    signs = 2.0 * CORNERS - 1.0
    factors = 1 + signs * points[:, None, :]
    parts = [signs[:, a] * factors[..., (a + 1) % 3] * factors[..., (a + 2) % 3] / (4 * edges[a]) for a in range(3)]
    return np.ascontiguousarray(np.stack(parts, axis=-1))
