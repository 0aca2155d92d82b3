"""Plans as files: plans.json, needle lines for 3D Slicer, and a table."""

from __future__ import annotations

import json
from collections.abc import Iterable
from math import floor
from pathlib import Path

from spondyl.documents.csv_tables import csv_text
from spondyl.documents.models import PlansDocument
from spondyl.documents.plan_meshes import remove_meshes, write_meshes
from spondyl.documents.records import from_json, write_document
from spondyl.errors import InputError
from spondyl.planning import WITHIN_PEDICLE, Balloon, EntryLandmark, NeedlePath, Plan, Structure
from spondyl.space import Floats
from spondyl.spine import Spine
from spondyl.studies import write_whole

PLANS_FILE, MARKUPS_FILE, TABLE_FILE = "plans.json", "needles.mrk.json", "needles.csv"
_BALLOON_COLUMNS = ("length_mm", "diameter_mm", "diameter_low_mm", "diameter_high_mm")
_MARKUPS_SCHEMA = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/"
    "markups-schema-v1.0.3.json#"
)


def write_plans(folder: Path, plans: tuple[Plan, ...], spine: Spine | None = None) -> tuple[str, ...]:
    """Write the plans of a case with their exports, in place of those before; gives the names of the files.

    Parameters
    ----------
    spine
        Where given, the surface of each planned vertebra is written, too.
    """
    remove_meshes(folder)
    meshes = write_meshes(folder, plans, spine)
    write_whole(folder / MARKUPS_FILE, markups(plans).encode())
    write_whole(folder / TABLE_FILE, table(plans).encode())
    write_document(folder / PLANS_FILE, PlansDocument.of(plans))
    return PLANS_FILE, MARKUPS_FILE, TABLE_FILE, *meshes


def read_plans(folder: Path) -> tuple[Plan, ...]:
    """The plans of a case folder."""
    return from_json(PlansDocument, folder / PLANS_FILE).record()


def find_plan(folder: Path, level: str | None) -> Plan:
    """The plan of a level, or the only one of a case."""
    plans = read_plans(folder)
    found = [plan for plan in plans if level is None or plan.level.name == level]
    if len(found) != 1:
        names = ", ".join(plan.level.name for plan in plans)
        raise InputError(f"{folder / PLANS_FILE} has plans for {names or 'no level'}: name one of them with --level")
    return found[0]


def remove_plans(folder: Path) -> None:
    """Take away plans whose spine changed: their levels may bear other names now."""
    for name in (PLANS_FILE, MARKUPS_FILE, TABLE_FILE):
        (folder / name).unlink(missing_ok=True)
    remove_meshes(folder)


def markups(plans: Iterable[Plan]) -> str:
    """Needles, and balloons from end to end, as lines of 3D Slicer's markups, LPS millimetres."""
    lines = [line for plan in plans for line in (*_needle_lines(plan), *_balloon_lines(plan))]
    return json.dumps({"@schema": _MARKUPS_SCHEMA, "markups": lines}, indent=1) + "\n"


def table(plans: Iterable[Plan]) -> str:
    """The planned needles as CSV, one a row; what is unknown is empty.

    A structure that is named under `checked` and has no clearance lies further than 12 mm away.
    """
    rows = [_row(plan, path) for plan in plans for path in plan.needles]
    columns = ["level", "side", "approach", "gauge", "outer_diameter_mm", "access_class"]
    columns += [f"{end}_{axis}_mm" for end in ("entry", "target") for axis in ("x_left", "y_back", "z_head")]
    columns += ["bone_depth_mm", "skin_depth_mm", *(f"clearance_{s.value}_mm" for s in Structure)]
    columns += [f"clearance_{s.value}_border" for s in WITHIN_PEDICLE]
    columns += [f"balloon_{name}" for name in _BALLOON_COLUMNS]
    columns += ["vertebra_inward_deg", "vertebra_cranial_deg", "table_inward_deg", "table_cranial_deg"]
    columns += ["checked", "not_checked"]
    return csv_text(columns, rows)


def _needle_lines(plan: Plan) -> list[dict[str, object]]:
    return [_line(needle_name(plan, path), {"entry": path.entry, "tip": path.target}) for path in plan.needles]


def _balloon_lines(plan: Plan) -> list[dict[str, object]]:
    lines = []
    for balloon in plan.balloons:
        half = balloon.length_mm / 2 * balloon.axis
        name = f"{plan.level.name} {balloon.side.value} balloon {balloon_words(balloon)}"
        lines.append(_line(name, {"back": balloon.centre - half, "front": balloon.centre + half}))
    return lines


def balloon_words(balloon: Balloon) -> str:
    """Length and the diameter that the cavity lets it reach, with its interval; rounded down."""
    value, low, high = (
        floor(v * 10) / 10 for v in (balloon.diameter_mm, balloon.diameter_low_mm, balloon.diameter_high_mm)
    )
    return f"{balloon.length_mm:.0f} mm long, up to {value:.1f} mm wide ({low:.1f} to {high:.1f})"


def landmark_words(landmark: EntryLandmark) -> str:
    """Where an entry lies against a landmark, such as "2 mm outside, 3 mm above (each within 0.5 mm)"."""
    if not landmark.is_found or landmark.doubt_mm is None:
        return "landmark not found"
    pairs = (landmark.outward_mm, "outside", "inside"), (landmark.upward_mm, "above", "below")
    told = [f"{abs(mm):.0f} mm {far if mm > 0 else near}" for mm, far, near in pairs if mm is not None]
    each = "each " if len(told) > 1 else ""
    return f"{', '.join(told)} ({each}within {landmark.doubt_mm:.1f} mm)"


def _line(name: str, ends: dict[str, Floats]) -> dict[str, object]:
    points = [
        {"id": str(i), "label": f"{name} {end}", "position": [round(float(x), 3) for x in point]}
        for i, (end, point) in enumerate(ends.items(), 1)
    ]
    return {"type": "Line", "coordinateSystem": "LPS", "coordinateUnits": "mm", "controlPoints": points}


def needle_name(plan: Plan, path: NeedlePath) -> str:
    """Level, side, gauge and class; a path without a class says that it is orientation only."""
    judged = "orientation only" if path.access_class is None else f"class {path.access_class.value}"
    return f"{plan.level.name} {path.side.value} {path.gauge} G, {judged}"


def _row(plan: Plan, path: NeedlePath) -> dict[str, object]:
    row: dict[str, object] = {
        "level": plan.level.name,
        "side": path.side.value,
        "approach": path.approach,
        "gauge": path.gauge,
        "outer_diameter_mm": path.outer_diameter_mm,
        "access_class": "" if path.access_class is None else path.access_class.value,
        "bone_depth_mm": round(path.bone_depth_mm, 1),
        "skin_depth_mm": "" if path.skin_depth_mm is None else round(path.skin_depth_mm, 1),
    }
    for end, point in (("entry", path.entry), ("target", path.target)):
        for axis, value in zip(("x_left", "y_back", "z_head"), point, strict=True):
            row[f"{end}_{axis}_mm"] = round(float(value), 2)
    for name in ("vertebra_inward_deg", "vertebra_cranial_deg", "table_inward_deg", "table_cranial_deg"):
        row[name] = round(getattr(path.angles, name), 1)
    balloon = plan.balloon(path.side)
    for name in () if balloon is None else _BALLOON_COLUMNS:
        row[f"balloon_{name}"] = round(getattr(balloon, name), 2)
    for clearance in path.clearances:
        row[f"clearance_{clearance.structure.value}_mm"] = round(clearance.value_mm, 2)
        if clearance.structure in WITHIN_PEDICLE:
            row[f"clearance_{clearance.structure.value}_border"] = clearance.measured_on
    row["checked"] = "" if path.access_class is None else "; ".join(plan.checked)
    row["not_checked"] = "; ".join(plan.unchecked)
    return row
