"""Angles of a needle to the vertebra and to the table, and the C-arm's."""

from __future__ import annotations

import numpy as np

from spondyl.planning.types import Angles
from spondyl.space import Floats, Frame
from spondyl.spine import Side


def needle_angles(direction: Floats, frame: Frame, side: Side) -> Angles:
    """Angles of a needle that points along a unit vector (LPS) and enters on this side of the patient."""
    inward = -1.0 if side is Side.LEFT else 1.0
    cranial, anterior, left = direction @ frame.axes
    x, y, z = direction
    return Angles(
        vertebra_inward_deg=_degrees(inward * left, anterior),
        vertebra_cranial_deg=float(np.degrees(np.arcsin(np.clip(cranial, -1, 1)))),
        table_inward_deg=_degrees(inward * x, -y),
        table_cranial_deg=float(np.degrees(np.arcsin(np.clip(z, -1, 1)))),
        c_arm_ap_cranial_deg=_degrees(float(frame.anterior[2]), -float(frame.anterior[1])),
        c_arm_lateral_deg=_degrees(-float(frame.left[1]), float(frame.left[0])),
    )


def _degrees(across: float, along: float) -> float:
    return float(np.degrees(np.arctan2(across, along)))
