"""`spondyl access`: needles into the vertebrae of a case."""

from __future__ import annotations

from math import floor
from typing import TYPE_CHECKING, Annotated

import typer

from spondyl.app.cli.options import AsJson, CaseArgument, SettingsOption

if TYPE_CHECKING:
    from spondyl.planning import NeedlePath, Plan


def access(
    case: CaseArgument,
    level: Annotated[list[str], typer.Option(help="Level to plan; may be repeated.", show_default=False)],
    course: Annotated[
        str, typer.Option(help="vertebroplasty, or kyphoplasty: with balloons between the endplates.")
    ] = "vertebroplasty",
    approach: Annotated[
        str, typer.Option(help="transpedicular, parapedicular, extrapedicular, or any of them.")
    ] = "transpedicular",
    gauge: Annotated[int, typer.Option(help="8 to 13, by nominal outer diameter.")] = 11,
    needles: Annotated[int, typer.Option(help="2: one on each side; 1: the better side.")] = 2,
    settings: SettingsOption = None,
    as_json: AsJson = False,
) -> None:
    """Plan needles: paths, clearances with their class, angles, depths; or what limits a path.

    Writes plans.json, needles.mrk.json (3D Slicer), needles.csv and STL surfaces into the case.
    """
    from spondyl.app.access import plan_levels
    from spondyl.app.cli.output import print_document, print_lines, progress
    from spondyl.documents.access import total_words
    from spondyl.documents.models import PlansDocument
    from spondyl.documents.plan_files import PLANS_FILE
    from spondyl.documents.settings import read_settings
    from spondyl.planning import cement_total

    here = read_settings(settings)
    with progress() as tell:
        plans = plan_levels(
            case, level, course=course, approach=approach, gauge=gauge, needles=needles, tell=tell, here=here
        )
    if as_json:
        print_document(PlansDocument.of(plans))
        return
    for plan in plans:
        print_lines(*_lines(plan))
    print_lines(*total_words(cement_total(plans)))
    print_lines(f"written to {case / PLANS_FILE}")


def _lines(plan: Plan) -> list[str]:
    from spondyl.documents.plan_files import balloon_words, needle_name

    lines = [f"{needle_name(plan, path)}: {_numbers(path)}" for path in plan.needles]
    lines += [_entry(path) for path in plan.needles]
    lines += [f"  {reason}" for reason in dict.fromkeys(r for path in plan.needles for r in path.reasons)]
    lines += [f"{plan.level.name} {refusal.reason}" for refusal in plan.refused]
    lines += [
        f"{plan.level.name} {b.side.value} balloon {balloon_words(b)}: limited by {b.limited_by}" for b in plan.balloons
    ]
    if plan.cement is not None:
        cement = plan.cement
        lines.append(f"cement {cement.low_ml:.1f}-{cement.high_ml:.1f} ml: a bracket [{cement.source}], no target")
    return [*lines, *_far(plan), f"not labelled, not checked: {', '.join(plan.unchecked)}", *_notes(plan)]


def _far(plan: Plan) -> list[str]:
    """What was looked for and lies further than 12 mm from every needle."""
    near = {c.structure for path in plan.needles for c in path.clearances}
    far = [structure.value.replace("_", " ") for structure in plan.checked if structure not in near]
    judged = any(path.access_class for path in plan.needles)
    return [f"checked, further than 12 mm away: {', '.join(far)}"] if far and judged else []


def _notes(plan: Plan) -> list[str]:
    return [f"note: {note}" for note in plan.notes]


def _entry(path: NeedlePath) -> str:
    from spondyl.documents.plan_files import landmark_words

    told = "; ".join(f"{landmark_words(place)} of the {place.landmark}" for place in path.landmarks if place.is_found)
    lost = ", ".join(place.landmark for place in path.landmarks if not place.is_found)
    return f"  {path.side.value} entry: {told or 'no landmark'}{f'; not found: {lost}' if lost else ''}"


def _numbers(path: NeedlePath) -> str:
    from spondyl.planning import WITHIN_PEDICLE

    # rounded down: 1.98 mm is class B and must not read 2.0
    near = [
        f"{c.structure.value.replace('_', ' ')} {floor(c.value_mm * 10) / 10:.1f} mm"
        f"{f' ({c.border_words})' if c.structure in WITHIN_PEDICLE else ''}"
        for c in path.clearances
    ]
    depth = "unknown depth" if path.skin_depth_mm is None else f"{path.skin_depth_mm:.0f} mm"
    angles = path.angles
    return "; ".join(
        [
            *near,
            f"{path.bone_depth_mm:.0f} mm from bone, {depth} from the skin",
            f"to the table {angles.table_inward_deg:.0f} deg inward, {angles.table_cranial_deg:.0f} deg to the head",
        ]
    )
