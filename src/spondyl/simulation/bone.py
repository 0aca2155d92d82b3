"""A vertebra as a voxel model between cement caps or discs, from its mask and the CT."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import ceil, exp, log
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.errors import InputError
from spondyl.evidence import find_parameter
from spondyl.findings import GradedCalibration, find_calibration, nominal_calibration
from spondyl.simulation.bone_laws import POISSON, RHO_LOWEST, RHO_TESTED, BoneLaw, find_bone_law
from spondyl.simulation.voxel_model import VoxelModel, beyond_small_strain, build_voxel_model
from spondyl.space import Floats, Frame, Geometry, Volume
from spondyl.spine import Level, Spine, Vertebra

Array = NDArray[Any]
Mask = NDArray[np.bool_]

PARTS = ("body", "whole")
ENDS = ("cement", "disc")
CAP_MM = 2.0  # of cement over the highest point of an endplate: this program's choice; stiff beside bone in any case
DISC_POISSON = 0.45  # a choice: discs hardly change their volume; no source was read
TOP, BOTTOM = 6, 5  # labels of the platens
_NOTCH_MM = 8.0  # hollows of an end that open to a side no wider than twice this are filled: this program's choice
MOST_SAMPLES = 4  # along each edge of a voxel
_FAR_MM = 1000.0
GAP_TOLD = 0.1  # the density's own spread at grades 1 and 2


@dataclass(frozen=True, eq=False)
class BoneModel:
    """A vertebra with its ends, ready to be pressed along its own cranial axis.

    Grid axes run to the front, to the left and to the head of the vertebra.
    """

    level: Level
    model: VoxelModel
    yield_stress: Volume  # of bone and caps in compression; 0 in discs, which never yield [MPa]
    density: Volume  # 0 outside bone [g/cm³]
    height_mm: float  # between the platens; with discs, of the bone alone, the mean between its ends
    voxel_mm: float
    law: BoneLaw
    calibration: GradedCalibration
    notes: tuple[str, ...]  # of ranges, resolution and what was assumed
    vertebra: Vertebra  # that it was made of
    density_gap: float = 0.0  # ln of the density as calibrated over that of the tube voltage's nominal line; 0: unknown
    ends: str = "cement"  # one of ENDS
    density_doubt: float = 0.0  # relative standard deviation of the density from the tissues' own doubts, without grade

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(self.__dict__.values())

    @property
    def is_absolute(self) -> bool:
        """Whether forces may be told in newtons: not where the density has no calibration (grade 5)."""
        return self.calibration.calibration is not None

    def shortening_mm(self, displacement: Array) -> float:
        """How much nearer the two ends of the bone have come, the mean over each, along the cranial axis.

        Parameters
        ----------
        displacement
            Of the nodes, shape (3, nx+1, ny+1, nz+1). [mm]
        """
        soft = (self.model.modulus > 0) & (self.density.array == 0)
        lower, upper = (_mean_over(faces, displacement[2]) for faces in _ends_of(self.density.array > 0, soft))
        return lower - upper


def build_bone_model(
    spine: Spine,
    level: Level | str,
    *,
    voxel_mm: float = 2.0,
    part: str = "body",
    law: str = "kopperdahl-power",
    ends: str = "cement",
    apparent_strain: float = -0.02,
    border_mm: float = 0.0,
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0),
    calibration: GradedCalibration | None = None,
) -> BoneModel:
    """The voxel model of one vertebra between flat layers of cement or disc that embed its endplates.

    The grid is that of the vertebra's own axes. A voxel is bone where half of it lies in the mask; its density is the
    mean over that half and more, so that nothing from outside the mask leaks in. One law holds for all bone: the thin
    shell enters as voxels of middling density.

    Parameters
    ----------
    spine
        With its CT.
    voxel_mm
        Edge of the cubic voxels; finer than the CT's adds no detail, and a note says so.
    part
        "body", or "whole": with the arch. The caps lie on the body in either case.
    law
        One of `bone_laws.BONE_LAWS`.
    ends
        "cement", as laboratories embed specimens, or "disc": half of a disc at either end, one soft, nearly
        incompressible solid up to a level plane in its middle.
    apparent_strain
        Displacement of the top over the height of the model, caps included.
    border_mm
        By how much the border of the labels is moved outwards, all around; to see what it makes.
    shift
        By what part of a voxel the grid is moved along each of its axes, 0 to below 1; to see what its place makes.
    calibration
        Of this CT, where `find_calibration` was asked before.

    Raises
    ------
    InputError
        Without a CT, for a level that is cut or has no separable body, or where nothing joins the caps.
    """
    vertebra = spine[level]
    _check(spine, vertebra, voxel_mm, part, ends, shift)
    assert vertebra.frame is not None and vertebra.body is not None and spine.ct is not None
    graded = find_calibration(spine) if calibration is None else calibration
    line = graded.calibration or nominal_calibration()
    mask = vertebra.body if part == "body" else vertebra.mask
    thick = end_mm(ends)
    geometry = grid_along([vertebra.mask], vertebra.frame, voxel_mm, max(border_mm, 0.0), thick, shift)
    share, hu, of_body = averaged_in_mask(spine.ct, mask, vertebra.body, geometry, border_mm=border_mm)
    bone = share >= 0.5
    told = line.density(hu) / 1000  # g/cm³
    rho = np.where(bone, np.maximum(told, RHO_LOWEST), 0.0)
    middle_hu = float(np.median(hu[bone]))
    gap = _gap(graded, spine, middle_hu)
    notes = (*_range_notes(told[bone]), *_gap_notes(gap), *_grid_notes(spine.ct.geometry, voxel_mm))
    on_body = bone & (of_body >= 0.5)
    made = _between_ends(
        vertebra, Volume(rho, geometry, "g/cm3"), on_body, find_bone_law(law), graded, ends, apparent_strain, notes, gap
    )
    return replace(
        made, density_doubt=line.density_sd(middle_hu) / max(float(line.density(middle_hu)), 1000 * RHO_LOWEST)
    )


def reshaped(bone: BoneModel, density: Volume, *, apparent_strain: float = -0.02) -> BoneModel:
    """The same body in another shape: bone of these densities on a grid of its axes, between new ends. [g/cm³]"""
    law, graded, there = bone.law, bone.calibration, density.array > 0
    made = _between_ends(
        bone.vertebra, density, there, law, graded, bone.ends, apparent_strain, bone.notes, bone.density_gap
    )
    return replace(made, density_doubt=bone.density_doubt)


def _between_ends(
    vertebra: Vertebra,
    density: Volume,
    body: Mask,
    law: BoneLaw,
    graded: GradedCalibration,
    ends: str,
    apparent_strain: float,
    notes: tuple[str, ...],
    gap: float,
) -> BoneModel:
    """Bone between its ends; `body`: voxels of it that these may lie on."""
    rho, geometry = density.array, density.geometry
    bone, voxel_mm = rho > 0, float(geometry.spacing_mm[0])
    caps, platens, height = capped(bone, body, voxel_mm, end_mm(ends))
    model = build_voxel_model(
        Volume(_filled(law.modulus, rho, bone, caps, _number(_END_MODULUS[ends])), geometry, "MPa"),
        Volume(platens, geometry, "1"),
        top=TOP,
        bottom=BOTTOM,
        displacement_mm=apparent_strain * height,
        lateral="held",
        poisson=Volume(np.where(caps, _end_poisson(ends), _number(POISSON)), geometry, "1"),
    )
    end_yield = _number("pmma_cap.yield") if ends == "cement" else 0.0
    # between discs the top moves much further than the bone shortens, which is pressed to 2 % whatever is asked
    beyond = beyond_small_strain(model, model.displacement_mm) if ends == "cement" else ()
    return BoneModel(
        vertebra.level,
        model,
        Volume(_filled(law.yield_stress, rho, bone, caps, end_yield), geometry, "MPa"),
        density,
        height if ends == "cement" else _bone_height(bone, caps, voxel_mm),
        voxel_mm,
        law,
        graded,
        tuple(dict.fromkeys((*notes, *model.warnings, *beyond))),
        vertebra,
        gap,
        ends,
    )


def end_mm(ends: str) -> float:
    """How far a layer at an end reaches over the highest point of the endplate: of a disc, half of its height."""
    return CAP_MM if ends == "cement" else _number("disc.height") / 2


_END_MODULUS = {"cement": "pmma_cap.E", "disc": "disc.E_effective"}


def _end_poisson(ends: str) -> float:
    return _number("pmma_cap.nu") if ends == "cement" else DISC_POISSON


def _ends_of(bone: Mask, ends: Mask) -> tuple[Mask, Mask]:
    """Faces between bone and the layers at its lower and upper end, shape (nx, ny, nz+1)."""
    faces = np.zeros((2, *bone.shape[:2], bone.shape[2] + 1), bool)
    faces[0, ..., 1:-1] = ends[..., :-1] & bone[..., 1:]
    faces[1, ..., 1:-1] = bone[..., :-1] & ends[..., 1:]
    return faces[0], faces[1]


def _mean_over(faces: Mask, nodal: Array) -> float:
    """Mean of a value of the nodes over these faces across the last axis."""
    at_faces = (nodal[:-1, :-1] + nodal[1:, :-1] + nodal[:-1, 1:] + nodal[1:, 1:]) / 4
    return float(at_faces[faces].mean())


def _bone_height(bone: Mask, ends: Mask, voxel_mm: float) -> float:
    """Mean height of the bone between the layers at its ends. [mm]"""
    lower, upper = (np.nonzero(faces)[2].mean() for faces in _ends_of(bone, ends))
    return float(upper - lower) * voxel_mm


def _gap(graded: GradedCalibration, spine: Spine, hu: float) -> float:
    """How far the calibration by tissues lies over the nominal line, at the CT number in the middle of the bone.

    The energy is read from cortex raised by what blur takes of it: a cortex that is thinner or more porous than
    assumed makes densities too high (docs/validation/density.md).
    """
    kvp = None if spine.study is None else spine.study.scan.kvp
    if graded.calibration is None or kvp is None:
        return 0.0
    lines = graded.calibration, nominal_calibration(kvp)
    own, nominal = (max(float(line.density(hu)), 1000 * RHO_LOWEST) for line in lines)
    return log(own / nominal)


def _check(
    spine: Spine, vertebra: Vertebra, voxel_mm: float, part: str, ends: str, shift: tuple[float, float, float]
) -> None:
    name = vertebra.level.name
    if spine.ct is None:
        raise InputError("strength needs the CT: there is only a label map; give the study too")
    if vertebra.is_cut:
        raise InputError(f"{name} is {vertebra.cut_words}: choose a whole level")
    if vertebra.frame is None or vertebra.body is None:
        raise InputError(f"{name} has no body that could be told from the arch: correct its labels")
    if not 0.2 <= voxel_mm <= 4.0:
        raise InputError(f"a voxel of {voxel_mm:g} mm: expected 0.2 to 4 mm")
    if part not in PARTS:
        raise InputError(f"part is '{part}'; 'body' or 'whole' is expected")
    if not all(0 <= moved < 1 for moved in shift):
        raise InputError(f"the grid is moved by {shift} of a voxel; 0 to below 1 is expected along each axis")
    if ends not in ENDS:
        raise InputError(f"the ends are '{ends}'; 'cement' or 'disc' is expected")


def grid_along(
    masks: Sequence[Volume],
    frame: Frame,
    voxel_mm: float,
    beyond_mm: float = 0.0,
    end_mm: float = CAP_MM,
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> Geometry:
    """Cubic voxels along anterior, left and cranial that hold these masks, with room for layers at both ends.

    `shift`: by what part of a voxel the grid is moved along each axis; one more voxel then keeps what was held.
    """
    inside = np.concatenate([mask.geometry.points(np.argwhere(mask.array)) for mask in masks])
    local = frame.to_local(inside)[:, (1, 2, 0)]
    low, high = local.min(axis=0), local.max(axis=0)
    margin = np.array([voxel_mm, voxel_mm, end_mm + 2 * voxel_mm]) + beyond_mm
    moved = np.array(shift)
    count = np.ceil((high - low + 2 * margin) / voxel_mm).astype(int) + (moved > 0)
    first = low - margin + voxel_mm / 2 + np.where(moved > 0, moved - 1, 0.0) * voxel_mm
    affine = np.eye(4)
    affine[:3, :3] = frame.axes[:, (1, 2, 0)] * voxel_mm
    affine[:3, 3] = frame.to_patient(first[[2, 0, 1]])
    nx, ny, nz = (int(n) for n in count)
    return Geometry(affine, (nx, ny, nz), masks[0].geometry.frame_of_reference_uid)


def _inside(mask: Volume, border_mm: float) -> Callable[[Floats], Mask]:
    """Whether points lie within the labels, their border moved outwards: nearest voxel, or depth where it is moved."""
    if border_mm == 0:
        return lambda points: np.asarray(mask.sample(points, order=0) > 0.5)
    fine = _split(mask)
    edge = float(fine.geometry.spacing_mm.min())
    extra = ceil(abs(border_mm) / edge) + 1
    wide = np.pad(fine.array > 0, extra)
    depth = ndimage.distance_transform_edt(wide, sampling=fine.geometry.spacing_mm)
    depth -= ndimage.distance_transform_edt(~wide, sampling=fine.geometry.spacing_mm)
    depth -= np.sign(depth) * edge / 2  # from the face between two voxels, not from the centre beyond it
    start = -np.full(3, extra)
    depths = Volume(depth.astype(np.float32), fine.geometry.cropped(start, start + wide.shape), "mm")
    return lambda points: np.asarray(depths.sample(points, outside=-_FAR_MM) > -border_mm)


def _split(mask: Volume) -> Volume:
    """The mask with long voxels split so that they are about cubes."""
    spacing = mask.geometry.spacing_mm
    parts = np.rint(spacing / spacing.min()).astype(int)
    array = mask.array
    for axis, count in enumerate(parts):
        array = np.repeat(array, count, axis=axis)
    affine = mask.geometry.affine @ np.diag([*(1 / parts), 1.0])
    affine[:3, 3] = mask.geometry.points((1 / parts - 1) / 2)
    return Volume(array, Geometry(affine, array.shape, mask.geometry.frame_of_reference_uid), mask.unit)


def averaged_in_mask(
    ct: Volume, mask: Volume, body: Volume, geometry: Geometry, *, border_mm: float = 0.0
) -> tuple[Floats, Floats, Floats]:
    """Share of each voxel that lies in the mask, mean HU of that share, and share that lies in the body."""
    in_mask = _inside(mask, border_mm)
    in_body = in_mask if body is mask else _inside(body, border_mm)
    edge = float(geometry.spacing_mm[0])
    per_edge = min(MOST_SAMPLES, max(2, ceil(2 * edge / float(ct.geometry.spacing_mm.min()))))
    offsets = (np.arange(per_edge) + 0.5) / per_edge - 0.5
    share, total, of_body = (np.zeros(geometry.shape) for _ in range(3))
    near = _near((mask,) if body is mask else (mask, body), geometry, border_mm)
    grid = np.stack(np.meshgrid(*(np.arange(part.start, part.stop) for part in near), indexing="ij"), axis=-1)
    for offset in product(offsets, repeat=3):
        points = geometry.points(grid + np.array(offset))
        inside = in_mask(points)
        share[near] += inside
        of_body[near] += inside if body is mask else in_body(points)
        total[near][inside] += ct.sample(points[inside])
    samples = per_edge**3
    return share / samples, np.divide(total, share, out=np.zeros_like(total), where=share > 0), of_body / samples


def _near(masks: Sequence[Volume], geometry: Geometry, border_mm: float) -> tuple[slice, slice, slice]:
    """The block of voxels of a grid that these masks can reach, their border moved outwards."""
    inside = np.concatenate([mask.geometry.points(np.argwhere(mask.array)) for mask in masks])
    indices = geometry.indices(inside)
    reach = (max(float(mask.geometry.spacing_mm.max()) for mask in masks) + max(border_mm, 0.0)) * np.sqrt(3)
    edge = reach / geometry.spacing_mm + 1
    low, high = np.floor(indices.min(axis=0) - edge), np.ceil(indices.max(axis=0) + edge) + 1
    first, last = (np.clip(end, 0, geometry.shape).astype(int) for end in (low, high))
    i, j, k = (slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
    return i, j, k


def capped(bone: Mask, body: Mask, voxel_mm: float, thick_mm: float = CAP_MM) -> tuple[Mask, Array, float]:
    """Voxels of the layers at both ends, labels of the platens, and the height between these."""
    planes = np.flatnonzero(body.any(axis=(0, 1)))
    if len(planes) < 3:
        raise InputError(f"the body is less than three voxels of {voxel_mm:g} mm high: choose smaller voxels")
    thick = max(1, round(thick_mm / voxel_mm))
    low, high = int(planes[0]) - thick, int(planes[-1]) + thick
    column = ndimage.binary_fill_holes(body.any(axis=2))
    index = np.arange(body.shape[2])
    held = body.any(axis=2)
    last = np.where(held, body.shape[2] - 1 - body[..., ::-1].argmax(axis=2), planes[-1])
    first = np.where(held, body.argmax(axis=2), planes[0])
    within = _cross_sections(body, round(_NOTCH_MM / voxel_mm))
    core = held & within[..., (planes[0] + planes[-1]) // 2]
    over = (index > last[..., None]) & (within | (index >= _end_plane(last, core)[..., None]))
    under = (index < first[..., None]) & (within | (index <= _end_plane(first, core)[..., None]))
    caps = (over & (index <= high) | under & (index >= low)) & column[..., None] & ~bone
    platens = np.zeros(body.shape, np.uint8)
    platens[..., high][caps[..., high]], platens[..., low][caps[..., low]] = TOP, BOTTOM
    return caps, platens, (high - low + 1) * voxel_mm


def _cross_sections(body: Mask, notch: int) -> Mask:
    """The body's outline in each plane, with the hollows of its ends and notches up to so many voxels deep filled."""
    disc = np.hypot(*np.mgrid[-notch : notch + 1, -notch : notch + 1]) <= notch
    padded = np.pad(body, ((notch, notch), (notch, notch), (0, 0)))
    closed = ndimage.binary_closing(padded, disc[..., None])[notch:-notch, notch:-notch]
    return np.stack([ndimage.binary_fill_holes(closed[..., k]) for k in range(body.shape[2])], axis=-1)


def _end_plane(end: Array, core: Mask) -> Array:
    """The tilted plane through an end of the body, fitted where the body is whole, at all columns. [voxels]

    Cement fills a wedge up to it. Beyond, it stays within the body's outline: a lip that overhangs, or a ragged side,
    would otherwise let it run down the side as a pillar.
    """
    i, j = (index.astype(float) for index in np.indices(end.shape))
    columns = np.stack([np.ones(end.size), i.ravel(), j.ravel()], axis=1)
    inside = core.ravel()
    fit = np.linalg.lstsq(columns[inside], end.ravel()[inside].astype(float))[0]
    return np.asarray((columns @ fit).reshape(end.shape))


def _filled(of_bone: Any, rho: Floats, bone: Mask, caps: Mask, at_ends: float) -> Array:
    """A field of the law in bone and a value in the layers at its ends, 0 elsewhere."""
    field = np.zeros(rho.shape)
    field[bone] = of_bone(rho[bone])
    field[caps] = at_ends
    return field


def _number(name: str) -> float:
    value = find_parameter(name).value
    assert isinstance(value, int | float)
    return float(value)


def _range_notes(told: Floats) -> tuple[str, ...]:
    low, high = (told < RHO_LOWEST).mean(), (told > RHO_TESTED).mean()
    notes = []
    if low > 0:
        notes.append(f"{100 * low:.1f} % of the bone reads less than {RHO_LOWEST:g} g/cm³ and is taken as that")
    if high > 0:
        notes.append(f"{100 * high:.1f} % reads more than {RHO_TESTED:g} g/cm³: the law is extrapolated there")
    return tuple(notes)


def _gap_notes(gap: float) -> tuple[str, ...]:
    if gap <= GAP_TOLD:
        return ()
    return (
        f"the tissues of this CT give a density {100 * (exp(gap) - 1):.0f} % above that of the tube voltage's nominal "
        "line: a cortex blurred more than was assumed reads so, and the strength may be too high by as much and more",
    )


def _grid_notes(geometry: Geometry, voxel_mm: float) -> tuple[str, ...]:
    coarsest = float(geometry.spacing_mm.max())
    if voxel_mm >= coarsest - 1e-6:
        return ()
    return (f"voxels of {voxel_mm:g} mm are finer than the CT's {coarsest:.2g} mm: upsampled, no detail is added",)
