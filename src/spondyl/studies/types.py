"""What a hospital's files say: the scan, and what does not fit between it and the patient's record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from spondyl.space import Volume
from spondyl.studies.patient import Patient, Sex


class Usability(StrEnum):
    """What an image is good enough for."""

    GOOD = "good"
    LIMITED = "limited"
    UNSUITABLE = "unsuitable"


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
