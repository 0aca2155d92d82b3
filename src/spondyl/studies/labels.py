"""Label images: numbers of structures, with their names where the file holds them."""

from __future__ import annotations

import hashlib
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spondyl.errors import InputError
from spondyl.space import Volume
from spondyl.studies.nifti import is_nifti, read_nifti
from spondyl.studies.types import LabelImage


def read_label_image(path: str | Path) -> LabelImage:
    """A label image from a NIfTI file, or from a folder with one mask file a structure.

    Names come from the label table that TotalSegmentator writes into the NIfTI header (Connectome Workbench XML), or
    are the names of the mask files ("vertebrae_L1.nii.gz"). A plain file without a table has no names (None): its
    numbers mean nothing until a label map is named. In a folder, structures are numbered from 1 in the order of their
    names; empty masks are left out, and masks that overlap are refused.
    """
    place = Path(path)
    if not place.exists():
        raise InputError(f"'{path}' is not there; a NIfTI label image or a folder of masks is expected: check the path")
    if place.is_dir():
        return _read_mask_folder(place)
    if not is_nifti(place):
        raise InputError(f"'{place.name}' is not a NIfTI file; labels end in .nii.gz or .nii: convert it first")
    image = read_nifti(place)
    labels = _whole_numbers(image.array, place.name)
    if not labels.any():
        raise InputError(
            f"'{place.name}' is empty: every voxel is 0; labelled voxels are expected: check the segmentation"
        )
    volume = Volume(labels, image.geometry, "1")
    return LabelImage(volume, _table(image.extensions), {"labels": hashlib.sha256(image.data).hexdigest()})


def _whole_numbers(array: NDArray[Any], name: str) -> NDArray[Any]:
    if array.dtype.kind == "f":
        if not np.isfinite(array).all():
            raise InputError(f"'{name}' holds values that are not finite; whole numbers are expected: export it again")
        broken = int(np.count_nonzero(array != np.rint(array)))
        if broken:
            raise InputError(
                f"'{name}' holds {broken} voxels with fractions; labels are whole numbers: if it was resampled, do it "
                "again with nearest neighbour; if it is a probability map, threshold it"
            )
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > np.iinfo(np.uint16).max:
        raise InputError(f"'{name}' holds labels from {low} to {high}; 0 to 65535 are expected: is it the CT itself?")
    return array.astype(np.uint8 if high <= 255 else np.uint16)


def _table(extensions: tuple[bytes, ...]) -> Mapping[int, str] | None:
    """Names of the first label table among the header extensions."""
    for content in extensions:
        text = content.strip(b"\x00 \r\n\t")
        if b"LabelTable" not in text or b"<!DOCTYPE" in text or b"<!ENTITY" in text:
            continue
        try:
            root = ElementTree.fromstring(text)
            names = {int(e.get("Key", "0")): (e.text or "").strip() for e in root.iter("Label")}
        except (ElementTree.ParseError, LookupError, ValueError) as error:
            raise InputError(
                f"the label table in the file's header is damaged ({error}); readable XML is expected: export it again"
            ) from error
        named = {number: name for number, name in names.items() if number > 0 and name}
        if named:
            return named
    return None


def _read_mask_folder(folder: Path) -> LabelImage:
    files = sorted(file for file in folder.iterdir() if is_nifti(file) and not file.name.startswith("."))
    if not files:
        raise InputError(f"'{folder.name}' holds no NIfTI file; one mask a structure is expected: check the folder")
    merged: NDArray[np.uint16] | None = None
    names: dict[int, str] = {}
    hashes: dict[str, str] = {}
    geometry = None
    for file in files:
        image = read_nifti(file)
        mask = _single_mask(image.array, file.name)
        if geometry is None:
            geometry, merged = image.geometry, np.zeros(mask.shape, np.uint16)
        if not geometry.is_same_grid(image.geometry):
            raise InputError(
                f"'{file.name}' lies on another grid than '{files[0].name}'; masks of one CT share one grid: export "
                "them together"
            )
        hashes[file.name] = hashlib.sha256(image.data).hexdigest()
        if not mask.any():
            continue
        number = len(names) + 1
        names[number] = file.name.removesuffix(".gz").removesuffix(".nii")
        assert merged is not None
        _merge(merged, mask, number, names)
    if not names or merged is None or geometry is None:
        raise InputError(f"all {len(files)} masks in '{folder.name}' are empty; labelled voxels are expected")
    return LabelImage(Volume(_whole_numbers(merged, folder.name), geometry, "1"), names, hashes)


def _single_mask(array: NDArray[Any], name: str) -> NDArray[np.bool_]:
    labels = _whole_numbers(array, name)
    values = np.unique(labels[labels > 0])
    if len(values) > 1:
        raise InputError(
            f"'{name}' in the folder holds {len(values)} different labels; one structure a file is expected: give that "
            "file alone"
        )
    return np.asarray(labels > 0)


def _merge(merged: NDArray[np.uint16], mask: NDArray[np.bool_], number: int, names: dict[int, str]) -> None:
    taken = merged[mask]
    if taken.any():
        other = names[int(taken[taken > 0][0])]
        raise InputError(
            f"the masks '{other}' and '{names[number]}' overlap in {np.count_nonzero(taken)} voxels; each voxel "
            "belongs to one structure: mend the masks or leave one out"
        )
    merged[mask] = number
