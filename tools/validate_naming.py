"""Names of levels on whole real CTs and on cropped fields of view: right, relative with the question, or wrong.

`python -m tools.validate_naming` prints the table of docs/validation/naming.md and puts its rows there. Truth are the
label images beside the CTs (automatic, corrected by nobody), the README of each set where there is none, and the
virtual patients' own labels.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from spondyl.errors import InputError
from spondyl.space import Volume
from spondyl.spine import Level
from spondyl.spine.names import name_levels
from spondyl.spine.segmenters import find_discs
from spondyl.studies import read_label_image, read_study
from spondyl.synthetic import ScanSpec, VirtualSpineSpec, make_virtual_patient
from tools.validate_segmentation import with_rows

PAGE = Path(__file__).parents[1] / "docs" / "validation" / "naming.md"
HEAD = ("| field of view | verdict | names |", "|---|---|---|")
LABELLED = {
    "lidc-0001-thoracic": ("ct.nii.gz", "vertebrae_auto.nii.gz"),
    "ts-lumbar-3mm": ("ct.nii.gz", "vertebrae_auto.nii.gz"),
    "ts-thoracic-endplate": ("ct.nii.gz", "t12_auto.nii.gz"),
    "tptbox-l3-ct-mr": ("l3_ct.nii.gz", "l3_ct_vertebra_label.nii.gz"),
}
UNLABELLED = ("acrin-flt-001-lumbar", "cmb-crc-01068-thoracic-lung-kernel", "rider-pilot-0117-thoracic")
PARTS = ((0.0, 0.5), (0.25, 0.75), (0.5, 1.0), (0.0, 0.7), (0.3, 1.0), (0.15, 0.6), (0.4, 0.85), (0.1, 0.9))
NARROW_MM = 90.0  # half width of a narrow field of view is half of it


def verdict(ct: Volume, labels: Volume | None) -> tuple[str, str]:
    """Verdict and names for one field of view; truth is read at the middle between neighbouring discs."""
    try:
        found = find_discs(ct)
        named = name_levels(ct, found.canal, found.discs)
    except InputError as error:
        return "refused", str(error)[:60]
    if named.levels is None:
        told = (f"{r.levels[0].name}-{r.levels[-1].name} {r.share:.2f}" for r in named.readings[:3])
        return "relative", ", ".join(told)
    asked = ", ".join(q.code for q in named.questions) or "no question"
    words = f"{named.levels[0].name}-{named.levels[-1].name}, {asked}"
    if labels is None:
        return "named", words
    middles = (found.discs[1:] + found.discs[:-1])[::-1] / 2
    whole = named.levels[1 : 1 + len(middles)]  # without what lies above the first disc
    right = wrong = 0
    for level, middle in zip(whole, middles, strict=False):
        index = np.rint(labels.geometry.indices(middle)).astype(int)
        if not ((index >= 0) & (index < labels.geometry.shape)).all():
            continue
        true = int(labels.array[tuple(index)])
        if true:
            right, wrong = right + (true == level), wrong + (true != level)
    return ("wrong" if wrong else "right" if right else "named"), f"{words} ({right} right, {wrong} wrong)"


def cropped(volume: Volume, part: tuple[float, float], narrow: bool) -> Volume:
    """A part of the slices, and a narrow field of view around the middle where asked."""
    shape = np.array(volume.array.shape)
    start, stop = np.zeros(3, int), shape.copy()
    start[2], stop[2] = int(part[0] * shape[2]), int(part[1] * shape[2])
    if narrow:
        half = int(NARROW_MM / 2 / volume.geometry.spacing_mm[0])
        start[0], stop[0] = max(0, shape[0] // 2 - half), min(shape[0], shape[0] // 2 + half)
    return volume.cropped(start, stop)


def cases(data: Path) -> list[tuple[str, Volume, Volume | None]]:
    """Name, CT and labels of each set."""
    found: list[tuple[str, Volume, Volume | None]] = []
    for name, (ct, labels) in LABELLED.items():
        found.append((name, read_study(data / name / ct).ct, read_label_image(data / name / labels).labels))
    found += [(name, read_study(data / name / "ct.nii.gz").ct, None) for name in UNLABELLED]
    for number, levels in enumerate((range(Level.T9, Level.L5 + 1), range(Level.T5, Level.L2 + 1))):
        scan = ScanSpec(in_plane_mm=1.5, slice_step_mm=2.5)
        spec = VirtualSpineSpec(levels=tuple(map(Level, levels)), rib_reach=1.7, scale=0.95, scan=scan)
        made = make_virtual_patient(spec, np.random.default_rng(number))
        found.append((f"virtual {spec.levels[0].name}-{spec.levels[-1].name}", made.ct, made.labels))
    return found


def main() -> None:
    """Print the table and put its rows into the page."""
    from collections import Counter

    data = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data")
    counts: Counter[str] = Counter()
    table = list(HEAD)
    print("\n".join(HEAD))
    for name, ct, labels in cases(data):
        table.append(f"| {name}, whole | {' | '.join(verdict(ct, labels))} |")
        print(table[-1], flush=True)
        if labels is None or name.startswith("tptbox"):
            continue
        for number, part in enumerate(PARTS):
            narrow = number % 4 == 3
            found = verdict(cropped(ct, part, narrow), labels)
            counts[found[0]] += 1
            words = f"{part[0]:.0%}-{part[1]:.0%} of the slices{', narrow' if narrow else ''}"
            table.append(f"| {name}, {words} | {' | '.join(found)} |")
            print(table[-1], flush=True)
    print(f"\nCropped: {dict(counts)}")
    PAGE.write_text(with_rows(PAGE.read_text(), table, 1))


if __name__ == "__main__":
    main()
