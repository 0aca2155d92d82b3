"""The one door for images: a DICOM folder, a zip or a NIfTI file becomes a Study."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from spondyl.errors import InputError
from spondyl.space import Volume
from spondyl.studies.dicom import AIR_HU, read_dicom
from spondyl.studies.nifti import is_nifti, read_nifti
from spondyl.studies.progress import Progress, silent
from spondyl.studies.sources import list_sources
from spondyl.studies.types import Patient, Scan, Study


def read_study(
    path: str | Path,
    patient: Patient | None = None,
    *,
    series: str | None = None,
    progress: Progress = silent,
) -> Study:
    """A CT in patient space from a DICOM folder, a zip of one, or a NIfTI file.

    Slices are ordered and spaced by their positions alone. Of several series one is chosen (`series`: its
    SeriesInstanceUID or SeriesDescription), else by the rule that `series.choose` states; the others are listed.
    A sheared stack (gantry tilt) is put on a square grid; gaps, irregular steps, several images in one place, 4D,
    colour, another modality and values that are not Hounsfield units are refused. Values below -1024 HU become -1024.
    `progress` is called with the share done and what is being done. Patient name and ID are not read.
    """
    place = Path(path)
    if not place.exists():
        raise InputError(
            f"'{path}' is not there; a DICOM folder, a zip of one, or a NIfTI file is expected: check the path"
        )
    study = _from_nifti(place) if is_nifti(place) and place.is_file() else _from_dicom(place, series, progress)
    progress(1.0, "done")
    return Study(
        study.ct,
        study.scan,
        patient or Patient(),
        study.questions,
        study.notes,
        study.other_series,
        study.source_hashes,
    )


def _from_dicom(place: Path, series: str | None, progress: Progress) -> Study:
    sources = list_sources(place)
    if not sources:
        raise InputError(f"'{place.name}' is empty; the slices of a CT are expected: check the path")
    image = read_dicom(sources, series, progress)
    return Study(image.ct, image.scan, Patient(), (), image.notes, image.others, image.hashes)


def _from_nifti(place: Path) -> Study:
    image = read_nifti(place)
    array, notes = image.array, list(image.notes)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InputError(
            f"'{place.name}' holds values that are not finite; Hounsfield units are expected: export again"
        )
    if array.dtype != np.int16:
        array = _narrowed(array)
    low = int(np.count_nonzero(array < AIR_HU))
    if low:
        array = np.maximum(array, AIR_HU)
        notes.append(f"{low} voxels below {AIR_HU} HU (padding outside the scan) were set to {AIR_HU} HU")
    digest = hashlib.sha256(image.data).hexdigest()
    return Study(Volume(array, image.geometry, "[hnsf'U]"), Scan(), Patient(), (), tuple(notes), (), {"image": digest})


def _narrowed(array: np.ndarray) -> np.ndarray:
    """Whole numbers as int16 where they fit, everything else as float32."""
    fits = array.min() >= -32768 and array.max() <= 32767
    if fits and (array.dtype.kind in "iu" or np.array_equal(array, np.rint(array))):
        return array.astype(np.int16)
    return array.astype(np.float32)
