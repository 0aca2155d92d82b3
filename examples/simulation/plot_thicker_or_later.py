"""
Does thicker cement leak less?
==============================

Experiments say so: a bench model leaked less with more viscous cement (habib2010). What does this model say, and why?

A virtual L1 gets a defect of 8 mm in its upper endplate, 6 mm above the needle's tip, with a gap of 0.45 mm, and 3 mL
at 4 mL/min, by a hand that gives at most 3 MPa or a pump that never gives way: the difference tells the mechanism.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure

from spondyl import simulation as flows
from spondyl.findings import GradedCalibration, nominal_calibration
from spondyl.simulation import FlowModel, InjectionResult
from spondyl.simulation.flow_model import injection_model
from spondyl.spine import build_spine
from spondyl.studies import LabelImage, Patient, Scan, Study
from spondyl.synthetic import ScanSpec, VirtualSpineSpec, make_virtual_patient

STARTS, BELOW, VOLUME, LIMIT = (2.0, 5.0, 9.0, 13.0), 6.0, 3.0, 3.0  # min after mixing, mm, mL, MPa


def body() -> FlowModel:
    """L1 at 2 mm, with the made defect over its middle."""
    scan = ScanSpec(in_plane_mm=1.0, slice_step_mm=1.0)
    made = make_virtual_patient(VirtualSpineSpec(levels=("L1",), scan=scan), np.random.default_rng(4))
    spine = build_spine(Study(made.ct, Scan(), Patient()), labels=LabelImage(made.labels, None), label_map="verse")
    line = GradedCalibration(4, "for an example", nominal_calibration())
    flow = flows.build_flow_model(spine, "L1", voxel_mm=2.0, calibration=line)
    near = np.linalg.norm(flow.local_mm[..., 1:], axis=-1) <= 4.0
    is_top = near & flow.bone & ~np.roll(flow.bone, -1, axis=2) & (flow.local_mm[..., 0] > 0)
    way = flows.Opening(9, "made defect", flows.LeakPath.DISC_SUPERIOR, 0.1, 2.0, 7.1, 1.0, "made for this example")
    return replace(flow, openings=(*flow.openings, way), labels=np.where(is_top, 9, flow.labels))


def run(flow: FlowModel, grade: str, start_min: float, limit_mpa: float | None) -> InjectionResult:
    """One injection below the defect."""
    tip = flow.frame.to_patient(np.array([flow.local_mm[..., 0][flow.labels == 9].min() - BELOW, 0.0, 0.0]))
    portions = [flows.Portion(flows.Needle(tuple(tip)), VOLUME, 4.0, start_min)]
    cement, settings = flows.find_cement(f"generic-{grade}"), flows.InjectionSettings(pressure_limit_mpa=limit_mpa)
    return flows.inject(injection_model(flow, reference_m2=2e-8), portions, cement, settings)


def leak(found: InjectionResult) -> float:
    """Into the disc, through the last opening. [mL]"""
    return found.leaks[-1].volume_ml


# %%
# With the pump the leak hardly changes while viscosity grows a hundredfold: at a given flow the bone alone shapes the
# cement. With the hand late thick cement leaks less: it sets before all of it is in.


def table() -> list[tuple[str, float, InjectionResult, InjectionResult]]:
    """Cement, start, with the hand's limit and with the pump."""
    flow, cases = body(), [(grade, start) for grade in ("low", "high") for start in STARTS]
    return [(*case, run(flow, *case, LIMIT), run(flow, *case, None)) for case in cases]


def draw(rows: list[tuple[str, float, InjectionResult, InjectionResult]]) -> Figure:
    """Leak by start, one panel a cement."""
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    for axes, grade in zip(figure.subplots(1, 2, sharey=True), ("low", "high"), strict=True):
        hand, pump = zip(*(row[2:] for row in rows if row[0] == grade), strict=True)
        axes.plot(STARTS, [leak(one) for one in hand], "o-", label="leak, hand of at most 3 MPa")
        axes.plot(STARTS, [leak(one) for one in pump], "x--", label="leak, pump")
        axes.plot(STARTS, [one.injected_ml / 10 for one in hand], "k:", label="a tenth of what a hand got in")
        axes.set(title=f"generic-{grade} (virtual L1)", xlabel="start [min after mixing]", ylabel="[mL]")
    axes.legend(fontsize=7)
    return figure


if __name__ == "__main__":
    draw(table()).savefig("thicker_or_later.png", dpi=150)
