"""The one door for images: a DICOM folder, a zip or a NIfTI file becomes a Study."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spondyl.errors import InputError
from spondyl.space import Volume
from spondyl.studies.conflicts import find_conflicts
from spondyl.studies.dicom import AIR_HU, read_dicom
from spondyl.studies.nifti import is_nifti, read_nifti
from spondyl.studies.patient import Patient
from spondyl.studies.plausibility import check_hounsfield
from spondyl.studies.progress import Progress, silent
from spondyl.studies.sources import list_sources
from spondyl.studies.types import Scan, Study

_INT16 = np.iinfo(np.int16)


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
    Conflicts with the patient's record are questions of the study.
    `progress` is called with the share done and what is being done. Patient name and ID are not read.
    """
    place = Path(path)
    if not place.exists():
        raise InputError(
            f"'{path}' is not there; a DICOM folder, a zip of one, or a NIfTI file is expected: check the path"
        )
    if not place.is_file() and not place.is_dir():
        raise InputError(f"'{path}' is neither a file nor a folder; one of the two is expected: check the path")
    study = _from_nifti(place) if is_nifti(place) and place.is_file() else _from_dicom(place, series, progress)
    complete = replace(study, patient=patient or Patient(), questions=check_hounsfield(study.ct))
    progress(1.0, "done")
    return replace(complete, questions=(*find_conflicts(complete), *complete.questions))


def _from_dicom(place: Path, series: str | None, progress: Progress) -> Study:
    sources = list_sources(place)
    if not sources:
        raise InputError(f"'{place.name}' is empty; the slices of a CT are expected: check the path")
    image = read_dicom(sources, series, progress)
    return Study(image.ct, image.scan, Patient(), (), image.notes, image.others, image.hashes)


def _from_nifti(place: Path) -> Study:
    image = read_nifti(place)
    array, notes = _narrowed(image.array, place.name), list(image.notes)
    low = int(np.count_nonzero(array < AIR_HU))
    if low:
        array = np.maximum(array, AIR_HU)
        notes.append(f"{low} voxels below {AIR_HU} HU (padding outside the scan) were set to {AIR_HU} HU")
    digest = hashlib.sha256(image.data).hexdigest()
    return Study(Volume(array, image.geometry, "[hnsf'U]"), Scan(), Patient(), (), tuple(notes), (), {"image": digest})


def _narrowed(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Whole numbers as int16 where they fit, everything else as float32."""
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InputError(f"'{name}' holds values that are not finite; Hounsfield units are expected: export it again")
    if array.dtype == np.int16:
        return array
    if array.min() < _INT16.min or array.max() > _INT16.max:
        raise InputError(
            f"the values of '{name}' run from {array.min():g} to {array.max():g}; Hounsfield units from -32768 to "
            "32767 are expected: check the scaling"
        )
    if array.dtype.kind in "iu" or np.array_equal(array, np.rint(array)):
        return array.astype(np.int16)
    return array.astype(np.float32)
