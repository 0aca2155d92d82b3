"""Fields of a voxel model from NIfTI files: modulus, yield stress, Poisson's ratio."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from spondyl.errors import InputError
from spondyl.space import Volume
from spondyl.studies.nifti import is_nifti, read_nifti


def read_voxel_field(path: str | Path, unit: str) -> Volume:
    """A field of real numbers on the voxels of a NIfTI file, as it stands there; the file does not tell the unit.

    Parameters
    ----------
    unit
        That the caller knows the numbers to have, in UCUM.

    Raises
    ------
    InputError
        where a voxel holds no number.
    """
    place = Path(path)
    if not is_nifti(place):
        raise InputError(
            f"'{place.name or path}' is not a NIfTI file; a name in .nii.gz or .nii is expected: convert it first"
        )
    image = read_nifti(place)
    array = np.asarray(image.array, np.float64)
    broken = int(np.count_nonzero(~np.isfinite(array)))
    if broken:
        raise InputError(f"'{place.name}' holds {broken} voxels that are no numbers; write 0 where nothing is")
    return Volume(array, image.geometry, unit)
