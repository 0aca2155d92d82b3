"""CT numbers inside a body: a smoothly varying trabecular density and what a spec puts into it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from spondyl.space import Floats
from spondyl.synthetic.canvas import BoneLook
from spondyl.synthetic.solids import Field, Solid, ellipsoid
from spondyl.synthetic.spec import CorticalDefect, VirtualSpineSpec, Wall
from spondyl.synthetic.tissues import trabecular_hu
from spondyl.synthetic.vertebra import VertebraShape

_WAVES = 12
_WAVELENGTHS_MM = (12.0, 40.0)
ARCH_DENSITY = 1.3  # trabecular density inside arches, ribs and sacrum against the bodies'
_SOFT_MM = 1.0  # over which foci and clefts blend into the bone around them


@dataclass(frozen=True, eq=False)
class DensityField:
    """Trabecular density by place: a mean and a sum of a few random waves. [mg/cm³ K2HPO4]"""

    mean: float
    waves: Floats  # (n, 3), 1/mm along cranial, anterior, left
    phases: Floats  # (n,)
    gain: float
    offset: float

    def __call__(self, c: Field, a: Field, left: Field) -> Field:
        """Density at local places. [mg/cm³]"""
        return np.asarray(self.mean + self.gain * (_sum(self.waves, self.phases, c, a, left) - self.offset))


def density_field(shape: VertebraShape, mean: float, variation: float, generator: Generator) -> DensityField:
    """A field whose mean over the body is exact and whose standard deviation there is `variation` times the mean."""
    directions = generator.standard_normal((_WAVES, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    waves = directions * (2 * np.pi / generator.uniform(*_WAVELENGTHS_MM, _WAVES))[:, None]
    phases = generator.uniform(0, 2 * np.pi, _WAVES)
    bottom, top = shape.body.ends
    axes = (
        np.arange(bottom, top, 1.5),
        np.arange(-shape.size.depth_mm / 2, shape.size.depth_mm / 2, 1.5),
        np.arange(-shape.size.width_mm / 2, shape.size.width_mm / 2, 1.5),
    )
    c, a, left = (axis.astype(np.float32) for axis in np.meshgrid(*axes, indexing="ij"))
    inside = shape.body.distance(c, a, left) > shape.shell_mm
    values = _sum(waves, phases, c[inside], a[inside], left[inside])
    return DensityField(mean, waves, phases, variation * mean / float(values.std()), float(values.mean()))


def _sum(waves: Floats, phases: Floats, c: Field, a: Field, left: Field) -> Field:
    total = np.zeros(c.shape, np.float32)
    for wave, phase in zip(waves.astype(np.float32), phases.astype(np.float32), strict=True):
        total += np.sin(wave[0] * c + wave[1] * a + wave[2] * left + phase)
    return total


class BodyLook(BoneLook):
    """A body with its density field, the foramen of its vein, and the defects of its spec."""

    def __init__(self, shape: VertebraShape, spec: VirtualSpineSpec, hu: dict[str, float], field: DensityField) -> None:
        energy, fat = spec.scan.energy_kev, spec.marrow_fat_share
        super().__init__(hu["cortical_bone"], float(trabecular_hu(ARCH_DENSITY * field.mean, energy, fat)))
        self._shape, self._hu, self._field = shape, hu, field
        self._energy, self._fat = energy, fat
        self._foramen = _foramen(shape)
        self._hole = _hole(shape)

    def body_hu(self, c: Field, a: Field, left: Field) -> tuple[Field, Field]:
        """CT numbers inside the body and of its shell at local places."""
        options = self._shape.options
        density = self._field(c, a, left)
        for focus in options.foci:
            ball = ellipsoid((focus.cranial_mm, focus.anterior_mm, focus.left_mm), np.full(3, focus.radius_mm))
            density += _share(ball, c, a, left) * (np.float32(focus.density_mg_cm3) - density)
        inner = trabecular_hu(np.clip(density, 0, None), self._energy, self._fat)
        outer = np.full(inner.shape, self.cortex_hu, np.float32)
        vein = _share(self._foramen, c, a, left)
        inner += vein * (np.float32(self._hu["blood"]) - inner)
        outer += vein * (np.float32(self._hu["blood"]) - outer)
        if self._hole is not None:
            outer += _share(self._hole, c, a, left) * (np.float32(self._hu["muscle"]) - outer)
        if options.gas_cleft is not None:
            gas = options.gas_cleft
            half = np.array([gas.height_mm, gas.depth_mm, gas.width_mm]) / 2
            lens = ellipsoid((gas.cranial_mm, gas.anterior_mm, 0.0), half)
            inner += _share(lens, c, a, left) * (np.float32(self._hu["air"]) - inner)
        return inner, outer


def body_look(shape: VertebraShape, spec: VirtualSpineSpec, hu: dict[str, float], generator: Generator) -> BodyLook:
    """The look of one body; the generator draws the variation of its density."""
    field = density_field(shape, spec.density(shape.level), spec.density_variation, generator)
    return BodyLook(shape, spec, hu, field)


def _share(solid: Solid, c: Field, a: Field, left: Field) -> Field:
    return np.asarray(np.clip(solid.distance(c, a, left) / np.float32(_SOFT_MM) + np.float32(0.5), 0, 1))


def _foramen(shape: VertebraShape) -> Solid:
    """Where the basivertebral vein leaves the body, in the middle of the posterior wall."""
    middle = sum(shape.body.ends) / 2
    _, back = shape.body.wall(np.array(middle), np.array(0.0))
    return ellipsoid((middle, float(back), 0.0), (2.0, 5.0, 3.0))


def _hole(shape: VertebraShape) -> Solid | None:
    """The ball that takes the shell from a wall."""
    defect: CorticalDefect | None = shape.options.cortical_defect
    if defect is None:
        return None
    middle = sum(shape.body.ends) / 2
    front, back = (float(x) for x in shape.body.wall(np.array(middle), np.array(0.0)))
    side = shape.size.width_mm / 2 * float(shape.body.size_at(np.array(middle)))
    place = {
        Wall.ANTERIOR: (middle, front, 0.0),
        Wall.POSTERIOR: (middle, back, 0.0),
        Wall.LEFT: (middle, 0.0, side),
        Wall.RIGHT: (middle, 0.0, -side),
    }[defect.wall]
    return ellipsoid(place, np.full(3, defect.radius_mm))
