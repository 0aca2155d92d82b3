"""Runs behind docs/validation/segmentation.md: the own segmenter against labels, truth, collapse and bad images.

Each run gives plain rows, so that `tools.validate_segmentation` can keep them and write the page from what is kept.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.errors import InputError
from spondyl.findings.heights import SITES, measure_heights
from spondyl.space import Geometry, Volume
from spondyl.spine import Level, Spine, build_spine
from spondyl.spine.segmenters import Segmentation, segment_spine
from spondyl.studies import LabelImage, Patient, Scan, Study, read_label_image, read_study
from spondyl.synthetic import (
    ScanSpec,
    VirtualPatient,
    VirtualSpineSpec,
    cement_bright,
    deform_vertebra,
    make_virtual_patient,
    named_deformity,
)

Row = dict[str, Any]
DATA = Path(os.environ.get("SPONDYL_DATA", "../shared/data"))
BODY, ARCH = 49, 41


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
            theirs, ours = measure_heights(v), measure_heights(own[v.level])
            if not isinstance(theirs, str) and not isinstance(ours, str):
                row["heights"] = [ours.at(site)[0] - theirs.at(site)[0] for site in SITES]
            else:
                row["reason"] = ours if isinstance(ours, str) else f"label: {theirs}"
        rows.append(row)
    return rows


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


def collapse(name: str, ct: Volume, labels: Volume, parts: Volume, levels: Sequence[Level]) -> Iterator[Row]:
    """Each level pressed to 70, 50 and 33 % with its pedicles kept: what becomes of it."""
    for level in levels:
        for share in (0.70, 0.50, 0.33):
            to = named_deformity("crush", share)
            heights = {"anterior": to.anterior, "middle": to.middle, "posterior": to.posterior}
            pressed = deform_vertebra(ct, labels, level, "crush", subregions=parts, **heights)
            row: Row = {"case": name, "level": level.name, "share": share}
            yield row | _pressed_row(pressed.ct, pressed.labels, pressed.subregions or parts, level)


def _pressed_row(ct: Volume, labels: Volume, parts: Volume, level: Level) -> Row:
    near = [n for n in (level - 1, level, level + 1) if (labels.array == n).any()]
    body = np.isin(parts.array, (49, 50))
    bodies = {int(n): body & (labels.array == n) for n in near}
    try:
        seg = segment_spine(ct)
    except InputError as error:
        return {"outcome": "refused", "warned": True, "why": str(error)}
    names = partners(seg, bodies)
    number = names[int(level)]
    mask = (seg.vertebrae.array == number) & (seg.parts.array == BODY)
    overlap = dice(mask, bodies[int(level)]) if number else 0.0
    merged = number > 0 and any(names[n] == number for n in names if n != level)
    outcome = "missed" if not number else "merged" if merged else "one" if overlap > 0.6 else "odd"
    row: Row = {"outcome": outcome, "body": overlap}
    row["warned"] = any(seg.doubts[n - 1] for n in set(names.values()) if n)
    if outcome == "one":
        own_labels, own_parts = named(seg, names)
        true_labels = LabelImage(Volume(np.where(np.isin(labels.array, near), labels.array, 0), ct.geometry, "1"), None)
        pair = (own_labels, own_parts), (true_labels, LabelImage(parts, None))
        found = [build_spine(study_of(ct), labels=a, label_map="verse", subregions=b) for a, b in pair]
        ours, theirs = (measure_heights(spine[level]) for spine in found)
        if not isinstance(ours, str) and not isinstance(theirs, str):
            row["heights"] = [ours.at(site)[0] - theirs.at(site)[0] for site in SITES]
    return row


def robustness(name: str, ct: Volume) -> Iterator[Row]:
    """The same CT made worse: how many levels keep one mask of their own, and how it agrees with the first."""
    first = segment_spine(ct)
    for what, changed, back in _worse(ct, first):
        row: Row = {"case": name, "what": what}
        try:
            seg = segment_spine(changed)
        except InputError as error:
            yield row | {"refused": str(error)}
            continue
        yield row | _kept(first, seg, back)


def _kept(first: Segmentation, seg: Segmentation, back: Any) -> Row:
    """Agreement of a second segmentation, brought back to the first grid, with the first."""
    vertebrae, parts = back(seg.vertebrae.array), back(seg.parts.array)
    scores, used = [], []
    for number in range(1, len(first.cut) + 1):
        body = (first.vertebrae.array == number) & (first.parts.array == BODY)
        if first.cut[number - 1] or not body.any():
            continue
        votes = np.bincount(vertebrae[body], minlength=2)[1:]
        other = int(votes.argmax()) + 1 if votes.sum() > 0.3 * body.sum() else 0
        used.append(other)
        scores.append(dice(body, (vertebrae == other) & (parts == BODY)) if other else 0.0)
    single = len([n for n in used if n]) == len({n for n in used if n})
    doubts = sum(bool(said) for said, cut in zip(seg.doubts, seg.cut, strict=True) if not cut)
    return {"levels": len(scores), "kept": sum(s > 0.6 for s in scores), "body": float(np.mean(scores)),
            "lowest": float(np.min(scores)), "single": single, "doubts": doubts}  # fmt: skip


def _worse(ct: Volume, first: Segmentation) -> Iterator[tuple[str, Volume, Any]]:
    """Name, changed CT, and how its arrays come back to the first grid."""
    draw = np.random.default_rng(5)
    array, geometry = ct.array, ct.geometry

    def same(a: NDArray[Any]) -> NDArray[Any]:
        return a

    def changed(values: NDArray[Any]) -> Volume:
        return Volume(np.clip(values, -1024, 3071).astype(np.int16), geometry, ct.unit)

    yield "noise of 60 HU added", changed(array + draw.normal(0, 60, array.shape)), same
    yield "bone at 55 % of its contrast", changed(np.where(array > 60, 60 + 0.55 * (array - 60.0), array)), same
    turned = Volume(array.transpose(2, 0, 1)[::-1], _turned(geometry), ct.unit)
    yield "axes permuted and flipped", turned, lambda a: a[::-1].transpose(1, 2, 0)
    bodies = (first.parts.array == BODY) & (first.vertebrae.array == max(1, len(first.cut) // 2))
    core = ndimage.binary_erosion(bodies, iterations=2)
    yield "cement in one body", cement_bright(ct, Volume(core, geometry, "1")), same
    two = np.isin(first.vertebrae.array, (len(first.cut) // 2, len(first.cut) // 2 + 1))
    screws = (first.parts.array == ARCH) & two
    screws = ndimage.binary_erosion(screws, iterations=1)
    yield "metal in the arches of two levels", changed(np.where(screws, 3071, array)), same
    step = float(geometry.spacing_mm[2])
    factor = max(2, round(5.0 / step))
    count = array.shape[2] // factor
    thick = array[:, :, : count * factor].astype(np.float32).reshape(*array.shape[:2], count, factor).mean(axis=3)
    affine = geometry.affine.copy()
    affine[:3, 3] = geometry.points((0, 0, (factor - 1) / 2))
    affine[:3, 2] *= factor
    coarse = Volume(np.rint(thick).astype(np.int16), Geometry(affine, thick.shape), ct.unit)
    rest = array.shape[2] - count * factor
    yield (f"averaged to {factor * step:.1f} mm slices", coarse,
           lambda a: np.pad(np.repeat(a, factor, axis=2), ((0, 0), (0, 0), (0, rest)), mode="edge"))  # fmt: skip
    used = np.flatnonzero((first.vertebrae.array > 0).any(axis=(0, 1)))
    low, high = int(used[0] + 0.25 * len(used)), int(used[0] + 0.75 * len(used))
    block = ct.cropped((0, 0, low), (*array.shape[:2], high))
    after = array.shape[2] - high
    yield "cropped to the middle half", block, lambda a: np.pad(a, ((0, 0), (0, 0), (low, after)))


def _turned(geometry: Geometry) -> Geometry:
    """The geometry of `array.transpose(2, 0, 1)[::-1]`."""
    affine = geometry.affine.copy()
    affine[:3, :3] = geometry.affine[:3, :3][:, (2, 0, 1)] * (-1, 1, 1)
    affine[:3, 3] = geometry.points((0, 0, geometry.shape[2] - 1))
    i, j, k = geometry.shape
    return Geometry(affine, (k, i, j), geometry.frame_of_reference_uid)
