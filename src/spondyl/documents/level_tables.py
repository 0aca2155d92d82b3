"""Tables of the report with one row a level, and sentences on what in them is doubtful."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from spondyl.documents.tables import (
    Table,
    deformed_levels,
    grade_chances,
    grade_text,
    joined,
    level_ranges,
    level_text,
    number_text,
    percent_text,
    plain_value_text,
    value_text,
    words,
)
from spondyl.findings import Finding, Findings, Status
from spondyl.spine import Level, Spine

SIGNS = {
    "gas_cleft": "gas_cleft_volume",
    "superior_endplate_defect": "superior_endplate_defect_area",
    "inferior_endplate_defect": "inferior_endplate_defect_area",
    "anterior_wall_defect": "anterior_wall_defect_area",
    "posterior_wall_defect": "posterior_wall_defect_area",
    "basivertebral_foramen": None,
    "lytic_pattern": "lytic_pattern_volume",
    "sclerotic_pattern": "sclerotic_pattern_volume",
    "physiological_wedging": None,
    "schmorl_node": None,
}  # and the finding that says how large it is
_CHANCES = tuple(f"genant_grade_probability_{grade}" for grade in range(4))
_LONG = 60  # characters of a reason that is not said twice below one table
NOT_EVALUABLE, NOTHING, UNCERTAIN = "n.e.", "–", " ?"
STATUS_WORDS = {Status.MEASURED: "measured", Status.UNCERTAIN: "uncertain", Status.NOT_EVALUABLE: "not evaluable"}
Write = Callable[[Findings], str]


@dataclass(frozen=True)
class Column:
    """A column: its head, the findings it shows, and how their cell is written."""

    head: str
    names: tuple[str, ...]
    write: Write


def levels_table(findings: Findings, levels: Sequence[Level]) -> Table:
    """Heights, height loss, grade of the deformity and the chance of each grade."""
    caption = "Heights of the bodies with 95 % intervals, and grade of the deformity"
    return _by_level(caption, _levels_columns(), findings, levels)


def further_tables(findings: Findings, levels: Sequence[Level]) -> tuple[Table, ...]:
    """What else was found: signs to look at, density, angles and canal, depth and ratios."""
    tables = (
        _signs_table(findings),
        _by_level("Density and angles; kyphosis is positive", _density_columns(), findings, levels),
        _by_level("Depth, posterior wall and canal", _canal_columns(), findings, levels),
        _by_level("Ratios, and heights expected from undeformed neighbours", _ratio_columns(), findings, levels),
    )
    return tuple(table for table in tables if table.rows or table.doubts)


def _levels_columns() -> tuple[Column, ...]:
    return (
        _measure("Anterior [mm]", "anterior_height"),
        _measure("Middle [mm]", "middle_height"),
        _measure("Posterior [mm]", "posterior_height"),
        _measure("Height loss [%]", "height_loss"),
        Column("Deformity", ("genant_grade", "deformity_shape"), _deformity),
        Column("Chance of grade 0 / 1 / 2 / 3 [%]", _CHANCES, _chances),
    )


def _density_columns() -> tuple[Column, ...]:
    return (
        _measure("Trabecular HU", "trabecular_hu"),
        _measure("Density [mg/cm³]", "trabecular_density"),
        _measure("Vertebral angle [°]", "vertebral_angle"),
        _measure("Angle to the next level [°]", "segmental_angle"),
    )


def _canal_columns() -> tuple[Column, ...]:
    return (
        _measure("Depth [mm]", "body_depth"),
        _measure("Posterior wall bulge [mm]", "posterior_wall_bulge"),
        _measure("Canal area [mm²]", "canal_area"),
        _measure("Canal compromise [%]", "canal_compromise"),
    )


def _ratio_columns() -> tuple[Column, ...]:
    return (
        _measure("Wedge ratio", "wedge_ratio"),
        _measure("Biconcavity ratio", "biconcavity_ratio"),
        _measure("Crush ratio", "crush_ratio"),
        _measure("Expected anterior [mm]", "reference_anterior_height"),
        _measure("Expected middle [mm]", "reference_middle_height"),
        _measure("Expected posterior [mm]", "reference_posterior_height"),
    )


def other_table(findings: Findings, name_text: Callable[[Finding], str]) -> Table | None:
    """What has no column: angles between levels far apart, the calibration, classes."""
    columns = (*_levels_columns(), *_density_columns(), *_canal_columns(), *_ratio_columns())
    in_columns = {name for column in columns for name in column.names} | {*SIGNS, *filter(None, SIGNS.values())}
    shown = [f for f in findings if f.level is None or _spans(f) or f.name not in in_columns]
    rows = tuple((name_text(finding), *_value_and_interval(finding)) for finding in shown)
    doubts = _doubts({name_text(finding): [(None, finding)] for finding in shown})
    caption = "Angles over several levels, calibration and classes"
    return Table(caption, ("Finding", "Value", "95 % interval"), rows, doubts) if rows else None


def level_remarks(spine: Spine | None) -> tuple[str, ...]:
    """What is to be known of vertebrae, each remark once with its levels."""
    found: dict[str, list[Level]] = {}
    for vertebra in spine or ():
        for remark in dict.fromkeys(vertebra.remarks):
            found.setdefault(remark, []).append(vertebra.level)
    return tuple(f"{level_ranges(levels)}: {remark}" for remark, levels in found.items())


def _spans(finding: Finding) -> bool:
    return finding.level_to is not None and finding.name != "segmental_angle"


def _signs_table(findings: Findings) -> Table:
    """A row for each sign, with the levels that have it, that do not, and where it cannot be told."""
    rows: list[tuple[str, ...]] = []
    doubtful: dict[str, list[tuple[Level | None, Finding]]] = {}
    for name, size in SIGNS.items():
        found = [finding for finding in findings if finding.name == name and finding.level is not None]
        if found:
            head = words(name)[0].upper() + words(name)[1:]
            doubtful[head] = [(finding.level, finding) for finding in found]
            sizes = {f.level: value_text(f) for f in findings if f.name == size and isinstance(f.value, float)}
            yes = [f for f in found if f.value == "yes"]
            large = [_seen(f, sizes) for f in yes if f.side is not None or f.level in sizes]
            plain = _levels_where([f for f in yes if f.side is None and f.level not in sizes])
            others = (_levels_where([f for f in found if f.value == value]) for value in ("no", None))
            rows.append((head, "; ".join((*large, *plain)) or NOTHING, *("; ".join(o) or NOTHING for o in others)))
    caption = "Signs to look at in the images: never a diagnosis"
    return Table(caption, ("Sign", "Yes", "No", "Not evaluable"), tuple(rows), _doubts(doubtful))


def _seen(finding: Finding, sizes: dict[Level | None, str]) -> str:
    """'L1 (right, 38 mm²)'."""
    assert finding.level is not None
    side = None if finding.side is None else finding.side.value
    more = ", ".join(filter(None, (side, sizes.get(finding.level))))
    return _marked(level_text(finding.level) + (f" ({more})" if more else ""), finding)


def _levels_where(found: Sequence[Finding]) -> list[str]:
    """Ranges of levels, those that are uncertain apart."""
    sure = [f.level for f in found if f.level is not None and f.status is not Status.UNCERTAIN]
    unsure = [f.level for f in found if f.level is not None and f.status is Status.UNCERTAIN]
    return [*([level_ranges(sure)] if sure else []), *([f"{level_ranges(unsure)}{UNCERTAIN}"] if unsure else [])]


def _by_level(caption: str, columns: Sequence[Column], findings: Findings, levels: Sequence[Level]) -> Table:
    """A row for each level; a column that is evaluable nowhere is left out and named below the table."""
    of_level: dict[Level, list[Finding]] = {level: [] for level in levels}
    for finding in findings:
        if finding.level is not None and not _spans(finding):
            of_level[finding.level].append(finding)

    def shown(column: Column, level: Level) -> Findings:
        return tuple(finding for finding in of_level[level] if finding.name in column.names)

    used = [c for c in columns if any(f.status is not Status.NOT_EVALUABLE for v in levels for f in shown(c, v))]
    concerned = [v for v in levels if any(shown(column, v) for column in used)]
    rows = tuple((level_text(v), *(column.write(shown(column, v)) for column in used)) for v in concerned)
    doubtful: dict[str, list[tuple[Level | None, Finding]]] = {
        c.head.split(" [")[0]: [(v, f) for v in levels for f in shown(c, v)] for c in columns if c.names is not _CHANCES
    }
    marked = tuple(level_text(v) for v in deformed_levels(findings))
    return Table(caption, ("Level", *(column.head for column in used)), rows, _doubts(doubtful), marked)


def _doubts(columns: dict[str, list[tuple[Level | None, Finding]]]) -> tuple[str, ...]:
    """One sentence for all columns and levels that share a doubt."""
    places: dict[tuple[Status, str], dict[str, list[Level]]] = {}
    for head, cells in columns.items():
        for level, finding in cells:
            if finding.status is not Status.MEASURED:
                heads = places.setdefault((finding.status, finding.reason or ""), {})
                seen = heads.setdefault(head, [])
                if level is not None and level not in seen:
                    seen.append(level)
    reasons = [reason for _, reason in places]
    return tuple(
        sentence
        for number, ((status, reason), heads) in enumerate(places.items())
        for sentence in _sentences(status, _shortened(reason, reasons[:number]), heads, columns)
    )


def _shortened(reason: str, said: list[str]) -> str:
    """The reason, with what was said before in it left out."""
    for earlier in said:
        if len(earlier) > _LONG:
            reason = reason.replace(earlier, "as above")
    return reason


def _sentences(status: Status, reason: str, heads: dict[str, list[Level]], columns: Iterable[str]) -> list[str]:
    """'L3: not evaluable (cut)', or 'Gas cleft and lytic pattern at L3: ...' where it is not the whole row."""
    same: dict[tuple[Level, ...], list[str]] = {}
    for head, levels in heads.items():
        same.setdefault(tuple(levels), []).append(head)
    sentences = []
    for places, names in same.items():
        what = "" if places and len(names) == len(list(columns)) else _as_words(names)
        where = level_ranges(places) if places else ""
        place = " at ".join(filter(None, (what, where)))
        sentences.append(f"{place}: {STATUS_WORDS[status]}{f' ({reason})' if reason else ''}.")
    return sentences


def _as_words(heads: list[str]) -> str:
    first, *rest = heads
    return joined([first[0].upper() + first[1:], *(head[0].lower() + head[1:] for head in rest)])


def _measure(head: str, name: str) -> Column:
    return Column(head, (name,), _number)


def _number(found: Findings) -> str:
    if not found:
        return NOTHING
    finding = found[0]
    if finding.value is None or isinstance(finding.value, str):
        return NOT_EVALUABLE if finding.value is None else _marked(finding.value, finding)
    value = plain_value_text(finding)
    interval = _range(finding)
    return _marked(f"{value} ({interval})" if interval else value, finding)


def _range(finding: Finding) -> str | None:
    """The interval in words; None where an end of it is not known."""
    if finding.low is None or finding.high is None:
        return None
    low, high = (number_text(float(x), finding.unit) for x in (finding.low, finding.high))
    return f"{low} to {high}" if low.startswith("-") else f"{low}–{high}"


def _deformity(found: Findings) -> str:
    level = found[0].level if found else None
    if level is None:
        return NOTHING
    if found[0].status is Status.NOT_EVALUABLE:
        return NOT_EVALUABLE
    return _marked(grade_text(found, level), found[0])


def _chances(found: Findings) -> str:
    level = found[0].level if found else None
    chances = () if level is None else grade_chances(found, level)
    return " / ".join(percent_text(chance) for _, chance in chances) or NOTHING


def _marked(text: str, finding: Finding) -> str:
    return text + UNCERTAIN if finding.status is Status.UNCERTAIN else text


def _value_and_interval(finding: Finding) -> tuple[str, str]:
    return _marked(value_text(finding), finding), _range(finding) or NOTHING
