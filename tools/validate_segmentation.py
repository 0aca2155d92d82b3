"""Experiment behind docs/validation/segmentation.md: the own segmenter against labels, truth, collapse and bad images.

Run as `python -m tools.validate_segmentation --keep rows.json`; `--only` runs single parts and keeps the rest.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from spondyl.space import Volume
from spondyl.spine import Level, build_spine
from spondyl.spine.segmenters import segment_spine
from spondyl.studies import read_label_image, read_study
from tools.segmentation_runs import (
    ARCH,
    BODY,
    DATA,
    LABELLED,
    Row,
    against_truth,
    agreement,
    collapse,
    full,
    named,
    robustness,
    virtual_patient,
)

PAGE = Path(__file__).parents[1] / "docs" / "validation" / "segmentation.md"
SEEDS = (503, 504)
COLLAPSED_SEEDS = (601,)


def agreement_rows() -> Iterator[Row]:
    """Own masks beside labels made by others."""
    for case in LABELLED:
        yield from agreement(case)


def truth_rows() -> Iterator[Row]:
    """Own masks beside the truth of virtual patients."""
    for seed in SEEDS:
        yield from against_truth(seed)


def collapse_rows() -> Iterator[Row]:
    """Pressed bodies in two labelled CTs, in one with its own masks, and in virtual patients."""
    chosen = {
        "lidc-0001-thoracic": (Level.T8, Level.T12),
        "ts-lumbar-3mm": (Level.L1, Level.L3),
    }
    for case in LABELLED[1::-1]:
        folder = DATA / case.folder
        study = read_study(folder / f"{case.ct}.nii.gz")
        image = read_label_image(folder / f"{case.labels}.nii.gz")
        spine = build_spine(study, labels=image, label_map="verse")
        numbers = np.where(image.labels.array > 0, ARCH, 0).astype(np.uint8)
        for vertebra in spine:
            numbers[full(vertebra.body, spine.geometry)] = BODY
        parts = Volume(numbers, spine.geometry, "1")
        yield from collapse(case.folder, study.ct, image.labels, parts, chosen[case.folder])
    study = read_study(DATA / "ts-thoracic-endplate" / "ct.nii.gz")
    seg = segment_spine(study.ct)
    names = {int(Level.T12) - (len(seg.cut) - 1 - k): k for k in range(2, len(seg.cut))}  # the last but one is T12
    labels, own = named(seg, names)
    yield from collapse("ts-thoracic-endplate, own masks", study.ct, labels.labels, own.labels, (Level.T7, Level.T9))
    for seed in COLLAPSED_SEEDS:
        patient = virtual_patient(seed)
        yield from collapse(f"virtual {seed}", patient.ct, patient.labels, patient.subregions, (Level.T12, Level.L2))


def robustness_rows() -> Iterator[Row]:
    """Two CTs made worse."""
    for folder in ("lidc-0001-thoracic", "ts-lumbar-3mm"):
        yield from robustness(folder, read_study(DATA / folder / "ct.nii.gz").ct)


PARTS: dict[str, Callable[[], Iterator[Row]]] = {
    "agreement": agreement_rows,
    "truth": truth_rows,
    "collapse": collapse_rows,
    "robustness": robustness_rows,
}


def write_page(kept: dict[str, list[Row]]) -> None:
    """The page, from all rows that are kept; parts that were not run are named."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
    missing = [part for part in PARTS if part not in kept]
    lines = [_HEAD.rstrip(), "", f"{datetime.now(UTC):%Y-%m-%d}, on commit {commit.stdout.strip()} with what followed."]
    if missing:
        lines += ["", f"Not run yet: {', '.join(missing)}."]
    lines += ["", "## Agreement with labels of others", "", *_masks(kept.get("agreement", []))]
    lines += ["", "## Virtual patients, against truth", "", *_masks(kept.get("truth", []))]
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
acrin, cmb and rider were looked at while it was made, so none of them is an untouched test. Goals were: bodies 0.93
(virtual 0.95), whole 0.91 lumbar and 0.87 thoracic, heights within 1.0 mm on average (virtual 0.7) with a bias of at
most 0.3 mm.

Levels cut by the image border are left out. Heights are differences of own mask minus label, each through `build_spine`
on the same CT, over anterior, middle and posterior height."""


_COLLAPSE_NOTE = """\
'one': a number of its own and a body Dice over 0.6; 'odd': a number of its own and a worse mask. Doubts of both
neighbours count as 'doubted' too: T12 of ts-lumbar is cut, so the rows of its L1 say yes whatever is seen. These rows
were run before a body's volume was doubted below 65 % of its neighbours' (then 55 %). Not run: the rest of the set."""


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


def _collapse(rows: list[Row]) -> list[str]:
    out = ["| CT | level | height left | outcome | body | doubted | height error |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        errors = row.get("heights")
        shown = "-" if not errors else f"{np.abs(errors).mean():.1f} mm"
        out.append(
            f"| {row['case']} | {row['level']} | {row['share']:.0%} | {row['outcome']} | {row.get('body', 0):.2f} "
            f"| {'yes' if row['warned'] else 'no'} | {shown} |"
        )
    return [*out, "", _COLLAPSE_NOTE]


def _worse(rows: list[Row]) -> list[str]:
    out = ["| CT | change | levels kept | body against the first run | lowest | merged | doubted |", "|" + "---|" * 7]
    for row in rows:
        if "refused" in row:
            out.append(f"| {row['case']} | {row['what']} | refused | - | - | - | - |")
        else:
            out.append(
                f"| {row['case']} | {row['what']} | {row['kept']} of {row['levels']} | {row['body']:.3f} "
                f"| {row['lowest']:.3f} | {'no' if row['single'] else 'yes'} | {row['doubts']} |"
            )
    return out


def main() -> None:
    """Run what is asked for and write the page from all that is kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--keep", type=Path, default=Path("segmentation-rows.json"))
    options = parser.parse_args()
    kept: dict[str, list[Row]] = json.loads(options.keep.read_text()) if options.keep.exists() else {}
    for part in options.only:
        begun, rows = time.process_time(), []
        for row in PARTS[part]():
            rows.append(row)
            print(json.dumps(row), flush=True)
        kept[part] = rows
        print(f"{part}: {time.process_time() - begun:.0f} s of one core", flush=True)
        options.keep.write_text(json.dumps(kept))
    write_page(kept)


if __name__ == "__main__":
    main()
