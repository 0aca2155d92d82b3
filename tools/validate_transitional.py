"""Names of spines with other counts of ribs and lumbar vertebrae, from what is true of virtual spines.

`python -m tools.validate_transitional` prints the second table of docs/validation/naming.md: every row of at least four
neighbouring pieces of each spine, C7 to the sacrum, with the signs that a CT would show to an eye without error. With
`--ct` it prints the third one: such spines bare from their virtual CTs, with the verdict of `validate_naming`.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from spondyl.spine import Level
from spondyl.spine.names import BodyShape, LevelSigns, Sight
from spondyl.spine.names.proposal import NamingProposal, propose
from spondyl.synthetic import ScanSpec, VirtualSpineSpec, levels_between, make_virtual_patient
from spondyl.synthetic.anatomy import size_of
from spondyl.synthetic.curve import stack_frames
from tools.validate_naming import verdict

SPINES = ((12, 5), (11, 5), (13, 5), (13, 4), (12, 4), (12, 6))  # pairs of ribs, lumbar vertebrae
LEAST_PIECES = 4
_BARE = (Sight.NONE, Sight.NONE)
_HIDDEN = (Sight.NOT_SHOWN, Sight.NOT_SHOWN)


def whole_spine(rib_pairs: int, lumbar_count: int, first: Level = Level.C7, **more: object) -> VirtualSpineSpec:
    """A virtual spine from a level to its last lumbar vertebra."""
    last = Level(Level.L1 + lumbar_count - 1)
    levels = levels_between(first, last, rib_pairs, lumbar_count)
    return VirtualSpineSpec(levels=levels, rib_pairs=rib_pairs, lumbar_count=lumbar_count, **more)  # type: ignore[arg-type]


def true_signs(spec: VirtualSpineSpec) -> list[LevelSigns]:
    """What an eye without error sees at each vertebra of a virtual spine, and at the sacrum below."""
    frames = stack_frames(spec)
    centres = np.array([frames[level].origin for level in spec.levels])
    discs = (centres[1:] + centres[:-1]) / 2
    lengths = [None, *np.linalg.norm(np.diff(discs, axis=0), axis=1).tolist(), None]
    found = []
    for level, length in zip(spec.levels, lengths, strict=True):
        size = size_of(level)
        ribs = Sight.SEEN if level in spec.rib_levels else Sight.NONE
        lung = Sight.SEEN if level.order < Level.T11.order else Sight.UNCLEAR if level.order < 20 else Sight.NONE
        shape = BodyShape(size.width_mm, size.depth_mm, size.canal_width_mm + size.pedicle_width_mm)
        found.append(LevelSigns(length, (ribs, ribs), (lung, lung), Sight.NONE, shape=shape))
    return [*found, LevelSigns(None, _HIDDEN, _BARE, Sight.SEEN, ("wings on both sides",))]


def windows(spec: VirtualSpineSpec) -> Iterator[tuple[list[LevelSigns], tuple[Level, ...]]]:
    """Fields of view: rows of pieces, whose outer vertebrae show neither their length nor their ribs."""
    signs, levels = true_signs(spec), (*spec.levels, Level.SACRUM)
    for first in range(len(signs)):
        for stop in range(first + LEAST_PIECES, len(signs) + 1):
            row = signs[first:stop]
            for end in (0, -1):
                row[end] = replace(row[end], spacing_mm=None, ribs=_HIDDEN, shape=None)
            yield row, levels[first:stop]


def named(row: list[LevelSigns], true: tuple[Level, ...]) -> tuple[str, NamingProposal]:
    """Whether a field of view is named rightly, asked for, or wrongly with or without a question."""
    numbers = [None if level is Level.SACRUM else number for number, level in enumerate(true, 1)]
    found = propose(row, numbers)
    if found.levels is None:
        return "relative", found
    if found.levels == tuple(level for level in true if level is not Level.SACRUM):
        return "right", found
    return ("wrong, asked to confirm" if found.questions else "wrong and silent"), found


def from_truth() -> None:
    """The table of true findings."""
    kinds = ("right", "relative", "wrong, asked to confirm", "wrong and silent")
    print("| ribs, lumbar | fields of view | " + " | ".join(kinds) + " |\n" + "|---" * (len(kinds) + 2) + "|")
    for ribs, lumbar in SPINES:
        counts = Counter(named(row, true)[0] for row, true in windows(whole_spine(ribs, lumbar)))
        shown = " | ".join(str(counts[kind]) for kind in kinds)
        print(f"| {ribs}, {lumbar} | {sum(counts.values())} | {shown} |", flush=True)


def from_ct() -> None:
    """The table of virtual CTs."""
    print("| virtual spine, bare CT | verdict | names |\n|---|---|---|")
    for number, (ribs, lumbar) in enumerate(SPINES):
        scan = ScanSpec(in_plane_mm=1.5, slice_step_mm=2.5)
        spec = whole_spine(ribs, lumbar, Level.T9, rib_reach=1.7, scale=0.95, scan=scan)
        made = make_virtual_patient(spec, np.random.default_rng(number))
        found = " | ".join(verdict(made.ct, made.labels))
        print(f"| {ribs} pairs of ribs, {lumbar} lumbar, T9-{spec.levels[-1].name} | {found} |", flush=True)


if __name__ == "__main__":
    from_ct() if "--ct" in sys.argv[1:] else from_truth()
