"""Runs behind docs/validation/segmentation.md: the own segmenter against labels, truth, collapse and bad images.

Each run gives plain rows, so that `tools.validate_segmentation` can keep them and write the page from what is kept.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spondyl.errors import InputError
from spondyl.findings import find_deformities
from spondyl.findings.heights import SITES, measure_heights
from spondyl.space import Geometry, Volume
from spondyl.spine import Level, Pedicle, Side, Spine, Vertebra, build_spine
from spondyl.spine.segmenters import Segmentation, segment_spine
from spondyl.studies import LabelImage, Patient, Scan, Study, read_label_image, read_study
from spondyl.synthetic import (
    ScanSpec,
    VirtualPatient,
    VirtualSpineSpec,
    deform_vertebra,
    make_virtual_patient,
    named_deformity,
)

Row = dict[str, Any]
DATA = Path(os.environ.get("SPONDYL_DATA", "../shared/data"))
BODY, ARCH = 49, 41
_GRADED = 3  # levels to either side of a pressed one that are graded with it


@dataclass(frozen=True, eq=False)
class Case:
    """A CT with labels (VerSe numbers) and parts (SPINEPS numbers) on its grid."""

    name: str
    ct: Volume
    labels: Volume
    parts: Volume


@dataclass(frozen=True)
class Labelled:
    """A CT of the test data with labels somebody else made."""

    folder: str
    ct: str
    labels: str
    subregions: str | None = None


LABELLED = (
    Labelled("lidc-0001-thoracic", "ct", "vertebrae_auto"),
    Labelled("ts-lumbar-3mm", "ct", "vertebrae_auto"),
    Labelled("ts-thoracic-endplate", "ct", "t12_auto"),
    Labelled("tptbox-l3-ct-mr", "l3_ct", "l3_ct_vertebra_label", "l3_ct_subregions"),
)


def study_of(ct: Volume) -> Study:
    """A study that holds nothing but a CT."""
    return Study(ct, Scan(), Patient())


def dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Overlap of two masks."""
    return float(2 * (a & b).sum() / max(int(a.sum() + b.sum()), 1))


def partners(seg: Segmentation, levels: dict[int, NDArray[np.bool_]]) -> dict[int, int]:
    """The number that most of each true body bears; 0 where it is missed."""
    out = {}
    for level, body in levels.items():
        votes = np.bincount(seg.vertebrae.array[body], minlength=2)
        out[level] = int(votes[1:].argmax()) + 1 if votes[1:].sum() > 0.3 * votes.sum() else 0
    return out


def named(seg: Segmentation, names: dict[int, int]) -> tuple[LabelImage, LabelImage]:
    """The segmentation as a label image with VerSe numbers, and its parts, as `spondyl segment` writes them."""
    labels = np.zeros(seg.vertebrae.array.shape, np.uint8)
    for level, number in names.items():
        if number:
            labels[seg.vertebrae.array == number] = level
    parts = np.where(labels > 0, seg.parts.array, 0).astype(np.uint8)
    geometry = seg.vertebrae.geometry
    return LabelImage(Volume(labels, geometry, "1"), None), LabelImage(Volume(parts, geometry, "1"), None)


def full(mask: Volume | None, geometry: Geometry) -> NDArray[np.bool_]:
    """A cropped mask on the whole grid."""
    out = np.zeros(geometry.shape, bool)
    if mask is not None:
        start = np.rint(geometry.indices(mask.geometry.points((0, 0, 0)))).astype(int)
        out[tuple(slice(a, a + n) for a, n in zip(start, mask.array.shape, strict=True))] = mask.array
    return out


def agreement(case: Labelled) -> list[Row]:
    """Each uncut level of a labelled CT beside the own mask."""
    folder = DATA / case.folder
    study = read_study(folder / f"{case.ct}.nii.gz")
    image = read_label_image(folder / f"{case.labels}.nii.gz")
    parts = None if case.subregions is None else folder / f"{case.subregions}.nii.gz"
    true = build_spine(study, labels=image, label_map="verse", subregions=parts)
    return _compared(case.folder, study, segment_spine(study.ct), true)


def _compared(name: str, study: Study, seg: Segmentation, true: Spine) -> list[Row]:
    """Rows of all uncut levels."""
    whole = [v for v in true if not v.is_cut and v.body is not None and v.level.order <= Level.L6.order]
    geometry = true.geometry
    bodies = {int(v.level): full(v.body, geometry) for v in whole}
    names = partners(seg, bodies)
    labels, parts = named(seg, names)
    own = build_spine(study, labels=labels, label_map="verse", subregions=parts)
    rows = []
    for v in whole:
        level, number = int(v.level), names[int(v.level)]
        row: Row = {"case": name, "level": v.level.name, "found": number > 0}
        row["merged"] = number > 0 and sum(other == number for other in names.values()) > 1
        if number:
            mask = seg.vertebrae.array == number
            row["whole"] = dice(mask, full(v.mask, geometry))
            row["body"] = dice(mask & (seg.parts.array == BODY), bodies[level])
            row["cut"] = seg.cut[number - 1]
            row["pedicles"] = _pedicle_widths(own[v.level], v, _width)
            row["pedicles in masks"] = _pedicle_widths(own[v.level], v, _mask_width)
            row["pedicles on the CT"] = [
                sum(p.mask_width_mm is not None for p in x.pedicles) for x in (own[v.level], v)
            ]
            theirs, ours = measure_heights(v), measure_heights(own[v.level])
            if not isinstance(theirs, str) and not isinstance(ours, str):
                row["heights"] = [ours.at(site)[0] - theirs.at(site)[0] for site in SITES]
            else:
                row["reason"] = ours if isinstance(ours, str) else f"label: {theirs}"
        rows.append(row)
    return rows


def _pedicle_widths(
    ours: Vertebra, theirs: Vertebra, width: Callable[[Pedicle], float]
) -> dict[str, list[float | None]]:
    """Width of each side's pedicle by the own mask and by the label; None where it is not found. [mm]"""
    found = [{pedicle.side: width(pedicle) for pedicle in vertebra.pedicles} for vertebra in (ours, theirs)]
    return {str(side): [widths.get(side) for widths in found] for side in Side}


def _width(pedicle: Pedicle) -> float:
    """What counts: on the CT where it closes there."""
    return pedicle.width_mm


def _mask_width(pedicle: Pedicle) -> float:
    """In the mask alone."""
    return pedicle.width_mm if pedicle.mask_width_mm is None else pedicle.mask_width_mm


def virtual_patient(seed: int, **changes: Any) -> VirtualPatient:
    """A virtual patient T11 to L5 drawn by its seed: slices of 1 to 2.5 mm, tilt, scoliosis and density vary."""
    draw = np.random.default_rng(seed)
    scan: Row = {"in_plane_mm": 0.8, "slice_step_mm": float(draw.uniform(1.0, 2.5)), "tilt_deg": draw.uniform(-8, 8)}
    scan |= changes.pop("scan", {})
    spec: Row = {
        "levels": tuple(Level(n) for n in range(Level.T11, Level.L5 + 1)),
        "density_mg_cm3": float(draw.uniform(70, 150)),
        "scale": float(draw.uniform(0.9, 1.1)),
        "cobb_deg": float(draw.uniform(-8, 8)),
    }
    return make_virtual_patient(VirtualSpineSpec(scan=ScanSpec(**scan), **(spec | changes)), draw)


def against_truth(seed: int) -> list[Row]:
    """Each level of a virtual patient beside its own mask."""
    patient = virtual_patient(seed)
    study = study_of(patient.ct)
    seg = segment_spine(patient.ct)
    body = np.isin(patient.subregions.array, (49, 50))
    bodies = {int(t.level): body & (patient.labels.array == t.level) for t in patient.truth.levels}
    names = partners(seg, bodies)
    labels, parts = named(seg, names)
    own = build_spine(study, labels=labels, label_map="verse", subregions=parts)
    rows = []
    for truth in patient.truth.levels:
        number = names[int(truth.level)]
        row: Row = {"case": f"virtual {seed}", "level": truth.level.name, "found": number > 0, "merged": False}
        if number:
            mask = seg.vertebrae.array == number
            row["merged"] = sum(other == number for other in names.values()) > 1
            row["cut"] = seg.cut[number - 1]
            row["whole"] = dice(mask, patient.labels.array == truth.level)
            row["body"] = dice(mask & (seg.parts.array == BODY), bodies[int(truth.level)])
            ours, true = measure_heights(own[truth.level]), truth.body.heights_mm
            if not isinstance(ours, str):
                row["heights"] = [ours.at(site)[0] - height for site, height in zip(SITES, true, strict=True)]
            else:
                row["reason"] = ours
        rows.append(row)
    return rows


def pressed_keys(levels: Sequence[Level]) -> list[tuple[Level, float]]:
    """Each level at 70, 50 and 33 % of its height."""
    return [(level, share) for level in levels for share in (0.70, 0.50, 0.33)]


def pressed_row(case: Case, level: Level, share: float, shape: str = "crush") -> Row:
    """A level pressed with its pedicles kept: what becomes of it, and which grades are then called where."""
    to = named_deformity(shape, share)
    heights = {"anterior": to.anterior, "middle": to.middle, "posterior": to.posterior}
    pressed = deform_vertebra(case.ct, case.labels, level, shape, subregions=case.parts, **heights)
    row: Row = {"case": case.name, "level": level.name, "share": share, "shape": shape}
    changed = Case(case.name, pressed.ct, pressed.labels, pressed.subregions or case.parts)
    return row | _found_again(changed, level)


def _found_again(case: Case, level: Level) -> Row:
    ct, labels, parts = case.ct, case.labels, case.parts
    body = np.isin(parts.array, (49, 50))
    present = [int(n) for n in np.unique(labels.array) if 0 < n < 26]
    bodies = {n: body & (labels.array == n) for n in present}
    try:
        seg = segment_spine(ct)
    except InputError as error:
        return {"outcome": "refused", "warned": True, "why": str(error)}
    names = partners(seg, bodies)
    number = names[int(level)]
    mask = (seg.vertebrae.array == number) & (seg.parts.array == BODY)
    overlap = dice(mask, bodies[int(level)]) if number else 0.0
    beside = [n for n in (level - 1, level + 1) if n in names]
    merged = number > 0 and any(names[n] == number for n in beside)
    outcome = "missed" if not number else "merged" if merged else "one" if overlap > 0.6 else "odd"
    row: Row = {"outcome": outcome, "body": overlap}
    near = {names[n] for n in (int(level), *beside)} - {0}
    row["warned"] = any(seg.doubts[n - 1] for n in near if not seg.cut[n - 1])
    row["warned"] |= bool(number and seg.doubts[number - 1])
    row["cut"] = bool(number and seg.cut[number - 1])
    row["own doubts"] = list(seg.doubts[number - 1]) if number else []
    row["doubted elsewhere"] = sum(
        bool(said) and not cut
        for n, (said, cut) in enumerate(zip(seg.doubts, seg.cut, strict=True), 1)
        if n not in near
    )
    single = {n: k for n, k in names.items() if list(names.values()).count(k) == 1}
    close = [n for n in single if abs(n - level) <= _GRADED]
    whole = {n: single[n] for n in close if single[n] and not seg.cut[single[n] - 1]}
    own_labels, own_parts = named(seg, whole)
    own = build_spine(study_of(ct), labels=own_labels, label_map="verse", subregions=own_parts)
    near_labels = Volume(np.where(np.isin(labels.array, close), labels.array, 0), ct.geometry, "1")
    true = build_spine(
        study_of(ct), labels=LabelImage(near_labels, None), label_map="verse", subregions=LabelImage(parts, None)
    )
    row["grades"], row["true grades"] = _grades(own), _grades(true)
    if outcome == "one" and int(level) in whole:
        ours, theirs = measure_heights(own[level]), measure_heights(true[level])
        if not isinstance(ours, str) and not isinstance(theirs, str):
            row["heights"] = [ours.at(site)[0] - theirs.at(site)[0] for site in SITES]
        else:
            row["reason"] = ours if isinstance(ours, str) else f"label: {theirs}"
    return row


def _grades(spine: Spine) -> dict[str, int]:
    """Grade of each level that has one."""
    found = find_deformities(spine)
    return {f.level.name: int(f.value) for f in found if f.name == "genant_grade" and f.level and f.value is not None}
