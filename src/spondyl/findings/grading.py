"""Grade and shape of a vertebral deformity from its heights and their reference.

The grade follows Genant's bands of height loss (genant1993, bands read in wang2019_msq): it grades the *deformity*.
How old it is, or whether it is a fracture at all, a CT without an earlier one or an MRI does not tell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from spondyl.evidence import find_entry
from spondyl.findings.heights import SITES, Heights, Site
from spondyl.findings.reference import Reference

_FOCAL_PERCENT = 4.0  # by which middle loss exceeds anterior loss in a biconcave body


@dataclass(frozen=True)
class Grade:
    """Grade of a deformity with the chance of each grade, its height loss and its shape."""

    grade: int  # 0 to 3
    chances: tuple[float, float, float, float]
    loss_percent: float  # the greatest of the three sites
    loss_sd_percent: float
    site: Site
    shape: str  # "none", "wedge", "biconcave", "crush"


def grade_limits() -> tuple[float, float, float]:
    """Height loss at which grades 1, 2 and 3 begin. [%]"""
    entry = find_entry("im-genant")
    first, second, third = (entry.figure(name).low for name in ("grade1", "grade2", "grade3"))
    assert first is not None and second is not None and third is not None
    return first, second, third


def grade_deformity(heights: Heights, reference: Reference) -> Grade:
    """Grade of one body.

    The loss of each site is normal about the measured one, with the doubt of height and reference; the chances are
    those of the greatest of the three, sites taken as independent.
    """
    loss = np.empty(3)
    sd = np.empty(3)
    for k, site in enumerate(SITES):
        height, height_sd = heights.at(site)
        expected, expected_sd = reference.heights_mm[site], reference.sd_mm[site]
        loss[k] = 100 * (1 - height / expected)
        sd[k] = 100 * np.hypot(height_sd / expected, height * expected_sd / expected**2)
    limits = np.array(grade_limits())
    below = np.prod(special.ndtr((limits[:, None] - loss) / sd), axis=1)
    chances = np.diff(np.concatenate([[0.0], below, [1.0]]))
    worst = int(loss.argmax())
    grade = int((loss[worst] >= limits).sum())
    return Grade(
        grade,
        (float(chances[0]), float(chances[1]), float(chances[2]), float(chances[3])),
        float(loss[worst]),
        float(sd[worst]),
        SITES[worst],
        "none" if grade == 0 else find_shape(*loss, lowest=float(limits[0])),
    )


def find_shape(anterior: float, middle: float, posterior: float, *, lowest: float) -> str:
    """Shape by where height is lost: crush where the posterior wall lost it too, else biconcave or wedge. [%]"""
    if posterior >= lowest:
        return "crush"
    return "biconcave" if middle > anterior + _FOCAL_PERCENT else "wedge"
