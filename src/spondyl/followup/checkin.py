"""What a person reports after the procedure, or while going without one. Not answered is None, never no."""

from __future__ import annotations

from dataclasses import dataclass, fields

from spondyl.errors import InputError

RANGES = {"days_after": (0, 3650), "pain_nrs": (0, 10), "temperature_c": (30, 45)}  # beyond is a slip of the pen


@dataclass(frozen=True)
class CheckIn:
    """Answers of one day. Messages name an answer, never its value."""

    days_after: float | None = None  # since the procedure
    pain_nrs: float | None = None  # back pain now, 0-10
    temperature_c: float | None = None
    chest_pain: bool | None = None
    dyspnoea: bool | None = None
    syncope: bool | None = None
    haemoptysis: bool | None = None
    bladder_or_bowel_dysfunction: bool | None = None
    saddle_anaesthesia: bool | None = None
    bilateral_leg_weakness: bool | None = None
    new_leg_weakness_or_numbness: bool | None = None
    new_unilateral_radicular_pain: bool | None = None
    fever: bool | None = None
    rigors: bool | None = None
    wound_redness_swelling_discharge: bool | None = None
    expanding_haematoma: bool | None = None
    pain_worse_than_before: bool | None = None
    new_focal_spine_pain: bool | None = None
    fall_since_procedure: bool | None = None
    calf_swelling: bool | None = None
    known_cancer: bool | None = None  # a fact, not a symptom
    other: str | None = None  # anything else, in the person's own words; "" : asked, and nothing

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if value is None:
                continue
            if item.name in RANGES:
                _check_number(item.name, value)
            elif item.name == "other":
                if not isinstance(value, str):
                    raise InputError('other is not words: write them in quotes, "" where there is nothing')
            elif not isinstance(value, bool):
                raise InputError(f"{item.name} is not yes or no: answer true or false, or leave it out")


def _check_number(name: str, value: object) -> None:
    low, high = RANGES[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InputError(f"{name} is not between {low} and {high}: correct it, or leave it out")


SYMPTOMS = tuple(item.name for item in fields(CheckIn) if item.name not in (*RANGES, "known_cancer", "other"))
