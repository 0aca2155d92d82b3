"""What lies around the spine: skin, fat, muscle, organs, lungs and the aorta."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spondyl.space import Floats
from spondyl.spine import Level
from spondyl.synthetic.canvas import Canvas, Structure
from spondyl.synthetic.solids import Field
from spondyl.synthetic.spec import VirtualSpineSpec

AORTA_RADIUS_MM = 11.0
_SKIN_MM = 2.0
_HALF_TRUNK_MM = (165.0, 115.0)  # half width and half depth
_TIP_BEHIND_MM = 72.0  # spinous tips behind the bodies' centres
_CHUNK = 6  # slices at a time


@dataclass(frozen=True, eq=False)
class SpinePath:
    """Where the bodies' centres lie, by height. [mm, LPS]"""

    points: Floats  # (n, 3), from foot to head
    diaphragm_mm: float  # z above which there is lung

    def offset(self, z: Field) -> tuple[Field, Field]:
        """Left and posterior position of the bodies' centre line at a height."""
        x, y = (np.interp(z, self.points[:, 2], self.points[:, axis]).astype(np.float32) for axis in (0, 1))
        return x, y


def paint_background(canvas: Canvas, path: SpinePath, spec: VirtualSpineSpec, hu: dict[str, float]) -> None:
    """Everything but bone, discs and canal, a few slices at a time."""
    affine = canvas.geometry.affine.astype(np.float32)
    shape = canvas.geometry.shape
    i, j = np.arange(shape[0], dtype=np.float32), np.arange(shape[1], dtype=np.float32)
    blood = hu["blood"] + spec.scan.contrast_hu
    for first in range(0, shape[2], _CHUNK):
        k = np.arange(first, min(first + _CHUNK, shape[2]), dtype=np.float32)
        x, y, z = (
            affine[row, 3]
            + affine[row, 0] * i[:, None, None]
            + affine[row, 1] * j[None, :, None]
            + affine[row, 2] * k[None, None, :]
            for row in range(3)
        )
        middle_x, middle_y = path.offset(z)
        where = (slice(None), slice(None), slice(first, first + len(k)))
        brush = _Brush(canvas.hu[where], canvas.structures[where], float(canvas.geometry.spacing_mm[0]))
        _paint_slices(
            brush, x - middle_x, y - middle_y, z - np.float32(path.diaphragm_mm), spec, {**hu, "blood": blood}
        )


@dataclass(eq=False)
class _Brush:
    """Blends tissues into a few slices."""

    hu: Field
    structures: np.ndarray
    step_mm: float

    def __call__(self, distance: Field, value: float, structure: Structure) -> None:
        share = np.clip(distance / np.float32(self.step_mm) + np.float32(0.5), 0, 1)
        self.hu += share * (np.float32(value) - self.hu)
        self.structures[distance > 0] = structure


def _paint_slices(
    paint: _Brush, u: Field, v: Field, above: Field, spec: VirtualSpineSpec, hu: dict[str, float]
) -> None:
    """Tissues at places to the left of, behind and above the spine's reference."""
    back = _TIP_BEHIND_MM + 4.0 + spec.fat_mm + _SKIN_MM
    trunk = _oval(u, v - np.float32(back - _HALF_TRUNK_MM[1]), *_HALF_TRUNK_MM)
    wall = trunk - np.float32(_SKIN_MM + spec.fat_mm)
    paint(trunk, hu["skin"], Structure.SKIN)
    paint(trunk - np.float32(_SKIN_MM), hu["adipose"], Structure.FAT)
    paint(wall, hu["muscle"], Structure.MUSCLE)
    cavity = np.minimum(wall - 14, -_oval(u, v - 46, 66.0, 26.0))
    paint(cavity, hu["adipose"], Structure.FAT)
    side = np.abs(u)
    lung = np.minimum(_oval(side - 82, v + 22, 62.0, 78.0), np.minimum(cavity - 3, above))
    organ = np.minimum(_oval(side - 92, v + 42, 46.0, 62.0), np.minimum(cavity - 5, -above - 4))
    paint(organ, hu["muscle"], Structure.ORGAN)
    psoas = np.minimum(_oval(side - 40, v - 2, 17.0, 21.0), -above - 12)
    paint(psoas, hu["muscle"], Structure.MUSCLE)
    paint(lung, hu["lung"], Structure.LUNG)
    septum = _oval(u, v - 44, 4.0, 22.0)  # fat beside the spinous processes
    paint(septum, hu["adipose"], Structure.FAT)
    aorta = _oval(u - 9, v + 34, AORTA_RADIUS_MM, AORTA_RADIUS_MM)
    paint(aorta, hu["blood"], Structure.AORTA)


def _oval(u: Field, v: Field, half_u: float, half_v: float) -> Field:
    """Distance from an ellipse, positive inside, to first order at its border."""
    a, b = u * np.float32(1 / half_u), v * np.float32(1 / half_v)
    q = np.sqrt(a * a + b * b + np.float32(1e-9))
    slope = np.sqrt((a * np.float32(1 / half_u)) ** 2 + (b * np.float32(1 / half_v)) ** 2 + np.float32(1e-12)) / q
    return np.asarray((1 - q) / slope, np.float32)


def spine_path(spec: VirtualSpineSpec, centres: dict[Level, Floats]) -> SpinePath:
    """The path through body centres; lung begins above the middle of T12, or not at all without it."""
    ordered = np.array([centres[level] for level in reversed(spec.levels)])
    known = centres.get(Level.T12)
    if known is not None:
        return SpinePath(ordered, float(known[2]))
    thoracic = spec.levels[-1].order < Level.T12.order
    return SpinePath(ordered, float(ordered[0, 2] - 60 if thoracic else ordered[-1, 2] + 40))
