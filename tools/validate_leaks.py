"""Write docs/validation/leaks.md: injections into vertebrae against published cases; leaks by grid and by cement.

Run as `python -m tools.validate_leaks --work DIR`; takes some minutes, and SPONDYL_DATA for the real CTs. What is done
is kept in DIR, so that a broken run goes on; remove a file there to have its part made anew.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np

from spondyl.findings import GradedCalibration, nominal_calibration
from spondyl.planning import Plan, plan_augmentation
from spondyl.simulation import (
    BodyInjection,
    FlowModel,
    InjectionSettings,
    LeakPath,
    Needle,
    Outlet,
    Portion,
    Scenario,
    build_flow_model,
    build_injection_model,
    count_leaks,
    find_cement,
    inject,
    simulate_injection,
)
from spondyl.simulation.body_injection import FLOW_ML_PER_MIN, PRESSURE_LIMIT_MPA, START_MIN, planned_volume, portions
from spondyl.simulation.cement import BODY_C, ROOM_C, cannula_pressure_drop, porous_coefficient
from spondyl.simulation.curing_heat import simulate_heat
from spondyl.simulation.flow_model import injection_model, with_tracks
from spondyl.simulation.leak_draws import LeakTask, make_draw
from spondyl.simulation.permeability import permeability_of, transverse_ratio
from spondyl.space import Geometry, Volume
from spondyl.spine import Level, Spine, build_spine
from spondyl.spine.segmenters import segment_spine
from spondyl.studies import LabelImage, Patient, Scan, Study, read_label_image, read_study
from spondyl.synthetic import ScanSpec, VirtualSpineSpec, make_virtual_patient
from tools.leak_paths import make_section, opened
from tools.segmentation_runs import named

PAGE = Path(__file__).parents[1] / "docs" / "validation" / "leaks.md"
DATA = Path(os.environ.get("SPONDYL_DATA", Path(__file__).parents[2] / "shared" / "data")) / "tptbox-l3-ct-mr"
SEEN_ML = 0.02  # a drop of 3.4 mm across, which a CT shows: a choice, beside the 0.1 mL that count here
NOMINAL = GradedCalibration(4, "nominal line of 120 kV, for the numerics alone", nominal_calibration())


LOOKED_AGAIN = (
    "### Out of band, looked at again",
    "",
    "No fault of ours was found in these; nothing was changed after them.",
    "",
    "- E12, fall in 18 s. A fall to 0.63 is a rise of the consistency by an e-fold in 39 s; the generic cements",
    "  rise by one in 190 s at 37 C (0.91), at room temperature more slowly still. They rise evenly up to their",
    "  plateau, as the handbook's law does, and a measured cement rises ever faster near its end, where this test",
    "  was made. A curve of the user's own (`--cement FILE`) can have that shape; the generic bracket has not,",
    "  and a leak late in the working time is then injected at too low a pressure.",
    "- E11, n = 0.55. The drop along a bore goes with its radius to the power -(3 n + 1): doubled, 0.062 of it is",
    "  left for n = 1 and 0.16 for n = 0.55. With 0.672 of the length widened that is 63.0 and 56.5 %, ours to",
    "  the last digit. The length that was widened is not published; 0.75 of it would be 63 % for n = 0.55. The",
    "  case cannot tell length and index apart.",
    "- E27. The share is the same with the made defect and without: the plan's cement lies in two balls about 8",
    "  mm wide at half height and does not reach the endplate (the tables below: 0.0 % of it at 1 mm, with 6 mL),",
    "  and what leaks leaves by other ways, mostly at low permeability. A share near the published ones would",
    "  need cracks that this CT does not show, or more cement; patients differ in both. What counts differs too: a",
    "  published leak is one seen on an image, ours is one of more than 0.1 mL; the row tells the share above 0.02 mL",
    "  as well. It is told and no more: the case stays out.",
    "- E28, mixing. Out before by a wrong measure: it was 1.40 edges of a voxel along a way, against 1 asked. A plane",
    "  without thickness cuts voxels in a layer of |nx| + |ny| + |nz| edges along its normal n, on average 1.5: any",
    "  sharp border was out. It is now told over that layer. No cement overtakes: none of 600 directions is out of",
    "  order, and a finer grid makes the layer thinner in mm.",
)


@cache
def virtual() -> Spine:
    """L1 between its neighbours, at 1 mm, seed 4."""
    spec = VirtualSpineSpec(levels=(Level.T12, Level.L1, Level.L2), scan=ScanSpec(in_plane_mm=1.0, slice_step_mm=1.0))
    made = make_virtual_patient(spec, np.random.default_rng(4))
    study = Study(made.ct, Scan(kvp=120.0, contrast=False), Patient())
    return build_spine(study, labels=LabelImage(made.labels, None), label_map="verse")


@cache
def real() -> Spine:
    """L3 of tptbox-l3-ct-mr; its CT is sharpened, so that its density is nominal and its leaks are numerics alone."""
    study = read_study(DATA / "l3_ct.nii.gz")
    study = replace(study, scan=replace(study.scan, kvp=120.0, contrast=False))
    labels = read_label_image(DATA / "l3_ct_vertebra_label.nii.gz")
    parts = read_label_image(DATA / "l3_ct_subregions.nii.gz")
    return build_spine(study, labels=labels, label_map="verse", subregions=parts)


def calibration() -> Iterator[str]:
    """E10 and E12."""
    for porosity in (0.85, 0.90, 0.92):
        found = [float(permeability_of(np.array(porosity), each.reference_m2)) for each in Scenario]
        told = ", ".join(f"{value:.2g}" for value in found)
        inside = "in" if 0.5 < found[2] / 4.45e-8 < 2 else "out"
        yield (
            f"| E10, porosity {porosity} | 4.45e-8 m² +- 1.72e-8 | {told} m² (low, middle, high) | {inside} (high) | "
            "high is set on this case; low and middle span what other authors found |"
        )
    yield f"| E10, across over along | 0.78 | {transverse_ratio():.2f} | in | set on this case |"
    for grade in ("low", "medium", "high"):
        cement = find_cement(f"generic-{grade}")
        clock = cement.clock_rate(ROOM_C) * START_MIN * 60
        speed = FLOW_ML_PER_MIN * 1000 / 60 / (4 * np.pi * 8.0**2)  # mm/s, 8 mm from a tip
        k = Scenario.HIGH.reference_m2 * 1e6
        thick = [
            float(porous_coefficient(1e-6 * cement.consistency(age), cement.index, np.array(k), np.array(0.9)))
            * speed ** (cement.index - 1)
            for age in (clock, clock + 18 * cement.clock_rate(BODY_C))
        ]
        inside = "in" if 1 / 3 < k / thick[0] / 60.89 < 3 else "out"
        yield (
            f"| E12, generic-{grade}, k/mu at {START_MIN:g} min | 60.9 mm4/(N s) | {k / thick[0]:.3g} | {inside} "
            "(factor 3) | a bracket of cements; speed 8 mm from a tip at 4 mL/min, high permeability |"
        )
    yield (
        f"| E12, after 18 s at 37 C | 0.63 of the start | {thick[0] / thick[1]:.2f} | "
        f"{'in' if 0.5 <= thick[0] / thick[1] <= 0.75 else 'out'} (0.50 to 0.75) | generic cements rise evenly; the "
        "measured fall lumps curing and clogging near the end of the working phase |"
    )


def cannula(injection: BodyInjection) -> Iterator[str]:
    """E11."""
    share = 0.672
    for index in (1.0, 0.55):
        narrow, wide = (cannula_pressure_drop(100e-6, index, 120.0, bore, 66.667) for bore in (2.7, 5.4))
        drop = 100 * share * (1 - wide / narrow)
        inside = "in" if abs(drop - 63) < 1 else "out"
        yield (
            f"| E11, bore doubled along 0.672 of the length, n = {index} | 63 % | {drop:.1f} % | {inside} | the "
            f"share of the length follows from 63 % if n = 1{'' if index == 1 else '; a thinning cement gains less'} |"
        )
    course = injection.result.course
    lost = float((course.cannula_kpa / course.syringe_kpa).mean())
    yield (
        f"| E11, pressure lost in the cannula, whole injection | 95 % | {100 * lost:.1f} % | "
        f"{'in' if 0.85 <= lost <= 0.99 else 'out'} (85 to 99) | virtual L1, middle permeability |"
    )


def heat(spine: Spine, flow: FlowModel, plan: Plan) -> Iterator[str]:
    """E15: the cement of a plan with 6 and with 10 mL."""
    for volume in (6.0, 10.0):
        made = simulate_injection(
            spine, plan, flow=flow, volume_ml=volume, cement="generic-low", start_min=3.0, pressure_limit_mpa=None
        )
        found = simulate_heat(spine, made)
        assert found.canal_c is not None
        inside = "in" if 50 <= found.centre_c <= 112 and 38 <= found.canal_c <= 57 else "out"
        yield (
            f"| E15, peak with {volume:g} mL: centre, anterior wall, canal | 49 to 112, 44 to 113, 39 to 57 C | "
            f"{found.centre_c:.0f}, {found.anterior_wall_c:.0f}, {found.canal_c:.0f} C | {inside} (centre 50 to 112, "
            "canal 38 to 57) | reaction's speed, conductivity and no blood are choices; a probe meets cement or not |"
        )
        yield (
            f"| E15, minutes above 50 C with {volume:g} mL, most anywhere | up to 8 at the centre | "
            f"{found.dwell_min.array.max():.1f}; hottest voxel {found.peak.array.max():.0f} C | - | no probe of the "
            "experiment lay in the hottest place for sure |"
        )


def portions_in_order() -> Iterator[str]:
    """E28: four portions of 1 mL in an anisotropic box with two ways out."""
    n = 41
    grid = Geometry(np.eye(4), (n, n, n))
    labels = np.zeros(grid.shape, np.int16)
    labels[0, 18:23, 18:23], labels[-1, 18:23, 18:23] = 1, 2
    model = build_injection_model(
        Volume(np.full(grid.shape, 2e-8), grid, "m2"),
        Volume(np.full(grid.shape, 0.9), grid, "1"),
        outlet_labels=Volume(labels, grid, "1"),
        outlets={1: Outlet("left way", np.inf), 2: Outlet("right way", np.inf)},
        anisotropy=(1.0, 0.78, 0.78),
    )
    starts = (3.0, 4.0, 5.0, 6.0)
    schedule = [Portion(Needle((20.0, 20.0, 20.0)), 1.0, 4.0, start) for start in starts]
    found = inject(model, schedule, find_cement("generic-low"))
    number = np.digitize(found.entered_min, starts) - 1  # the portion that a voxel's cement mostly is
    ways = _directions(600)
    outer, steps_back, mixed = [], 0, []
    for way in ways:
        reach = np.arange(1.0, 20.0, 0.25)
        cells = np.rint(20 + reach[:, None] * way).astype(int)
        filled = found.saturation[tuple(cells.T)] >= 0.5
        seen = number[tuple(cells.T)][filled]
        outer.append(seen[-1] == 0)
        steps_back += int((np.diff(seen) > 0).sum())
        entered = found.entered_min[tuple(cells.T)][filled]
        between = np.abs((entered - np.floor(entered)) - 0.125) > 0.126  # in no portion's quarter of a minute
        mixed.append(float(between.sum()) * 0.25 / 3)
    sharp = float(np.abs(ways).sum(axis=1).mean())  # of the layer of voxels that a plane without thickness cuts: 1.5
    share = float(np.mean(outer))
    yield (
        f"| E28, outermost shell is the first portion | over 80 % of directions | {100 * share:.0f} % | "
        f"{'in' if share > 0.8 else 'out'} | first in leaves a voxel first |"
    )
    yield (
        f"| E28, mixing between portions | at most a voxel | {np.mean(mixed) / sharp:.2f} of the voxels that a border "
        f"without thickness cuts ({np.mean(mixed):.2f} edges of {sharp:.2f}), {steps_back} of {len(ways)} directions "
        f"out of order | {'in' if np.mean(mixed) <= sharp else 'out'} | a voxel holds one mean age: one cut by it "
        "counts as mixed |"
    )
    leaks = sum(leak.volume_ml for leak in found.leaks)
    x, y, z = (np.sqrt((found.saturation * (axis - 20.0) ** 2).sum()) for axis in np.indices(grid.shape))
    yield (
        f"| E28, longest travel is to the ways out | observed | length along them {2 * x / (y + z):.2f} of that "
        f"across, {leaks:.3f} mL out | {'in' if x > y else 'out'} | mostly by the permeability along them |"
    )


def shares(spine: Spine, flow: FlowModel, plan: Plan) -> Iterator[str]:
    """E27 on a sound and an opened body."""
    for name, body in (
        ("as its CT shows it", flow),
        ("with a defect of 8 mm above the left tip", _above_tip(flow, plan)),
    ):
        found = count_leaks(spine, plan, runs=60, seed=15, flow=body)
        some = found.path(None)
        low, high = some.share.interval
        by = " / ".join("no cement" if share is None else f"{100 * share.value:.0f}" for _, share in some.by_scenario)
        inside = "in" if 0.2 <= some.share.value <= 0.5 else "out"
        smallest = np.mean([sum(draw.leaked_ml[-1]) > SEEN_ML for draw in found.draws if draw.in_body])
        yield (
            f"| E27, virtual L1 {name} | 33 and 40 % of patients or levels | {100 * some.share.value:.0f} % of 60 runs "
            f"({100 * low:.0f} to {100 * high:.0f}); low / middle / high {by} % | {inside} (20 to 50) | runs of one "
            f"virtual body, not patients; cracks too thin for CT are not in the model; {100 * smallest:.0f} % of runs "
            f"leaked more than {SEEN_ML:g} mL, and a published leak is what was seen on an image, of any volume |"
        )


def grids(spine: Spine, calibration: GradedCalibration | None) -> Iterator[str]:
    """Whole injections on three grids, and paired draws."""
    plan = _planned(spine)
    level = plan.level
    for voxel in (2.0, 1.0, 0.5):
        flow = _above_tip(build_flow_model(spine, level, voxel_mm=voxel, calibration=calibration), plan)
        begun = time.process_time()
        found = simulate_injection(spine, plan, flow=flow, volume_ml=6.0)
        spent = time.process_time() - begun
        course, disc = found.result.course, found.leak(LeakPath.DISC_SUPERIOR)
        yield (
            f"| {voxel:g} mm | {flow.bone.sum()} | {found.result.steps} | {course.tip_kpa.max():.1f} | "
            f"{disc.volume_ml:.3f} | {found.leaked_ml - disc.volume_ml:.3f} | {100 * found.contact_superior:.1f} | "
            f"{abs(found.result.volume_error):.0e} | {spent:.1f} |"
        )


@cache
def rider() -> Spine:
    """T9 and T10 of rider-pilot-0117-thoracic by the own segmenter; the scan's voltage and contrast by its README."""
    study = read_study(DATA.parent / "rider-pilot-0117-thoracic" / "ct.nii.gz")
    study = replace(study, scan=replace(study.scan, kvp=120.0, contrast=True))
    seg = segment_spine(study.ct)
    whole = [number for number, cut in enumerate(seg.cut, 1) if not cut]
    labels, parts = named(seg, {int(Level.T10) - (len(whole) - 1 - at): number for at, number in enumerate(whole)})
    return build_spine(study, labels=labels, label_map="verse", subregions=parts)


def steps(name: str, spine: Spine, calibration: GradedCalibration | None) -> Iterator[str]:
    """A whole injection by the length of its steps."""
    plan = _planned(spine)
    level = plan.level
    flow = with_tracks(_above_tip(build_flow_model(spine, level, calibration=calibration), plan), plan.needles)
    model = injection_model(flow, reference_m2=Scenario.MIDDLE.reference_m2)
    schedule = portions(plan, 6.0, FLOW_ML_PER_MIN, START_MIN, tips=flow.tips)
    for fill, rise in ((1.0, 0.1), (0.5, 0.05), (0.25, 0.025), (0.125, 0.0125)):
        settings = InjectionSettings(pressure_limit_mpa=PRESSURE_LIMIT_MPA, fill_step=fill, curing_step=rise)
        begun = time.process_time()
        found = inject(model, schedule, find_cement("generic-medium"), settings)
        spent, leaked = time.process_time() - begun, sum(leak.volume_ml for leak in found.leaks)
        tip = found.course.tip_kpa.max()
        cells = name, f"{fill:g}", f"{100 * rise:g} %", str(found.steps), f"{tip:.1f}", f"{leaked:.4f}", f"{spent:.1f}"
        yield f"| {' | '.join(cells)} |"


def paired(spine: Spine, runs: int = 20) -> Iterator[str]:
    """The same draws at 2 and at 1 mm."""
    plan = plan_augmentation(spine, "L1")
    leaked = {}
    for voxel in (2.0, 1.0):
        flow = with_tracks(_above_tip(build_flow_model(spine, "L1", voxel_mm=voxel), plan), plan.needles)
        schedule = portions(plan, planned_volume(plan), FLOW_ML_PER_MIN, START_MIN)
        settings = InjectionSettings(pressure_limit_mpa=PRESSURE_LIMIT_MPA, rtol=1e-5)
        task = LeakTask(flow, schedule, find_cement("generic-medium"), settings, 15)
        leaked[voxel] = np.array([sum(make_draw(task, number).leaked_ml[-1]) for number in range(runs)])
    apart = leaked[2.0] - leaked[1.0]
    same = np.mean((leaked[2.0] > 0.1) == (leaked[1.0] > 0.1))
    yield (
        f"{runs} paired draws: mean leak {leaked[2.0].mean():.3f} mL at 2 mm, {leaked[1.0].mean():.3f} at 1 mm, bias "
        f"{apart.mean():+.3f} +- {apart.std(ddof=1) / np.sqrt(runs):.3f} mL; on the same side of 0.1 mL in "
        f"{100 * same:.0f} %. Draws run at 1 mm unless asked otherwise."
    )


@dataclass(frozen=True)
class Kept:
    """Parts of the page that are done, each in a file of its own, so that a broken run goes on."""

    folder: Path

    def part(self, name: str, make: Callable[[], Iterable[str]]) -> list[str]:
        """Its lines: those that are kept, or made now and kept."""
        file = self.folder / f"{name}.md"
        if not file.is_file():
            begun = time.process_time()
            lines = list(make())
            file.write_text("\n".join(lines) + "\n", encoding="utf-8")
            print(f"{name}: {time.process_time() - begun:.0f} CPU s", flush=True)
        return file.read_text(encoding="utf-8").splitlines()


def write_page(kept: Kept) -> None:
    """Run what is not kept yet and write the page."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout
    head, rule = "| case | published | ours | in band? | why |", "|---|---|---|---|---|"
    course = (
        "| grid | voxels | steps | tip, kPa | disc leak, mL | other leaks, mL | upper endplate reached, % | "
        "volume error | CPU s |"
    )
    lines = [
        "# Leaks under doubt: published cases, grid and cement",
        "",
        "Question: do injections into a vertebra agree with what was published, and what do their leaks hang on?",
        "Parameters were set on the cases of calibration and frozen in a commit of their own (decision 0015), then the",
        "rest was run. 'Out' with a reason is a result. Virtual patients and one public CT; no patient's leak is here.",
        "",
        "Changed after the first run, and named here: bone within 3 mm of a crack's mouth now counts as open as",
        "spongy bone. Before, E27 was 15 % of runs on the sound body and 12 % on the opened one, and the disc leak",
        "of L3 at 2 mm was 0.000 mL. No other case hangs on it.",
        "",
        "Changed later, in the numerics alone: the mouth of a vein resists as a disc of its own width in a wall,",
        "where it was a whole face of a voxel, and a voxel that an opening leaves through is not narrowed by its",
        "share inside. Before: E27 on the sound body 15 % (35 / 10 / 0), and leaks through veins, 6 mL in, 0.029,",
        "0.021 and 0.017 mL in L1 and 0.011, 0.011 and 0.010 mL in L3. The other cases of the two tables are as",
        "they were.",
        "",
        "## Calibration",
        "",
        head,
        rule,
        *kept.part("calibration", calibration),
        "",
        "## After the freeze",
        "",
        head,
        rule,
        *kept.part("cannula", lambda: cannula(simulate_injection(virtual(), planned_l1(), flow=flow_l1()))),
        *kept.part("heat", lambda: heat(virtual(), flow_l1(), planned_l1())),
        *kept.part("portions", portions_in_order),
        *kept.part("shares", lambda: shares(virtual(), flow_l1(), planned_l1())),
        "",
        "E05 to E09, E13, E14 and E16 are of mechanics and balloons: not of this model. A15 (a rise of 126.9 K) holds",
        "in `tests/physics/test_curing_heat.py`.",
        "",
        *LOOKED_AGAIN,
        "",
        *kept.part("paths", lambda: make_section(flow_l1(), planned_l1())),
        "",
        "## Grid",
        "",
        "6 mL into the virtual L1 with the made defect:",
        "",
        course,
        "|---|---|---|---|---|---|---|---|---|",
        *kept.part("grid-l1", lambda: grids(virtual(), None)),
        "",
        "The same in L3 of tptbox-l3-ct-mr (sharpened CT: nominal density, for the numerics alone):",
        "",
        course,
        "|---|---|---|---|---|---|---|---|---|",
        *kept.part("grid-tptbox", lambda: grids(real(), NOMINAL)),
        "",
        "The same in T9 of rider-pilot-0117-thoracic (own masks, 120 kV, contrast; T10 has no way in there):",
        "",
        course,
        "|---|---|---|---|---|---|---|---|---|",
        *kept.part("grid-rider", lambda: grids(rider(), None)),
        "",
        "Steps in time, at 1 mm: share of the front's voxels that a step fills, and rise of the consistency in a step.",
        "Half a front and 5 % are what is used.",
        "",
        "| body | share of the front | rise of the consistency | steps | tip, kPa | leaks, mL | CPU s |",
        "|---|---|---|---|---|---|---|",
        *kept.part("steps-l1", lambda: steps("virtual L1", virtual(), None)),
        *kept.part("steps-tptbox", lambda: steps("tptbox L3", real(), NOMINAL)),
        *kept.part("steps-rider", lambda: steps("rider T9", rider(), None)),
        "",
        *kept.part("paired", lambda: paired(virtual())),
        "",
        "Why veins converge slowly. Before the mouth of a vein had its own width, these leaks were 0.029, 0.021 and",
        "0.017 mL in L1: one face of a voxel resists ever more on finer grids. That was a small part: a vein itself",
        "resists 6 to 30 times as much as its mouth. With the closed form of a disc the flow through a mouth is right",
        "to 3 % at 2, 1 and 0.5 mm (`tests/unit/numerics/test_near_source.py`). Most of the rest is the mouth's place,",
        "which is a voxel's: the left one lies 2.9, 4.2 and 4.8 mm from its tip on the three grids, where pressure",
        "falls steeply. The right one stays in place from 1 to 0.5 mm and still leaks a quarter less: not explained.",
        "A voxel leaks when it is full, too. These leaks are a fifth of what counts as one.",
        "",
        f"Made {datetime.now(UTC):%Y-%m-%d} on top of {commit.strip()} by `python -m tools.validate_leaks --work DIR`.",
    ]
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")


@cache
def planned_l1() -> Plan:
    """Of the virtual L1."""
    return plan_augmentation(virtual(), "L1")


@cache
def flow_l1() -> FlowModel:
    """Of the virtual L1 as its CT shows it."""
    return build_flow_model(virtual(), "L1")


def _planned(spine: Spine) -> Plan:
    """Of the second level, or of the first where the second has no way in."""
    plans = (plan_augmentation(spine, level) for level in (*spine.levels[1:2], spine.levels[0]))
    return next(plan for plan in plans if plan.needles)


def _above_tip(flow: FlowModel, plan: Plan) -> FlowModel:
    place = flow.frame.to_local(plan.needles[0].target)
    return opened(flow, (float(place[1]), float(place[2])))


def _directions(count: int) -> np.ndarray:
    k = np.arange(count) + 0.5
    z, turn = 1 - 2 * k / count, np.pi * (1 + 5**0.5) * k
    return np.stack([np.sqrt(1 - z**2) * np.cos(turn), np.sqrt(1 - z**2) * np.sin(turn), z], 1)


def main() -> None:
    """Run all and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder outside the repository for what is done")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    write_page(Kept(given.work))


if __name__ == "__main__":
    main()
