"""Physiological wedging and Schmorl nodes, on findings written by hand.

Norms of T12 (masharawi2010): 3.5 deg of women, 4.9 deg of men.
"""

import pytest

from spondyl.findings import Finding, Findings, Status, find_alternatives
from spondyl.spine import Level
from spondyl.studies import Sex


def number(name: str, value: float, spread: float = 1.0, *, level: Level = Level.T12) -> Finding:
    return Finding(
        name, level, None, None, value, "1", value - spread, value + spread, Status.MEASURED, None, "by hand", "spondyl"
    )


def words(name: str, value: str, *, level: Level = Level.T12) -> Finding:
    return Finding(name, level, None, None, value, "1", None, None, Status.MEASURED, None, "by hand", "spondyl")


def deformed(
    *, angle: float = 5.0, middle: float = 24.5, pits: tuple[str, str] | None = ("no", "no"), whole: float = 0.3,
    posterior: float = 25.0, level: Level = Level.T12,
) -> Findings:  # fmt: skip
    """A level whose anterior height is 24 mm and whose others are given; references are 25 mm."""
    found = [
        number("genant_grade_probability_0", whole, 0.0, level=level),
        number("vertebral_angle", angle, level=level),
    ]
    for site, height in (("anterior", 24.0), ("middle", middle), ("posterior", posterior)):
        found += [number(f"{site}_height", height, level=level), number(f"reference_{site}_height", 25.0, level=level)]
    if pits is not None:
        found += [words("superior_endplate_defect", pits[0], level=level)]
        found += [words("inferior_endplate_defect", pits[1], level=level)]
    return tuple(found)


def answer(name: str, findings: Findings, sex: Sex | None = Sex.FEMALE) -> Finding:
    return next(f for f in find_alternatives(findings, sex) if f.name == name)


@pytest.mark.parametrize(
    ("angle", "sex", "value"),
    [
        (4.4, Sex.FEMALE, "yes"),  # 3.4 to 5.4 reaches 3.5
        (4.6, Sex.FEMALE, "no"),  # 3.6 to 5.6 does not
        (4.6, Sex.MALE, "yes"),  # 4.9
        (6.0, Sex.MALE, "no"),
        (4.4, None, "yes"),  # by both norms
        (6.0, None, "no"),
        (5.0, None, None),  # 4.0 to 6.0 reaches the norm of men alone
        (5.0, Sex.OTHER, None),
    ],
)
def test_wedging_is_held_against_the_norm_of_the_sex(angle: float, sex: Sex | None, value: str | None) -> None:
    assert answer("physiological_wedging", deformed(angle=angle), sex).value == value


def test_a_yes_says_what_speaks_for_it_and_an_unknown_sex_what_is_missing() -> None:
    found = answer("physiological_wedging", deformed(angle=4.0))
    assert found.status is Status.UNCERTAIN
    assert found.reason is not None and "4.0 deg (3.0 to 5.0)" in found.reason and "3.5 deg (female)" in found.reason
    assert found.source == "masharawi2010"
    unknown = answer("physiological_wedging", deformed(angle=5.0), None)
    assert unknown.reason is not None and "sex, which is not known" in unknown.reason


@pytest.mark.parametrize(("middle", "posterior"), [(20.0, 25.0), (24.5, 20.0)])
def test_wedging_explains_wedges_alone(middle: float, posterior: float) -> None:
    """Not a body that is lowest in its middle or behind."""
    assert answer("physiological_wedging", deformed(angle=1.0, middle=middle, posterior=posterior)).value == "no"


def test_wedging_is_smooth() -> None:
    assert answer("physiological_wedging", deformed(angle=1.0, pits=("yes", "no"))).value == "no"


def test_wedging_is_not_said_where_a_fact_is_missing() -> None:
    """The angle would speak for it; whether the endplates are smooth, or where height is missing, is not known."""
    pits = answer("physiological_wedging", deformed(angle=1.0, pits=None))
    assert pits.status is Status.NOT_EVALUABLE and "pits" in (pits.reason or "")
    place = answer("physiological_wedging", without(deformed(angle=1.0), "reference_middle_height"))
    assert place.status is Status.NOT_EVALUABLE and "where height is missing" in (place.reason or "")


def without(findings: Findings, name: str) -> Findings:
    return tuple(finding for finding in findings if finding.name != name)


def test_levels_without_a_norm_are_not_evaluable() -> None:
    assert answer("physiological_wedging", deformed(level=Level.T6)).value is None


@pytest.mark.parametrize(
    ("pits", "posterior", "value"),
    [
        (("yes", "no"), 25.0, "yes"),
        (("no", "yes"), 25.0, "yes"),
        (("yes", "no"), 19.9, "no"),  # 20.4 % lost behind
        (("no", "no"), 25.0, "no"),
        (None, 25.0, None),
    ],
)
def test_a_node_is_a_pit_in_a_body_whose_heights_are_kept(
    pits: tuple[str, str] | None, posterior: float, value: str | None
) -> None:
    assert answer("schmorl_node", deformed(pits=pits, posterior=posterior)).value == value


def test_a_clearly_whole_body_is_not_asked_about_but_its_pit_is() -> None:
    assert find_alternatives(deformed(whole=0.95), Sex.FEMALE) == ()
    assert [f.name for f in find_alternatives(deformed(whole=0.95, pits=("yes", "no")), None)] == ["schmorl_node"]


def test_nothing_is_asked_of_levels_that_are_not_graded() -> None:
    assert find_alternatives((words("superior_endplate_defect", "no"),), None) == ()
