"""What a hospital's files say: the scan, the patient's record and what does not fit between them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from spondyl.errors import InputError
from spondyl.space import Volume


class Sex(StrEnum):
    """Sex as DICOM writes it; not recorded is None."""

    FEMALE = "F"
    MALE = "M"
    OTHER = "O"


class Usability(StrEnum):
    """What an image is good enough for."""

    GOOD = "good"
    LIMITED = "limited"
    UNSUITABLE = "unsuitable"


@dataclass(frozen=True)
class Patient:
    """The facts of the record. Not recorded is None, never a default. Messages name a fact, never its value."""

    age_years: float | None = None
    sex: Sex | None = None
    pain_nrs: float | None = None  # worst pain now, 0-10
    ct_date: date | None = None  # the day of the CT, as the record gives it
    onset_date: date | None = None  # the day the pain began
    fracture_levels: tuple[str, ...] | None = None  # levels that the record calls fractured; (): none; None: not said
    contrast_given: bool | None = None  # whether the record says that contrast was given for this CT

    def __post_init__(self) -> None:
        if self.age_years is not None and not 0 <= self.age_years <= 120:
            raise InputError("age_years in the record is not between 0 and 120: correct it, or leave it out")
        if self.pain_nrs is not None and not 0 <= self.pain_nrs <= 10:
            raise InputError("pain_nrs in the record is not between 0 and 10: correct it, or leave it out")
        if self.sex is not None:
            object.__setattr__(self, "sex", Sex(self.sex))
        for level in self.fracture_levels or ():
            if not re.fullmatch(r"[CTL]\d{1,2}", level):
                raise InputError(
                    "fracture_levels in the record holds something else than names such as 'L1': correct it"
                )


@dataclass(frozen=True)
class Scan:
    """What the header says of how the image was made; None where it says nothing (a NIfTI file says almost nothing)."""

    modality: str | None = None
    manufacturer: str | None = None
    model: str | None = None
    kvp: float | None = None
    convolution_kernel: str | None = None
    slice_thickness_mm: float | None = None  # nominal; the spacing is in the geometry
    contrast: bool | None = None  # True: the header names an agent or phase; False: it says none
    patient_position: str | None = None  # HFS, HFP, FFS, ...
    gantry_tilt_deg: float | None = None
    patient_sex: Sex | None = None
    patient_age_years: float | None = None
    study_date: date | None = None
    study_instance_uid: str | None = None
    series_instance_uid: str | None = None
    series_description: str | None = None


@dataclass(frozen=True)
class Question:
    """Something only a person can settle. A blocking one is answered before any result is used."""

    code: str  # stable name, e.g. "sex_conflict"
    text: str  # what was found and what was expected, as one or two sentences
    action: str  # what to do
    blocking: bool


@dataclass(frozen=True)
class OtherSeries:
    """A series that lay in the same folder and was not taken."""

    series_instance_uid: str | None
    description: str | None
    modality: str | None
    files: int
    reason: str  # why it was not chosen


@dataclass(frozen=True)
class Suitability:
    """What the image is good enough for, one purpose at a time, with reasons."""

    purpose: str  # "morphometry", "density", "pedicle_access", "mechanics"
    usability: Usability
    reasons: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Study:
    """One CT volume with what its header and the record say."""

    ct: Volume  # unit "[hnsf'U]"
    scan: Scan
    patient: Patient
    questions: tuple[Question, ...] = ()
    notes: tuple[str, ...] = ()  # what was mended or found while reading, in words
    other_series: tuple[OtherSeries, ...] = ()
    source_hashes: Mapping[str, str] = field(default_factory=dict)  # file name -> sha256


@dataclass(frozen=True, eq=False)
class LabelImage:
    """A label image as the file gives it: numbers, and their names where the file holds them."""

    labels: Volume  # integer, unit "1"
    names: Mapping[int, str] | None  # None: the file has no names
    source_hashes: Mapping[str, str] = field(default_factory=dict)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.labels, self.names, dict(self.source_hashes))
