"""A CT volume from DICOM slices: headers first, then the pixels of the chosen series once."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, FileDataset
from pydicom.uid import HTJ2K, JPEG2000, JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless

from spondyl.errors import InputError
from spondyl.space import Volume
from spondyl.studies.dicom_headers import SliceHeader, lenient, read_dataset, read_headers
from spondyl.studies.progress import Progress
from spondyl.studies.scan import scan_from_header
from spondyl.studies.series import choose, separate
from spondyl.studies.sources import SourceFile
from spondyl.studies.stack import Stack, build_stack, straightened
from spondyl.studies.types import OtherSeries, Scan

AIR_HU = -1024  # the lowest value of a 12-bit CT; what lies outside the scanned circle gets it
_LOSSY = {JPEG2000, JPEGLSNearLossless, JPEGExtended12Bit, JPEGBaseline8Bit, HTJ2K}  # that may lose something
WATER_SAFE_HU = -1000  # padding that decodes to above this could be tissue, so it is left as it is
HIGHEST_HU = 3071  # the highest value of a 12-bit CT


@dataclass(frozen=True, eq=False)
class DicomImage:
    """What the DICOM reader found."""

    ct: Volume
    scan: Scan
    notes: tuple[str, ...]
    others: tuple[OtherSeries, ...]
    hashes: dict[str, str]


def read_dicom(sources: tuple[SourceFile, ...], series: str | None, progress: Progress) -> DicomImage:
    """The chosen series of a set of files as one volume."""
    headers, ignored = read_headers(sources, progress)
    if not headers:
        raise InputError(
            f"no DICOM image is among the {len(sources)} files; a folder or zip with the slices of a CT is expected: "
            "check the path"
        )
    chosen, others = choose(separate(headers), series)
    stack = build_stack(chosen.slices)
    values, digests, notes = _read_pixels(stack, progress)
    ct, geometry_notes = _volume(values, stack)
    first = stack.slices[0]
    told = (*_header_notes(stack, ignored), *notes, *geometry_notes)
    whole = hashlib.sha256("".join(sorted(digests)).encode()).hexdigest()
    name = f"dicom series of {len(digests)} files (sha256 of their sorted sha256)"  # file names can hold patient names
    return DicomImage(ct, scan_from_header(first.dataset), told, others, {name: whole})


def _volume(values: NDArray[Any], stack: Stack) -> tuple[Volume, tuple[str, ...]]:
    if not stack.is_sheared:
        return Volume(_sealed(values), stack.geometry(), "[hnsf'U]"), ()
    out, geometry = straightened(values, stack, AIR_HU)
    note = (
        f"the slices drift sideways by {stack.tilt_deg:.2f} degrees (gantry tilt): each was shifted within its plane "
        "onto a square grid, with linear values between pixels"
    )
    return Volume(_sealed(out), geometry, "[hnsf'U]"), (note,)


def _sealed(array: NDArray[Any]) -> NDArray[Any]:
    """The same array, read-only, so that the volume need not copy it."""
    array.flags.writeable = False
    return array


def _header_notes(stack: Stack, ignored: int) -> tuple[str, ...]:
    first = stack.slices[0]
    notes = []
    if ignored:
        notes.append(f"files that are no DICOM images were left out: {ignored}")
    empty = [k for k in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID") if first.text(k) is None]
    if empty:
        notes.append(f"{', '.join(empty)} are empty: slices were joined by what else their headers say")
    if any(_is_lossy(s.dataset) for s in stack.slices):
        notes.append("the images were compressed with loss: fine texture and densities may be changed")
    if first.text("FrameOfReferenceUID") is None:
        notes.append("the frame of reference is not recorded: it cannot be compared with that of other images")
    return tuple(notes)


def _is_lossy(dataset: Dataset) -> bool:
    meta = getattr(dataset, "file_meta", None) or Dataset()
    return dataset.get("LossyImageCompression") == "01" or meta.get("TransferSyntaxUID") in _LOSSY


def _read_pixels(stack: Stack, progress: Progress) -> tuple[NDArray[Any], list[str], tuple[str, ...]]:
    """HU of all slices, shape (columns, rows, slices), the files' hashes, and what was mended."""
    reader = _PixelReader()
    rows, columns = stack.slices[0].shape
    whole = all(_is_whole(s.slope) and _is_whole(s.intercept) for s in stack.slices)
    values = np.empty((len(stack.slices), rows, columns), np.int16 if whole else np.float32)
    twins: dict[int, list[SliceHeader]] = {}
    for index, twin in stack.duplicates:
        twins.setdefault(index, []).append(twin)
    padded = 0
    for k, header in enumerate(stack.slices):
        hu = reader.hounsfield(header)
        for twin in twins.get(k, []):
            _check_same_pixels(hu, reader.hounsfield(twin), header, twin)
        low = hu < AIR_HU
        padded += int(np.count_nonzero(low))
        hu[low] = AIR_HU
        _check_range(hu, values.dtype)
        values[k] = hu
        progress(0.4 + 0.6 * (k + 1) / len(stack.slices), "reading pixels")
    notes = []
    if stack.duplicates:
        notes.append(f"{len(stack.duplicates)} slices lay there twice with the same pixels: read once")
    if padded:
        notes.append(f"{padded} voxels below {AIR_HU} HU (padding outside the scan) were set to {AIR_HU} HU")
    return values.transpose(2, 1, 0), list(reader.digests.values()), tuple(notes)


def _is_whole(number: float | None) -> bool:
    return number is not None and float(number).is_integer()


def _check_same_pixels(
    kept: NDArray[np.float64], other: NDArray[np.float64], header: SliceHeader, twin: SliceHeader
) -> None:
    if np.array_equal(kept, other):
        return
    assert header.position is not None
    place = float(header.position @ header.normal)
    timed = any(
        header.text(k) != twin.text(k) for k in ("AcquisitionNumber", "TemporalPositionIdentifier", "AcquisitionTime")
    )
    kind = "several acquisitions or time points (4D)" if timed else "two images with other pixels"
    raise InputError(
        f"at position {place:.2f} mm there are {kind}; one image for each position is expected: give a folder with one "
        "acquisition"
    )


def _check_range(hu: NDArray[np.float64], dtype: np.dtype[Any]) -> None:
    if not np.isfinite(hu).all():
        raise InputError("the slices hold values that are not finite; Hounsfield units are expected: export again")
    if dtype == np.int16 and hu.max() > np.iinfo(np.int16).max:
        raise InputError(
            f"values reach {hu.max():.0f} after rescaling; Hounsfield units below 32768 are expected: check the "
            "rescale slope and intercept"
        )


class _PixelReader:
    """Reads each file once, also when it holds many frames, and keeps its hash."""

    def __init__(self) -> None:
        self.digests: dict[str, str] = {}
        self._name: str | None = None
        self._dataset: Dataset | None = None
        self._frames: NDArray[Any] | None = None

    def hounsfield(self, header: SliceHeader) -> NDArray[np.float64]:
        """HU of one slice, shape (rows, columns), padding set to air."""
        dataset, stored = self._stored(header)
        slope, intercept = _rescale(header)
        hu = stored.astype(np.float64) * slope + intercept
        padding = dataset.get("PixelPaddingValue")
        if isinstance(padding, int):
            decoded = padding * slope + intercept
            if decoded <= WATER_SAFE_HU or decoded > HIGHEST_HU:
                hu[stored == padding] = min(decoded, AIR_HU)
        return hu

    def _stored(self, header: SliceHeader) -> tuple[Dataset, NDArray[Any]]:
        if self._name != header.source.name or self._dataset is None or self._frames is None:
            data = header.source.read()
            self.digests[header.source.name] = hashlib.sha256(data).hexdigest()
            self._dataset = read_dataset(header.source, data)
            self._frames = _decoded(self._dataset, header)
            self._name = header.source.name
        return self._dataset, self._frames[header.frame or 0]


def _rescale(header: SliceHeader) -> tuple[float, float]:
    if header.slope is None or header.intercept is None:
        raise InputError(
            "the rescale slope or intercept is missing in at least one slice, so its values are not known to be "
            "Hounsfield units; both are expected: export the original CT series"
        )
    kind = (header.text("RescaleType") or "HU").upper()
    if kind not in ("HU", "US"):  # US: unspecified
        raise InputError(
            f"the values are of type '{kind}'; Hounsfield units (HU) are expected: give the plain CT series"
        )
    return header.slope, header.intercept


def _decoded(dataset: FileDataset, header: SliceHeader) -> NDArray[Any]:
    """Stored values, shape (frames, rows, columns)."""
    name = header.source.name
    if "PixelData" not in dataset:
        raise InputError(f"'{name}' ends before its pixels; a whole DICOM file is expected: copy it again")
    try:
        with lenient():
            pixels = dataset.pixel_array
    except (ValueError, RuntimeError, AttributeError, NotImplementedError, KeyError, OSError, TypeError) as error:
        syntax = dataset.file_meta.get("TransferSyntaxUID", "not recorded")
        coding = getattr(syntax, "name", syntax)
        raise InputError(
            f"the pixels of '{name}' cannot be decoded (transfer syntax {coding}); a whole image "
            "in a known lossless coding is expected: copy it again, or decompress it with another tool"
        ) from error
    frames = pixels.reshape(-1, *header.shape) if pixels.size % max(1, math.prod(header.shape)) == 0 else pixels
    if frames.ndim != 3 or (header.frame or 0) >= len(frames):
        raise InputError(f"'{name}' holds pixels of shape {pixels.shape}; {header.shape} is expected: export it again")
    return frames
