"""The published rules of another tool's spine report, beside ours, for comparison.

TotalSegmentator's spine report takes heights at 15, 50 and 85 % of the depth, calls a body conspicuous when the lowest
is less than 0.8 of the highest, and a spine osteoporotic below 90.25 HU, with a fixed sum taken off for contrast.
Written from its published description (key totalsegmentator_report); its own segmentation and sampling are not repeated
here, so the numbers come near to, and are not, that tool's.
"""

from __future__ import annotations

from spondyl.findings.heights import SITES, Heights, find_definition, measure_heights
from spondyl.findings.types import Finding, Findings, Status, not_evaluable
from spondyl.spine import Level, Spine

_SOURCE = "totalsegmentator_report"
_LOWEST_RATIO = 0.8
_OSTEOPOROSIS_HU = 90.25
_CONTRAST_HU = (20.0, 14.75)  # its two phases


def compare_totalseg_rules(spine: Spine, findings: Findings = ()) -> Findings:
    """What the rules of TotalSegmentator's spine report say of each level, and of the spine's HU.

    Parameters
    ----------
    spine
        From `build_spine`.
    findings
        May hold `trabecular_hu` (from `measure_density`); without them the HU rule is not evaluable. The phase of a
        contrast scan is not known here: the rule answers only where all limits that may apply agree.
    """
    found = [
        finding
        for v in spine
        if Level.T1.order <= v.level.order <= Level.L6.order
        for finding in _level(spine, v.level)
    ]
    return (*found, _hu_rule(spine, findings))


def _level(spine: Spine, level: Level) -> list[Finding]:
    method = "lowest / highest of the heights at 15, 50 and 85 % of the depth; conspicuous below 0.8"
    heights = measure_heights(spine[level], find_definition("midline_15_50_85"))
    if not isinstance(heights, Heights):
        return [not_evaluable("totalseg_height_ratio", level, "1", heights, method, source=_SOURCE)]
    values = [heights.at(site)[0] for site in SITES]
    ratio = min(values) / max(values)
    flag = "yes" if ratio < _LOWEST_RATIO else "no"
    values_by_name: dict[str, float | str] = {"totalseg_height_ratio": round(ratio, 3), "totalseg_conspicuous": flag}
    return [
        Finding(name, level, None, None, value, "1", None, None, Status.MEASURED, None, method, _SOURCE)
        for name, value in values_by_name.items()
    ]


def _hu_rule(spine: Spine, findings: Findings) -> Finding:
    name, method = (
        "totalseg_osteoporosis",
        "mean trabecular HU of T12-L4 below 90.25 HU, the limit raised by 20 or 14.75 HU for contrast",
    )
    if spine.study is None:
        return not_evaluable(name, None, "1", "no CT was given", method, source=_SOURCE)
    of_levels = [f for f in findings if f.name == "trabecular_hu" and f.level is not None]
    between = [f.value for f in of_levels if f.level is not None and Level.T12 <= f.level <= Level.L4]
    values = [float(value) for value in between if isinstance(value, float | int)]
    if not values:
        return not_evaluable(name, None, "1", "no trabecular HU between T12 and L4", method, source=_SOURCE)
    mean = sum(values) / len(values)
    answers = {mean < _OSTEOPOROSIS_HU + extra for extra in _corrections(spine.study.scan.contrast)}
    if len(answers) > 1:
        reason = f"mean {mean:.0f} HU lies between the limits for the possible contrast phases"
        return not_evaluable(name, None, "1", reason, method, source=_SOURCE)
    answer = "yes" if answers.pop() else "no"
    return Finding(name, None, None, None, answer, "1", None, None, Status.MEASURED, None, method, _SOURCE)


def _corrections(contrast: bool | None) -> tuple[float, ...]:
    """What the limit may be raised by: nothing without contrast, one of two phases with it, any where unknown. [HU]"""
    if contrast is None:
        return (0.0, *_CONTRAST_HU)
    return _CONTRAST_HU if contrast else (0.0,)
