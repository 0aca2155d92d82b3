"""The whole load path of a real body to 2 % of apparent strain: seconds, V-cycles and failure load, by law.

Usage: python -m benchmarks.load_path [LAW ...] [--voxel-mm N] [--level NAME] [--repeat N]

The body is a whole vertebra of rider-pilot-0117-thoracic between cement caps, by the own segmenter's mask, and needs
SPONDYL_DATA; its level cannot be told from the image, T9 and T10 are names given by hand. Ten steps, residual 1e-3;
failure is the highest force where the curve falls afterwards, else the force at 1.9 %. Times are warm.
"""

from __future__ import annotations

import argparse
import os
import time
from functools import cache
from pathlib import Path

from spondyl.numerics.plasticity import CRUSHABLE, VON_MISES
from spondyl.simulation import BoneModel, PlatenResponse, build_bone_model, follow_load_path
from spondyl.simulation.load_cycle import DAMAGING
from spondyl.simulation.strength_spread import failure_of
from spondyl.spine import Spine, build_spine
from spondyl.studies import Patient, read_study

LAWS = {"von-mises": VON_MISES, "crushable": CRUSHABLE, "damaging": DAMAGING}
RESIDUAL = 1e-3


@cache
def spine() -> Spine:
    """By the own segmenter."""
    place = os.environ.get("SPONDYL_DATA")
    if place is None:
        raise FileNotFoundError("SPONDYL_DATA is not set: give the folder of the test data")
    study = read_study(Path(place) / "rider-pilot-0117-thoracic" / "ct.nii.gz", Patient())
    return build_spine(study, anchors=("T9=label:2",))


def press(bone: BoneModel, law: str) -> PlatenResponse:
    """The load path by one of the laws."""
    return follow_load_path(bone.model, bone.yield_stress, law=LAWS[law], tolerance=RESIDUAL)


def run(bone: BoneModel, law: str, repeat: int) -> None:
    """Press and print a line; seconds are the least of the repetitions, warm."""
    found, wall, cpu = press(bone, law), [], []
    for _ in range(repeat):
        begun = time.perf_counter(), time.process_time()
        found = press(bone, law)
        wall.append(time.perf_counter() - begun[0])
        cpu.append(time.process_time() - begun[1])
    assert found.curve is not None
    failure, peak = failure_of(found.curve, bone.height_mm)
    print(
        f"{law:<10}{found.voxels:>8} voxels {found.iterations:>5} V-cycles  {min(wall):7.2f} s, CPU {min(cpu):7.2f} s, "
        f"load {os.getloadavg()[0]:.1f}  failure {failure:.1f} N{' (peak)' if peak else ''}",
        flush=True,
    )


class Curve:
    """Time and V-cycles of the path at 1 mm."""

    params = (list(LAWS),)
    param_names = ("law",)
    timeout = 600

    def setup(self, law: str) -> None:
        """The model, and everything compiled."""
        try:
            self.bone = build_bone_model(spine(), "T9", voxel_mm=1.0)
        except FileNotFoundError as error:
            raise NotImplementedError from error  # how asv is told to skip
        press(build_bone_model(spine(), "T9", voxel_mm=3.0), law)

    def time_curve(self, law: str) -> None:
        """Linear answer, setup and path."""
        press(self.bone, law)

    def track_cycles(self, law: str) -> int:
        """V-cycles of all steps."""
        return press(self.bone, law).iterations


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("laws", nargs="*", default=list(LAWS), metavar="LAW")
    parser.add_argument("--voxel-mm", type=float, default=1.0)
    parser.add_argument("--level", default="T9")
    parser.add_argument("--repeat", type=int, default=1)
    asked = parser.parse_args()
    bone = build_bone_model(spine(), asked.level, voxel_mm=asked.voxel_mm)
    for law in asked.laws:
        run(bone, law, asked.repeat)


if __name__ == "__main__":
    main()
