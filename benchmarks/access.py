"""Access planning: 100,800 candidate lines for one pedicle, and the whole plan of a level.

Usage: python -m benchmarks.access prints CPU seconds; asv runs the classes.
"""

from __future__ import annotations

import time

import numpy as np

from spondyl.planning import plan_augmentation
from spondyl.planning.room import Room, make_room
from spondyl.planning.search import cement_aim, search_paths
from spondyl.spine import Level, Side, Spine, build_spine
from spondyl.studies import LabelImage, Patient, Scan, Study
from spondyl.synthetic import ScanSpec, VirtualSpineSpec, make_virtual_patient

LEVEL, RADIUS_MM = "L1", 1.524


def make_spine() -> Spine:
    """T12 to L2 of a virtual patient on 1 mm voxels."""
    scan = ScanSpec(in_plane_mm=1.0, slice_step_mm=1.0)
    patient = make_virtual_patient(
        VirtualSpineSpec(levels=(Level.T12, Level.L1, Level.L2), scan=scan), np.random.default_rng(4)
    )
    study = Study(patient.ct, Scan(), Patient())
    return build_spine(study, labels=LabelImage(patient.labels, None), label_map="verse")


def room_of(spine: Spine) -> Room:
    """The surroundings of the level, with its distance field."""
    assert spine.canal is not None
    return make_room(spine, spine[LEVEL], spine.canal)


class Access:
    """Time of the steps of a plan."""

    timeout = 300

    def setup_cache(self) -> tuple[Spine, Room]:
        """The spine and its surroundings, made once."""
        spine = make_spine()
        return spine, room_of(spine)

    def time_room(self, made: tuple[Spine, Room]) -> None:
        """Distance fields."""
        room_of(made[0])

    def time_search(self, made: tuple[Spine, Room]) -> None:
        """All candidates of one pedicle."""
        search(*made)

    def time_plan(self, made: tuple[Spine, Room]) -> None:
        """Both sides with their exact clearances."""
        plan_augmentation(made[0], LEVEL)


def search(spine: Spine, room: Room) -> int:
    """How many lines were judged."""
    vertebra = spine[LEVEL]
    pedicle, frame = vertebra.pedicle(Side.LEFT), vertebra.frame
    assert pedicle is not None and frame is not None
    aim = cement_aim(vertebra, frame, Side.LEFT, 2)
    assert aim is not None
    return search_paths(room, pedicle, frame, aim, RADIUS_MM).judged


def main() -> None:
    """Print CPU seconds of each step."""
    spine = make_spine()
    room = room_of(spine)
    for name, step in (
        ("room", lambda: room_of(spine)),
        ("search", lambda: search(spine, room)),
        ("plan", lambda: plan_augmentation(spine, LEVEL)),
    ):
        begun = time.process_time()
        step()
        print(f"{name:<8} {time.process_time() - begun:6.2f} s")


if __name__ == "__main__":
    main()
