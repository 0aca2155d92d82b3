"""Access planning: needles, balloons and the cement that is asked for; geometry only."""

from spondyl.planning.distances import box_distance_field, exact_distances
from spondyl.planning.gauges import GAUGES_MM, outer_diameter
from spondyl.planning.plans import balloon_notes, lowest_class_words, no_treatment, plan_augmentation
from spondyl.planning.profile import ClearanceProfile, clearance_profiles
from spondyl.planning.totals import CementTotal, cement_total
from spondyl.planning.types import (
    CLASS_LIMITS_MM,
    WITHIN_PEDICLE,
    AccessClass,
    Angles,
    Approach,
    Balloon,
    Border,
    CementVolume,
    Clearance,
    EntryLandmark,
    NeedlePath,
    NoPath,
    Plan,
    Structure,
)

__all__ = [
    "CLASS_LIMITS_MM",
    "GAUGES_MM",
    "WITHIN_PEDICLE",
    "AccessClass",
    "Angles",
    "Approach",
    "Balloon",
    "Border",
    "CementTotal",
    "CementVolume",
    "Clearance",
    "ClearanceProfile",
    "EntryLandmark",
    "NeedlePath",
    "NoPath",
    "Plan",
    "Structure",
    "balloon_notes",
    "box_distance_field",
    "cement_total",
    "clearance_profiles",
    "exact_distances",
    "lowest_class_words",
    "no_treatment",
    "outer_diameter",
    "plan_augmentation",
]
