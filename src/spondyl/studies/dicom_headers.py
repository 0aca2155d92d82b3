"""Headers of DICOM images: each slice as a small record, before any pixel is read."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, BinaryIO

import numpy as np
from pydicom import Dataset, FileDataset, dcmread
from pydicom.config import disable_value_validation
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from spondyl.errors import InputError
from spondyl.space import Floats
from spondyl.studies.progress import Progress
from spondyl.studies.sources import SourceFile

# What the choice of a series, the stack and the Scan record need; patient name and ID are never asked for.
_KEYWORDS = [
    "SpecificCharacterSet", "ImageType", "SOPClassUID", "SOPInstanceUID", "StudyDate", "AcquisitionDate", "Modality",
    "Manufacturer", "ManufacturerModelName", "SeriesDescription", "DerivationDescription", "PatientBirthDate",
    "PatientSex", "PatientAge", "ContrastBolusAgent", "ContrastBolusAgentSequence", "SliceThickness", "KVP",
    "ConvolutionKernel", "PatientPosition", "GantryDetectorTilt", "StudyInstanceUID", "SeriesInstanceUID",
    "AcquisitionNumber", "InstanceNumber", "TemporalPositionIdentifier", "ImagePositionPatient",
    "ImageOrientationPatient", "FrameOfReferenceUID", "SamplesPerPixel", "PhotometricInterpretation", "NumberOfFrames",
    "Rows", "Columns", "PixelSpacing", "BitsAllocated", "BitsStored", "PixelRepresentation", "PixelPaddingValue",
    "RescaleIntercept", "RescaleSlope", "RescaleType", "LossyImageCompression", "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence", "MediaStorageSOPClassUID",
]  # fmt: skip
_NOT_PARSED = (
    InvalidDicomError, BytesLengthException, EOFError, OSError, ValueError, KeyError, struct.error, AttributeError,
    NotImplementedError, TypeError,
)  # fmt: skip
_DICOM_NAMES = (".dcm", ".dicom", ".ima")


@dataclass(frozen=True, eq=False)
class SliceHeader:
    """Place and description of one image (or one frame of a multi-frame image)."""

    source: SourceFile
    frame: int | None  # None: the file holds one image
    dataset: Dataset  # header only
    shape: tuple[int, int]  # rows, columns
    position: Floats | None  # (3,), centre of the first pixel, patient mm
    row_direction: Floats | None  # (3,), along which the column index grows
    column_direction: Floats | None
    pixel_spacing_mm: tuple[float, float] | None  # between rows, between columns
    slope: float | None
    intercept: float | None

    @property
    def normal(self) -> Floats:
        """Unit normal of the slice plane, shape (3,)."""
        assert self.row_direction is not None and self.column_direction is not None
        return np.cross(self.row_direction, self.column_direction)

    def text(self, keyword: str) -> str | None:
        """A header value as text, several values joined by a backslash, None where it is absent or empty."""
        return header_text(self.dataset, keyword)


def read_headers(sources: Iterable[SourceFile], progress: Progress) -> tuple[tuple[SliceHeader, ...], int]:
    """Headers of all DICOM images among the sources, and how many files were something else.

    A file that is named like DICOM but is not is refused, because a slice may hide behind it.
    """
    everything = tuple(sources)
    found: list[SliceHeader] = []
    others = 0
    for done, source in enumerate(everything):
        dataset = _read_header(source)
        if dataset is None or not _has_image(source, dataset):
            others += 1
        else:
            found += _slices(source, dataset)
        progress(0.4 * (done + 1) / len(everything), "reading headers")
    return tuple(found), others


def _read_header(source: SourceFile) -> FileDataset | None:
    with source.open() as stream:
        start = stream.read(132)
        if not _looks_like_dicom(start):
            if source.name.lower().endswith(_DICOM_NAMES):
                raise InputError(
                    f"'{source.name}' is named like a DICOM file but is not one; a whole DICOM file is expected: copy "
                    "it again, or take it out if it does not belong to the scan"
                )
            return None
        stream.seek(0)
        return _parse(stream, source.name)


def _looks_like_dicom(start: bytes) -> bool:
    """The DICM mark, or (old files without one) a first element of group 0002 or 0008 in little endian."""
    return start[128:132] == b"DICM" or (start[:2] in (b"\x02\x00", b"\x08\x00") and start[3:4] == b"\x00")


def _has_image(source: SourceFile, dataset: FileDataset) -> bool:
    """Whether there is an image. Reports, plans and directories have none; a CT image without one is damaged."""
    if dataset.get("Rows"):
        return True
    kind = dataset.file_meta.get("MediaStorageSOPClassUID") or dataset.get("SOPClassUID")
    if kind in (None, "", CTImageStorage, EnhancedCTImageStorage):
        raise InputError(
            f"the header of '{source.name}' ends before the image; a whole DICOM file is expected: copy it again"
        )
    return False


def _parse(stream: BinaryIO, name: str) -> FileDataset:
    try:
        # Files come in their thousands: only the wanted elements are kept, and pixels are not touched.
        with lenient():
            dataset = dcmread(stream, stop_before_pixels=True, specific_tags=list(_KEYWORDS), force=True)
            _settle(dataset)
            _settle(dataset.file_meta)
            return dataset
    except _NOT_PARSED as error:
        raise InputError(
            f"the header of '{name}' is damaged ({type(error).__name__}); a whole DICOM file is expected: copy it again"
        ) from error


@contextmanager
def lenient() -> Iterator[None]:
    """Read what hospitals really write: pydicom's remarks on values that bend the standard are not shown.

    They would also carry values of the header into logs.
    """
    with warnings.catch_warnings(), disable_value_validation():
        warnings.simplefilter("ignore")
        yield


def _settle(dataset: Dataset) -> None:
    """Convert all values now; what cannot be read counts as not recorded, so that a stray word stops nothing."""
    for tag in list(dataset.keys()):
        try:
            element = dataset[tag]
        except _NOT_PARSED:
            dataset.pop(tag)
            continue
        if element.VR == "SQ":
            for item in element.value:
                _settle(item)


def read_dataset(source: SourceFile, data: bytes) -> FileDataset:
    """The whole dataset of a file's bytes, pixels included."""
    try:
        with lenient():
            dataset = dcmread(io.BytesIO(data), force=True)
            _settle(dataset.file_meta)
    except _NOT_PARSED as error:
        raise InputError(
            f"'{source.name}' is damaged ({type(error).__name__}); a whole DICOM file is expected: copy it again"
        ) from error
    if "TransferSyntaxUID" not in dataset.file_meta:  # files older than the file format say nothing of their coding
        implicit = dataset.original_encoding[0]
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    return dataset


def _slices(source: SourceFile, dataset: Dataset) -> list[SliceHeader]:
    try:
        if int(dataset.get("NumberOfFrames") or 1) == 1 and "PerFrameFunctionalGroupsSequence" not in dataset:
            return [_slice(source, None, dataset, [dataset])]
        shared = _first(dataset, "SharedFunctionalGroupsSequence")
        frames = dataset.get("PerFrameFunctionalGroupsSequence") or []
        _lift(dataset, [*_groups(shared), *(_groups(frames[0]) if frames else [])])
        return [_slice(source, n, dataset, [*_groups(frame), *_groups(shared)]) for n, frame in enumerate(frames)] or [
            _slice(source, 0, dataset, [dataset])
        ]
    except _NOT_PARSED as error:
        raise InputError(
            f"the header of '{source.name}' holds values that cannot be read ({error}); numbers are expected for "
            "position, orientation and spacing: export the series again"
        ) from error


def _first(dataset: Dataset, keyword: str) -> Dataset | None:
    sequence = dataset.get(keyword)
    return sequence[0] if sequence else None


_GROUPS = (
    "PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence", "PixelValueTransformationSequence",
    "CTReconstructionSequence", "CTXRayDetailsSequence",
)  # fmt: skip
_LIFTED = ("RescaleType", "SliceThickness", "ConvolutionKernel", "KVP")


def _groups(frame: Dataset | None) -> list[Dataset]:
    """The functional groups that tell where a frame lies, what its values mean and how it was made."""
    found = [] if frame is None else [_first(frame, keyword) for keyword in _GROUPS]
    return [group for group in found if group is not None]


def _lift(dataset: Dataset, groups: list[Dataset]) -> None:
    """Put what functional groups say of the whole scan where a plain CT image has it."""
    for group in groups:
        for keyword in _LIFTED:
            if keyword in group and keyword not in dataset:
                dataset[keyword] = group[keyword]


def _slice(source: SourceFile, frame: int | None, dataset: Dataset, groups: list[Dataset]) -> SliceHeader:
    orientation = _numbers(groups, "ImageOrientationPatient", 6)
    spacing = _numbers(groups, "PixelSpacing", 2)
    slope, intercept = _numbers(groups, "RescaleSlope", 1), _numbers(groups, "RescaleIntercept", 1)
    row, column = (None, None) if orientation is None else _directions(orientation)
    return SliceHeader(
        source,
        frame,
        dataset,
        (int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0)),
        _numbers(groups, "ImagePositionPatient", 3),
        row,
        column,
        None if spacing is None else (float(spacing[0]), float(spacing[1])),
        None if slope is None else float(slope[0]),
        None if intercept is None else float(intercept[0]),
    )


def _numbers(groups: list[Dataset], keyword: str, count: int) -> Floats | None:
    """The numbers of the first group that has this element; None where none has it or it is empty."""
    for group in groups:
        value: Any = group.get(keyword)
        if value is None or value == "":
            continue
        numbers = np.atleast_1d(np.array(value, np.float64))
        if numbers.shape != (count,) or not np.isfinite(numbers).all():
            raise ValueError(f"{keyword}: {count} finite numbers expected")
        return numbers
    return None


def _directions(orientation: Floats) -> tuple[Floats, Floats]:
    """Unit row and column directions; made exactly square, as headers round them."""
    row, column = orientation[:3], orientation[3:]
    if abs(np.linalg.norm(row) - 1) > 0.01 or abs(np.linalg.norm(column) - 1) > 0.01 or abs(row @ column) > 0.01:
        raise ValueError("ImageOrientationPatient: two square unit vectors expected")
    row = row / np.linalg.norm(row)
    column = column - (column @ row) * row
    return row, column / np.linalg.norm(column)


def header_text(dataset: Dataset, keyword: str) -> str | None:
    """A header value as text, several values joined by a backslash, None where it is absent or empty."""
    value = dataset.get(keyword)
    if value is None or isinstance(value, bytes):
        return None
    parts = [value] if isinstance(value, str) or not hasattr(value, "__iter__") else list(value)
    return "\\".join(str(part).strip() for part in parts).strip("\\ ") or None


def header_number(dataset: Dataset, keyword: str) -> float | None:
    """A header value as a finite number, None where it is absent or cannot be read as one."""
    text = header_text(dataset, keyword)
    try:
        number = float(text.split("\\")[0]) if text else float("nan")
    except ValueError:
        return None
    return number if np.isfinite(number) else None


def header_date(dataset: Dataset, keyword: str) -> date | None:
    """A header date (YYYYMMDD, or YYYY.MM.DD of old files), None where it is absent or no date."""
    text = (header_text(dataset, keyword) or "").replace(".", "")
    try:
        return datetime.strptime(text[:8], "%Y%m%d").date()
    except ValueError:
        return None
