"""What else than a fracture may explain a deformity: smooth physiological wedging, and a Schmorl node.

Read from findings alone, so that each alternative rests on numbers that are shown. They name a possibility; none takes
a grade back.
"""

from __future__ import annotations

from collections.abc import Mapping

from spondyl.evidence import find_entry
from spondyl.findings.grading import grade_limits
from spondyl.findings.heights import SITES
from spondyl.findings.types import Finding, Findings, Status, not_evaluable
from spondyl.spine import Level
from spondyl.studies import Sex

_NORM = "im-wedge-norm"
_POSSIBLE = 0.2  # chance of a grade from which a deformity is worth an alternative: the complement of a clear grade 0
_WEDGING_METHOD = (
    "asked where a deformity is possible: most height missing in front, no pit, and an endplate angle whose 95 % "
    "interval reaches down to the mean of adults without fracture; their spread is not in the evidence"
)
_NODE_METHOD = (
    "asked where a deformity is possible or an endplate has a pit: a pit, with anterior and posterior height kept"
)

_PITS_UNKNOWN = "pits of the endplates are not evaluable"
_GROUPS: Mapping[Sex | None, str] = {Sex.FEMALE: "female", Sex.MALE: "male"}  # as the evidence names them

_OfLevel = Mapping[str, Finding]


def find_alternatives(findings: Findings, sex: Sex | None = None) -> Findings:
    """Whether physiological wedging or a Schmorl node may explain each possible deformity.

    Parameters
    ----------
    findings
        From `find_deformities` and `find_endplate_defects`; what is missing makes an answer not evaluable.
    sex
        Of the patient; unknown: wedging is answered where the norms of both sexes give one answer.

    Returns
    -------
    `physiological_wedging` and `schmorl_node` of each level with a possible deformity or a pit. A yes is always
    uncertain, with what speaks for it as the reason.

    References
    ----------
    masharawi2010: mean sagittal wedging of T9-L5 by sex (evidence entry im-wedge-norm).
    """
    levels = sorted({f.level for f in findings if f.level is not None}, key=lambda level: level.order)
    found: list[Finding] = []
    for level in levels:
        of_level = {f.name: f for f in findings if f.level is level}
        if _may_be_deformed(of_level):
            found.append(_wedging(level, of_level, sex))
        if _may_be_deformed(of_level) or _pit(of_level) == "yes":
            found.append(_node(level, of_level))
    return tuple(found)


def _may_be_deformed(of_level: _OfLevel) -> bool:
    whole = of_level.get("genant_grade_probability_0")
    return whole is not None and isinstance(whole.value, float | int) and whole.value <= 1 - _POSSIBLE


def _pit(of_level: _OfLevel) -> str | None:
    """Whether either endplate has a pit: yes, no, None where that is not known."""
    answers = [of_level.get(f"{end}_endplate_defect") for end in ("superior", "inferior")]
    values = [None if finding is None else finding.value for finding in answers]
    if "yes" in values:
        return "yes"
    return "no" if values == ["no", "no"] else None


def _wedging(level: Level, of_level: _OfLevel, sex: Sex | None) -> Finding:
    name, pit, angle = "physiological_wedging", _pit(of_level), of_level.get("vertebral_angle")
    norms = _norms(level, sex)
    source = find_entry(_NORM).source
    if not norms:
        return not_evaluable(name, level, "1", "norms are known of T9 to L5 only", _WEDGING_METHOD, source=source)
    if angle is None or angle.low is None:
        return not_evaluable(name, level, "1", "the endplate angle is not known", _WEDGING_METHOD, source=source)
    in_front = _is_lowest_in_front(of_level)
    if in_front is False or pit == "yes":
        return _answer(name, level, "no", None, _WEDGING_METHOD, source)
    if in_front is None or pit is None:
        reason = "where height is missing is not known" if in_front is None else _PITS_UNKNOWN
        return not_evaluable(name, level, "1", reason, _WEDGING_METHOD, source=source)
    answers = {angle.low <= norm for norm in norms.values()}
    if len(answers) > 1:
        reason = f"depends on the sex, which is not known: norms are {_in_words(norms)}"
        return not_evaluable(name, level, "1", reason, _WEDGING_METHOD, source=source)
    if not answers.pop():
        return _answer(name, level, "no", None, _WEDGING_METHOD, source)
    reason = (
        f"the body is wedged by {angle.value} deg ({angle.low} to {angle.high}); "
        f"adults without fracture have {_in_words(norms)} on average"
    )
    return _answer(name, level, "yes", reason, _WEDGING_METHOD, source)


def _is_lowest_in_front(of_level: _OfLevel) -> bool | None:
    """Whether most height is missing in front: else the body is no wedge. None where that is not known."""
    anterior, *others = (_loss(of_level, site) for site in SITES)
    if anterior is None or None in others:
        return None
    return all(anterior >= other for other in others if other is not None)


def _norms(level: Level, sex: Sex | None) -> dict[str, float]:
    """Mean wedging of adults without fracture: of the patient's sex, or of both where it is not known. [deg]"""
    wanted = (_GROUPS[sex],) if sex in _GROUPS else tuple(_GROUPS.values())
    entry = find_entry(_NORM)
    found: dict[str, float] = {}
    for group in wanted:
        parts = dict(entry.figure(group).parts)
        if level.name in parts:
            found[group] = float(parts[level.name])
    return found


def _in_words(norms: Mapping[str, float]) -> str:
    return " and ".join(f"{value:g} deg ({group})" for group, value in norms.items())


def _node(level: Level, of_level: _OfLevel) -> Finding:
    name, pit = "schmorl_node", _pit(of_level)
    if pit is None:
        return not_evaluable(name, level, "1", _PITS_UNKNOWN, _NODE_METHOD)
    if pit == "no":
        return _answer(name, level, "no", None, _NODE_METHOD, "spondyl")
    losses = [_loss(of_level, site) for site in ("anterior", "posterior")]
    if None in losses:
        return not_evaluable(name, level, "1", "the height lost in front and behind is not known", _NODE_METHOD)
    lowest = grade_limits()[0]
    if any(loss is not None and loss >= lowest for loss in losses):
        return _answer(name, level, "no", None, _NODE_METHOD, "spondyl")
    reason = "an endplate has a pit while the heights in front and behind are kept"
    return _answer(name, level, "yes", reason, _NODE_METHOD, "spondyl")


def _loss(of_level: _OfLevel, site: str) -> float | None:
    """Height lost at a site against its reference. [%]"""
    height, expected = (of_level.get(name) for name in (f"{site}_height", f"reference_{site}_height"))
    if height is None or expected is None or height.value is None or expected.value is None:
        return None
    return 100 * (1 - float(height.value) / float(expected.value))


def _answer(name: str, level: Level, value: str, reason: str | None, method: str, source: str) -> Finding:
    status = Status.UNCERTAIN if reason else Status.MEASURED
    return Finding(name, level, None, None, value, "1", None, None, status, reason, method, source)
