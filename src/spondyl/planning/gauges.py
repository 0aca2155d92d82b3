"""Outer diameters of needles by their gauge."""

from __future__ import annotations

from spondyl.errors import InputError

SOURCE = "birmingham_gauge"
GAUGES_MM = {8: 4.191, 9: 3.759, 10: 3.404, 11: 3.048, 12: 2.769, 13: 2.413}  # nominal outer diameters, SOURCE


def outer_diameter(gauge: int) -> float:
    """Nominal outer diameter of a needle. [mm]

    >>> outer_diameter(11)
    3.048
    """
    if gauge not in GAUGES_MM:
        raise InputError(f"a needle of gauge {gauge} is not known; gauges are {', '.join(map(str, GAUGES_MM))}")
    return GAUGES_MM[gauge]


def largest_gauge(free_radius_mm: float) -> int | None:
    """The thickest needle whose radius is no more than a free radius; None where none of the table is."""
    return next((gauge for gauge, diameter in GAUGES_MM.items() if diameter / 2 <= free_radius_mm), None)
