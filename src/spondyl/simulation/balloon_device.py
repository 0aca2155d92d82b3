"""Balloons as devices: volumes, pressure limit and the pressure that their own skin needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spondyl.errors import InputError
from spondyl.evidence import find_parameter

CHECK = "check the instructions for use of the balloon in your hand: these figures are generic brackets"
_PSI = 6.894757e-3  # MPa


@dataclass(frozen=True)
class BalloonDevice:
    """A balloon by its nominal length. Its skin is slack up to `slack_ml` and hardly stretches beyond.

    The pressure of the skin alone rises on a line from 0 at `slack_ml` to the rated pressure at `most_ml`: a shape
    assumed between brackets, not a measured curve.
    """

    length_mm: float
    slack_ml: float
    nominal_ml: float
    most_ml: float
    rated_mpa: float
    assumptions: tuple[str, ...]

    def __post_init__(self) -> None:
        if not 0 < self.slack_ml <= self.nominal_ml <= self.most_ml or self.slack_ml == self.most_ml:
            raise InputError(
                f"a balloon's volumes are slack {self.slack_ml}, nominal {self.nominal_ml} and at most {self.most_ml} "
                "ml; rising numbers above 0 are expected"
            )
        if not (0 < self.length_mm < 60 and 0 < self.rated_mpa < 10):
            raise InputError(f"a balloon of {self.length_mm} mm rated for {self.rated_mpa} MPa; check length and MPa")

    def skin_pressure(self, volume_ml: float) -> float:
        """Pressure that the balloon itself needs at a volume. [MPa]"""
        return self.rated_mpa * float(np.clip((volume_ml - self.slack_ml) / (self.most_ml - self.slack_ml), 0.0, None))


def find_device(length_mm: float) -> BalloonDevice:
    """The generic balloon of a nominal length: published brackets for 15 and 20 mm, in proportion to length for others.

    >>> find_device(15.0).nominal_ml
    4.0
    """
    near = 20 if length_mm > 17.5 else 15
    volume, pressure = find_parameter(f"ibt.max_volume_{near}_3"), find_parameter("ibt.max_pressure_xpander")
    assert isinstance(volume.value, int | float) and isinstance(pressure.value, int | float)
    assert volume.low is not None and volume.high is not None
    scale = length_mm / near
    told = [item.assumption for item in (volume, pressure)]
    if abs(scale - 1) > 1e-6:
        told.append(
            f"a balloon of {length_mm:g} mm holds in proportion to its length what one of {near} mm holds: no source"
        )
    return BalloonDevice(
        length_mm,
        volume.low * scale,
        float(volume.value) * scale,
        max(volume.high, 1.01 * volume.low) * scale,
        pressure.value * _PSI,
        (*(text for text in told if text), CHECK),
    )
