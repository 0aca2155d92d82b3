"""A plain CT series of a volume, for virtual patients, tests and other viewers."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, FileDataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from spondyl.errors import InputError
from spondyl.space import Geometry, Volume
from spondyl.studies.atomic import whole_folder
from spondyl.studies.types import Scan, Study

INTERCEPT = -1024  # stored values start at 0 for the lowest value of a 12-bit CT, as most scanners do
_SQUARE = 1e-4  # cosine between axes that counts as square
_MOST_TILT_DEG = 30.0  # of a gantry


def write_dicom(
    image: Study | Volume, folder: str | Path, *, scan: Scan | None = None, virtual: bool = False
) -> tuple[Path, ...]:
    """Write a CT as one DICOM file a slice, into a new folder that appears only when all are written.

    The series holds no name, ID or birth date. SeriesDescription begins with "VIRTUAL" for a virtual patient and with
    "RESEARCH ONLY" otherwise. All UIDs follow from the values and the pose, so the same image gives the same files.

    Parameters
    ----------
    image
        Hounsfield units; the axes must be square to each other, but that slices may lean toward their columns, as
        those of a tilted gantry do.
    scan
        What the header shall say of the scan; that of the study when not given. Its UIDs are not used.

    Returns
    -------
    The files, in the order of the third index.
    """
    volume = image.ct if isinstance(image, Study) else image
    described = scan or (image.scan if isinstance(image, Study) else Scan())
    stored = _stored(volume)
    common = _common(volume, described, virtual)
    target = Path(folder)
    names = [f"slice-{k + 1:04d}.dcm" for k in range(stored.shape[2])]
    with whole_folder(target) as temporary:
        for k, name in enumerate(names):
            _slice(common, volume.geometry, stored[:, :, k], k).save_as(temporary / name, enforce_file_format=True)
    return tuple(target / name for name in names)


def _stored(volume: Volume) -> NDArray[np.int16]:
    if volume.unit != "[hnsf'U]":
        raise InputError(f"a CT in Hounsfield units is expected, found the unit '{volume.unit}': write it as NIfTI")
    if not _is_square(volume.geometry):
        raise InputError("the axes of the image are not square to each other: resample it before writing DICOM")
    shifted = np.rint(volume.array.astype(np.float64)) - INTERCEPT
    if not np.isfinite(shifted).all() or shifted.min() < -32768 or shifted.max() > 32767:
        raise InputError("Hounsfield units from -33792 to 31743 are expected: found others or values not finite")
    return shifted.astype(np.int16)


def _is_square(geometry: Geometry) -> bool:
    """Whether the axes are square to each other, but for a gantry tilt."""
    lean = geometry.axes.T @ geometry.axes - np.eye(3)
    lean[1, 2] = lean[2, 1] = 0.0
    return bool(np.abs(lean).max() <= _SQUARE and abs(_gantry_tilt_deg(geometry)) <= _MOST_TILT_DEG)


def _gantry_tilt_deg(geometry: Geometry) -> float:
    """Angle between the direction of the slices' steps and their normal."""
    return float(np.degrees(np.arcsin(np.clip(geometry.axes[:, 1] @ geometry.axes[:, 2], -1, 1))))


def _common(volume: Volume, scan: Scan, virtual: bool) -> Dataset:
    """What all slices share."""
    digest = hashlib.sha256(np.ascontiguousarray(volume.array).tobytes()).hexdigest()
    seed = [digest, str(volume.array.shape), repr(volume.geometry.affine.tolist())]
    geometry, dataset = volume.geometry, Dataset()
    dataset.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
    dataset.SOPClassUID = CTImageStorage
    dataset.StudyInstanceUID = generate_uid(entropy_srcs=["study", *seed])
    dataset.SeriesInstanceUID = generate_uid(entropy_srcs=["series", *seed])
    dataset.FrameOfReferenceUID = geometry.frame_of_reference_uid or generate_uid(entropy_srcs=["frame", *seed])
    dataset.PatientID = "VIRTUAL" if virtual else "ANONYMOUS"
    dataset.PatientName = f"{dataset.PatientID}^PATIENT"
    dataset.PatientBirthDate = ""
    dataset.PatientSex = scan.patient_sex.value if scan.patient_sex else ""
    if scan.patient_age_years is not None:
        dataset.PatientAge = f"{round(scan.patient_age_years):03d}Y"
    dataset.StudyDate = _day(scan.study_date)
    dataset.StudyTime = dataset.AccessionNumber = dataset.ReferringPhysicianName = dataset.StudyID = ""
    dataset.Modality, dataset.BodyPartExamined = "CT", "SPINE"
    dataset.Manufacturer, dataset.ManufacturerModelName = scan.manufacturer or "", scan.model or ""
    start = "VIRTUAL" if virtual else "RESEARCH ONLY"
    dataset.SeriesDescription = f"{start} {scan.series_description or 'CT'}"[:64]
    dataset.SeriesNumber = 1
    dataset.AcquisitionNumber = None
    dataset.PositionReferenceIndicator = ""
    _scanner(dataset, scan)
    if tilt := round(_gantry_tilt_deg(geometry), 3):
        dataset.GantryDetectorTilt = f"{tilt:g}"
    _pixels(dataset, geometry)
    return dataset


def _day(day: date | None) -> str:
    return "" if day is None else day.strftime("%Y%m%d")


def _scanner(dataset: Dataset, scan: Scan) -> None:
    """Technique: an absent fact stays empty."""
    dataset.KVP = "" if scan.kvp is None else f"{scan.kvp:g}"
    dataset.SliceThickness = "" if scan.slice_thickness_mm is None else f"{scan.slice_thickness_mm:g}"
    dataset.PatientPosition = scan.patient_position or ""
    if scan.convolution_kernel:
        dataset.ConvolutionKernel = scan.convolution_kernel.split("\\")
    if scan.contrast is not None:
        dataset.ContrastBolusAgent = "AGENT NOT NAMED" if scan.contrast else "NONE"


def _pixels(dataset: Dataset, geometry: Geometry) -> None:
    columns, rows, _ = geometry.shape
    spacing = geometry.spacing_mm
    dataset.Rows, dataset.Columns = rows, columns
    dataset.PixelSpacing = [_decimal(spacing[1]), _decimal(spacing[0])]
    dataset.ImageOrientationPatient = [_decimal(x) for x in (*geometry.axes[:, 0], *geometry.axes[:, 1])]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 1
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = str(INTERCEPT), "1", "HU"
    dataset.WindowCenter, dataset.WindowWidth = "300", "1500"  # a window for bone


def _decimal(number: Any) -> str:
    """A number in the at most 16 characters of a DICOM decimal string."""
    text = f"{float(number):.10g}"
    return text if len(text) <= 16 else f"{float(number):.8e}"


def _slice(common: Dataset, geometry: Geometry, plane: NDArray[np.int16], k: int) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[str(common.SeriesInstanceUID), str(k)])
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.update(common)
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    dataset.InstanceNumber = k + 1
    dataset.ImagePositionPatient = [_decimal(x) for x in geometry.points((0, 0, k))]
    dataset.PixelData = np.ascontiguousarray(plane.T).astype("<i2").tobytes()
    return dataset
