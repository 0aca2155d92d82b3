"""NIfTI files: the pose turned from RAS to LPS once, here, and back once when writing."""

from __future__ import annotations

import gzip
import io
import re
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel import imageglobals
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError
from numpy.typing import NDArray

from spondyl.errors import InputError
from spondyl.space import Floats, Geometry
from spondyl.studies.atomic import write_whole

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])  # both x and y change their sense; the same matrix turns back
MAX_VOXELS = 2**31  # a 1024 x 1024 x 2048 grid; more is a damaged header rather than a CT
MAX_BYTES = 8 * 1024**3  # unpacked; four bytes a voxel
SAME_POSE_VOXELS = 0.5  # qform and sform closer than half a voxel at every corner name the same voxel
SQUARE_AXES = 2e-3  # cosine between axes, about 0.1 degree: half a voxel over 300 voxels

_XML_CODES = (0, 30)  # "unknown", as TotalSegmentator marks its table, and Caret/Workbench
_GUESSED = 35  # nibabel's level of problems from which it would go on with a guessed value

_LENGTH_UNITS = {0: "unknown", 1: "meter", 2: "mm", 3: "micron"}  # the lowest three bits of xyzt_units
_TO_MM = {"mm": 1.0, "unknown": 1.0, "meter": 1000.0, "micron": 0.001}
_NOT_READABLE = (
    WrapStructError,
    ImageFileError,
    HeaderDataError,
    EOFError,
    OSError,
    zlib.error,
    ValueError,
    OverflowError,
    NotImplementedError,
)


@dataclass(frozen=True, eq=False)
class NiftiImage:
    """Values and geometry of a NIfTI file, in LPS, with what was noticed and the raw header extensions."""

    array: NDArray[Any]
    geometry: Geometry
    notes: tuple[str, ...]
    extensions: tuple[bytes, ...]
    data: bytes  # of the file, for its hash


def is_nifti(path: Path) -> bool:
    """Whether the name is one of a NIfTI file."""
    return path.name.lower().endswith((".nii", ".nii.gz"))


def read_nifti(path: Path) -> NiftiImage:
    """One NIfTI volume: scaling applied, pose in patient LPS mm.

    The pose is the sform where its code is above 0, else the qform where its code is; a file with neither is refused.
    When both are set and differ by more than half a voxel at a corner, the file is refused, because nothing tells
    which of them is right. An "unknown" length unit is read as millimetres.
    """
    data = _read_bytes(path)
    image = _parse(data, path.name)
    _check_shape(image, path.name)
    pose, notes = _pose(image, path.name)
    array = _values(image, path.name)
    geometry = Geometry(RAS_TO_LPS @ pose, array.shape[:3])
    _check_square(geometry, path.name)
    return NiftiImage(array, geometry, notes, _xml_extensions(image.header), data)


def _xml_extensions(header: Any) -> tuple[bytes, ...]:
    """Contents of the header extensions that can hold a label table, as bytes."""
    found = [e.get_content() for e in header.extensions if e.get_code() in _XML_CODES]
    return tuple(content for content in found if isinstance(content, bytes))


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"'{path.name}' cannot be opened ({error.strerror}); an existing NIfTI file is expected: check the path"
        ) from error


def _parse(data: bytes, name: str) -> Any:
    """The image of a file's bytes; NIfTI-1 and NIfTI-2 alike."""
    try:
        plain = _unpacked(data, name) if data[:2] == b"\x1f\x8b" else data
        kind: Any = nib.Nifti2Image if plain[:4] in (b"\x1c\x02\x00\x00", b"\x00\x00\x02\x1c") else nib.Nifti1Image
        with _strict_and_quiet():
            return kind.from_bytes(plain)
    except _NOT_READABLE as error:
        raise InputError(
            f"'{name}' cannot be read as NIfTI ({_short(error)}); a whole file is expected: copy or export it again"
        ) from error


@contextmanager
def _strict_and_quiet() -> Iterator[None]:
    """Problems that nibabel would mend by a guess (such as negative spacings) are errors; the others stay unprinted."""
    was_disabled = imageglobals.logger.disabled
    imageglobals.logger.disabled = True
    try:
        with warnings.catch_warnings(), imageglobals.ErrorLevel(_GUESSED):  # type: ignore[no-untyped-call]
            warnings.simplefilter("ignore")
            yield
    finally:
        imageglobals.logger.disabled = was_disabled


def _unpacked(data: bytes, name: str) -> bytes:
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
        plain = stream.read(MAX_BYTES + 1)
    if len(plain) > MAX_BYTES:
        raise InputError(
            f"'{name}' unpacks to more than {MAX_BYTES / 1e9:.1f} GB; a CT volume is smaller: check the file, "
            "it may be a compression bomb"
        )
    return plain


def _check_shape(image: Any, name: str) -> None:
    shape = tuple(image.shape)
    if len(shape) < 3 or any(n > 1 for n in shape[3:]):
        raise InputError(
            f"'{name}' has the shape {shape}; one volume with three axes is expected: give one time point or channel"
        )
    if np.prod(shape, dtype=float) > MAX_VOXELS:
        raise InputError(f"'{name}' claims {shape} voxels; at most {MAX_VOXELS} are read: check the file")


def _values(image: Any, name: str) -> NDArray[Any]:
    try:
        with _strict_and_quiet():
            array = np.asarray(image.dataobj)
    except _NOT_READABLE as error:
        raise InputError(
            f"'{name}' ends too early or is damaged ({_short(error)}); all voxels are expected: copy or export it again"
        ) from error
    if array.dtype.names or array.dtype.kind == "c":
        raise InputError(f"'{name}' holds colour or complex values; one grey value a voxel is expected: give the CT")
    return array.reshape(image.shape[:3])


def _pose(image: Any, name: str) -> tuple[Floats, tuple[str, ...]]:
    header, notes = image.header, []
    sform, qform = _coded_poses(header, name)
    if sform is None and qform is None:
        raise InputError(
            f"'{name}' has no pose (qform and sform codes are 0), so left and right are unknown; an image with a pose "
            "is expected: convert it again from DICOM, for example with dcm2niix"
        )
    if sform is not None and qform is not None:
        apart = _largest_difference_voxels(sform, qform, image.shape[:3])
        if apart > SAME_POSE_VOXELS:
            raise InputError(
                f"'{name}' has two poses that differ by up to {apart:.1f} voxels (qform and sform); one pose is "
                "expected: find out which one is right and write it into both"
            )
    pose = np.asarray(qform if sform is None else sform, np.float64)
    unit = _LENGTH_UNITS.get(int(header["xyzt_units"]) & 7)
    if unit is None:
        raise InputError(f"'{name}' has no known length unit; mm, micron or meter are expected: mend the header")
    if unit != "mm":
        notes.append(f"the NIfTI length unit is '{unit}': read with {_TO_MM[unit]:g} mm to the unit")
    scaled = pose.copy()
    scaled[:3] *= _TO_MM[unit]
    return scaled, tuple(notes)


def _coded_poses(header: Any, name: str) -> tuple[Floats | None, Floats | None]:
    try:
        sform, qform = header.get_sform(coded=True)[0], header.get_qform(coded=True)[0]
        if not all(np.isfinite(pose).all() for pose in (sform, qform) if pose is not None):
            raise ValueError("numbers that are not finite")
        return sform, qform
    except (HeaderDataError, ValueError) as error:
        raise InputError(
            f"'{name}' has a damaged pose ({_short(error)}); finite numbers are expected: convert it again from DICOM"
        ) from error


def _largest_difference_voxels(first: Floats, second: Floats, shape: tuple[int, ...]) -> float:
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in shape[:3]])).reshape(3, -1)
    apart = (first - second)[:3, :3] @ corners + (first - second)[:3, 3:]
    smallest = np.linalg.norm(first[:3, :3], axis=0).min()
    return float(np.linalg.norm(apart, axis=0).max() / max(smallest, 1e-9))


def _check_square(geometry: Geometry, name: str) -> None:
    cosines = np.abs(geometry.axes.T @ geometry.axes - np.eye(3))
    if cosines.max() > SQUARE_AXES:
        angle = np.degrees(np.arcsin(min(1.0, cosines.max())))
        raise InputError(
            f"the axes of '{name}' are {angle:.1f} degrees away from square, as of an uncorrected gantry tilt; square "
            "axes are expected: give the DICOM files, or resample the image first"
        )


def _short(error: BaseException) -> str:
    """First line of an error without the path it may hold."""
    first = (str(error).splitlines() or [""])[0]
    return re.sub(r"(/[^\s'\"]+)+", "...", first) or type(error).__name__


def write_array(array: NDArray[Any], geometry: Geometry, path: Path, extensions: tuple[bytes, ...] = ()) -> None:
    """Write an array as NIfTI-1 with the pose, turned to RAS, as both sform and qform (scanner coordinates)."""
    if not is_nifti(path):
        raise InputError(f"'{path.name}' is not a NIfTI name; one that ends in .nii.gz or .nii is expected: rename it")
    pose = RAS_TO_LPS @ geometry.affine
    image: Any = nib.Nifti1Image(array, pose)  # type: ignore[no-untyped-call]
    image.set_sform(pose, code="scanner")
    image.set_qform(pose, code="scanner")
    image.header.set_xyzt_units("mm")
    for content in extensions:
        image.header.extensions.append(nib.nifti1.Nifti1Extension(0, content))
    write_whole(path, _packed(image.to_bytes(), path))


def _packed(data: bytes, path: Path) -> bytes:
    """Compressed where the name says so, without a time stamp so that equal images give equal files."""
    if not path.name.lower().endswith(".gz"):
        return data
    stream = io.BytesIO()
    with gzip.GzipFile(fileobj=stream, mode="wb", compresslevel=4, mtime=0) as packer:
        packer.write(data)
    return stream.getvalue()
