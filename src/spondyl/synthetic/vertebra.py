"""One virtual vertebra: body, arch, processes and rib stumps in its own frame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import cos, radians, sin

import numpy as np

from spondyl.space import Floats, Frame
from spondyl.spine import Level, Side
from spondyl.synthetic.anatomy import VertebraSize, size_of
from spondyl.synthetic.body import Body
from spondyl.synthetic.solids import Field, Solid, ellipsoid, tube
from spondyl.synthetic.spec import Deformity, Endplate, VertebraSpec, VirtualSpineSpec

ARCH, SPINOUS = 41, 42
COSTAL = {Side.LEFT: 43, Side.RIGHT: 44}
SUPERIOR_ARTICULAR = {Side.LEFT: 45, Side.RIGHT: 46}
INFERIOR_ARTICULAR = {Side.LEFT: 47, Side.RIGHT: 48}
BODY = 49

_ARCH_SHELL_MM = 1.2  # cortex of the arch and its processes
_RIB_SHELL_MM = 1.0
_CUPS = 0.034, 0.043  # usual depth of the superior and the inferior endplate's cup, of the body's depth
_WAIST_MM = 1.4  # how far a wall of usual concavity draws in
_JOINT_MM = 1.0  # between articular processes
_PEDICLE_BEHIND_MM = 3.0  # isthmus behind the posterior wall


@dataclass(frozen=True, eq=False)
class Part:
    """A bony part with its subregion number and the thickness of its cortex."""

    number: int
    solid: Solid
    shell_mm: float


@dataclass(frozen=True, eq=False)
class PedicleShape:
    """A pedicle in the vertebra's own coordinates."""

    side: Side
    isthmus: Floats  # (3,), (cranial, anterior, left)
    axis: Floats  # (3,), unit vector from the arch into the body
    width_mm: float
    height_mm: float


@dataclass(frozen=True, eq=False)
class VertebraShape:
    """A vertebra in its own frame; the frame's origin is the middle of the intact body."""

    level: Level
    size: VertebraSize
    options: VertebraSpec
    body: Body
    frame: Frame
    shell_mm: float
    rib_reach: float = 1.0
    bears_ribs: bool = False
    above: VertebraShape | None = None  # whose articular processes have a joint space in this one

    @property
    def back_mm(self) -> float:
        """Anterior position of the posterior wall at the endplates."""
        return -self.size.depth_mm / 2

    @cached_property
    def pedicles(self) -> tuple[PedicleShape, ...]:
        """Both pedicles, left first."""
        return tuple(self._pedicle(side) for side in (Side.LEFT, Side.RIGHT))

    def _pedicle(self, side: Side) -> PedicleShape:
        s = _sign(side)
        given = self.options.pedicle_width_mm, self.options.pedicle_convergence_deg
        width = self.size.pedicle_width_mm if given[0] is None else given[0]
        inward = radians(self.size.convergence_deg if given[1] is None else given[1])
        down = radians(self.options.pedicle_caudal_deg)
        axis = np.array([-sin(down), cos(down) * cos(inward), -s * cos(down) * sin(inward)])
        place = [
            0.16 * self.size.posterior_mm,
            self.back_mm - _PEDICLE_BEHIND_MM,
            s * (self.size.canal_width_mm / 2 + width / 2 + 0.3),
        ]
        return PedicleShape(side, np.array(place), axis, width, self.size.pedicle_height_mm)

    @cached_property
    def canal(self) -> Solid:
        """The canal beside this vertebra, to the middle of both discs and a little beyond."""
        reach = self.size.posterior_mm / 2 + self.size.disc_mm / 2 + 3.0
        a = self.back_mm - self.size.canal_depth_mm / 2
        half = self.size.canal_width_mm / 2, self.size.canal_depth_mm / 2
        return tube((-reach, a, 0), (reach, a, 0), (0, 0, 1), half[0], half[1])

    @cached_property
    def body_solid(self) -> Solid:
        """The body with its osteophytes."""
        extra = self._osteophytes()
        bottom, top = -self.size.posterior_mm / 2 - 4.0, self.size.posterior_mm / 2 + 4.0
        reach = max(self.options.osteophyte_mm, self.options.posterior_bulge_mm) + 2.0
        half = np.array([self.size.depth_mm / 2 + 2.0 + reach, self.size.width_mm / 2 + reach])
        low, high = np.array([bottom, *-half]), np.array([top, *half])
        body = Solid(self.body.distance, low, high)
        return _union((body, *extra)) if extra else body

    def _osteophytes(self) -> tuple[Solid, ...]:
        """Beaks at the anterior and lateral rims, that end level with the endplates."""
        out = self.options.osteophyte_mm
        if not out:
            return ()
        beaks = []
        for left in (-0.42, -0.2, 0.05, 0.3, 0.45):
            front, _ = self.body.border(np.array([left * self.size.width_mm]))
            for c in (self.body.ends[1] - 1.5, self.body.ends[0] + 1.5):
                beaks.append(ellipsoid((c, float(front[0]), left * self.size.width_mm), (2.2, out, 5.0)))
        return tuple(beaks)

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """Body first, then arch and processes; nothing of the arch reaches into the canal."""
        arch = [*self._lamina_and_spinous(), *(part for side in Side for part in self._side_parts(side))]
        holes = (self.canal, *self._joint_spaces())
        cleared = [Part(p.number, _without(p.solid, holes), p.shell_mm) for p in arch]
        return (Part(BODY, self.body_solid, self.shell_mm), *cleared)

    def _joint_spaces(self) -> tuple[Solid, ...]:
        """Room for the inferior articular processes of the vertebra above and the joint around them."""
        above = self.above
        if above is None:
            return ()
        return tuple(_moved(above.inferior_articular(side), above.frame, self.frame, _JOINT_MM) for side in Side)

    def _lamina_and_spinous(self) -> list[Part]:
        size, height = self.size, self.size.posterior_mm
        behind = self.back_mm - size.canal_depth_mm - 3.0
        base = np.array([-0.18 * height, behind, 0.0])
        slope = radians(size.spinous_deg)
        tip = base + size.spinous_mm * np.array([-sin(slope), -cos(slope), 0.0])
        upright = (cos(slope), -sin(slope), 0.0)
        half = 8.5 if self.level.order >= Level.T12.order else 5.5
        laminae = [
            Part(ARCH, tube(self._mass(side), base, (1, 0, 0), 0.36 * height, 3.0), _ARCH_SHELL_MM) for side in Side
        ]
        return [*laminae, Part(SPINOUS, tube(base, tip, upright, half, 3.0), _ARCH_SHELL_MM)]

    def _mass(self, side: Side) -> Floats:
        """Where pedicle, lamina and processes of one side meet."""
        return np.array(
            [
                0.02 * self.size.posterior_mm,
                self.back_mm - 0.72 * self.size.canal_depth_mm,
                _sign(side) * (self.size.canal_width_mm / 2 + 4.0),
            ]
        )

    def _side_parts(self, side: Side) -> list[Part]:
        pedicle = self.pedicles[0 if side is Side.LEFT else 1]
        start, end = pedicle.isthmus - 10.0 * pedicle.axis, pedicle.isthmus + 10.0 * pedicle.axis
        bar = tube(start, end, (1, 0, 0), pedicle.height_mm / 2, pedicle.width_mm / 2, flare=0.006)
        return [
            Part(ARCH, _without(bar, self._beyond_endplates), min(_ARCH_SHELL_MM, 0.3 * pedicle.width_mm)),
            self._transverse(side),
            Part(SUPERIOR_ARTICULAR[side], self._superior_articular(side), _ARCH_SHELL_MM),
            Part(INFERIOR_ARTICULAR[side], self.inferior_articular(side), _ARCH_SHELL_MM),
        ]

    @cached_property
    def _beyond_endplates(self) -> tuple[Solid, ...]:
        """Where a pedicle's root would stand out above or below the body."""
        wall = np.float32(self.back_mm - 1.0)

        def above(c: Field, a: Field, left: Field) -> Field:
            return np.asarray(
                np.minimum(c - self.body.endplate(Endplate.SUPERIOR, a, left) + 0.5, a - wall), np.float32
            )

        def below(c: Field, a: Field, left: Field) -> Field:
            return np.asarray(
                np.minimum(self.body.endplate(Endplate.INFERIOR, a, left) - c + 0.5, a - wall), np.float32
            )

        everywhere = np.full(3, np.inf)
        return Solid(above, -everywhere, everywhere), Solid(below, -everywhere, everywhere)

    def _transverse(self, side: Side) -> Part:
        mass = self._mass(side)
        s, length = _sign(side), self.size.transverse_mm
        if self.level.order >= Level.L1.order:
            start = mass + np.array([0.08 * self.size.posterior_mm, 3.0, s * 2.0])
            bar = tube(start, start + np.array([1.0, -5.0, s * length]), (1, 0, 0), 5.0, 2.8)
        else:
            start = mass + np.array([0.1 * self.size.posterior_mm, 0.0, s * 1.0])
            bar = tube(start, start + np.array([2.0, -0.65 * length, s * 0.8 * length]), (1, 0, 0), 5.2, 4.2)
        return Part(COSTAL[side], bar, _ARCH_SHELL_MM)

    def _superior_articular(self, side: Side) -> Solid:
        s, top = _sign(side), self.size.posterior_mm / 2 + 0.6 * self.size.disc_mm + 3.0
        a = self.back_mm - 0.62 * self.size.canal_depth_mm
        outer = self.size.canal_width_mm / 2
        return tube((2.0, a - 1, s * (outer + 4.5)), (top, a, s * (outer + 6.0)), (0, 1, -0.3 * s), 4.2, 3.0)

    def inferior_articular(self, side: Side) -> Solid:
        """The process that reaches behind the superior articular process of the vertebra below."""
        s, bottom = _sign(side), -self.size.posterior_mm / 2 - 0.6 * self.size.disc_mm - 5.0
        a = self.back_mm - self.size.canal_depth_mm
        outer = self.size.canal_width_mm / 2
        start = (-0.15 * self.size.posterior_mm, a, s * (outer - 1.0))
        return tube(start, (bottom, a - 1.0, s * (outer + 0.5)), (0, 0.3, s), 4.6, 3.2)

    @cached_property
    def ribs(self) -> tuple[Part, ...]:
        """Stumps of the ribs where there are some, a joint space away from the body."""
        if not self.bears_ribs:
            return ()
        return tuple(Part(0, self._rib(side), _RIB_SHELL_MM) for side in Side)

    def _rib(self, side: Side) -> Solid:
        s = _sign(side)
        outer = self.size.width_mm / 2
        start = np.array([0.15 * self.size.posterior_mm, self.back_mm + 3.0, s * (outer + 3.5)])
        run = self.rib_reach * (1.0 if self.level.order <= Level.T10.order else 0.7)
        end = start + run * np.array([-6.0, -22.0, s * 30.0])
        return tube(start, end, (1, 0, 0), 5.0, 3.2)


def make_vertebra(
    spec: VirtualSpineSpec, level: Level, frame: Frame, deformity: Deformity | None, above: VertebraShape | None = None
) -> VertebraShape:
    """The vertebra of a level in its frame, with this deformity of its body."""
    size, options = size_of(level, spec.scale), spec.vertebra(level)
    body = Body(
        size.anterior_mm,
        size.posterior_mm,
        size.depth_mm,
        size.width_mm,
        _CUPS[0] * size.depth_mm * spec.cupping,
        _CUPS[1] * size.depth_mm * spec.cupping,
        2 * _WAIST_MM * spec.waist / size.depth_mm,
        deformity,
        options.schmorl_node,
        options.posterior_bulge_mm,
    )
    ribs = level in spec.rib_levels
    return VertebraShape(level, size, options, body, frame, spec.shell_mm, spec.rib_reach, ribs, above)


def _sign(side: Side) -> float:
    return 1.0 if side is Side.LEFT else -1.0


def _union(solids: tuple[Solid, ...]) -> Solid:
    low = np.min([solid.low for solid in solids], axis=0)
    high = np.max([solid.high for solid in solids], axis=0)
    return Solid(lambda c, a, left: np.maximum.reduce([s.distance(c, a, left) for s in solids]), low, high)


def _without(solid: Solid, holes: tuple[Solid, ...]) -> Solid:
    def distance(c: Field, a: Field, left: Field) -> Field:
        near = [solid.distance(c, a, left), *(-hole.distance(c, a, left) for hole in holes)]
        return np.asarray(np.minimum.reduce(near), np.float32)

    return Solid(distance, solid.low, solid.high)


def _moved(solid: Solid, old: Frame, new: Frame, grown_mm: float) -> Solid:
    """A solid given in one frame, in the coordinates of another one, and thicker."""
    turn = (old.axes.T @ new.axes).astype(np.float32)
    shift = old.to_local(new.origin).astype(np.float32)

    def distance(c: Field, a: Field, left: Field) -> Field:
        place = (shift[row] + turn[row, 0] * c + turn[row, 1] * a + turn[row, 2] * left for row in range(3))
        return np.asarray(solid.distance(*place) + np.float32(grown_mm))

    return Solid(distance, solid.low, solid.high)  # the box stays that of the old frame; only the distance is used
