"""Studies: from hospital files to a CT in patient space. The only reader of image formats."""

from spondyl.studies.types import (
    LabelImage,
    OtherSeries,
    Patient,
    Question,
    Scan,
    Sex,
    Study,
    Suitability,
    Usability,
)

__all__ = [
    "LabelImage",
    "OtherSeries",
    "Patient",
    "Question",
    "Scan",
    "Sex",
    "Study",
    "Suitability",
    "Usability",
]
