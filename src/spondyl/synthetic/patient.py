"""Virtual patients: a CT, its label maps and what is true of them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from spondyl.errors import InputError
from spondyl.space import Floats, Frame, Geometry, Volume
from spondyl.spine import Level
from spondyl.studies import LabelImage
from spondyl.synthetic.background import paint_background, spine_path
from spondyl.synthetic.body import Body
from spondyl.synthetic.bone import ARCH_DENSITY, body_look
from spondyl.synthetic.canvas import BoneLook, Canvas, Structure
from spondyl.synthetic.curve import stack_frames, turned_about
from spondyl.synthetic.scanner import scanned
from spondyl.synthetic.solids import Solid, ellipsoid, tube
from spondyl.synthetic.spec import Endplate, VirtualSpineSpec
from spondyl.synthetic.tissues import tissue_hu, trabecular_hu
from spondyl.synthetic.truth import VirtualTruth, level_truth, matched_deformity
from spondyl.synthetic.vertebra import BODY, Part, VertebraShape, make_vertebra

DESCRIPTION = "virtual patient: made by code, not a scan of a person"
MARKER_HU = 3000.0
MARKER_RADIUS_MM = 4.0
_SACRUM_LEAN_DEG = 16.0
_MOST_VOXELS = 300e6  # some 5 GB while it is made; T5 to L5 at 0.5 mm has half of them


@dataclass(frozen=True, eq=False)
class VirtualPatient:
    """A virtual CT with true label maps. All volumes have one grid."""

    ct: Volume  # int16, "[hnsf'U]"
    labels: Volume  # VerSe level numbers, 26 the sacrum, unit "1"
    subregions: Volume  # SPINEPS numbers within vertebrae (41-49), 0 elsewhere
    canal: Volume  # bool
    structures: Volume  # `Structure` numbers of everything, ribs as a part of their own
    truth: VirtualTruth
    spec: VirtualSpineSpec
    description: str = DESCRIPTION

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, item.name) for item in fields(self))


def make_virtual_patient(spec: VirtualSpineSpec, generator: Generator) -> VirtualPatient:
    """A virtual patient of these specifications.

    Bodies are exact surfaces; voxel values are means over points at most half a millimetre apart, so that a shell
    thinner than a voxel shows as partial volume. Masks hold the voxels whose centres lie inside. The generator draws
    the place of the grid against the spine within a voxel, the variation of density within each body, and the noise.
    """
    shapes = vertebra_shapes(spec)
    sacrum = _sacrum(spec, shapes)
    geometry = _grid(spec, shapes, sacrum, generator)
    canvas = Canvas.blank(geometry, spec.scan)
    hu = tissue_hu(spec.scan.energy_kev)
    path = spine_path(spec, {shape.level: shape.frame.origin for shape in shapes})
    paint_background(canvas, path, spec, hu)
    canal = _paint_soft_spine(canvas, shapes, sacrum, hu)
    _paint_bones(canvas, spec, shapes, sacrum, hu, generator)
    if spec.left_marker:
        _paint_marker(canvas)
    ct = scanned(canvas.hu, spec.scan, float(geometry.spacing_mm[0]), generator)
    truth = VirtualTruth(
        tuple(level_truth(shape, spec) for shape in shapes), spec.scan.energy_kev, hu, f"truth of a {DESCRIPTION}"
    )
    return VirtualPatient(
        ct=Volume(ct, geometry, "[hnsf'U]"),
        labels=Volume(canvas.levels, geometry, "1"),
        subregions=Volume(canvas.subregions, geometry, "1"),
        canal=Volume(canal & (canvas.structures == Structure.CANAL), geometry, "1"),
        structures=Volume(canvas.structures, geometry, "1"),
        truth=truth,
        spec=spec,
    )


def labels_with_surroundings(patient: VirtualPatient) -> LabelImage:
    """The level labels with aorta, ribs and lungs beside them, as a label image with names."""
    beside = {Structure.AORTA: (151, "aorta"), Structure.RIB: (154, "ribs"), Structure.LUNG: (155, "lungs")}
    labels = patient.labels.array.copy()
    names = {int(number): f"vertebrae_{Level(number).name}" for number in np.unique(labels) if number}
    for structure, (number, name) in beside.items():
        there = (patient.structures.array == structure) & (labels == 0)
        labels[there] = number
        names |= {number: name} if there.any() else {}
    return LabelImage(Volume(labels, patient.labels.geometry, "1"), names)


def make_virtual_labels(spec: VirtualSpineSpec, generator: Generator) -> Volume:
    """The label map of a virtual patient alone, without its CT: in a small part of the time.

    VerSe level numbers; voxels whose centres lie inside. The generator draws the place of the grid.
    """
    shapes = vertebra_shapes(spec)
    sacrum = _sacrum(spec, shapes)
    canvas = Canvas.blank(_grid(spec, shapes, sacrum, generator), spec.scan)
    if sacrum is not None:
        canvas.mark(sacrum.parts, sacrum.frame, Level.SACRUM, Structure.SACRUM)
    for shape in reversed(shapes):
        canvas.mark(shape.parts, shape.frame, shape.level, Structure.VERTEBRA)
        canvas.mark(shape.ribs, shape.frame, shape.level, Structure.RIB)
    return Volume(canvas.levels, canvas.geometry, "1")


def vertebra_shapes(spec: VirtualSpineSpec) -> tuple[VertebraShape, ...]:
    """Every vertebra in its place, deformed to exactly the wanted heights."""
    frames = stack_frames(spec)
    shapes: list[VertebraShape] = []
    for level in spec.levels:
        wanted = spec.vertebra(level).deformity
        if wanted is not None:
            wanted = matched_deformity(make_vertebra(spec, level, frames[level], None).body, frames[level], wanted)
        above = shapes[-1] if shapes else None
        shapes.append(make_vertebra(spec, level, frames[level], wanted, above))
    return tuple(shapes)


@dataclass(frozen=True, eq=False)
class _Sacrum:
    """The block below the last lumbar vertebra."""

    body: Body
    frame: Frame
    parts: tuple[Part, ...]


def _sacrum(spec: VirtualSpineSpec, shapes: tuple[VertebraShape, ...]) -> _Sacrum | None:
    """A first sacral body with its wings and a tapering rest, a disc below the last lumbar vertebra, or None."""
    last = shapes[-1]
    if last.level is not spec.chain[-1]:
        return None
    f = spec.scale
    body = Body(30 * f, 25 * f, 33 * f, 50 * f, 1.5 * spec.cupping, 0.5, 0.05)
    half = (body.anterior_mm + body.posterior_mm) / 4
    turn = turned_about("x", _SACRUM_LEAN_DEG)
    cranial, anterior = turn @ last.frame.cranial, turn @ last.frame.anterior
    bottom = last.frame.to_patient([-(last.size.anterior_mm + last.size.posterior_mm) / 4, 0, 0])
    gap = last.size.disc_mm / 2
    origin = bottom - last.frame.cranial * gap - cranial * (gap + half)
    frame = Frame.from_directions(origin, cranial, anterior)
    reach = np.array([half + 4, 21 * f, 28 * f])
    top = Solid(body.distance, -reach, reach)
    solids = [tube((-half + 2, -3, 0), (-half - 32, -16, 0), (0, 0, 1), 20 * f, 11 * f)]
    solids += [tube((3, -6, s * 20 * f), (-14, -16, s * 44 * f), (1, 0, 0), 15 * f, 10 * f) for s in (1, -1)]
    parts = (Part(BODY, top, spec.shell_mm), *(Part(70, solid, 1.2) for solid in solids))
    return _Sacrum(body, frame, parts)


def _grid(
    spec: VirtualSpineSpec, shapes: tuple[VertebraShape, ...], sacrum: _Sacrum | None, generator: Generator
) -> Geometry:
    """The tilted grid around the bones with its margins, in LPS order; its place within a voxel is drawn."""
    scan = spec.scan
    axes = turned_about("x", scan.tilt_deg) @ turned_about("y", scan.coronal_tilt_deg)
    axes[:, 1] = (axes @ turned_about("x", scan.gantry_tilt_deg))[:, 1]
    boxes = [(shape.frame, shape.parts) for shape in shapes]
    boxes += [(sacrum.frame, sacrum.parts[:1])] if sacrum else []
    corners = np.concatenate([frame.to_patient(_corners(part)) for frame, parts in boxes for part in parts])
    corners = corners @ np.linalg.inv(axes).T
    low = corners.min(axis=0) - np.array([scan.margin_side_mm, scan.margin_front_mm, scan.margin_foot_mm])
    high = corners.max(axis=0) + np.array([scan.margin_side_mm, scan.margin_back_mm, scan.margin_head_mm])
    spacing = np.array([scan.in_plane_mm, scan.in_plane_mm, scan.slice_step_mm])
    shape = np.maximum(np.ceil((high - low) / spacing).astype(int), 1)
    if (count := float(np.prod(shape, dtype=np.float64))) > _MOST_VOXELS:
        raise InputError(
            f"the image would have {count / 1e6:.0f} million voxels; at most {_MOST_VOXELS / 1e6:.0f} million are "
            "made: give fewer levels, coarser voxels or smaller margins"
        )
    affine = np.eye(4)
    affine[:3, :3] = axes * spacing
    affine[:3, 3] = axes @ (low + generator.uniform(0, 1, 3) * spacing)
    return Geometry(affine, (int(shape[0]), int(shape[1]), int(shape[2])))


def _corners(part: Part) -> Floats:
    return np.array(np.meshgrid(*np.stack([part.solid.low, part.solid.high], axis=1), indexing="ij")).reshape(3, -1).T


def _paint_soft_spine(
    canvas: Canvas, shapes: tuple[VertebraShape, ...], sacrum: _Sacrum | None, hu: dict[str, float]
) -> NDArray[np.bool_]:
    """Discs and the canal; gives the mask of the canal."""
    lower = [(shape.body, shape.frame) for shape in shapes[1:]] + ([(sacrum.body, sacrum.frame)] if sacrum else [])
    for shape, (body, frame) in zip(shapes, lower, strict=False):
        canvas.paint(_disc(shape, body, frame), shape.frame, hu["disc"], Structure.DISC)
    for shape in shapes:
        canvas.paint(shape.canal, shape.frame, hu["canal"], Structure.CANAL)
    return np.asarray(canvas.structures == Structure.CANAL)


def _disc(upper: VertebraShape, body: Body, frame: Frame) -> Solid:
    """What lies between two bodies, within the mean of their footprints."""

    def distance(c: NDArray[Any], a: NDArray[Any], left: NDArray[Any]) -> NDArray[np.float32]:
        below = frame.to_local(upper.frame.to_patient(np.stack([c, a, left], axis=-1))).astype(np.float32)
        c2, a2, left2 = (below[..., axis] for axis in range(3))
        over = upper.body.endplate(Endplate.INFERIOR, a, left) + 0.3 - c
        under = c2 - body.endplate(Endplate.SUPERIOR, a2, left2) + 0.3
        wall = (upper.body.inset(a, left) + body.inset(a2, left2)) / 2
        return np.asarray(np.minimum(np.minimum(over, under), wall), np.float32)

    reach = np.array([0.0, upper.size.depth_mm / 2 + 4, upper.size.width_mm / 2 + 4])
    top = -upper.size.posterior_mm / 2 * 0.2
    bottom = -upper.size.anterior_mm / 2 - 2.2 * upper.size.disc_mm - 8
    return Solid(distance, np.array([bottom, -reach[1], -reach[2]]), np.array([top, reach[1], reach[2]]))


def _paint_bones(
    canvas: Canvas,
    spec: VirtualSpineSpec,
    shapes: tuple[VertebraShape, ...],
    sacrum: _Sacrum | None,
    hu: dict[str, float],
    generator: Generator,
) -> None:
    energy, fat = spec.scan.energy_kev, spec.marrow_fat_share
    usual = BoneLook(hu["cortical_bone"], float(trabecular_hu(ARCH_DENSITY * spec.density_mg_cm3, energy, fat)))
    if sacrum is not None:
        canvas.paint_bone(sacrum.parts, sacrum.frame, usual)
        canvas.mark(sacrum.parts, sacrum.frame, Level.SACRUM, Structure.SACRUM)
    for shape in reversed(shapes):
        canvas.paint_bone(shape.ribs, shape.frame, usual)
        canvas.paint_bone(shape.parts, shape.frame, body_look(shape, spec, hu, generator))
        canvas.mark(shape.parts, shape.frame, shape.level, Structure.VERTEBRA)
        canvas.mark(shape.ribs, shape.frame, shape.level, Structure.RIB)
    canvas.subregions[canvas.structures == Structure.SACRUM] = 0


def _paint_marker(canvas: Canvas) -> None:
    """A bright ball near the left border of the image, at its middle height."""
    geometry = canvas.geometry
    middle = (np.array(geometry.shape) - 1) / 2
    to_left = np.array([middle[0] - (MARKER_RADIUS_MM + 4) / geometry.spacing_mm[0], 0, 0])
    frame = Frame.from_directions(geometry.points(middle + to_left), (0, 0, 1), (0, -1, 0))
    canvas.paint(ellipsoid(np.zeros(3), np.full(3, MARKER_RADIUS_MM)), frame, MARKER_HU, Structure.MARKER)
