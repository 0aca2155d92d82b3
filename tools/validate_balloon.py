"""Write docs/validation/balloon.md: balloons in virtual bodies beside cadaver tests (E02, E06 to E08) and A14.

Run as `python -m tools.validate_balloon [--no-fine]`; minutes of CPU time, those at 1 mm many. Each row is kept in
build/validate_balloon.jsonl as soon as it is there: a killed run goes on; remove the file where the model has changed.
The hinge was set on E02 in voxels of 1 mm and frozen (decision 0033), and is that of every voxel (decision 0034).
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.balloon import make_wedge
from spondyl.errors import NotConverged
from spondyl.simulation import (
    BalloonLift,
    BalloonSettings,
    BrokenBody,
    break_bone,
    build_bone_model,
    damage_by_loading,
    inflate_balloons,
    press_bone,
)
from spondyl.simulation.fracture import HINGE_SHARE

ROOT = Path(__file__).parents[1]
PAGE, KEPT = ROOT / "docs" / "validation" / "balloon.md", ROOT / "build" / "validate_balloon.jsonl"
OLD, YOUNG = 130.0, 200.0  # mg/cm³
TO_THE_END = BalloonSettings(volume_ml=2.95, stop_when_restored=False)

# name: voxel mm, density, hinge, preload N, settings
CASES: dict[str, tuple[float, float, float, float, BalloonSettings]] = {
    "E02 hinge 0.25": (2.0, OLD, 0.25, 0.0, BalloonSettings()),
    "E02 hinge 0.35": (2.0, OLD, 0.35, 0.0, BalloonSettings()),
    "E06": (2.0, OLD, HINGE_SHARE, 0.0, BalloonSettings()),
    "E07": (2.0, OLD, HINGE_SHARE, 110.0, BalloonSettings()),
    "E08": (2.0, YOUNG, HINGE_SHARE, 0.0, TO_THE_END),
    "1.5 mm, E06": (1.5, OLD, HINGE_SHARE, 0.0, BalloonSettings()),
    "1.5 mm, E07": (1.5, OLD, HINGE_SHARE, 110.0, BalloonSettings()),
    "1 mm, E06": (1.0, OLD, HINGE_SHARE, 0.0, BalloonSettings()),
    "1 mm, E07": (1.0, OLD, HINGE_SHARE, 110.0, BalloonSettings()),
    "1 mm, E08": (1.0, YOUNG, HINGE_SHARE, 0.0, TO_THE_END),
    "1 mm, E02 hinge 0.25": (1.0, OLD, 0.25, 0.0, BalloonSettings()),
}
SIZES = {  # voxel mm: the validation runs
    2.0: ("E06", "E07", "E08"),
    1.5: ("1.5 mm, E06", "1.5 mm, E07", ""),
    1.0: ("1 mm, E06", "1 mm, E07", "1 mm, E08"),
}


def main() -> None:
    """Run what is missing and write the page; `--no-fine` leaves out the runs at 1 mm that are missing."""
    KEPT.parent.mkdir(exist_ok=True)
    found = {row["name"]: row for row in map(json.loads, KEPT.read_text().splitlines())} if KEPT.is_file() else {}
    for name, case in CASES.items():
        if name not in found and not (case[0] < 2.0 and "--no-fine" in sys.argv):
            found[name] = {"name": name} | _run(*case)
            with KEPT.open("a") as stream:
                stream.write(json.dumps(found[name]) + "\n")
            print(found[name], flush=True)
    PAGE.write_text(page(found), encoding="utf-8")


@cache
def body(voxel_mm: float, density: float, hinge: float) -> tuple[BrokenBody, Any]:
    """A virtual L1 pressed to a wedge of 30 % with the stiffness lost as in E02, and its plan."""
    spine, plan = make_wedge(density)
    bone = build_bone_model(spine, plan.level, voxel_mm=voxel_mm)
    return break_bone(bone, damage_by_loading(bone, press_bone(bone)), hinge_share=hinge), plan


def _run(voxel_mm: float, density: float, hinge: float, preload_n: float, settings: BalloonSettings) -> dict[str, Any]:
    broken, plan = body(voxel_mm, density, hinge)
    begun = time.process_time()
    try:
        lift = inflate_balloons(broken, plan, preload_n=preload_n, settings=settings)
    except NotConverged as error:
        return {"failed": str(error), "cpu_s": time.process_time() - begun}
    return _row(lift) | {"cpu_s": time.process_time() - begun}


def _row(lift: BalloonLift) -> dict[str, Any]:
    return {
        "lacking": lift.before.posterior_mm - lift.before.anterior_mm,
        "inflated": lift.lift_mm(lift.inflated)[0],
        "kept": lift.lift_mm()[0],
        "gauge": max(max(stage.pressures_mpa) for stage in lift.stages),
        "volume": max(sum(stage.volumes_ml) for stage in lift.stages),
        "stopped": lift.stopped_by,
        "linear": lift.linear_volume_error,
        "mass": lift.mass_error,
        "side": lift.bulge_mm,
        "back": lift.back_mm,
    }


def page(found: dict[str, dict[str, Any]]) -> str:
    """The page's text."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout
    lines = [
        "# Balloons beside cadaver tests",
        "",
        "Question: do pressure, lift and what stays of it under load lie where cadaver tests found them? One virtual",
        f"L1 pressed to a wedge of 30 % ({OLD:g} mg/cm³; {YOUNG:g} for E08), two balloons, stiffness lost as in E02,",
        "voxels of 2, 1.5 and 1 mm. The hinge is 0.30 of the depth in all of them, as E02 set it at 1 mm before E07",
        "was run there ([decision 0033](../decisions/0033-a-hinge-for-each-size-of-voxels.md)), and ends where it",
        "ends in mm; damage and hardening go by mm, not by voxel ([decision",
        "0034](../decisions/0034-a-hinge-and-damage-in-mm.md)); of the column of voxels that holds the hinge's end a",
        "balloon pushes the whole part alone ([decision 0037](../decisions/0037-a-balloon-pushes-what-is-whole.md),",
        "which has the figures without that).",
        "",
        "| run | mL in both | gauge MPa | front inflated mm | front kept mm | kept of lost | side, back wall out mm | "
        "ended by | linear volume | CPU s |",
        "|---|---|---|---|---|---|---|---|---|---|",
        *(_table_row(name, row) for name, row in found.items()),
        "",
        "'Lost' is what the front lacks to the height of the back. A linear volume is that by the first area vectors.",
        "",
        "| case | role | what | measured | asked | ours | in band |",
        "|---|---|---|---|---|---|---|",
        "| E02 | calibration | shortening given back; here of a lift without load | 31 ± 7 % | 20 to 45 % | "
        + "; ".join(
            f"{_back(found[name])} (hinge {hinge})"
            for name, hinge in (("E02 hinge 0.25", "0.25"), ("E06", "0.30"), ("E02 hinge 0.35", "0.35"))
        )
        + " | set |",
        *(line for mm, names in SIZES.items() for line in _cases(mm, *(found.get(name) for name in names))),
        "| A14 | verification | mass kept once laid onto the grid | - | 0.5 % | "
        f"{max(abs(row.get('mass', 0.0)) for row in found.values()):.0e} | **in** |",
        "",
        "**Why out of band.** The wedge lacks some 9 mm; the specimens of E06 gained 2.5 mm at 97 %, so they lacked",
        "some 2.6, and their millimetres cannot come out. Under load, what stays hangs on the hinge most of all:",
        "110 N are about as much as a hinge of 9 to 10 mm bears at all, so 8 mm keep nothing and 14 mm most of the",
        "lift, and E02 hardly tells these apart: a share within the band proves little. It is therefore **not told",
        "by this model**. E08 has no fracture like this one: its specimens were pressed to 80 %, and ours opens",
        "like a shell.",
        "",
        "**From 2 to 1 mm.** The lift kept: "
        + _sizes(found, 0, "without load")
        + "; "
        + _sizes(found, 1, "under 110 N")
        + ".",
        "Under load they do **not** agree to a fifth. Before, inflation at 1.5 mm under load ended at a side wall: a",
        "corner of the hinge's last column was squeezed through the bone ([decision",
        "0037](../decisions/0037-a-balloon-pushes-what-is-whole.md)).",
        "",
        "**Placement of the voxels.** The hinge's end still moves with the grid: in trials of decision 0037 half a",
        "voxel of 2 mm changed the lift under load by more than the sizes of voxels above do, whose hinges happen to",
        "end at one place. The lift under load is **not** converged, and one run at each size cannot show that it is.",
        *_fine_hinges(found),
        "",
        "A14 (thickness of the packed shell): `tests/unit/numerics/test_compaction.py`.",
        "",
        "What this does not show: lift in patients, ligaments and discs, real fractures, a sleeve (E07's second arm),",
        "and strength after filling beside E07's +241 %.",
        "",
        f"Made {datetime.now(UTC):%Y-%m-%d} on top of {commit.strip()} by `python -m tools.validate_balloon`.",
    ]
    return "\n".join(lines) + "\n"


def _cases(
    voxel_mm: float, free: dict[str, Any] | None, loaded: dict[str, Any] | None, young: dict[str, Any] | None
) -> list[str]:
    """The rows of E06 to E08 in voxels of one size, as far as they were run."""
    where, lines = f"{voxel_mm:g} mm", []
    if free:
        lines += [
            f"| E06, {where} | validation | lost height restored, no load | 97 % | 70 % and more | "
            f"{_share(free)} | {_band(free, 0.7, 9)} |",
            f"| E06, {where} | validation | gain, no load | 2.5 ± 0.7 mm | within that | "
            f"{_number(free, 'kept')} mm | {_band(free, 1.8, 3.2, 'kept')} |",
        ]
    if loaded:
        lines += [
            f"| E07, {where} | validation | lost height restored, 110 N | 30 % | 15 to 45 % | "
            f"{_share(loaded)} | {_band(loaded, 0.15, 0.45)} |",
            f"| E07, {where} | validation | highest gauge, 110 N | 1.21 ± 0.26 MPa | 0.8 to 1.6 | "
            f"{_number(loaded, 'gauge')} MPa | {_band(loaded, 0.8, 1.6, 'gauge')} |",
        ]
    if free and loaded:
        lines.append(f"| E06, E07, {where} | - | kept with load over without | 0.31 | - | {_ratio(loaded, free)} | - |")
    if young:
        lines.append(
            f"| E08, {where} | validation | gauge at 2.95 mL, dense bone, no load | 0.85 ± 0.19 MPa | 0.5 to 1.2 | "
            f"{_number(young, 'gauge')} MPa | {_band(young, 0.5, 1.2, 'gauge')} |"
        )
    return lines


def _fine_hinges(found: dict[str, dict[str, Any]]) -> list[str]:
    """What case E02 says of the hinge at 1 mm, as far as it was run."""
    names = {"0.25": "1 mm, E02 hinge 0.25", "0.30": "1 mm, E06"}
    told = [f"{_back(found[name])} ({hinge})" for hinge, name in names.items() if name in found]
    if not told:
        return []
    return [
        "",
        f"**E02 at 1 mm** (calibration). Given back of a lift without load, by hinge: {'; '.join(told)};",
        "measured 31 %, asked 20 to 45 %. E06 and the hinge of 0.30 are the same run: E06 is no proof of it.",
    ]


def _table_row(name: str, row: dict[str, Any]) -> str:
    if "failed" in row:
        return f"| {name} | - | - | - | - | - | - | not balanced | - | {row['cpu_s']:.0f} |"
    return (
        f"| {name} | {row['volume']:.1f} | {row['gauge']:.2f} | {row['inflated']:.2f} | {row['kept']:.2f} | "
        f"{_share(row)} | {row['side']:.1f}, {row['back']:.1f} | {row['stopped']} | {row['linear']:+.0%} | "
        f"{row['cpu_s']:.0f} |"
    )


def _told(write: Callable[[dict[str, Any]], str], row: dict[str, Any]) -> str:
    return "not balanced" if "failed" in row else write(row)


def _share(row: dict[str, Any]) -> str:
    return _told(lambda one: f"{one['kept'] / one['lacking']:.0%}", row)


def _back(row: dict[str, Any]) -> str:
    return _told(lambda one: f"{1 - one['kept'] / one['inflated']:.0%}", row)


def _number(row: dict[str, Any], name: str) -> str:
    return _told(lambda one: f"{one[name]:.2f}", row)


def _ratio(loaded: dict[str, Any], free: dict[str, Any]) -> str:
    return "not told" if "failed" in loaded or "failed" in free else f"{loaded['kept'] / free['kept']:.2f}"


def _band(row: dict[str, Any], low: float, high: float, name: str | None = None) -> str:
    if "failed" in row:
        return "not told"
    value = row[name] if name else row["kept"] / row["lacking"]
    return "**in**" if low <= value <= high else "**out**"


def _sizes(found: dict[str, dict[str, Any]], which: int, where: str) -> str:
    """What is kept in voxels of each size, and how far the coarser ones are from the finest."""
    rows = {mm: found[names[which]] for mm, names in SIZES.items() if names[which] in found}
    told = ", ".join(_number(row, "kept") for row in rows.values())
    text = f"{told} mm {where} in voxels of {', '.join(f'{mm:g}' for mm in rows)} mm"
    finest = rows[min(rows)]
    if len(rows) < 2 or any("failed" in row for row in rows.values()):
        return text
    off = [row["kept"] / finest["kept"] - 1 for mm, row in rows.items() if mm > min(rows)]
    return f"{text} ({', '.join(f'{one:+.0%}' for one in off)} of the last)"


if __name__ == "__main__":
    main()
    print(PAGE.read_text(encoding="utf-8"))
