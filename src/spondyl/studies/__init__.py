"""Studies: from hospital files to a CT in patient space. The only reader of image formats."""

from spondyl.studies.atomic import whole_folder, write_whole
from spondyl.studies.conflicts import find_conflicts, find_label_conflicts
from spondyl.studies.dicom_writing import write_dicom
from spondyl.studies.image_quality import ImageQuality, measure_quality
from spondyl.studies.labels import read_label_image
from spondyl.studies.nifti import write_array
from spondyl.studies.patient import (
    Bleeding,
    BloodThinner,
    BoneHealth,
    Cause,
    Conditions,
    Course,
    Evolution,
    Examination,
    Function,
    Imaging,
    Patient,
    Sex,
)
from spondyl.studies.progress import Progress
from spondyl.studies.reading import read_study
from spondyl.studies.suitability import assess_suitability, known_contrast
from spondyl.studies.types import (
    LabelImage,
    OtherSeries,
    Question,
    Scan,
    Study,
    Suitability,
    Usability,
)
from spondyl.studies.voxel_fields import read_voxel_field
from spondyl.studies.writing import write_label_nifti, write_nifti

__all__ = [
    "Bleeding",
    "BloodThinner",
    "BoneHealth",
    "Cause",
    "Conditions",
    "Course",
    "Evolution",
    "Examination",
    "Function",
    "ImageQuality",
    "Imaging",
    "LabelImage",
    "OtherSeries",
    "Patient",
    "Progress",
    "Question",
    "Scan",
    "Sex",
    "Study",
    "Suitability",
    "Usability",
    "assess_suitability",
    "find_conflicts",
    "find_label_conflicts",
    "known_contrast",
    "measure_quality",
    "read_label_image",
    "read_study",
    "read_voxel_field",
    "whole_folder",
    "write_array",
    "write_dicom",
    "write_label_nifti",
    "write_nifti",
    "write_whole",
]
