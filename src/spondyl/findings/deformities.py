"""Heights, deformities and angles of a spine as findings. Needs no grey values."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from spondyl.findings.angles import Angle, angle_between, find_scoliosis, vertebral_angle
from spondyl.findings.grading import Grade, grade_deformity
from spondyl.findings.heights import DEFAULT_DEFINITION, SITES, HeightDefinition, Heights, Site, measure_heights
from spondyl.findings.reference import Reference, find_references
from spondyl.findings.types import Finding, Findings, Status, not_evaluable
from spondyl.spine import Level, Spine, Vertebra

_Z95 = 1.96
_AGAINST_REFERENCE = (("crush_ratio", "1"), ("height_loss", "%"), ("genant_grade", "1"), ("deformity_shape", "1"))
_RATIOS: Mapping[str, tuple[Site, Site]] = {
    "wedge_ratio": ("anterior", "posterior"),
    "biconcavity_ratio": ("middle", "posterior"),
}
_CLEAR_CHANCE = 0.8  # chance below which a grade is called uncertain: a project choice, shown with every grade
_GRADE_METHOD = (
    "greatest height loss of the three sites against the line through undeformed neighbours; grade of the deformity, "
    "its age is unknown without MRI or an earlier CT"
)
_MEASURED_FROM, _MEASURED_TO = Level.T1, Level.L6
_REGIONS = ((Level.T5, Level.T12), (Level.L1, Level.L5))


def find_deformities(spine: Spine, definition: HeightDefinition = DEFAULT_DEFINITION) -> Findings:
    """Heights, ratios, reference, height loss, grade and shape of each level, and the angles of the spine.

    Parameters
    ----------
    spine
        From `build_spine`; a label map without its CT is enough.
    definition
        Where heights are taken (`DEFINITIONS`).

    Returns
    -------
    Findings from head to foot. A level that cannot be measured has each finding with the reason why not.
    """
    measured = [v for v in spine if _MEASURED_FROM.order <= v.level.order <= _MEASURED_TO.order]
    outcome = {v.level: measure_heights(v, definition) for v in measured}
    heights = {level: h for level, h in outcome.items() if isinstance(h, Heights)}
    references = find_references(heights)
    found: list[Finding] = []
    for vertebra in measured:
        of_level = outcome[vertebra.level]
        if isinstance(of_level, str):
            found += _nothing(vertebra.level, of_level, definition)
            continue
        found += _heights(vertebra.level, of_level)
        found += _deformity(vertebra.level, of_level, _intended(vertebra.level) or references[vertebra.level])
        found += _wedge_angle(vertebra)
    return (*found, *_between(measured), *_regional(spine, measured))


def maybe_deformed(spine: Spine) -> frozenset[Level]:
    """Levels whose height speaks for a deformity, also an uncertain one. Levels without a reference are not among them.

    Bone that is pressed together reads denser than it is.
    """
    outcome = {v.level: measure_heights(v) for v in spine if _intended(v.level) is None}
    heights = {level: h for level, h in outcome.items() if isinstance(h, Heights)}
    references = find_references(heights)
    grades = {level: grade_deformity(heights[level], r) for level, r in references.items() if isinstance(r, Reference)}
    return frozenset(level for level, grade in grades.items() if grade.chances[0] < _CLEAR_CHANCE)


def _heights(level: Level, h: Heights) -> list[Finding]:
    method = f"mean distance of the endplates along the cranial axis, definition {h.definition}"
    found = [_number(f"{site}_height", level, *h.at(site), "mm", method) for site in SITES] + [
        _number("body_depth", level, h.depth_mm, 0.7, "mm", "walls over the middle third of the height")
    ]
    for name, (top, bottom) in _RATIOS.items():
        found.append(_number(name, level, *_ratio(*h.at(top), *h.at(bottom)), "1", f"{top} / {bottom} height"))
    return found


def _intended(level: Level) -> str | None:
    """Why a level is not graded although it is measured; None when it is."""
    return None if level.is_intended else "deformities are graded from T5 to L5 only"


def _deformity(level: Level, h: Heights, reference: Reference | str) -> list[Finding]:
    if isinstance(reference, str):
        return [not_evaluable(name, level, unit, reference, _GRADE_METHOD) for name, unit in _AGAINST_REFERENCE]
    line = f"line through undeformed neighbours {', '.join(n.name for n in reference.neighbours)}"
    found = [
        _number(f"reference_{site}_height", level, reference.heights_mm[site], reference.sd_mm[site], "mm", line)
        for site in SITES
    ]
    expected, expected_sd = reference.heights_mm["posterior"], reference.sd_mm["posterior"]
    crush, crush_sd = _ratio(h.posterior_mm, h.posterior_sd_mm, expected, expected_sd)
    found.append(_number("crush_ratio", level, crush, crush_sd, "1", "posterior / reference posterior height"))
    grade = grade_deformity(h, reference)
    against = f"at the {grade.site} height, against its reference"
    found.append(_number("height_loss", level, grade.loss_percent, grade.loss_sd_percent, "%", against))
    return found + _grade(level, grade)


def _ratio(a: float, a_sd: float, b: float, b_sd: float) -> tuple[float, float]:
    """A ratio and its standard deviation."""
    return a / b, float(a / b * np.hypot(a_sd / a, b_sd / b))


def _grade(level: Level, grade: Grade) -> list[Finding]:
    likely = [g for g, chance in enumerate(grade.chances) if chance >= 0.025] or [grade.grade]
    chance = grade.chances[grade.grade]
    unsure = chance < _CLEAR_CHANCE
    reason = f"chance of this grade {chance:.0%}; other grades are possible" if unsure else None
    status = Status.UNCERTAIN if unsure else Status.MEASURED
    low, high = min(*likely, grade.grade), max(*likely, grade.grade)
    found = [
        Finding(
            "genant_grade", level, None, None, grade.grade, "1", low, high, status, reason, _GRADE_METHOD,
            "wang2019_msq",
        )
    ]  # fmt: skip
    for g, value in enumerate(grade.chances):
        name = f"genant_grade_probability_{g}"
        method = "heights and reference taken as normal about their values, sites as independent"
        found.append(
            Finding(name, level, None, None, round(value, 4), "1", None, None, Status.MEASURED, None, method, "spondyl")
        )
    shape = "by which of the three heights is lost: posterior too: crush; middle most: biconcave; else wedge"
    found.append(
        Finding("deformity_shape", level, None, None, grade.shape, "1", None, None, status, reason, shape, "spondyl")
    )
    return found


def _wedge_angle(vertebra: Vertebra) -> list[Finding]:
    angle = vertebral_angle(vertebra)
    if angle is None:
        return []
    method = "sagittal angle between the least-squares planes of the endplates; positive when the front is lower"
    return [_angle("vertebral_angle", vertebra.level, None, angle, method)]


def _between(vertebrae: list[Vertebra]) -> list[Finding]:
    found: list[Finding] = []
    method = "Cobb: superior endplate of the upper to inferior endplate of the lower level; positive is kyphosis"
    for upper, lower in zip(vertebrae, vertebrae[1:], strict=False):  # noqa: RUF007
        adjacent = lower.level.order - upper.level.order <= 1
        angle = angle_between(upper, lower) if adjacent else None
        if angle is not None and not (upper.is_cut or lower.is_cut):
            found.append(_angle("segmental_angle", upper.level, lower.level, angle, method))
    return found


def _regional(spine: Spine, vertebrae: list[Vertebra]) -> list[Finding]:
    by_level: Mapping[Level, Vertebra] = {v.level: v for v in vertebrae if not v.is_cut}
    found: list[Finding] = []
    for upper, lower in _REGIONS:
        if upper in by_level and lower in by_level:
            angle = angle_between(by_level[upper], by_level[lower])
            if angle is not None:
                method = "Cobb over the region, lying on the CT table; positive is kyphosis"
                found.append(_angle("cobb_angle", upper, lower, angle, method))
    scoliosis = find_scoliosis(spine)
    if scoliosis is not None:
        upper_end, lower_end, angle = scoliosis
        method = "greatest coronal angle between two levels' endplates, lying on the CT table"
        found.append(_angle("coronal_cobb_angle", upper_end.level, lower_end.level, angle, method))
    return found


def _number(name: str, level: Level, value: float, sd: float, unit: str, method: str) -> Finding:
    low, high = value - _Z95 * sd, value + _Z95 * sd
    digits = 3 if unit == "1" else 2
    return Finding(
        name, level, None, None, round(float(value), digits), unit, round(low, digits), round(high, digits),
        Status.MEASURED, None, method, "spondyl",
    )  # fmt: skip


def _angle(name: str, level: Level, level_to: Level | None, angle: Angle, method: str) -> Finding:
    value, spread = angle.degrees, _Z95 * angle.sd_degrees
    return Finding(
        name, level, level_to, None, round(value, 1), "deg", round(value - spread, 1), round(value + spread, 1),
        Status.MEASURED, None, method, "spondyl",
    )  # fmt: skip


def _nothing(level: Level, reason: str, definition: HeightDefinition) -> list[Finding]:
    names = [(f"{site}_height", "mm") for site in SITES]
    names += [*((name, "1") for name in _RATIOS), *_AGAINST_REFERENCE]
    return [not_evaluable(name, level, unit, reason, f"definition {definition.name}") for name, unit in names]
