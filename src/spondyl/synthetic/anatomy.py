"""Sizes of a vertebra of an adult of middle size, by level.

Round figures within the range of published adult morphometry of the thoracolumbar spine, chosen for this package so
that neighbours change smoothly. They are the shape of a virtual patient, not a source for anything else.
"""

from __future__ import annotations

from dataclasses import dataclass

from spondyl.spine import Level


@dataclass(frozen=True)
class VertebraSize:
    """Lengths of one vertebra. [mm, degrees]"""

    anterior_mm: float  # body height at the rims
    posterior_mm: float
    depth_mm: float  # body, midline, at the endplates
    width_mm: float  # body, at the endplates
    pedicle_width_mm: float
    pedicle_height_mm: float
    convergence_deg: float  # of the pedicle toward the midline, going forwards
    canal_depth_mm: float
    canal_width_mm: float
    disc_mm: float  # height of the disc below
    spinous_mm: float
    spinous_deg: float  # how far the spinous process points to the feet
    transverse_mm: float

    def scaled(self, factor: float) -> VertebraSize:
        """All lengths times a factor, except those of the canal."""
        lengths = {name: getattr(self, name) * factor for name in _SCALED}
        return VertebraSize(**{**vars(self), **lengths})


_SCALED = (
    "anterior_mm",
    "posterior_mm",
    "depth_mm",
    "width_mm",
    "pedicle_width_mm",
    "pedicle_height_mm",
    "disc_mm",
    "spinous_mm",
    "transverse_mm",
)

_SIZES = {
    Level.C7: VertebraSize(14.5, 15.0, 17.5, 28.0, 6.5, 7.5, 30.0, 15.5, 22.5, 5.0, 31.0, 20.0, 24.0),
    Level.T1: VertebraSize(16.0, 17.0, 18.5, 29.0, 7.5, 9.0, 24.0, 16.0, 20.5, 4.5, 31.0, 26.0, 26.0),
    Level.T2: VertebraSize(17.0, 18.0, 20.0, 27.5, 6.2, 9.8, 18.0, 16.0, 18.5, 4.0, 31.0, 34.0, 25.0),
    Level.T3: VertebraSize(17.5, 18.5, 21.5, 26.5, 5.2, 10.0, 13.0, 16.0, 17.5, 3.8, 32.0, 40.0, 24.0),
    Level.T4: VertebraSize(18.0, 19.0, 23.0, 26.5, 4.8, 10.3, 10.0, 16.0, 17.0, 3.8, 33.0, 45.0, 23.0),
    Level.T5: VertebraSize(18.5, 19.5, 24.0, 27.0, 4.8, 10.5, 8.0, 15.5, 16.5, 4.0, 33.0, 50.0, 22.0),
    Level.T6: VertebraSize(19.0, 20.0, 25.5, 28.0, 5.0, 10.8, 6.0, 15.5, 16.5, 4.2, 33.0, 52.0, 22.0),
    Level.T7: VertebraSize(19.5, 20.5, 27.0, 29.0, 5.2, 11.2, 5.0, 15.5, 16.5, 4.3, 33.0, 52.0, 22.0),
    Level.T8: VertebraSize(20.0, 21.0, 28.0, 30.0, 5.5, 11.8, 4.0, 15.5, 16.5, 4.5, 32.0, 48.0, 21.0),
    Level.T9: VertebraSize(20.6, 21.7, 29.2, 31.5, 6.0, 12.8, 3.0, 15.5, 17.0, 4.7, 30.0, 42.0, 19.0),
    Level.T10: VertebraSize(21.5, 22.6, 30.3, 33.0, 6.5, 14.0, 3.0, 15.5, 17.5, 5.0, 28.0, 34.0, 17.0),
    Level.T11: VertebraSize(22.5, 23.9, 31.4, 36.0, 7.6, 15.5, 2.0, 16.0, 18.5, 5.5, 26.0, 25.0, 13.0),
    Level.T12: VertebraSize(24.0, 25.5, 32.4, 39.0, 7.6, 15.8, 4.0, 16.5, 20.5, 6.5, 26.0, 16.0, 12.0),
    Level.T13: VertebraSize(25.0, 26.3, 33.0, 40.3, 7.7, 15.6, 6.0, 16.7, 21.3, 7.2, 27.0, 14.0, 12.0),
    Level.L1: VertebraSize(25.8, 27.0, 33.5, 41.5, 7.8, 15.5, 8.0, 17.0, 22.0, 7.8, 28.0, 12.0, 24.0),
    Level.L2: VertebraSize(26.9, 27.6, 34.5, 43.0, 8.2, 15.0, 10.0, 17.0, 22.5, 9.0, 29.0, 11.0, 27.0),
    Level.L3: VertebraSize(27.7, 27.8, 35.2, 45.0, 9.3, 14.6, 13.0, 17.0, 23.0, 10.2, 30.0, 10.0, 30.0),
    Level.L4: VertebraSize(28.1, 27.4, 35.5, 47.5, 11.0, 14.5, 17.0, 17.0, 24.0, 11.0, 28.0, 10.0, 27.0),
    Level.L5: VertebraSize(28.6, 25.4, 35.5, 50.0, 12.0, 14.5, 22.0, 17.0, 26.0, 10.0, 24.0, 14.0, 27.0),
    Level.L6: VertebraSize(28.0, 24.5, 35.0, 50.5, 12.0, 14.0, 23.0, 17.0, 26.0, 9.0, 22.0, 15.0, 25.0),
}

# Bend of the bodies' mid-planes between a level and the next below, as a share of the whole curve.
# T1 to T4 and L5 to L6 bend on beyond the curves that are given; C7, T12 and T13 are parallel to the next below.
_LORDOSIS_SHARE = {Level.L1: 0.12, Level.L2: 0.18, Level.L3: 0.27, Level.L4: 0.43, Level.L5: 0.25}
_KYPHOSIS_SHARE = dict.fromkeys(range(Level.T1, Level.T5), 1.0 / 14.0) | dict.fromkeys(
    range(Level.T5, Level.T12), 1.0 / 7.0
)
_STRAIGHT = (Level.C7, Level.T12, Level.T13)


def size_of(level: Level, scale: float = 1.0) -> VertebraSize:
    """Sizes of a level, C7 to L6."""
    return _SIZES[level].scaled(scale)


def sagittal_bends(kyphosis_deg: float, lordosis_deg: float) -> dict[Level, float]:
    """How much further forward each level leans than the next below it. [deg]

    Positive bends are kyphotic. T12 and the next below are parallel.
    """
    bends = {Level(level): share * kyphosis_deg for level, share in _KYPHOSIS_SHARE.items()}
    bends |= {level: -share * lordosis_deg for level, share in _LORDOSIS_SHARE.items()}
    return bends | dict.fromkeys(_STRAIGHT, 0.0)
