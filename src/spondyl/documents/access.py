"""The report's pages on the way in: one sheet a planned level, to hang on the wall."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from math import floor

from spondyl.documents.figures import Picture
from spondyl.documents.figures_access import LIMITS_MM, draw_needle, structure_words
from spondyl.documents.plan_files import balloon_words, landmark_words
from spondyl.documents.tables import Table
from spondyl.evidence import source_keys
from spondyl.planning import (
    WITHIN_PEDICLE,
    Balloon,
    CementTotal,
    Clearance,
    NeedlePath,
    Plan,
    Structure,
    cement_total,
    clearance_profiles,
)
from spondyl.planning.gauges import SOURCE as GAUGE_SOURCE
from spondyl.spine import Spine

LIMITS = "; ".join(f"{name} from {limit:g} mm" for name, limit in LIMITS_MM.items())
_ANGLES = (
    ("To the table: C-arm for the view down the needle, inward", "table_inward_deg"),
    ("To the table: the same, to the head", "table_cranial_deg"),
    ("C-arm, view from behind: tilt to the head", "c_arm_ap_cranial_deg"),
    ("C-arm, view from the side: turn, left side higher", "c_arm_lateral_deg"),
    ("In the axes of the vertebra: inward", "vertebra_inward_deg"),
    ("In the axes of the vertebra: to the head", "vertebra_cranial_deg"),
)


@dataclass(frozen=True)
class PlanSheet:
    """What is printed of one plan."""

    level: str
    needles: Table
    pictures: tuple[Picture, ...]
    refused: tuple[str, ...]
    cement: str | None
    cement_source: str | None
    alternatives: Table
    reasons: tuple[str, ...]
    unchecked: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class AccessSection:
    """The plans of a report, and why these levels."""

    why: tuple[str, ...]
    sheets: tuple[PlanSheet, ...]
    limits: str
    gauge_source: str
    totals: tuple[str, ...] = ()  # of cement over all levels, with what to think of
    total_sources: tuple[str, ...] = ()


def access_section(plans: Iterable[Plan], spine: Spine | None, why: Iterable[str] = ()) -> AccessSection | None:
    """What the report prints of plans; None where there are none and no reason for that is told."""
    treated = tuple(plan for plan in plans if not plan.is_untreated)
    sheets, told = tuple(_sheet(plan, spine) for plan in treated), tuple(why)
    if not sheets and not told:
        return None
    total = cement_total(treated)
    sources = () if total is None else total.sources
    return AccessSection(told, sheets, LIMITS, GAUGE_SOURCE, total_words(total), sources)


def total_words(total: CementTotal | None) -> tuple[str, ...]:
    """The cement of all levels where there are several, and each flag; nothing where there is nothing to say."""
    if total is None:
        return ()
    names = ", ".join(level.name for level in total.levels)
    several = f"cement of {names} together: {total.low_ml:.1f} to {total.high_ml:.1f} ml, a bracket, no target"
    return (*((several,) if len(total.levels) > 1 else ()), *(f"cement: {flag}" for flag in total.flags))


def short_words(plans: Iterable[Plan]) -> tuple[str, ...]:
    """A sentence for each planned level: sides, approach, gauge and class, or that there is no path."""
    return tuple(_in_short(plan) for plan in plans if not plan.is_untreated or plan.refused)


def _in_short(plan: Plan) -> str:
    paths = [f"{p.side.value} {p.approach}, {p.gauge} G, {class_words(p)}" for p in plan.needles]
    refused = [f"{one.side.value}: no path of {one.gauge} G" for one in plan.refused]
    return f"A way in at {plan.level.name}, should one be wanted: {'; '.join((*paths, *refused))}."


def cited_keys(section: AccessSection) -> tuple[str, ...]:
    """Keys of all sources that the section names."""
    cement = {sheet.cement_source for sheet in section.sheets} - {None}
    notes = " ".join(note for sheet in section.sheets for note in sheet.notes)
    named = {key for key in re.findall(r"\[(\w+)\]", notes) if key in source_keys()}
    return tuple(
        sorted(
            {key for key in cement if key}
            | named
            | set(section.total_sources)
            | ({GAUGE_SOURCE} if section.sheets else set())
        )
    )


def _sheet(plan: Plan, spine: Spine | None) -> PlanSheet:
    cement = plan.cement
    bracket = None if cement is None else f"{cement.low_ml:.1f} to {cement.high_ml:.1f} ml"
    return PlanSheet(
        plan.level.name,
        _needles(plan),
        () if spine is None else _pictures(plan, spine),
        tuple(refusal.reason for refusal in plan.refused),
        bracket,
        None if cement is None else cement.source,
        _alternatives(plan),
        tuple(dict.fromkeys(reason for path in plan.needles for reason in path.reasons)),
        plan.unchecked,
        plan.notes,
    )


def _pictures(plan: Plan, spine: Spine) -> tuple[Picture, ...]:
    pairs = zip(plan.needles, clearance_profiles(spine, plan), strict=True)
    return tuple(draw_needle(spine, plan, path, profile) for path, profile in pairs)


def _needles(plan: Plan) -> Table:
    """Needles as columns: what stands in one column belongs to one hand."""
    rows = [
        ("Approach", *(path.approach for path in plan.needles)),
        ("Gauge, nominal outer diameter", *(f"{p.gauge} G, {p.outer_diameter_mm:.2f} mm" for p in plan.needles)),
        ("Class", *(class_words(path) for path in plan.needles)),
        *_clearance_rows(plan),
        *_landmark_rows(plan),
        ("Tip, depth from bone", *(f"{path.bone_depth_mm:.0f} mm" for path in plan.needles)),
        ("Tip, depth from skin", *(_skin(path) for path in plan.needles)),
        *_balloon_rows(plan),
        *((words, *(_degrees(getattr(p.angles, name)) for p in plan.needles)) for words, name in _ANGLES),
    ]
    head = (
        "What",
        *(f"{path.side.value.upper()} ({'R' if path.side.value == 'right' else 'L'})" for path in plan.needles),
    )
    return Table(f"Needles of {plan.level.name}", head, tuple(rows) if plan.needles else ())


def _clearance_rows(plan: Plan) -> list[tuple[str, ...]]:
    """Least clearance by structure: value, interval, and what is left where the hand is off.

    What was looked for and lies further away than 12 mm of all needles shares one row.
    """
    if not any(path.access_class for path in plan.needles):
        return []
    structures = dict.fromkeys(c.structure for path in plan.needles for c in path.clearances)
    rows = [
        (
            f"Clearance to the {structure_words(structure)}",
            *(_clearance(path, structure, plan.checked) for path in plan.needles),
        )
        for structure in structures
    ]
    far = [structure_words(structure) for structure in plan.checked if structure not in structures]
    if far:
        rows.append(("Further than 12 mm away", *(", ".join(far) for _ in plan.needles)))
    return rows


def _landmark_rows(plan: Plan) -> list[tuple[str, ...]]:
    """The entry against each landmark, as seen from behind along the endplates."""
    return [
        (f"Entry, against the {each[0].landmark}", *(landmark_words(landmark) for landmark in each))
        for each in zip(*(path.landmarks for path in plan.needles), strict=True)
    ]


def _balloon_rows(plan: Plan) -> list[tuple[str, ...]]:
    """Size, what limits it, and where its middle lies along the needle; none where no balloon is planned."""
    if not plan.balloons:
        return []
    pairs = [(path, plan.balloon(path.side)) for path in plan.needles]
    return [
        (
            "Balloon (check the instructions for use)",
            *("none fits" if b is None else balloon_words(b) for _, b in pairs),
        ),
        ("Balloon, limited by", *("none fits" if b is None else b.limited_by for _, b in pairs)),
        ("Balloon, middle from bone", *("none fits" if b is None else _middle(path, b) for path, b in pairs)),
    ]


def _middle(path: NeedlePath, balloon: Balloon) -> str:
    return f"{(balloon.centre - path.entry) @ path.direction:.0f} mm"


def _clearance(path: NeedlePath, structure: Structure, checked: tuple[Structure, ...]) -> str:
    found = path.clearance(structure)
    if found is None:
        return "further than 12 mm" if path.access_class is not None and structure in checked else "not judged"
    value, low, high, placed = (
        floor(v * 10) / 10 for v in (found.value_mm, found.low_mm, found.high_mm, found.low_placed_mm)
    )  # rounded down: 1.98 mm is class B and must not read 2.0
    return f"{value:.1f} mm ({low:.1f} to {high:.1f}){_border(found)}; hand off: {placed:.1f}"


def _border(found: Clearance) -> str:
    """What a clearance within the pedicle was measured to; nothing for others, which are all to the mask."""
    return f", {found.border_words}" if found.structure in WITHIN_PEDICLE else ""


def _alternatives(plan: Plan) -> Table:
    rows = tuple(
        (
            str(number),
            path.side.value,
            path.approach,
            class_words(path),
            _clearance(path, Structure.CANAL, plan.checked),
            f"{path.angles.table_inward_deg:.0f}° / {path.angles.table_cranial_deg:.0f}°",
            f"{path.bone_depth_mm:.0f} mm / {_skin(path)}",
            "; ".join(path.reasons),
        )
        for number, path in enumerate(plan.alternatives, 1)
    )
    head = ("Rank", "Side", "Approach", "Class", "To the canal", "Table: inward / to the head", "Bone / skin", "Why")
    return Table(f"Other ways into {plan.level.name}, best first", head, rows)


def class_words(path: NeedlePath) -> str:
    """The class with the limit it stands for."""
    if path.access_class is None:
        return "no class: orientation only"
    limit = LIMITS_MM.get(path.access_class.value)
    return path.access_class.value if limit is None else f"{path.access_class.value} (from {limit:g} mm)"


def _skin(path: NeedlePath) -> str:
    return "unknown" if path.skin_depth_mm is None else f"{path.skin_depth_mm:.0f} mm"


def _degrees(value: float) -> str:
    return f"{value:.0f}°" if round(value) else "0°"
