"""The viewer inside report.html: what it shows, as images and meshes that a page can carry.

The script is built from viewer/ when the package is built (viewer/build.py) and may be missing: then the report has its
still pictures alone and says so. Here points turn from LPS to the RAS of the NIfTI world, once.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import nibabel as nib
import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from spondyl.documents.figures import CONTOUR, DEFORMED
from spondyl.documents.figures_access import AROUND, BEHIND_MM, NEEDLE
from spondyl.documents.plan_files import needle_name
from spondyl.documents.records import SURROUNDING_NUMBERS
from spondyl.documents.tables import deformed_levels
from spondyl.errors import InputError
from spondyl.findings import Findings
from spondyl.planning import Balloon, NeedlePath, Plan
from spondyl.space import Floats, Geometry, Volume
from spondyl.spine import Spine

LPS_TO_RAS = np.array([-1.0, -1.0, 1.0])
WINDOWS_HU = {"bone": (-300, 1200), "soft": (-160, 240)}  # bone as in the still pictures
STEP_HU, LOWEST_HU = 10.0, -500.0  # grey values go out as one byte: 10 HU is below the noise of a spine CT
HIGHEST_HU = LOWEST_HU + 255 * STEP_HU
MOST_VOXELS = 12_000_000  # of the CT; finer ones are averaged over blocks, so that the report stays under 25 MB
MARGIN_MM = 10.0
LABEL_OPACITY = 0.25
CANAL, CANAL_LABEL, BALLOON = "#CC79A7", 61, "#CC79A7"  # 61: the canal in VerSe's numbers
DASH_MM, GAP_MM = 4.0, 3.0  # of a needle that is orientation only
SECTIONS = 24  # of a round mesh
VIEWS = {
    "multi": ("Three planes and 3D", "Level, frontal and side plane, and a view in three dimensions"),
    "axial": ("Axial", "Level plane through the crosshair, seen from below, front up"),
    "coronal": ("Coronal", "Frontal plane through the crosshair, head up"),
    "sagittal": ("Sagittal", "Side plane through the crosshair, front on the left"),
    "render": ("3D", "View in three dimensions"),
}  # fmt: skip
SIDES_WORDS = "the patient's right on the left side of the picture"


@dataclass(frozen=True)
class Viewer:
    """What the template prints of the viewer."""

    script: Markup | None  # None: it was not built
    script_hash: str  # for the page's content security policy
    data: Markup  # JSON
    needles: tuple[str, ...]
    axes: tuple[tuple[str, int, int], ...]  # words, least and greatest value [mm, LPS]
    views: tuple[tuple[str, str], ...]
    grey: str  # what was left out of the grey values, in words


def viewer_section(plans: Iterable[Plan], spine: Spine | None, findings: Findings) -> Viewer | None:
    """The viewer of planned levels; None where nothing is planned, or where there is no CT to show."""
    planned = tuple(plan for plan in plans if not plan.is_untreated)
    if spine is None or spine.ct is None or not planned:
        return None
    script = viewer_script()
    shown = _around(spine, planned)
    ct, factor = coarsened(_cropped(spine.ct, shown), MOST_VOXELS)
    data = {
        "ct": _base64(grey_nifti(ct)),
        "labels": _base64(label_nifti(spine, shown)),
        "label_opacity": LABEL_OPACITY,
        "table": _label_table(spine, findings),
        "windows": WINDOWS_HU,
        "meshes": [mesh for plan in planned for mesh in _meshes(plan)],
        "marks": [
            {"entry": _world(p.entry), "tip": _world(p.target)} for plan in planned for p in plan.needles
        ],
        "start": _world(_start(spine, planned)),
        "view_words": {name: f"{words}; {SIDES_WORDS}" for name, (_, words) in VIEWS.items()},
    }  # fmt: skip
    return Viewer(
        None if script is None else Markup(script),
        "" if script is None else _base64(hashlib.sha256(script.encode()).digest()),
        Markup(json.dumps(data).replace("<", "\\u003c")),
        tuple(needle_name(plan, path) for plan in planned for path in plan.needles),
        _axes(ct.geometry),
        tuple((name, words) for name, (words, _) in VIEWS.items()),
        _grey_words(factor),
    )


def viewer_script() -> str | None:
    """The built script with everything it needs; None where it was not built into this installation."""
    asset = files("spondyl.documents") / "assets" / "viewer.js"
    return asset.read_text("utf-8") if asset.is_file() else None


def grey_nifti(ct: Volume) -> bytes:
    """A CT as NIfTI of one byte a voxel, in steps of STEP_HU between LOWEST_HU and HIGHEST_HU."""
    steps = np.clip(np.rint((ct.array.astype(np.float32) - LOWEST_HU) / STEP_HU), 0, 255)
    return _nifti(steps.astype(np.uint8), ct.geometry, (STEP_HU, LOWEST_HU))


def label_nifti(spine: Spine, shown: Floats) -> bytes:
    """Vertebrae (VerSe numbers), canal and what is labelled beside them around some points. [(n, 3), LPS mm]"""
    labels = np.zeros(spine.geometry.shape, np.uint8)
    canal = () if spine.canal is None else ((CANAL_LABEL, spine.canal),)
    around = ((SURROUNDING_NUMBERS[kind], mask) for kind, mask in spine.surroundings)
    for number, mask in (*around, *canal, *((v.level.value, v.mask) for v in spine)):
        first = np.rint(spine.geometry.indices(mask.geometry.affine[:3, 3])).astype(int)
        place = tuple(slice(a, a + n) for a, n in zip(first, mask.array.shape, strict=True))
        labels[place][mask.array.astype(bool)] = number
    cropped = _cropped(Volume(labels, spine.geometry, "1"), shown)
    return _nifti(cropped.array, cropped.geometry, (1.0, 0.0))


def coarsened(ct: Volume, most: int) -> tuple[Volume, tuple[int, int, int]]:
    """A volume averaged over blocks until it has at most so many voxels, and the blocks' edges in voxels."""
    factor = np.ones(3, int)
    while np.prod(np.array(ct.array.shape) // factor) > most:
        factor[np.argmin(ct.geometry.spacing_mm * factor)] += 1
    count = np.array(ct.array.shape) // factor
    kept = ct.array[tuple(slice(0, n) for n in count * factor)].astype(np.float32)
    blocks = kept.reshape(np.stack([count, factor], axis=1).ravel()).mean(axis=(1, 3, 5))
    affine = ct.geometry.affine @ np.diag([*factor, 1.0])
    affine[:3, 3] = ct.geometry.points((factor - 1) / 2)
    geometry = Geometry(affine, blocks.shape, ct.geometry.frame_of_reference_uid)
    return Volume(blocks, geometry, ct.unit), (int(factor[0]), int(factor[1]), int(factor[2]))


def needle_mesh(path: NeedlePath) -> bytes:
    """A needle as binary STL in NIfTI world mm, from BEHIND_MM behind the bone to its tip; dashed without a class."""
    begin = path.entry - BEHIND_MM * path.direction
    if path.access_class is not None:
        return _stl([_rod(begin, path.target, path.outer_diameter_mm)])
    ends = np.arange(path.bone_depth_mm + BEHIND_MM, 0.0, -(DASH_MM + GAP_MM))
    pieces = ((begin + max(end - DASH_MM, 0.0) * path.direction, begin + end * path.direction) for end in ends)
    return _stl([_rod(a, b, path.outer_diameter_mm) for a, b in pieces])


def balloon_mesh(balloon: Balloon) -> bytes:
    """A balloon as binary STL in NIfTI world mm, as wide as the cavity lets it become."""
    import trimesh

    straight = max(balloon.length_mm - balloon.diameter_mm, 0.1)
    mesh = trimesh.creation.capsule(height=straight, radius=balloon.diameter_mm / 2, count=(SECTIONS, SECTIONS))
    mesh.apply_translation(-mesh.bounds.mean(axis=0))
    turn: Any = trimesh.geometry
    mesh.apply_transform(turn.align_vectors([0.0, 0.0, 1.0], balloon.axis))
    mesh.apply_translation(balloon.centre)
    return _stl([mesh])


def _around(spine: Spine, planned: tuple[Plan, ...]) -> Floats:
    """Points that the picture holds: the planned levels with their neighbours, and the needles. [(n, 3), LPS mm]"""
    levels = spine.levels
    near = {levels.index(plan.level) + step for plan in planned for step in (-1, 0, 1)} & set(range(len(levels)))
    corners = [_corners(spine[levels[number]].mask.geometry) for number in near]
    ends = [(p.entry - BEHIND_MM * p.direction, p.target) for plan in planned for p in plan.needles]
    return np.concatenate([*corners, *(np.array(pair) for pair in ends)])


def _corners(geometry: Geometry) -> Floats:
    """The eight outer corners of a grid. [LPS mm]"""
    places = np.stack(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij"), axis=-1).reshape(-1, 3)
    return geometry.points(places * np.array(geometry.shape) - 0.5)


def _cropped(volume: Volume, points: Floats) -> Volume:
    """The part of a volume around points, with a margin."""
    indices, margin = volume.geometry.indices(points), MARGIN_MM / volume.geometry.spacing_mm
    shape = np.array(volume.geometry.shape)
    start = np.clip(np.floor(indices.min(axis=0) - margin), 0, shape - 1).astype(int)
    stop = np.clip(np.ceil(indices.max(axis=0) + margin) + 1, start + 1, shape).astype(int)
    return volume.cropped(start, stop)


def _label_table(spine: Spine, findings: Findings) -> list[dict[str, Any]]:
    """Colours of the labels, as in the still pictures: deformed levels differ."""
    deformed = set(deformed_levels(findings))
    around = [(SURROUNDING_NUMBERS[kind], kind.value.replace("_", " "), AROUND) for kind, _ in spine.surroundings]
    rows = [(v.level.value, v.level.name, DEFORMED if v.level in deformed else CONTOUR) for v in spine]
    return [
        {"value": number, "name": name, "rgb": _rgb(colour)}
        for number, name, colour in (*rows, (CANAL_LABEL, "spinal canal", CANAL), *around)
    ]


def _meshes(plan: Plan) -> list[dict[str, Any]]:
    needles = [(needle_name(plan, path), NEEDLE, needle_mesh(path)) for path in plan.needles]
    balloons = [(f"{plan.level.name} {b.side.value} balloon", BALLOON, balloon_mesh(b)) for b in plan.balloons]
    return [{"name": name, "rgb": _rgb(colour), "stl": _base64(stl)} for name, colour, stl in (*needles, *balloons)]


def _start(spine: Spine, planned: tuple[Plan, ...]) -> Floats:
    """Where the crosshair starts: halfway along the first needle, where the bone is narrow; else in the first body."""
    for plan in planned:
        for path in plan.needles:
            return np.asarray((path.entry + path.target) / 2)
    frame = spine[planned[0].level].frame
    if frame is None:
        raise InputError(f"{planned[0].level.name} has no frame, so the viewer has no place to start")
    return frame.origin


def _axes(geometry: Geometry) -> tuple[tuple[str, int, int], ...]:
    """The sliders' words and ends."""
    corners = _corners(geometry)
    names = ("To the left", "To the back", "To the head")
    ends = zip(np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0)), strict=True)
    return tuple((name, int(low), int(high)) for name, (low, high) in zip(names, ends, strict=True))


def _grey_words(factor: tuple[int, int, int]) -> str:
    steps = f"Grey values in steps of {STEP_HU:.0f} HU, from {LOWEST_HU:.0f} to {HIGHEST_HU:.0f} HU"
    if factor == (1, 1, 1):
        return f"{steps}; voxels as scanned."
    return f"{steps}; blocks of {' x '.join(map(str, factor))} voxels are averaged, so it is coarser than the CT."


def _nifti(stored: NDArray[np.uint8], geometry: Geometry, scale: tuple[float, float]) -> bytes:
    """A packed NIfTI-1 file of what is stored; a value is slope times it plus intercept (`scale`)."""
    pose = np.diag([*LPS_TO_RAS, 1.0]) @ geometry.affine
    image: Any = nib.Nifti1Image(stored, pose)  # type: ignore[no-untyped-call]
    image.set_sform(pose, code="scanner")
    image.set_qform(pose, code="scanner")
    image.header.set_xyzt_units("mm")
    image.header.set_slope_inter(*scale)
    return gzip.compress(image.to_bytes(), compresslevel=6, mtime=0)


def _rod(begin: Floats, end: Floats, diameter: float) -> Any:
    import trimesh

    return trimesh.creation.cylinder(radius=diameter / 2, segment=[begin, end], sections=SECTIONS)


def _stl(meshes: list[Any]) -> bytes:
    """Meshes in LPS as one binary STL in NIfTI world mm. A turn about the axis of the body: faces stay outward."""
    import trimesh

    mesh: Any = trimesh.util.concatenate(meshes)
    mesh.vertices = mesh.vertices * LPS_TO_RAS
    return bytes(mesh.export(file_type="stl"))


def _world(point: Floats) -> list[float]:
    return [round(float(value), 2) for value in point * LPS_TO_RAS]


def _rgb(colour: str) -> list[int]:
    return list(bytes.fromhex(colour.removeprefix("#")))


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
