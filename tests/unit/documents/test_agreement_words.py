"""What is said of two label maps: the gravest first, runs of names as one, and numbers over whole bones alone."""

from __future__ import annotations

import pytest

from spondyl.documents.agreement import AgreementDocument, agreement_sentences
from spondyl.findings import NOT_ACCURACY, Agreement, BoneMatch, Finding, Findings, MatchKind, Status
from spondyl.spine import Level


def same(level: Level, *, cut: bool = False) -> BoneMatch:
    return BoneMatch(MatchKind.SAME, (level,), (level,), cut)


def renamed(level: Level, other: Level) -> BoneMatch:
    return BoneMatch(MatchKind.RENAMED, (level,), (other,))


def told(*bones: BoneMatch, shift: int | None = None, mirrored: bool = False, findings: Findings = ()) -> str:
    return "\n".join(agreement_sentences(Agreement(bones, shift, mirrored, findings)))


def number(name: str, level: Level | None, value: float, half: float | None = None) -> Finding:
    ends = (None, None) if half is None else (value - half, value + half)
    return Finding(name, level, None, None, value, "mm", *ends, Status.MEASURED, None, "a test", "spondyl")


def test_a_shift_of_all_names_is_said_once() -> None:
    text = told(renamed(Level.T12, Level.T11), renamed(Level.L1, Level.T12), shift=-1)
    assert "all names of the second label map lie one level further towards the head (T12 as T11, and so on)" in text
    assert "L1" not in text
    two = told(renamed(Level.T11, Level.L1), shift=2)
    assert "2 levels further towards the feet" in two


def test_names_that_go_on_wrongly_below_a_place_are_said_as_runs() -> None:
    """Symptom: a merged vertebra shifts all names below it, and seven pairs were listed one by one."""
    pairs = ((Level.T9, Level.T8), (Level.T10, Level.T9), (Level.T11, Level.T10))
    text = told(same(Level.T7), *(renamed(*pair) for pair in pairs), same(Level.L1), renamed(Level.L3, Level.L2))
    assert "T9 to T11 as T8 to T10 and L3 as L2." in text


def test_two_renamed_neighbours_are_named_singly_and_other_steps_begin_a_run_anew() -> None:
    text = told(renamed(Level.T9, Level.T8), renamed(Level.T10, Level.T9), renamed(Level.T11, Level.T9))
    assert "T9 as T8, T10 as T9 and T11 as T9." in text


def test_the_gravest_comes_first() -> None:
    merged = BoneMatch(MatchKind.MERGED, (Level.T12, Level.L1), (Level.T12,))
    only = BoneMatch(MatchKind.ONLY_SECOND, (), (Level.L3,))
    cut = same(Level.L4, cut=True)
    lines = told(merged, renamed(Level.L2, Level.L1), only, cut, mirrored=True).splitlines()
    starts = ["LEFT AND RIGHT", "NAMES", "MERGED", "Only in the second label map: L3", "Cut by the image border"]
    assert [line.startswith(start) for line, start in zip(lines, starts, strict=False)] == [True] * 5


def test_numbers_leave_out_what_is_cut_merged_or_the_sacrum() -> None:
    bones = (same(Level.T12, cut=True), same(Level.L1), same(Level.L2), same(Level.SACRUM))
    findings = (
        number("dice", Level.T12, 0.1),
        number("dice", Level.L1, 0.9),
        number("dice", Level.L2, 0.8),
        number("dice", Level.SACRUM, 0.2),
    )
    text = told(*bones, findings=findings)
    assert "2 vertebrae are whole and single in both. Dice: whole 0.850 on average, lowest 0.800 at L2." in text
    assert "No height could be measured in both." in text


def test_heights_are_told_with_bias_largest_and_what_exceeds_their_doubt() -> None:
    findings = (
        number("dice", Level.L1, 0.9),
        number("anterior_height_difference", Level.L1, -2.0, 1.5),
        number("middle_height_difference", Level.L1, 0.5, 1.5),
        number("mean_height_difference", None, -0.75),
        number("mean_absolute_height_difference", None, 1.25),
    )
    text = told(same(Level.L1), findings=findings)
    wanted = "Heights differ by 1.2 mm on average (second minus first -0.8 mm), at most -2.0 mm (L1, anterior); 1 of 2"
    assert wanted in text


def test_nothing_whole_means_nothing_to_average() -> None:
    assert "nothing to average" in told(same(Level.L1, cut=True))


def test_the_document_says_that_it_is_no_accuracy_and_keeps_the_order() -> None:
    bones = (BoneMatch(MatchKind.SPLIT, (Level.L1,), (Level.L1, Level.L2)),)
    document = AgreementDocument.of(Agreement(bones, None, False, ()))
    assert document.not_accuracy == NOT_ACCURACY
    assert document.bones[0].second == (Level.L1, Level.L2)
    with pytest.raises(ValueError, match="frozen"):
        document.is_mirrored = True  # type: ignore[misc]
