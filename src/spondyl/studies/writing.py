"""NIfTI images of volumes and labels: written whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from spondyl.errors import InputError
from spondyl.space import Volume
from spondyl.studies.nifti import write_array

_INT16 = np.iinfo(np.int16)


def write_nifti(volume: Volume, path: str | Path) -> None:
    """Write a volume as NIfTI-1 (.nii.gz or .nii).

    The pose is turned from LPS to RAS here, and stands in sform and qform alike. Hounsfield units become int16
    (rounded), masks and whole numbers the smallest unsigned type (int16 below 0), everything else float32.
    """
    write_array(_stored(volume), volume.geometry, Path(path))


def write_label_nifti(volume: Volume, path: str | Path, *, names: Mapping[int, str] | None = None) -> None:
    """Write labels as NIfTI, with a table of their names in the header where given (Connectome Workbench XML).

    TotalSegmentator writes and reads the same table, and so does `read_label_image`.
    """
    if volume.array.dtype.kind not in "iub":
        raise InputError(
            f"labels are whole numbers, found an array of {volume.array.dtype}: round or threshold it first"
        )
    extensions = () if not names else (_label_table(names),)
    write_array(_stored(volume), volume.geometry, Path(path), extensions)


def _stored(volume: Volume) -> NDArray[Any]:
    array = volume.array
    if volume.unit == "[hnsf'U]":
        rounded = np.rint(array)
        if not np.isfinite(array).all() or rounded.min() < _INT16.min or rounded.max() > _INT16.max:
            raise InputError("Hounsfield units from -32768 to 32767 are expected: found others or values not finite")
        return np.asarray(rounded, np.int16)
    if array.dtype.kind == "b":
        return array.astype(np.uint8)
    if array.dtype.kind in "iu":
        low, high = int(array.min()), int(array.max())
        for kind in (np.uint8, np.uint16, np.int16, np.int32):
            if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
                return array.astype(kind)
    return array.astype(np.float32)


def _label_table(names: Mapping[int, str]) -> bytes:
    """Label table in the XML of Connectome Workbench; the colours are only a start for viewers."""
    rows = []
    for number, name in sorted(names.items()):
        red, green, blue = ((number * step % 256) / 255 for step in (67, 139, 211))  # steps prime to 256: all differ
        colour = f'Red="{red:.4f}" Green="{green:.4f}" Blue="{blue:.4f}" Alpha="1"'
        rows.append(f'<Label Key="{number}" {colour}>{escape(name)}</Label>')
    table = "<LabelTable>" + "".join(rows) + "</LabelTable>"
    return (
        '<?xml version="1.0" encoding="UTF-8"?><CaretExtension><VolumeInformation Index="0">'
        f"{table}<VolumeType>Label</VolumeType></VolumeInformation></CaretExtension>"
    ).encode()
