"""Time and peak memory of the own segmenter on a CT of 512 x 512 pixels, and how they grow with its slices.

With asv, in an environment where the package is installed: `asv run --config benchmarks/asv.conf.json`. Without it,
`python -m benchmarks.segmentation` prints the CPU seconds and the peak memory of each size, each in a process of its
own, and the power with which time grows.
"""

from __future__ import annotations

import os
import resource
import time
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from spondyl.space import Geometry, Volume
from spondyl.spine.segmenters import segment_spine
from spondyl.synthetic import ScanSpec, VirtualSpineSpec, make_virtual_patient

LEVELS = ("T6", "T7", "T8", "T9", "T10", "T11", "T12", "L1", "L2", "L3", "L4", "L5")
PIXELS, PIXEL_MM = 512, 0.8
SLICES = (150, 300, 400)  # of 1 mm
_AROUND_HU = -20  # of what lies beyond the virtual patient: soft tissue, so that nothing is shortened by air


def whole_body_ct(slices: int) -> Volume:
    """The lower part of a virtual spine, with so many slices of 1 mm in a field of 410 mm."""
    scan = ScanSpec(in_plane_mm=PIXEL_MM, slice_step_mm=1.0)
    made = make_virtual_patient(VirtualSpineSpec(levels=LEVELS, scan=scan), np.random.default_rng(0)).ct  # type: ignore[arg-type]
    array = np.full((PIXELS, PIXELS, slices), _AROUND_HU, np.int16)
    count = [min(a, b) for a, b in zip(made.array.shape, array.shape, strict=True)]
    start = [(PIXELS - count[0]) // 2, (PIXELS - count[1]) // 2, 0]
    inside = tuple(slice(a, a + n) for a, n in zip(start, count, strict=True))
    array[inside] = made.array[: count[0], : count[1], : count[2]]
    affine = made.geometry.affine.copy()
    affine[:3, 3] = made.geometry.points(-np.array(start, float))
    return Volume(array, Geometry(affine, array.shape), made.unit)


class Segmentation:
    """`segment_spine`, the CT in memory."""

    timeout = 600
    params = SLICES
    param_names = ("slices",)

    def setup(self, slices: int) -> None:
        """Compile, and make the CT."""
        self.ct = whole_body_ct(slices)
        segment_spine(self.ct)

    def time_segment(self, slices: int) -> None:
        """Seconds."""
        segment_spine(self.ct)

    def peakmem_segment(self, slices: int) -> None:
        """Bytes, with the CT and Python."""
        segment_spine(self.ct)


def measured(file: Path) -> tuple[float, float, int]:
    """CPU seconds, peak memory with Python [GB] and vertebrae of a CT in a file; run in a process of its own."""
    with np.load(file) as kept:
        ct = Volume(kept["array"], Geometry(kept["affine"], kept["array"].shape), "HU")
    segment_spine(ct)  # reads what is compiled
    begun = time.process_time()
    found = segment_spine(ct)
    seconds = time.process_time() - begun
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, len(found.cut)


def main() -> None:
    """Print a line for each size, and how time grows with the slices."""
    seconds = []
    for slices in SLICES:
        with TemporaryDirectory() as folder, get_context("spawn").Pool(1) as alone:
            ct, file = whole_body_ct(slices), Path(folder) / "ct.npz"
            np.savez(file, array=ct.array, affine=ct.geometry.affine)
            needed, peak, count = alone.apply(measured, (file,))
        seconds.append(needed)
        print(f"{PIXELS} x {PIXELS} x {slices}: {needed:.1f} CPU s, peak {peak:.2f} GB, {count} vertebrae", flush=True)
    power = np.polyfit(np.log(SLICES), np.log(seconds), 1)[0]
    print(f"time grows as slices to the power {power:.2f}; load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
