"""Numbers and words of the report, taken from findings: what the pictures, their text twins and the tables share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from spondyl.findings import Finding, Findings, Status
from spondyl.spine import Level

HEIGHTS = ("anterior_height", "middle_height", "posterior_height")
HEIGHT_WORDS = {"anterior_height": "anterior", "middle_height": "middle", "posterior_height": "posterior"}
GRADE_WORDS = {0: "no deformity", 1: "mild deformity", 2: "moderate deformity", 3: "severe deformity"}
_SEVERITY = {0: "none", 1: "mild", 2: "moderate", 3: "severe"}
_ABBREVIATIONS = {"hu": "HU", "qct": "QCT", "cobb": "Cobb", "genant": "Genant"}
_UNITS = {"1": "", "deg": "°", "mg/cm3": " mg/cm³", "mm2": " mm²", "mm3": " mm³", "%": " %", "[hnsf'U]": " HU"}


@dataclass(frozen=True)
class Table:
    """A table of words, with its caption and the heads of its columns; the first column names the row."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    doubts: tuple[str, ...] = ()  # sentences on what in it is uncertain or not evaluable
    marked: tuple[str, ...] = ()  # first cells of rows that stand out


def find(findings: Findings, name: str, level: Level | None) -> Finding | None:
    """The finding of this name at this level, None where there is none."""
    return next((f for f in findings if f.name == name and f.level is level and f.level_to is None), None)


def number(findings: Findings, name: str, level: Level | None) -> float | None:
    """Its value where it is a number."""
    found = find(findings, name, level)
    return float(found.value) if found is not None and isinstance(found.value, int | float) else None


def grade(findings: Findings, level: Level) -> int | None:
    """The grade of a level's deformity, None where it is not evaluable or was not asked."""
    value = number(findings, "genant_grade", level)
    return None if value is None else int(value)


def deformed_levels(findings: Findings) -> tuple[Level, ...]:
    """Levels with a deformity of grade 1 or more, from head to foot."""
    levels = {f.level for f in findings if f.name == "genant_grade" and f.level is not None}
    return tuple(sorted((v for v in levels if (grade(findings, v) or 0) > 0), key=lambda level: level.order))


def grade_chances(findings: Findings, level: Level) -> tuple[tuple[int, float], ...]:
    """The chance of each grade of a level, those that were given."""
    chances = ((n, number(findings, f"genant_grade_probability_{n}", level)) for n in range(4))
    return tuple((n, chance) for n, chance in chances if chance is not None)


def level_text(level: Level) -> str:
    """A level as it is printed: L1, sacrum."""
    return level.name.lower() if level in (Level.SACRUM, Level.COCCYX) else level.name


def level_ranges(levels: Iterable[Level]) -> str:
    """'T1 to T4, T6 and L1': three or more levels that follow one another in the spine are shortened."""
    chain = sorted((level for level in Level if level not in (Level.T13, Level.L6)), key=lambda level: level.order)
    runs: list[list[Level]] = []
    for level in sorted(levels, key=lambda level: level.order):
        last = runs[-1][-1] if runs else None
        if last in chain and level in chain and chain.index(level) == chain.index(last) + 1:
            runs[-1].append(level)
        else:
            runs.append([level])
    return joined(name for run in runs for name in _run_texts(run))


def _run_texts(run: list[Level]) -> list[str]:
    names = [level_text(level) for level in run]
    return names if len(names) < 3 else [f"{names[0]} to {names[-1]}"]


def percent_text(chance: float) -> str:
    """A chance in percent, without the sign: 0, <1, 56, >99, 100."""
    percent = 100 * chance
    if 0 < percent < 1:
        return "<1"
    return ">99" if 99 < percent < 100 else f"{percent:.0f}"


def words(name: str) -> str:
    """A name as words: 'anterior_height' becomes 'anterior height', 'trabecular_hu' 'trabecular HU'."""
    return " ".join(_ABBREVIATIONS.get(word, word) for word in name.split("_"))


def unit_text(unit: str) -> str:
    """A UCUM unit as it is printed behind a number, with its space."""
    return _UNITS.get(unit, f" {unit}")


def value_text(finding: Finding) -> str:
    """The value with its unit, or 'not evaluable'."""
    if finding.status is Status.NOT_EVALUABLE or finding.value is None:
        return "not evaluable"
    if isinstance(finding.value, str):
        return words(finding.value)
    return f"{plain_value_text(finding)}{unit_text(finding.unit)}"


def plain_value_text(finding: Finding) -> str:
    """The number without its unit; whole ones of a scale, such as a grade, without places."""
    assert isinstance(finding.value, int | float)
    is_count = finding.unit == "1" and finding.low is None and float(finding.value).is_integer()
    return str(int(finding.value)) if is_count else number_text(finding.value, finding.unit)


def interval_text(finding: Finding) -> str:
    """The 95 % interval, a dash where there is none."""
    if finding.low is None or finding.high is None:
        return "–"
    return f"{number_text(finding.low, finding.unit)} to {number_text(finding.high, finding.unit)}"


def number_text(value: float, unit: str) -> str:
    """A number with as many places as its unit deserves: 25.0 mm, a ratio 0.83, a grade 3."""
    if isinstance(value, int):
        return str(value)
    text = f"{value:.1f}" if unit != "1" else f"{value:.2f}"
    return text.lstrip("-") if float(text) == 0 else text


def place_text(finding: Finding) -> str:
    """The level, levels and side a finding speaks of."""
    if finding.level is None:
        return "whole study"
    levels = level_text(finding.level)
    if finding.level_to is not None:
        levels += f" to {level_text(finding.level_to)}"
    return levels if finding.side is None else f"{levels}, {finding.side.value}"


def joined(names: Iterable[str]) -> str:
    """'T12', 'T12 and L1', 'T11, T12 and L1'."""
    *first, last = list(names) or [""]
    return f"{', '.join(first)} and {last}" if first else last


def heights_table(findings: Findings, levels: Iterable[Level]) -> Table:
    """The three heights of each level with their intervals: the text twin of the sagittal picture and the chart."""
    rows = []
    for level in levels:
        cells = [_with_interval(find(findings, name, level)) for name in HEIGHTS]
        rows.append((level_text(level), *cells, grade_text(findings, level)))
    head = ("Level", "Anterior height", "Middle height", "Posterior height", "Deformity")
    return Table("Heights of the vertebral bodies, with 95 % intervals", head, tuple(rows))


def grade_text(findings: Findings, level: Level) -> str:
    """The grade in words, such as 'grade 2, moderate, wedge'."""
    found = grade(findings, level)
    if found is None:
        return "not evaluable" if find(findings, "genant_grade", level) else "not graded"
    shape = find(findings, "deformity_shape", level)
    kind = f", {words(shape.value)}" if found and shape is not None and isinstance(shape.value, str) else ""
    return f"grade {found}, {_SEVERITY.get(found, 'deformity')}{kind}"


def _with_interval(finding: Finding | None) -> str:
    if finding is None:
        return "not measured"
    value = value_text(finding)
    return value if finding.low is None else f"{value} ({interval_text(finding)})"
