"""What a wedge that stays adds to the force on the vertebrae beside it (handbook 2.2 and 7)."""

from __future__ import annotations

from collections.abc import Sequence
from math import atan, degrees

from spondyl.findings.heights import DEFAULT_DEFINITION, Heights
from spondyl.simulation.loads import Activity, estimate_loads, mean_step
from spondyl.spine import Level, Spine

BANDS_APART = sum(DEFAULT_DEFINITION.posterior) / 2 - sum(DEFAULT_DEFINITION.anterior) / 2  # middles, of the depth
ASSUMED = (
    "the wedge that stays moves the trunk forward by its whole angle, standing, and the muscles carry all of it: an "
    "upper bound, for posture may make good any part; with posture making good all of it the cement's stiffness alone "
    "is left"
)
LEVEL_ASSUMED = "the shape before the fracture is not known: the wedge that stays is counted from level endplates"


def wedge_deg(front_less_mm: float, depth_mm: float) -> float:
    """Angle of a body whose front lacks so much against its back, measured at the bands of the findings.

    >>> round(wedge_deg(3.0, 32.0), 2)
    7.13
    """
    return degrees(atan(front_less_mm / (BANDS_APART * depth_mm)))


def lasting_wedge(heights: Heights, intact_mm: tuple[float, float, float] | None) -> float:
    """Wedge of a body beyond that before its fracture; without that height, beyond level endplates. [deg]"""
    before = 0.0 if intact_mm is None else wedge_deg(intact_mm[2] - intact_mm[0], heights.depth_mm)
    return wedge_deg(heights.posterior_mm - heights.anterior_mm, heights.depth_mm) - before


def wedge_force_ratios(spine: Spine, levels: Sequence[Level], angle_deg: float) -> dict[Level, float]:
    """Force of standing with a wedge over that without, at each level whose load is known; nobody's posture helps.

    A wedge that bends the body backward adds nothing.
    """
    patient = None if spine.study is None else spine.study.patient
    found = {}
    for level in levels:
        loads = estimate_loads(
            level,
            weight_kg=None if patient is None else patient.weight_kg,
            height_cm=None if patient is None else patient.height_cm,
            per_level_mm=mean_step(spine),
            kyphosis_deg=max(angle_deg, 0.0),
        )
        upright = next(load for load in loads if load.activity is Activity.STANDING)
        if upright.force_n is not None and upright.uncompensated_n is not None:
            found[level] = upright.uncompensated_n / upright.force_n
    return found
