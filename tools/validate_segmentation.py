"""Experiment behind docs/validation/segmentation.md: the own segmenter against labels, truth, collapse and bad images.

Run as `python -m tools.validate_segmentation --keep rows.json`; runs that are kept there are not run again, `--only`
and `--case` choose parts and runs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path

import numpy as np

from spondyl.space import Volume
from spondyl.spine import Level, build_spine
from spondyl.spine.segmenters import segment_spine
from spondyl.studies import read_label_image, read_study
from tools.segmentation_robustness import CHANGES, VIRTUAL, robust_row, virtual_row
from tools.segmentation_runs import (
    ARCH,
    BODY,
    DATA,
    LABELLED,
    Case,
    Row,
    against_truth,
    agreement,
    full,
    named,
    pressed_keys,
    pressed_row,
    virtual_patient,
)

PAGE = Path(__file__).parents[1] / "docs" / "validation" / "segmentation.md"
SEEDS = (503, 504)
_HEIGHT_MM = 1.2  # asked for in the issue
SHAPES = ("crush", "wedge", "biconcave")

Job = Callable[[], list[Row]]


def agreement_jobs() -> dict[str, Job]:
    """Own masks beside labels made by others."""
    return {case.folder: partial(agreement, case) for case in LABELLED}


def truth_jobs() -> dict[str, Job]:
    """Own masks beside the truth of virtual patients."""
    return {f"virtual {seed}": partial(against_truth, seed) for seed in SEEDS}


def collapse_jobs() -> dict[str, Job]:
    """Pressed bodies in two labelled CTs, in one with its own masks, and in virtual patients."""
    jobs: dict[str, Job] = {}
    for name, (make, levels, shapes) in COLLAPSED.items():
        for level, share in pressed_keys(levels):
            for shape in shapes:
                jobs[f"{name} {level.name} {share} {shape}"] = partial(_pressed, make, level, share, shape)
    return jobs


def robustness_jobs() -> dict[str, Job]:
    """Two CTs made worse, and a virtual patient."""
    real = [(folder, what) for folder in ("ts-lumbar-3mm", "lidc-0001-thoracic") for what in CHANGES]
    jobs: dict[str, Job] = {f"{folder} {what}": partial(_one, robust_row, folder, what) for folder, what in real}
    return jobs | {f"virtual {what}": partial(_one, virtual_row, what) for what in VIRTUAL}


def _one(run: Callable[..., Row], *given: str) -> list[Row]:
    return [run(*given)]


def _pressed(make: Callable[[], Case], level: Level, share: float, shape: str) -> list[Row]:
    return [pressed_row(make(), level, share, shape)]


@cache
def _labelled(number: int) -> Case:
    case = LABELLED[number]
    folder = DATA / case.folder
    study = read_study(folder / f"{case.ct}.nii.gz")
    image = read_label_image(folder / f"{case.labels}.nii.gz")
    spine = build_spine(study, labels=image, label_map="verse")
    numbers = np.where(image.labels.array > 0, ARCH, 0).astype(np.uint8)
    for vertebra in spine:
        numbers[full(vertebra.body, spine.geometry)] = BODY
    return Case(case.folder, study.ct, image.labels, Volume(numbers, spine.geometry, "1"))


@cache
def _own_masks() -> Case:
    study = read_study(DATA / "ts-thoracic-endplate" / "ct.nii.gz")
    seg = segment_spine(study.ct)
    names = {int(Level.T12) - (len(seg.cut) - 1 - k): k for k in range(2, len(seg.cut))}  # the last but one is T12
    labels, own = named(seg, names)
    return Case("ts-thoracic-endplate, own masks", study.ct, labels.labels, own.labels)


@cache
def _virtual(seed: int, first: Level, last: Level) -> Case:
    patient = virtual_patient(seed, levels=tuple(Level(n) for n in range(first, last + 1)))
    return Case(f"virtual {first.name}-{last.name}", patient.ct, patient.labels, patient.subregions)


COLLAPSED: dict[str, tuple[Callable[[], Case], tuple[Level, ...], tuple[str, ...]]] = {
    "ts-lumbar-3mm": (partial(_labelled, 1), (Level.L1, Level.L3), ("crush",)),
    "lidc-0001-thoracic": (partial(_labelled, 0), (Level.T8, Level.T12), ("crush",)),
    "ts-thoracic-endplate": (_own_masks, (Level.T7, Level.T9), ("crush",)),
    "virtual lumbar": (partial(_virtual, 601, Level.T11, Level.L5), (Level.L1, Level.L3), SHAPES),
    "virtual thoracic": (partial(_virtual, 602, Level.T5, Level.L1), (Level.T8, Level.T11), SHAPES),
}
PARTS: dict[str, Callable[[], dict[str, Job]]] = {
    "agreement": agreement_jobs,
    "truth": truth_jobs,
    "collapse": collapse_jobs,
    "robustness": robustness_jobs,
}


def write_page(kept: dict[str, list[Row]]) -> None:
    """The page, from all rows that are kept; parts that were not run are named."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
    missing = [part for part in PARTS if not kept.get(part)]
    lines = [_HEAD.rstrip(), "", f"{datetime.now(UTC):%Y-%m-%d}, on commit {commit.stdout.strip()} with what followed."]
    if missing:
        lines += ["", f"Not run yet: {', '.join(missing)}."]
    lines += ["", "## Agreement with labels of others", "", *_masks(kept.get("agreement", [])), "", _AGREEMENT_NOTE]
    lines += ["", *_pedicles(kept.get("agreement", []))]
    lines += ["", "## Virtual patients, against truth", "", *_masks(kept.get("truth", [])), "", _TRUTH_NOTE]
    lines += [
        "",
        "## Virtual: bodies pressed by a map, pedicles kept",
        "",
        *_collapse(kept.get("collapse", [])),
    ]
    lines += ["", "## Worse images", "", *_worse(kept.get("robustness", []))]
    PAGE.write_text("\n".join(lines).rstrip() + "\n")


_HEAD = """\
# Segmentation from a bare CT

Question: does `segment_spine` give each vertebra one mask, and how well does it agree with what is known?

Labels of the real CTs come from other networks or are of unstated origin, and bodies are told from arches by this
project's `build_spine` (in tptbox by its own sub-regions). So the figures are agreement, not accuracy. All constants
were chosen on lidc-0001-thoracic and ts-lumbar-3mm and one virtual patient (seed 11); ts-thoracic-endplate, tptbox,
acrin, cmb and rider were looked at while it was made, so none of them is an untouched test. The limits of doubts were
set on all seven CTs and on the pressed bodies below. Goals were: bodies 0.93 (virtual 0.95), whole 0.91 lumbar and 0.87
thoracic, heights within 1.0 mm on average (virtual 0.7) with a bias of at most 0.3 mm.

Levels cut by the image border are left out. Heights are differences of own mask minus label, each through `build_spine`
on the same CT, over anterior, middle and posterior height."""


_AGREEMENT_NOTE = """\
Not met: body and whole of lidc-0001-thoracic, whole and (by 0.03 mm) bias of tptbox-l3-ct-mr. These
rows and those of pedicles below are of b0b6969 (2026-11-28,
`python -m tools.validate_segmentation --only agreement --keep FILE`);
rows of virtual patients are of f7ee786. Before borders of arches moved to the joints
([decision 0025](../decisions/0025-bone-shared-out-at-joints.md)), whole vertebrae had 0.831, 0.902, 0.896 and 0.866.
T1 and T2 of lidc had lost tips of transverse processes to their ribs (0.705 and 0.783) and have 0.737 and 0.819 now, as
ribs may lie straight aside near the tops of the lungs; T2 has its heights again.
The bodies are the same. What holds borders, where ribs are expected, how marrow is filled in and
where the surface is cut was chosen on these four CTs, and virtual patients were looked at with each choice.

Where the rest lies, voxel by voxel (measured once, 2026-11-27, from masks and labels):

- Bodies of lidc, on a grid of 1 mm: of the label's body, 4.0 % is missed at lower end plates, 2.1 % at upper ones and
  4.2 % at the wall; 1.0 and 2.0 % are added at lower and upper end plates and 6.2 % at the wall, 4.0 % of them in the
  back half, where heads of ribs touch. Walls or end plates 0.4 to 0.5 mm further in or out change the Dice of lidc by
  +0.002 to -0.014 and that of ts-lumbar by -0.001 to -0.011: no offset is wrong in all. Nothing was bent to it.
- Arches of lidc, on 71e38dd: of the label's arch, 3.9 % stands at another level of ours, 8.9 % is bone above 200 HU in
  no mask of ours (by the pictures most are tips of transverse processes, given to the rib), 10.2 % is below 200 HU.
  Added are 6.7 % that the labels give to another level, 10.8 % within 1.5 mm of a label and 5.9 % further away (ribs;
  12.6 % before).
- tptbox: L2 hangs in from above the image and still takes some of the upper facets of L3. Where ways up from pedicles
  are cheap in lumbar levels it was 0.894 instead of 0.886.
- L5 of ts-lumbar had lost one pedicle and its arch to the sacrum: whole 0.825, with seeds beside the body 0.854, with
  borders at the joints 0.875."""


_COLLAPSE_NOTE = """\
'one': a number of its own and a body Dice over 0.6; 'odd': a number of its own and a worse mask. 'doubted': the level
itself or an uncut neighbour; 'cut': it is never measured. 'elsewhere': other uncut levels with a doubt. Heights are
own mask minus true mask, mean and largest of three. The grade is that of the own masks and of the true ones, each
through `find_deformities`, with three levels to either side. All rows are of commit 0c01c28, before borders between
arches moved (71e38dd). Virtual patients: seeds 601 and 602, drawn by `virtual_patient`, T11 to L5 and T5 to L1.

What fails, and how: none is merged and none is missed. L1 of ts-lumbar is marked as cut, as the disc at the end of
what is found hardly looks like one, and is not measured. L3 there at 50 and 33 % has no heights, as its walls are not
found on the pressed masks. T8 of lidc at 50 and 33 % is 5 to 6 mm too high in front, doubted: the pressing stretches
discs of one slice into 10 mm of grey between disc and bone, in which no edge is seen. Wedges at 33 % of virtual lumbar
bodies are up to 12.9 mm too high in front, doubted. L3 biconcave at 70 % is graded 1 for 2. Every row without a
doubt is within 1.0 mm at each height."""


def _masks(rows: list[Row]) -> list[str]:
    out = [
        "| set | levels | missed | merged | body | lowest body | whole | height error | bias | largest | no heights |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for case in dict.fromkeys(row["case"] for row in rows):
        own = [row for row in rows if row["case"] == case]
        seen = [row for row in own if row["found"] and not row.get("cut")]
        errors = np.array([error for row in seen for error in row.get("heights", [])])
        heights = (
            f"{np.abs(errors).mean():.2f} mm | {errors.mean():+.2f} mm | {np.abs(errors).max():.1f} mm"
            if len(errors)
            else "- | - | -"
        )
        body, whole = ([row[key] for row in seen] for key in ("body", "whole"))
        out.append(
            f"| {case} | {len(own)} | {sum(not row['found'] for row in own)} | {sum(row['merged'] for row in own)} "
            f"| {np.mean(body):.3f} | {min(body):.3f} | {np.mean(whole):.3f} | {heights} "
            f"| {sum('heights' not in row for row in seen)} |"
        )
    return out


_PEDICLE_NOTE = """\
Pedicles that `build_spine` finds on own masks and on the labels, of uncut levels, both sides counted. Widths are those
of the CT where the outline closes there, and the smaller of CT and mask where they are more than 2 mm apart ([decision
0031](../decisions/0031-a-pedicle-is-as-wide-as-the-ct-shows.md)); in the last column those of masks alone, which hold
parts of rib heads in thoracic levels. All limits were chosen on lidc-0001-thoracic and ts-thoracic-endplate;
ts-lumbar-3mm and tptbox-l3-ct-mr were looked at once, with everything chosen. Both widths come from the same CT, so
that they agree does not show that they are right: against truth, on tubes and virtual patients, widths are 0.3 to 0.7
mm too large. 3 mm voxels are too coarse for pedicles, and the plan gives no class there.

Not solved: T12 right of ts-thoracic-endplate (10.2 mm by the own mask; by the label 5.6 mm on the CT, 8.0 in the mask),
L3 right of ts-lumbar-3mm, T4 right (14.5 mm, label 5.7) and T11 right of lidc-0001-thoracic (outlines that do not stand
still: the mask's width, with a remark), L1 left of lidc-0001-thoracic (12.1 and 10.0 mm), and sides whose mask has no
neck. By the pictures of lidc-0001-thoracic the rays' ends lie on the cortex and leave ribs out; T1 right is 8 mm wide
there and the smaller 4.2 mm of its mask counts; at T4 right the mask's axis is that of another bone. T6 right of
lidc-0001-thoracic, which has no neck in the mask, is 4.8 mm wide at the place mirrored from the left (label 4.9). Its
row was run again with that; those of ts-lumbar-3mm and tptbox-l3-ct-mr were not: there own masks lack the neck on both
sides of a level or on none."""

_TRUTH_NOTE = """\
T11 is marked as cut and left out of the figures since; on the other six levels whole vertebrae had 0.913 and 0.925
before borders moved to the joints. T11 itself went from 0.836 to 0.820 and from 0.862 to 0.840."""


def _pedicles(rows: list[Row]) -> list[str]:
    """How many pedicles are found on own masks and on labels, and how much wider the own ones are."""
    out = [
        "| set | sides | found on own masks | of these on the CT | on labels | both | own wider, median "
        "| a tenth below | a tenth above | by masks alone, median |",
        "|" + "---|" * 10,
    ]
    for case in dict.fromkeys(row["case"] for row in rows):
        here = [row for row in rows if row["case"] == case and "pedicles" in row]
        pairs, masks = (
            [pair for row in here for pair in row[key].values()] for key in ("pedicles", "pedicles in masks")
        )
        if not pairs:
            continue
        wider, wider_masks = (_wider(some) for some in (pairs, masks))
        shown = (
            [f"{x:+.1f} mm" for x in (*np.percentile(wider, (50, 10, 90)), np.median(wider_masks))]
            if wider
            else ["-"] * 4
        )
        ours, theirs = (sum(pair[k] is not None for pair in pairs) for k in (0, 1))
        on_ct = sum(row["pedicles on the CT"][0] for row in here)
        counts = (case, len(pairs), ours, on_ct, theirs, len(wider))
        out.append("| " + " | ".join([*map(str, counts), *shown]) + " |")
    return [*out, "", _PEDICLE_NOTE]


def _wider(pairs: list[list[float | None]]) -> list[float]:
    """How much wider the first of each pair is, where both are known. [mm]"""
    return [ours - theirs for ours, theirs in pairs if ours is not None and theirs is not None]


def _collapse(rows: list[Row]) -> list[str]:
    out = [
        "| CT | level | shape | height left | outcome | body | doubted | elsewhere | height error, largest "
        "| grade own, true |",
        "|" + "---|" * 10,
    ]
    for row in rows:
        errors = row.get("heights")
        shown = "-" if not errors else f"{np.abs(errors).mean():.1f}, {np.abs(errors).max():.1f} mm"
        doubted = "yes, cut" if row.get("cut") else "yes" if row["warned"] else "no"
        grades = (row.get(key, {}).get(row["level"], "-") for key in ("grades", "true grades"))
        out.append(
            f"| {row['case']} | {row['level']} | {row['shape']} | {row['share']:.0%} | {row['outcome']} "
            f"| {row.get('body', 0):.2f} | {doubted} | {row.get('doubted elsewhere', '-')} "
            f"| {shown} | {', '.join(map(str, grades))} |"
        )
    return [*_outcomes(rows), "", *out, "", _COLLAPSE_NOTE, "", *_detection(rows)]


def _outcomes(rows: list[Row]) -> list[str]:
    """By CT: how many pressed bodies stayed one, and what is said of those that did not or whose heights are off."""
    out = [
        "| CT | runs | one vertebra | merged | missed or odd, doubted | missed or odd, silent "
        f"| heights measured | within {_HEIGHT_MM} mm on average | further off, silent |",
        "|" + "---|" * 9,
    ]
    for case in [*dict.fromkeys(row["case"] for row in rows), None]:
        own = [row for row in rows if case in (row["case"], None)]
        bad = [row for row in own if row["outcome"] != "one"]
        high = [row for row in own if row.get("heights")]
        off = [row for row in high if np.abs(row["heights"]).mean() > _HEIGHT_MM]
        told, merged = (sum(row["warned"] for row in bad), sum(row["outcome"] == "merged" for row in own))
        out.append(
            f"| {case or 'all'} | {len(own)} | {len(own) - len(bad)} | {merged} "
            f"| {told} | {len(bad) - told} | {len(high)} | {len(high) - len(off)} "
            f"| {sum(not row['warned'] for row in off)} |"
        )
    return out


def _detection(rows: list[Row]) -> list[str]:
    """Grades 2 and 3 by CT: found on the own masks where the true masks have them, and called elsewhere."""
    out = [
        "| CT | runs | grade 2 or 3 on the true mask | found | not graded | false calls per spine |",
        "|" + "---|" * 6,
    ]
    for case in dict.fromkeys(row["case"] for row in rows):
        own = [row for row in rows if row["case"] == case and "grades" in row]
        asked = [row for row in own if row["true grades"].get(row["level"], 0) >= 2]
        found = sum(row["grades"].get(row["level"], 0) >= 2 for row in asked)
        none = sum(row["level"] not in row["grades"] for row in asked)
        false = [
            sum(grade >= 2 and row["true grades"].get(level, 0) < 2 for level, grade in row["grades"].items())
            for row in own
        ]
        mean = f"{np.mean(false):.2f}" if false else "-"
        out.append(f"| {case} | {len(own)} | {len(asked)} | {found} | {none} | {mean} |")
    return out


def _worse(rows: list[Row]) -> list[str]:
    out = [
        "| CT | change | levels kept | body | lowest | merged | doubted | wrong and silent |",
        "|" + "---|" * 8,
    ]
    for row in rows:
        if "refused" in row:
            out.append(f"| {row['case']} | {row['what']} | refused | - | - | - | - | - |")
        else:
            out.append(
                f"| {row['case']} | {row['what']} | {row['kept']} of {row['levels']} | {row['body']:.3f} "
                f"| {row['lowest']:.3f} | {'no' if row['single'] else 'yes'} | {row['doubts']} | {row['silent']} |"
            )
    return [*out, "", _WORSE_NOTE]


_WORSE_NOTE = """\
Real CTs: body Dice against the masks of the unchanged CT, on levels that are uncut and in the image both times. Virtual
patient: against its truth. 'doubted' leaves out what is said of thick slices. 'wrong and silent': body Dice below 0.8,
no doubt and not cut. Rows of ts-lumbar-3mm are of commit a967b80 but for the lung kernel, of lidc-0001-thoracic
of 0c01c28, virtual ones of 7abf2af but for osteoporosis.
Slices of 5 mm are 6 mm in ts-lumbar; a level that gets no number is not counted as silent here.

What fails, and why:

- Osteoporosis of 40 mg/cm3, on 7abf2af: six bodies with a Dice of 0.65 on average, all in silence: marrow darker than
  discs was taken for fat outside the bone. Mended since; the row is of the mended state.
- Lung kernel, ts-lumbar: L5 was lost (4 of 5), as the canal's path slid off the sacrum along fat that the kernel had
  darkened, and the next disc was taken for the one on the sacrum. Where more than 60 mm of canal lie below the lowest
  disc (intact: 55 at most; here 65), the CT is searched again since, smoothed by 1 mm within slices; L5 is found and
  doubted (row of f7ee786). With L3 pressed to 50 and 33 % L5 was lost too, with 130 mm, and doubted; not run again.
- Narrow field of view, lidc: 5 mm beside the bodies two levels get no number; four others are doubted. Why was not
  looked into. Upsampled to 0.8 mm one body has 0.70 and is doubted. With cement the lowest has 0.81; three are doubted.
- Slices of 5 mm, lidc: three of 14 levels are marked as cut, or not wholly in the image, and not counted."""


def main() -> None:
    """Run what is asked for and write the page from all that is kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--case", default="", help="only runs whose name has this in it")
    parser.add_argument("--keep", type=Path, default=Path("segmentation-rows.json"))
    options = parser.parse_args()
    kept: dict[str, dict[str, list[Row]]] = json.loads(options.keep.read_text()) if options.keep.exists() else {}
    for part in options.only:
        done = kept.setdefault(part, {})
        for name, run in PARTS[part]().items():
            if name in done or options.case not in name:
                continue
            done[name] = run()
            print(json.dumps(done[name]), flush=True)
            options.keep.write_text(json.dumps(kept))
    write_page({part: [row for rows in done.values() for row in rows] for part, done in kept.items()})


if __name__ == "__main__":
    main()
