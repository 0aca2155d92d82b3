"""Experiment behind docs/validation/segmentation.md: the own segmenter against labels, truth, collapse and bad images.

Run as `python -m tools.validate_segmentation --keep rows.json`; `--only` runs single parts and keeps the rest.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
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
SEEDS = (501, 502, 503, 504)
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
    for case in LABELLED[:2]:
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


if __name__ == "__main__":
    main()
