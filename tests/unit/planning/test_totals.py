"""Cement of several levels added by hand, and the flags at their limits."""

from __future__ import annotations

import dataclasses

import pytest

from spondyl.evidence import EvidenceEntry, find_entry
from spondyl.planning import CementVolume, Plan, cement_total, no_treatment, totals
from spondyl.spine import Level


def plans(*brackets: tuple[float, float]) -> tuple[Plan, ...]:
    levels = (Level.T12, Level.L1, Level.L2, Level.L3, Level.L4)
    return tuple(
        Plan(level, cement=CementVolume(low, high, 30.0, "molloy2003"))
        for level, (low, high) in zip(levels, brackets, strict=False)
    )


def test_brackets_are_added_and_the_untreated_count_for_nothing() -> None:
    total = cement_total((*plans((1.0, 2.5), (1.5, 3.0)), no_treatment("L3")))
    assert total is not None
    assert (total.low_ml, total.high_ml) == (2.5, 5.5)
    assert total.levels == (Level.T12, Level.L1) and total.flags == () and total.sources == ()
    assert cement_total((no_treatment("L1"),)) is None and cement_total(()) is None


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(3.0, 7.0, None), (3.0, 7.1, "the upper part of the bracket lies above 7 ml"), (7.1, 9.0, "all of the bracket")],
)
def test_more_than_seven_millilitres_are_flagged_with_what_was_published(
    low: float, high: float, said: str | None
) -> None:
    total = cement_total(plans((low, high)))
    assert total is not None
    if said is None:
        assert total.flags == ()
    else:
        (flag,) = total.flags
        assert flag.startswith(said) and "0.9% > 7 mL" in flag and "[hsieh2019]" in flag
        assert total.sources == ("hsieh2019",)


def test_a_fourth_level_is_flagged() -> None:
    three, four = (cement_total(plans(*[(0.5, 1.0)] * count)) for count in (3, 4))
    assert three is not None and four is not None
    assert three.flags == ()
    assert four.flags[0].startswith("4 levels are more than trials treated") and four.sources == ("free2009",)


def test_a_warning_that_lost_its_source_is_still_given_without_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    def unread(entry_id: str) -> EvidenceEntry:
        return dataclasses.replace(find_entry(entry_id), statement=None, values=(), note=None, verified=False)

    monkeypatch.setattr(totals, "find_entry", unread)
    total = cement_total(plans((4.0, 5.0), (4.0, 5.0)))
    assert total is not None and total.sources == ()
    assert [flag.split(":")[1] for flag in total.flags] == [
        " check with your team",
        " check with your team",
    ]
    assert not any("%" in flag or "mL" in flag or "hsieh" in flag for flag in total.flags)
