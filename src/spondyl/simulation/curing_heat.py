"""Heat of cement that cures in a vertebra: how warm it, the walls, the discs and the canal become."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.errors import InputError
from spondyl.evidence import find_parameter
from spondyl.simulation.body_injection import BodyInjection
from spondyl.simulation.cement import BODY_C, GAS_CONSTANT, REFERENCE_C, ROOM_C, ZERO_CELSIUS, Cement
from spondyl.space import Geometry, Volume
from spondyl.spine import Spine

Array = NDArray[Any]

MONOMER_G_PER_MOL = 100.12  # of methyl methacrylate
CONDUCTIVITY = 0.3e-3  # of bone, tissue and cement alike [W/(mm K)]: a choice
TISSUE_HEAT = 3.0e-3  # of bone with marrow and of tissue [J/(mm³ K)]: a choice
SHARPNESS_S = 60.0  # of the rise of conversion about its middle, on the clock of 25 C: a choice
AROUND_MM = 12.0  # of tissue at body temperature beyond its border
STEP_SHARE = 0.8  # of the longest stable step
HOT_C = 50.0
LIMITS = (
    "heat: a model, not calibrated on patients; no blood carries heat away, so that temperatures are too high",
    "heat: conductivity 0.3 W/(m K), tissue 3.0 J/(cm³ K) and the speed of the reaction are choices without a source",
)


@dataclass(frozen=True, eq=False)
class CuringHeat:
    """Highest temperatures while cement cures; None where a place is not known. [C]"""

    peak: Volume  # on the injection's grid with tissue around it
    dwell_min: Volume  # above 50 C
    centre_c: float  # of the body
    anterior_wall_c: float  # at half height, on the midline
    posterior_wall_c: float
    disc_superior_c: float  # highest of what touches the endplate
    disc_inferior_c: float
    canal_c: float | None  # highest in it
    limits: tuple[str, ...]

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, item.name) for item in fields(self))


@dataclass(frozen=True)
class Reaction:
    """Conversion of monomer: dα/dθ = α (1 - α/α_max) / w on the clock θ of 25 C, half done when the cement hardens.

    The handbook's law (3.2) with k1 = 0, m = n = 1.
    """

    highest: float  # conversion reached
    half_s: float
    sharpness_s: float
    heat_j_per_g: float  # of all cement, if all its monomer reacted
    activation_j_per_mol: float

    def start(self, age_s: Array | float) -> Array:
        """Conversion at an age on that clock."""
        return np.asarray(self.highest / (1 + np.exp((self.half_s - np.asarray(age_s)) / self.sharpness_s)))

    def after(self, conversion: Array, temperature_c: Array, seconds: float) -> Array:
        """Conversion after a step at one temperature: the law's own closed form."""
        kelvin, reference = temperature_c + ZERO_CELSIUS, REFERENCE_C + ZERO_CELSIUS
        clock = np.exp(self.activation_j_per_mol / GAS_CONSTANT * (1 / reference - 1 / kelvin)) * seconds
        odds = (self.highest / conversion - 1) * np.exp(-clock / self.sharpness_s)
        return np.asarray(self.highest / (1 + odds))


def find_reaction(cement: Cement) -> Reaction:
    """The reaction of a cement that hardens when its consistency reaches the plateau, by the file's parameters."""
    hardens = _number("cement.hardening_after_37C") * 60 / _number("cement.cure_time_ratio_37C_over_25C")
    joule = _number("mma.heat_of_polymerisation") * 1000 / MONOMER_G_PER_MOL
    heat = _number("cement.monomer_mass_fraction") * joule
    return Reaction(_conversion(), hardens, SHARPNESS_S, heat, cement.activation_j_per_mol)


def simulate_heat(spine: Spine, injection: BodyInjection, *, minutes: float = 15.0) -> CuringHeat:
    """Warmth of an injected body from the end of the injection on, with tissue of 37 C around it.

    Cement starts at body temperature with the conversion of its age. Explicit steps on the injection's own grid.
    """
    if not 0 < minutes <= 60:
        raise InputError(f"{minutes:g} min of curing; above 0 and at most 60 are expected")
    flow, edge = injection.flow, float(injection.flow.geometry.spacing_mm[0])
    pad = round(AROUND_MM / edge)
    share = np.pad(injection.cement_share.array, pad)
    entered = np.pad(np.nan_to_num(injection.result.entered_min), pad) * 60
    ended = float(injection.result.course.minutes[-1]) * 60
    cement = injection.cement
    age = cement.clock_rate(ROOM_C) * entered + cement.clock_rate(BODY_C) * (ended - entered)
    reaction = find_reaction(cement)
    peak, dwell = heat_up(share, age, reaction, edge_mm=edge, seconds=minutes * 60)
    geometry = _padded(flow.geometry, pad)
    bone = np.pad(flow.bone, pad)
    above, below = (_beyond(bone, up=up) for up in (True, False))
    canal = None if spine.canal is None else spine.canal.resampled(geometry, order=0).array > 0.5
    middle = [round(float(value)) for value in geometry.indices(flow.frame.origin)]
    column = np.flatnonzero(bone[:, middle[1], middle[2]])
    return CuringHeat(
        Volume(peak, geometry, "Cel"),
        Volume(dwell, geometry, "min"),
        float(peak[tuple(middle)]),
        float(peak[column[-1], middle[1], middle[2]]),
        float(peak[column[0], middle[1], middle[2]]),
        float(peak[above].max()),
        float(peak[below].max()),
        None if canal is None or not canal.any() else float(peak[canal].max()),
        LIMITS,
    )


def heat_up(
    share: Array, age_s: Array, reaction: Reaction, *, edge_mm: float, seconds: float, insulated: bool = False
) -> tuple[Array, Array]:
    """Highest temperature of each voxel and minutes above 50 C, from 37 C on.

    Parameters
    ----------
    share
        Of each voxel that is cement.
    age_s
        Of the cement at the beginning, on the clock of 25 C.
    insulated
        No heat leaves the grid; else its outside stays at 37 C.
    """
    density = _number("cement.density") * 1e-3  # g/cm³ to g/mm³
    own = share * density * _number("cement.specific_heat")
    capacity = own + (1 - share) * TISSUE_HEAT
    step = STEP_SHARE * edge_mm**2 * float(capacity.min()) / (6 * CONDUCTIVITY)
    count = int(np.ceil(seconds / step))
    step = seconds / count
    temperature = np.full(share.shape, BODY_C)
    hot = share > 0
    conversion = reaction.start(age_s[hot])
    peak, dwell = temperature.copy(), np.zeros(share.shape)
    source = share[hot] * density * reaction.heat_j_per_g / capacity[hot]
    for _ in range(count):
        laplace = ndimage.laplace(temperature, mode="nearest" if insulated else "constant", cval=BODY_C)
        temperature = temperature + step * CONDUCTIVITY / edge_mm**2 * laplace / capacity
        done = reaction.after(conversion, temperature[hot], step)
        temperature[hot] += source * (done - conversion)
        conversion = done
        np.maximum(peak, temperature, out=peak)
        dwell += (temperature > HOT_C) * (step / 60)
    return peak, dwell


def adiabatic_rise(conversion: float) -> float:
    """Rise of neat cement that keeps its heat: monomer share x heat x conversion / specific heat (A15). [K]"""
    joule = _number("mma.heat_of_polymerisation") * 1000 / MONOMER_G_PER_MOL
    return _number("cement.monomer_mass_fraction") * joule * conversion / _number("cement.specific_heat")


def _beyond(bone: NDArray[np.bool_], *, up: bool) -> NDArray[np.bool_]:
    """Voxels outside that touch the body's upper or lower end."""
    shifted = np.roll(bone, 1 if up else -1, axis=2)
    return np.asarray(shifted & ~bone)


def _padded(geometry: Geometry, pad: int) -> Geometry:
    affine = geometry.affine.copy()
    affine[:3, 3] = geometry.points(np.full(3, -pad))
    nx, ny, nz = (n + 2 * pad for n in geometry.shape)
    return Geometry(affine, (nx, ny, nz), geometry.frame_of_reference_uid)


def _conversion() -> float:
    parameter = find_parameter("cement.monomer_conversion")
    assert parameter.low is not None and parameter.high is not None
    return (parameter.low + parameter.high) / 2


def _number(name: str) -> float:
    value = find_parameter(name).value
    assert isinstance(value, int | float)
    return float(value)
