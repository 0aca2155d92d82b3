"""
Where does the pressure go?
===========================

A surgeon feels the pressure at the syringe. How much of it is lost in the cannula, how much drives cement through bone,
and what does a wider cannula change?

The handbook's example (section 4.3) is a cannula of 120 mm and 2.7 mm bore, 100 Pa s and 4 mL/min: 0.61 MPa. A bench
study found 95 % of the delivery pressure in the cannula, and 63 % less when the proximal part's bore was doubled
(baroud_cannula, case E11); the length of that part was not read and follows from the 63 % if the fluid is Newtonian.
"""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from spondyl.simulation.cement import cannula_pressure_drop, radial_pressure_drop

LENGTH, BORE, FLOW = 120.0, 2.7, 4000 / 60  # mm, mm, mm³/s
FRONT, TIP = 10.0, BORE / 2  # radii that the cement spreads between [mm]
PERMEABILITIES = {"low": 5e-9, "middle": 2e-8, "high": 4.45e-8}  # handbook 4.2 [m²]
WIDENED = 0.672  # of the length, with twice the bore

# %%
# Both are closed forms: a tube, and a ball of cement around the tip. Each grows in proportion to viscosity and flow.


def pressures(viscosity_pa_s: float, permeability_m2: float, flow: float = FLOW) -> tuple[float, float]:
    """Lost in the cannula, and in the bone around the tip. [kPa]"""
    viscosity = viscosity_pa_s * 1e-6
    cannula = cannula_pressure_drop(viscosity, 1.0, LENGTH, BORE, flow)
    bone = radial_pressure_drop(viscosity, 1.0, permeability_m2 * 1e6, flow, TIP, FRONT)
    return 1000 * cannula, 1000 * bone


def gain(index: float) -> float:
    """Share of the cannula's pressure that a doubled proximal bore saves, for a fluid of this power law."""
    narrow, wide = (cannula_pressure_drop(100e-6, index, LENGTH, bore, FLOW) for bore in (BORE, 2 * BORE))
    return WIDENED * (1 - wide / narrow)


def table() -> list[tuple[str, str, float]]:
    """What was published, and ours: name, published words, our figure."""
    rows = [("cannula at 100 Pa s [kPa]", "613 (handbook)", pressures(100.0, 2e-8)[0])]
    for name, permeability in PERMEABILITIES.items():
        cannula, bone = pressures(100.0, permeability)
        rows.append((f"cannula's share, {name} permeability [%]", "95", 100 * cannula / (cannula + bone)))
    rows += [(f"less with twice the bore, n = {n:g} [%]", "63", 100 * gain(n)) for n in (1.0, 0.55)]
    return rows


# %%
# A thinning cement (n = 0.55) gains less from the wider bore than the study's 63 %.


def draw(rows: list[tuple[str, str, float]]) -> Figure:
    """Pressure by viscosity, with the table beside it."""
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    axes, beside = figure.subplots(1, 2)
    viscosities = np.geomspace(10, 1000, 20)
    cannula = [pressures(one, 2e-8)[0] for one in viscosities]
    axes.loglog(viscosities, cannula, "k", label=f"cannula, {BORE} mm bore")
    for name, permeability in PERMEABILITIES.items():
        axes.loglog(viscosities, [pressures(one, permeability)[1] for one in viscosities], "--", label=f"bone, {name}")
    axes.set_xlabel("viscosity [Pa s]")
    axes.set_ylabel("pressure at 4 mL/min [kPa]")
    axes.legend(fontsize=7)
    beside.axis("off")
    beside.plot([], [])
    cells = [[name, published, f"{ours:.1f}"] for name, published, ours in rows]
    shown = beside.table(cells, colLabels=["", "published", "ours"], colWidths=[0.6, 0.27, 0.13], loc="center")
    shown.auto_set_font_size(False)
    shown.set_fontsize(7)
    return figure


if __name__ == "__main__":
    draw(table()).savefig("cannula_pressure.png", dpi=150)
