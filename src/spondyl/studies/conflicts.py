"""What does not fit between the record, the header and the labels. Each conflict blocks until a person settles it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from spondyl.space import Floats, Geometry
from spondyl.studies.types import Question, Study

AGE_APART_YEARS = 1.0  # whole years in a header, and a birthday between CT and record, explain up to one year
INSIDE_SHARE = 0.99  # of the label grid; a border of one voxel in a grid of a few hundred is no conflict
TILT_DEG = 1.0  # smaller entries for the gantry tilt are rounding


def find_conflicts(study: Study, label_geometry: Geometry | None = None) -> tuple[Question, ...]:
    """Blocking questions about what does not fit.

    Codes: age_conflict, sex_conflict, ct_date_conflict, onset_after_ct, tilt_conflict, contrast_conflict; with the
    grid of a label image also frame_conflict and extent_conflict. A fact that one side does not give is no conflict.
    """
    found = [*_age(study), *_sex(study), *_dates(study), *_tilt(study), *_contrast(study)]
    if label_geometry is not None:
        found += find_label_conflicts(study.ct.geometry, label_geometry)
    return tuple(found)


def find_label_conflicts(ct: Geometry, labels: Geometry) -> tuple[Question, ...]:
    """Blocking questions about labels that do not lie in the CT: another frame of reference, or outside it.

    Give the labels' grid cropped to what is labelled, if empty borders may lie outside.
    """
    return (*_frames(ct, labels), *_extent(ct, labels))


def _blocking(code: str, text: str, action: str) -> Question:
    return Question(code, text, action, blocking=True)


def _age(study: Study) -> Iterator[Question]:
    record, header = study.patient.age_years, study.scan.patient_age_years
    if record is not None and header is not None and abs(record - header) > AGE_APART_YEARS:
        yield _blocking(
            "age_conflict",
            f"The record gives an age of {record:g} years, the image header {header:g} years at the CT.",
            "Check that the CT belongs to this patient; correct the age at the day of the CT in the record.",
        )


def _sex(study: Study) -> Iterator[Question]:
    record, header = study.patient.sex, study.scan.patient_sex
    if record is not None and header is not None and record is not header:
        yield _blocking(
            "sex_conflict",
            f"The record gives the sex {record.value}, the image header {header.value}.",
            "Check that the CT belongs to this patient; correct the one that is wrong.",
        )


def _dates(study: Study) -> Iterator[Question]:
    record, header, onset = study.patient.ct_date, study.scan.study_date, study.patient.onset_date
    if record is not None and header is not None and record != header:
        yield _blocking(
            "ct_date_conflict",
            f"The record dates the CT {record.isoformat()}, the image header {header.isoformat()}.",
            "Check that this is the CT meant (anonymised headers may hold shifted dates); correct the record.",
        )
    taken = header or record
    if onset is not None and taken is not None and onset > taken:
        yield _blocking(
            "onset_after_ct",
            f"The pain began on {onset.isoformat()}, after the CT of {taken.isoformat()}, which cannot show it.",
            "Give a CT made after the onset, or correct the date.",
        )


def _tilt(study: Study) -> Iterator[Question]:
    """A tilt in the header that the positions do not show; a sheared stack was mended while reading."""
    tilt = study.scan.gantry_tilt_deg
    if tilt is None or abs(tilt) <= TILT_DEG or any("gantry tilt" in note for note in study.notes):
        return
    yield _blocking(
        "tilt_conflict",
        f"The header gives a gantry tilt of {tilt:g} degrees, but the slice positions show none.",
        "Check that heights in the picture look right: the positions may be wrong, or the slices are reformatted.",
    )


def _contrast(study: Study) -> Iterator[Question]:
    record, header = study.patient.contrast_given, study.scan.contrast
    if record is not None and header is not None and record is not header:
        said = {True: "contrast was given", False: "none was given"}
        yield _blocking(
            "contrast_conflict",
            f"The record says of contrast that {said[record]}, the image header that {said[header]}.",
            "Look at the aorta in the picture; correct contrast_given in the record.",
        )


def _frames(ct: Geometry, labels: Geometry) -> Iterator[Question]:
    if not ct.is_same_frame(labels):
        yield _blocking(
            "frame_conflict",
            "The labels have another frame of reference than the CT, so their points cannot be compared.",
            "Give the labels made on this CT, or register the two first.",
        )


def _extent(ct: Geometry, labels: Geometry) -> Iterator[Question]:
    steps = [np.linspace(-0.5, n - 0.5, min(n, 24) + 1) for n in labels.shape]
    points = labels.points(np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 3))
    inside = float(_contains_loosely(ct, points).mean())
    if inside < INSIDE_SHARE:
        yield _blocking(
            "extent_conflict",
            f"{100 * (1 - inside):.0f} % of the label image lies outside the CT.",
            "Check that the labels were made on this CT and that neither was moved or flipped.",
        )


def _contains_loosely(ct: Geometry, points: Floats) -> NDArray[np.bool_]:
    """Whether points lie in the CT or less than half a voxel beyond its outer faces."""
    indices = ct.indices(points)
    return np.asarray(((indices >= -1.0) & (indices <= np.array(ct.shape))).all(axis=-1))
