"""The report's section on strength: what each level of the job bears in the model, and what it has to bear."""

from __future__ import annotations

from dataclasses import dataclass

from spondyl.documents.figures import Picture
from spondyl.documents.figures_strength import draw_curve, draw_pressed
from spondyl.documents.strength import RATIO_GRADES, LevelStrengthModel, LoadModel
from spondyl.documents.strength_files import KeptStrength
from spondyl.documents.tables import Table, joined
from spondyl.spine import Spine

ESTIMATE_SOURCES = ("walle2025", "pistoia2002")
LOAD_SOURCES = ("wilke1999",)
ENDS_WORDS = {"cement": "cement caps", "disc": "halves of discs"}


@dataclass(frozen=True)
class StrengthSheet:
    """What is printed of one level."""

    level: str
    answers: Table
    loads: Table
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class StrengthSection:
    """The levels that were pressed, and what limits the answers."""

    grade: str | None
    law: str | None
    voxel_mm: float
    ends: str  # in words
    has_damage: bool
    sheets: tuple[StrengthSheet, ...]
    left_out: tuple[str, ...]
    limits: tuple[str, ...]
    notes: tuple[str, ...]  # of ranges, resolution and what was left out, each once
    sources: tuple[str, ...]


def strength_section(kept: KeptStrength, spine: Spine | None) -> StrengthSection | None:
    """What the report prints of strength; None where no level was to be pressed."""
    document = kept.document
    if not document.levels and not document.left_out:
        return None
    grade, law = document.density_grade, document.law
    has_loads = any(load.force_n is not None for level in document.levels for load in level.loads)
    law_sources = () if document.source is None else (document.source, *ESTIMATE_SOURCES)
    return StrengthSection(
        None if grade is None else f"Density grade {grade}: {document.density_reason}",
        law,
        document.voxel_mm,
        ENDS_WORDS[document.ends],
        document.damage,
        tuple(_sheet(level, kept, spine) for level in document.levels),
        tuple(f"{one.level} was not pressed: {one.reason}" for one in document.left_out),
        document.limits,
        tuple(dict.fromkeys(f"{level.level}: {note}" for level in document.levels for note in level.notes)),
        (*law_sources, *(LOAD_SOURCES if has_loads else ())),
    )


def short_words(kept: KeptStrength) -> tuple[str, ...]:
    """A sentence for each level with a force: what it bears in the model, and how much of that a day asks for."""
    between = ENDS_WORDS[kept.document.ends]
    return tuple(_in_short(level, between) for level in kept.document.levels if level.failure_n is not None)


def _in_short(level: LevelStrengthModel, between: str) -> str:
    words = (
        f"{level.level} bears about {_force(level.failure_n, level.failure_low_n, level.failure_high_n)} in the model"
    )
    told = [load for load in level.loads if load.to_strength is not None]
    if not told:
        return f"{words}, pressed along its axis between {between}; no daily load is compared with it."
    least, most = (pick(told, key=lambda load: load.to_strength or 0.0) for pick in (min, max))
    if least is most:
        return f"{words}; {least.activity} takes {ratio_text(least)} of that."
    return f"{words}; {least.activity} takes {ratio_text(least)} of that, {most.activity} {ratio_text(most)}."


def _sheet(level: LevelStrengthModel, kept: KeptStrength, spine: Spine | None) -> StrengthSheet:
    fields = next((one for one in kept.fields if one.level.name == level.level), None)
    has_place = spine is not None and fields is not None and fields.level in spine.levels
    drawn = (
        draw_curve(level, ENDS_WORDS[kept.document.ends]),
        draw_pressed(spine, fields) if spine and fields and has_place else None,
    )
    return StrengthSheet(
        level.level,
        _answers(level),
        _loads(level, kept.document.density_grade),
        tuple(picture for picture in drawn if picture is not None),
    )


def _answers(level: LevelStrengthModel) -> Table:
    """Failure load and stiffness, and the linear estimates beside them."""
    peak = "the highest force" if level.has_peak else "the force at 1.9 % of the height: it still rises"
    told = [
        ("Failure load", _force(level.failure_n, level.failure_low_n, level.failure_high_n), peak),
        ("Stiffness", _number(level.stiffness_n_per_mm, 1000, "kN/mm"), "before anything yields"),
        (
            "By stiffness x height",
            _number(level.linear_failure_n, 1000, "kN"),
            "linear estimate, 0.0068 K H [walle2025]",
        ),
        ("The same, mapped", _number(level.mapped_n, 1000, "kN"), "by this program's map between the two"),
        ("By overstrained bone", _number(level.pistoia_n, 1000, "kN"), "linear estimate [pistoia2002], limit set here"),
        ("Force at 0.2 mm", _number(level.reaction_small_n, 1000, "kN"), "linear, for comparison with tables"),
    ]
    rows = [row for row in told if row[1] is not None]
    if level.failure_n is not None and level.causes:
        by_size = sorted(level.causes, key=lambda cause: -cause.sd)
        shares = joined(f"{cause.name} {100 * cause.sd:.0f} %" for cause in by_size)
        rows.insert(1, ("Its interval", shares, "one relative standard deviation of each cause"))
    ratio = level.failure_to_median
    if ratio is not None:
        rows.append(("Failure load over the median of these levels", f"{ratio:.2f}", "holds without a calibration too"))
    if level.stiffness_left is not None and level.lasting_mm is not None:
        left, stays = f"{level.stiffness_left:.2f} of that before", f"{level.lasting_mm:.2f} mm"
        rows.append(("Stiffness, let go after 2 % and pressed again", left, "damage set on one experiment"))
        rows.append(("Shortening that stays when let go", stays, "at once: part of it comes back later"))
    if level.failure_n is None:
        rows.insert(0, ("Failure load", "no newtons", "the density of this CT has no calibration (grade 5)"))
    return Table(f"What {level.level} bears in the model", ("What", "Value", "How"), tuple(rows))  # type: ignore[arg-type]


def _loads(level: LevelStrengthModel, grade: int | None) -> Table:
    """Loads of daily life; their share of the strength where the density's grade allows one."""
    doubts = dict.fromkeys(load.reason for load in level.loads if load.reason)
    rows = tuple(_load_row(load, grade) for load in level.loads if load.force_n is not None)
    share = ("Share of the strength",) if grade in RATIO_GRADES else ()
    return Table(f"What {level.level} has to bear", ("Activity", "Load", *share), rows, tuple(doubts))


def _load_row(load: LoadModel, grade: int | None) -> tuple[str, ...]:
    return (load.activity, force_text(load), *((ratio_text(load),) if grade in RATIO_GRADES else ()))


def force_text(load: LoadModel) -> str:
    """The load with its interval."""
    return _force(load.force_n, load.low_n, load.high_n) or "unknown"


def ratio_text(load: LoadModel) -> str:
    """Load over strength with its interval."""
    if load.to_strength is None or load.to_strength_low is None or load.to_strength_high is None:
        return "unknown"
    return f"{load.to_strength:.2f} ({load.to_strength_low:.2f} to {load.to_strength_high:.2f})"


def _force(value: float | None, low: float | None, high: float | None) -> str | None:
    """Kilonewtons with the interval."""
    if value is None or low is None or high is None:
        return None
    return f"{value / 1000:.1f} kN ({low / 1000:.1f} to {high / 1000:.1f})"


def _number(value: float | None, per: float, unit: str) -> str | None:
    return None if value is None else f"{value / per:.1f} {unit}"
