"""Whether the values of an image can be Hounsfield units."""

from __future__ import annotations

import numpy as np

from spondyl.errors import InputError
from spondyl.space import Volume
from spondyl.studies.types import Question

AIR_BELOW_HU = -200  # nothing in a body but air, lung and bowel gas lies below fat at about -100 HU
TISSUE_HU = (-200, 300)  # fat, muscle, blood with contrast, cancellous bone
# Tissue fills at least a third of each of nine clinical CTs looked at (whole fields of view and crops); a CT with a
# wrong rescale intercept had below one percent. Between the two the limit is a choice.
LEAST_TISSUE_SHARE = 0.05


def check_hounsfield(volume: Volume) -> tuple[Question, ...]:
    """Refuse values that cannot be Hounsfield units; ask where air is missing, as in a crop or with a lost offset."""
    values = volume.array
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise InputError("the image holds values that are not finite; Hounsfield units are expected: export it again")
    lowest, highest = float(values.min()), float(values.max())
    if lowest >= 0:
        raise InputError(
            f"the values run from {lowest:.0f} to {highest:.0f}, so this is not a CT in Hounsfield units (air is "
            "-1000, fat -100): was it windowed, or is it an MR or a label image? Give the CT in Hounsfield units"
        )
    share = float(np.mean((values >= TISSUE_HU[0]) & (values < TISSUE_HU[1])))
    if share < LEAST_TISSUE_SHARE:
        raise InputError(
            f"only {100 * share:.1f} % of the voxels lie between {TISSUE_HU[0]} and {TISSUE_HU[1]} HU, where fat, "
            f"muscle and blood lie; at least {100 * LEAST_TISSUE_SHARE:.0f} % are expected: check the rescale intercept"
        )
    if lowest >= AIR_BELOW_HU:
        return (
            Question(
                "no_air",
                f"The image holds no air: its lowest value is {lowest:.0f}. Either it is a crop from inside the body, "
                "or its values are not Hounsfield units.",
                "Confirm that the values are Hounsfield units, or give the uncropped CT.",
                blocking=True,
            ),
        )
    return ()
