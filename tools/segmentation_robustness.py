"""Images made worse, behind docs/validation/segmentation.md: what the own segmenter keeps of what it found before."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.errors import InputError
from spondyl.space import Geometry, Volume
from spondyl.spine.segmenters import Segmentation, segment_spine
from spondyl.studies import read_study
from spondyl.synthetic import Kernel, VirtualPatient, cement_bright
from tools.segmentation_runs import ARCH, BODY, DATA, Row, dice, virtual_patient

Arrays = NDArray[Any]
Back = Callable[[Arrays], Arrays]
Change = Callable[[Volume, Segmentation], tuple[Volume, Back]]
_SILENT = 0.8  # body Dice below which a level without a doubt is called wrong and silent
_SEED = 701


def robust_row(folder: str, what: str) -> Row:
    """A real CT made worse: which levels keep one mask of their own, and how it agrees with the first."""
    ct, first = _first(folder)
    row: Row = {"case": folder, "what": what}
    changed, back = CHANGES[what](ct, first)
    try:
        seg = segment_spine(changed)
    except InputError as error:
        return row | {"refused": str(error)}
    return row | _kept(first.vertebrae.array, first.parts.array, first.cut, seg, back)


def virtual_row(what: str) -> Row:
    """A virtual patient whose image or spine is worse than usual, against its truth."""
    patient = VIRTUAL[what]()
    row: Row = {"case": f"virtual {_SEED}", "what": what}
    try:
        seg = segment_spine(patient.ct)
    except InputError as error:
        return row | {"refused": str(error)}
    levels = [int(t.level) for t in patient.truth.levels]
    labels = np.zeros(patient.labels.array.shape, np.uint8)
    for number, level in enumerate(levels, 1):
        labels[patient.labels.array == level] = number
    parts = np.where(np.isin(patient.subregions.array, (49, 50)), BODY, 0)
    return row | _kept(labels, parts, tuple(False for _ in levels), seg, _same)


@cache
def _first(folder: str) -> tuple[Volume, Segmentation]:
    ct = read_study(DATA / folder / "ct.nii.gz").ct
    return ct, segment_spine(ct)


def _kept(labels: Arrays, body: Arrays, cut: tuple[bool, ...], seg: Segmentation, back: Back) -> Row:
    """Agreement of a segmentation, brought back to the first grid, with the first."""
    vertebrae, parts = back(seg.vertebrae.array), back(seg.parts.array)
    scores, used, silent = [], [], 0
    seen = back(np.ones(seg.vertebrae.array.shape, np.uint8)) > 0
    for number in range(1, len(cut) + 1):
        own = (labels == number) & (body == BODY)
        if cut[number - 1] or not own.any() or seen[own].mean() < 0.99:
            continue
        votes = np.bincount(vertebrae[own], minlength=2)[1:]
        other = int(votes.argmax()) + 1 if votes.sum() > 0.3 * own.sum() else 0
        if other and seg.cut[other - 1]:
            continue
        used.append(other)
        scores.append(dice(own, (vertebrae == other) & (parts == BODY)) if other else 0.0)
        silent += scores[-1] < _SILENT and other > 0 and not _said(seg, other)
    single = len([n for n in used if n]) == len({n for n in used if n})
    doubts = sum(_said(seg, n) for n in range(1, len(seg.cut) + 1) if not seg.cut[n - 1])
    return {"levels": len(scores), "kept": sum(s > 0.6 for s in scores), "body": float(np.mean(scores or [0.0])),
            "lowest": float(np.min(scores or [0.0])), "single": single, "doubts": doubts, "silent": silent}  # fmt: skip


def _said(seg: Segmentation, number: int) -> bool:
    """Whether a vertebra is doubted for another reason than thick slices."""
    return any("too thick" not in words for words in seg.doubts[number - 1])


def _same(array: Arrays) -> Arrays:
    return array


def _changed(ct: Volume, values: Arrays) -> tuple[Volume, Back]:
    return Volume(np.clip(values, -1024, 3071).astype(np.int16), ct.geometry, ct.unit), _same


def _noise(ct: Volume, sigma: float) -> tuple[Volume, Back]:
    return _changed(ct, ct.array + np.random.default_rng(5).normal(0, sigma, ct.array.shape))


def _quarter_dose(ct: Volume, _: Segmentation) -> tuple[Volume, Back]:
    """Noise doubled: its standard deviation, from neighbours in soft tissue, is added three times in square."""
    array = ct.array.astype(np.float32)
    soft = (array[:-1] > 0) & (array[:-1] < 90)
    step = np.diff(array, axis=0)[soft]
    return _noise(ct, float(np.sqrt(3) * 1.4826 * np.median(np.abs(step)) / np.sqrt(2)))


def _lung_kernel(ct: Volume, _: Segmentation) -> tuple[Volume, Back]:
    """Fine detail within slices taken three times, noise with it."""
    array = ct.array.astype(np.float32)
    blur = ndimage.gaussian_filter(array, [0 if k == 2 else 1.0 / s for k, s in enumerate(ct.geometry.spacing_mm)])
    return _changed(ct, array + 2.0 * (array - blur))


def _faint_bone(ct: Volume, _: Segmentation) -> tuple[Volume, Back]:
    return _changed(ct, np.where(ct.array > 60, 60 + 0.55 * (ct.array - 60.0), ct.array))


def _permuted(ct: Volume, _: Segmentation) -> tuple[Volume, Back]:
    array, geometry = ct.array.transpose(2, 0, 1)[::-1], ct.geometry
    affine = geometry.affine.copy()
    affine[:3, :3] = geometry.affine[:3, :3][:, (2, 0, 1)] * (-1, 1, 1)
    affine[:3, 3] = geometry.points((0, 0, geometry.shape[2] - 1))
    turned = Geometry(affine, array.shape, geometry.frame_of_reference_uid)
    return Volume(array, turned, ct.unit), lambda a: a[::-1].transpose(1, 2, 0)


def _cement(ct: Volume, first: Segmentation) -> tuple[Volume, Back]:
    one = (first.parts.array == BODY) & (first.vertebrae.array == max(1, len(first.cut) // 2))
    return cement_bright(ct, Volume(ndimage.binary_erosion(one, iterations=2), ct.geometry, "1")), _same


def _screws(ct: Volume, first: Segmentation) -> tuple[Volume, Back]:
    """Rods of 5.5 mm of metal through both pedicles of two levels, without streaks."""
    array, spacing = ct.array.copy(), ct.geometry.spacing_mm
    index = np.indices(array.shape).transpose(1, 2, 3, 0) * spacing
    middle = len(first.cut) // 2
    for number in (middle, middle + 1):
        body = np.argwhere((first.vertebrae.array == number) & (first.parts.array == BODY)).mean(axis=0) * spacing
        arch = np.argwhere((first.vertebrae.array == number) & (first.parts.array == ARCH)) * spacing
        for side in (arch[:, 0] < body[0] - 8, arch[:, 0] > body[0] + 8):
            entry = arch[side].mean(axis=0)
            way = body - entry
            t = np.clip(((index - entry) @ way) / (way @ way), -0.2, 0.9)
            array[np.linalg.norm(index - entry - t[..., None] * way, axis=-1) < 2.75] = 3071
    return _changed(ct, array)


def _thick(ct: Volume, _: Segmentation) -> tuple[Volume, Back]:
    array, geometry = ct.array, ct.geometry
    factor = max(2, round(5.0 / float(geometry.spacing_mm[2])))
    count = array.shape[2] // factor
    thick = array[:, :, : count * factor].astype(np.float32).reshape(*array.shape[:2], count, factor).mean(axis=3)
    affine = geometry.affine.copy()
    affine[:3, 3] = geometry.points((0, 0, (factor - 1) / 2))
    affine[:3, 2] *= factor
    coarse = Volume(np.rint(thick).astype(np.int16), Geometry(affine, thick.shape), ct.unit)
    rest = array.shape[2] - count * factor
    return coarse, lambda a: np.pad(np.repeat(a, factor, axis=2), ((0, 0), (0, 0), (0, rest)), mode="edge")


def _part(low: float, high: float) -> Change:
    """Slices between two shares of what bears vertebrae."""

    def cropped(ct: Volume, first: Segmentation) -> tuple[Volume, Back]:
        used = np.flatnonzero((first.vertebrae.array > 0).any(axis=(0, 1)))
        a, b = (int(used[0] + share * len(used)) for share in (low, high))
        after = ct.array.shape[2] - b
        block = ct.cropped((0, 0, a), (*ct.array.shape[:2], b))
        return block, lambda x: np.pad(x, ((0, 0), (0, 0), (a, after)))

    return cropped


def _narrow(ct: Volume, first: Segmentation) -> tuple[Volume, Back]:
    """A field of view 5 mm wider than the bodies."""
    used = np.argwhere(first.parts.array == BODY)
    margin = np.ceil(5 / ct.geometry.spacing_mm[:2]).astype(int)
    low = np.maximum(used.min(axis=0)[:2] - margin, 0)
    high = np.minimum(used.max(axis=0)[:2] + margin + 1, ct.array.shape[:2])
    block = ct.cropped((*low, 0), (*high, ct.array.shape[2]))
    pads = [(int(a), int(n - b)) for a, b, n in zip(low, high, ct.array.shape[:2], strict=True)]
    return block, lambda x: np.pad(x, (*pads, (0, 0)))


def _scoliosis(ct: Volume, _: Segmentation) -> tuple[Volume, Back]:
    """Slices moved aside along an arc whose ends lean 10 degrees each; bodies lean by shear, not by turning."""
    count, step = ct.array.shape[2], float(ct.geometry.spacing_mm[2])
    aside = np.tan(np.radians(10)) * count * step / np.pi * np.sin(np.pi * np.arange(count) / (count - 1))
    shift = np.rint(aside / float(ct.geometry.spacing_mm[0])).astype(int)
    pad = int(shift.max())
    array = np.full((ct.array.shape[0] + pad, *ct.array.shape[1:]), int(ct.array.min()), np.int16)
    rows = len(ct.array)
    for k, n in enumerate(shift):
        array[n : n + rows, :, k] = ct.array[:, :, k]
    geometry = Geometry(ct.geometry.affine, array.shape)
    return Volume(array, geometry, ct.unit), lambda a: np.stack([a[n : n + rows, :, k] for k, n in enumerate(shift)], 2)


def _upsampled(ct: Volume, _: Segmentation) -> tuple[Volume, Back]:
    spacing = ct.geometry.spacing_mm
    count = ((np.array(ct.array.shape) - 1) * spacing / 0.8).astype(int) + 1
    fine = [np.arange(n) * 0.8 / s for n, s in zip(count, spacing, strict=True)]
    array = np.asarray(ct.array, np.float32)
    for axis, place in enumerate(fine):
        low = np.minimum(place.astype(int), array.shape[axis] - 2)
        share = (place - low).astype(np.float32).reshape([-1 if k == axis else 1 for k in range(3)])
        array = np.take(array, low, axis) * (1 - share) + np.take(array, low + 1, axis) * share
    affine = ct.geometry.affine.copy()
    affine[:3, :3] *= 0.8 / spacing
    index = [np.clip(np.rint(np.arange(n) * s / 0.8).astype(int), 0, c - 1)
             for n, s, c in zip(ct.array.shape, spacing, count, strict=True)]  # fmt: skip
    fine_ct = Volume(np.rint(array).astype(np.int16), Geometry(affine, array.shape), ct.unit)
    return fine_ct, lambda a: a[np.ix_(*index)]


CHANGES: dict[str, Change] = {
    "noise of 60 HU added": lambda ct, first: _noise(ct, 60.0),
    "a quarter of the dose": _quarter_dose,
    "lung kernel": _lung_kernel,
    "bone at 55 % of its contrast": _faint_bone,
    "axes permuted and flipped": _permuted,
    "cement in one body": _cement,
    "screws in two levels": _screws,
    "slices of 5 mm": _thick,
    "lower half": _part(0.0, 0.5),
    "middle half": _part(0.25, 0.75),
    "upper half": _part(0.5, 1.0),
    "narrow field of view": _narrow,
    "scoliosis of 20 degrees": _scoliosis,
    "upsampled to 0.8 mm": _upsampled,
}

VIRTUAL: dict[str, Callable[[], VirtualPatient]] = {
    "as usual": lambda: virtual_patient(_SEED),
    "scoliosis of 20 degrees": lambda: virtual_patient(_SEED, cobb_deg=20.0),
    "contrast of 250 HU in the aorta": lambda: virtual_patient(_SEED, scan={"contrast_hu": 250.0}),
    "lung kernel": lambda: virtual_patient(_SEED, scan={"kernel": Kernel.SHARP, "noise_hu": 60.0}),
    "a quarter of the dose": lambda: virtual_patient(_SEED, scan={"noise_hu": 30.0}),
    "slices of 5 mm": lambda: virtual_patient(_SEED, scan={"slice_step_mm": 5.0}),
    "osteoporosis (40 mg/cm3)": lambda: virtual_patient(_SEED, density_mg_cm3=40.0),
}
