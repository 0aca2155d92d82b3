"""Draw docs/img/heights.png: the first picture of a report on a virtual patient with a broken L1.

Usage: python -m tools.make_readme_picture
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from spondyl.documents.figures import draw_sagittal
from spondyl.findings import find_deformities
from spondyl.spine import Level, build_spine
from spondyl.studies import LabelImage, Patient, Scan, Study
from spondyl.synthetic import WEDGE_30, VertebraSpec, VirtualSpineSpec, make_virtual_patient

PICTURE = Path(__file__).parents[1] / "docs" / "img" / "heights.png"


def main() -> None:
    spec = VirtualSpineSpec(vertebrae={Level.L1: VertebraSpec(deformity=WEDGE_30)})
    patient = make_virtual_patient(spec, np.random.default_rng(0))
    spine = build_spine(
        Study(patient.ct, Scan(), Patient()), labels=LabelImage(patient.labels, None), label_map="verse"
    )
    PICTURE.write_bytes(draw_sagittal(spine, find_deformities(spine)).png)


if __name__ == "__main__":
    main()
