"""Draw docs/img/fails-*.png: how the own segmenter fails, on virtual patients, beside docs/validation/segmentation.md.

Usage: `python -m tools.make_failure_pictures [NAME ...]`; about 25 CPU seconds a picture. Each is a sagittal slice
through the middle of the bodies: the CT, true bodies in blue, the own ones in yellow, or orange and dashed where they
are doubted or cut, with what is said of each.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from spondyl.space import Volume
from spondyl.spine import Level
from spondyl.spine.segmenters import Segmentation, find_discs, segment_spine
from spondyl.synthetic import VirtualPatient, deform_vertebra, named_deformity
from tools.segmentation_robustness import VIRTUAL
from tools.segmentation_runs import BODY, virtual_patient

IMAGES = Path(__file__).parents[1] / "docs" / "img"
_COLOURS = 200  # so that a picture stays below 60 kB
Case = tuple[Volume, NDArray[np.bool_], Segmentation]  # CT, true bodies, what is found


def crushed() -> Case:
    """L3 pressed to a third of its height in front."""
    patient = virtual_patient(601, levels=tuple(Level(n) for n in range(Level.T11, Level.L5 + 1)))
    to = named_deformity("wedge", 0.33)
    heights = {"anterior": to.anterior, "middle": to.middle, "posterior": to.posterior}
    parts = patient.subregions
    pressed = deform_vertebra(patient.ct, patient.labels, Level.L3, "wedge", subregions=parts, **heights)
    return pressed.ct, _bodies(pressed.subregions or parts), segment_spine(pressed.ct)


def thick() -> Case:
    """Slices of 5 mm."""
    return _as_it_is(VIRTUAL["slices of 5 mm"]())


def refused_disc() -> Case:
    """A person refuses a disc that is one."""
    patient = VIRTUAL["as usual"]()
    discs = find_discs(patient.ct).discs
    return patient.ct, _bodies(patient.subregions), segment_spine(patient.ct, refused=[discs[len(discs) // 2]])


CASES: dict[str, Callable[[], Case]] = {
    "crushed": crushed,
    "thick-slices": thick,
    "refused-disc": refused_disc,
}


def main() -> None:
    for name in sys.argv[1:] or list(CASES):
        path = IMAGES / f"fails-{name}.png"
        _draw(*CASES[name](), path)
        print(path.name, path.stat().st_size)


def _as_it_is(patient: VirtualPatient) -> Case:
    return patient.ct, _bodies(patient.subregions), segment_spine(patient.ct)


def _bodies(parts: Volume) -> NDArray[np.bool_]:
    return np.asarray(np.isin(parts.array, (49, 50)))


def _draw(ct: Volume, true: NDArray[np.bool_], found: Segmentation, path: Path) -> None:
    """One sagittal slice; virtual patients have their axes left, back and head or the other way round."""
    own = np.where(found.parts.array == BODY, found.vertebrae.array, 0)
    at = int(np.median(np.nonzero(true)[0]))
    step = ct.geometry.spacing_mm
    toward_back, toward_head = (ct.geometry.axes[axis, axis] > 0 for axis in (1, 2))
    extent = [0.0, float(ct.array.shape[1] * step[1]), 0.0, float(ct.array.shape[2] * step[2])]
    rows = np.nonzero((own[at] > 0) | true[at])[0] * step[1]

    def plane(array: NDArray[Any]) -> NDArray[Any]:
        turned = array[at].T if toward_head else array[at].T[::-1]
        return np.asarray(turned if toward_back else turned[:, ::-1])

    figure, axes = plt.subplots(figsize=(4.8, 4.2), width_ratios=(1, 1.35), ncols=2)
    shown = {"origin": "lower", "extent": extent}
    axes[0].imshow(plane(ct.array), cmap="gray", vmin=-200, vmax=500, interpolation="bilinear", **shown)
    axes[0].contour(plane(true).astype(float), [0.5], colors="#4aa3ff", linewidths=1.0, **shown)
    said: dict[str, list[int]] = {}
    for number in range(1, len(found.cut) + 1):
        mask, doubts = plane(own == number), found.doubts[number - 1]
        sure = not (found.cut[number - 1] or doubts)
        if mask.any():
            style = {"colors": "#ffe14d" if sure else "#ff7f2a", "linestyles": "-" if sure else "--"}
            axes[0].contour(mask.astype(float), [0.5], linewidths=1.2, **style, **shown)
            height, depth = (float(k.mean()) for k in np.nonzero(mask))
            axes[0].text(depth * step[1] + step[1] / 2, height * step[2], str(number), color="white", ha="center")
        words = ("cut, never measured",) if found.cut[number - 1] else doubts
        said.setdefault("; ".join(words) or "no doubt", []).append(number)
    told = [textwrap.fill(f"{', '.join(map(str, numbers))}: {words}", 44) for words, numbers in said.items()]
    low, high = (rows.min() - 15, rows.max() + 30) if toward_back else (rows.min() - 30, rows.max() + 15)
    width = extent[1]
    axes[0].set_xlim(*((low, high) if toward_back else (width - high, width - low)))
    axes[0].axis("off")
    axes[1].axis("off")
    axes[1].text(0, 1, "\n\n".join(told), va="top", fontsize=7)
    figure.subplots_adjust(0.01, 0.01, 0.99, 0.99, 0.02)
    drawn = BytesIO()
    figure.savefig(drawn, dpi=100)
    plt.close(figure)
    Image.open(drawn).convert("RGB").quantize(_COLOURS).save(path, optimize=True)


if __name__ == "__main__":
    main()
