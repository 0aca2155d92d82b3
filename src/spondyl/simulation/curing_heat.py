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
from spondyl.simulation.injection_model import InjectionModel
from spondyl.simulation.injection_records import InjectionResult
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
NO_CANAL = "no canal in the labels"
FAR_CANAL = f"the canal lies more than about {AROUND_MM:g} mm beyond the body's grid, where warmth is not followed"


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
    canal_reason: str | None  # why that is not known
    limits: tuple[str, ...]

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, item.name) for item in fields(self))


@dataclass(frozen=True, eq=False)
class ModelHeat:
    """Highest temperatures around any voxel model while its cement cures. [C]"""

    peak: Volume  # on the model's grid with tissue around it
    dwell_min: Volume  # above 50 C
    minutes: float  # that were followed
    wall_c: float  # highest of what touches the bone
    outlets: tuple[tuple[str, float], ...]  # highest at each outlet's voxels
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
    flow = injection.flow
    peak, dwell = _warmed(injection.cement_share.array, injection.result, injection.cement, minutes)
    pad = _layers(flow.geometry)
    geometry, bone = peak.geometry, np.pad(flow.bone, pad)
    above, below = (_beyond(bone, up=up) for up in (True, False))
    canal_c, canal_reason = _in_canal(spine.canal, peak)
    middle = [round(float(value)) for value in geometry.indices(flow.frame.origin)]
    column = np.flatnonzero(bone[:, middle[1], middle[2]])
    return CuringHeat(
        peak,
        dwell,
        float(peak.array[tuple(middle)]),
        float(peak.array[column[-1], middle[1], middle[2]]),
        float(peak.array[column[0], middle[1], middle[2]]),
        float(peak.array[above].max()),
        float(peak.array[below].max()),
        canal_c,
        canal_reason,
        LIMITS,
    )


def _in_canal(canal: Volume | None, peak: Volume) -> tuple[float | None, str | None]:
    """Highest temperature in it, or why that is not known."""
    if canal is None or not (canal.array > 0.5).any():
        return None, NO_CANAL
    inside = canal.resampled(peak.geometry, order=0).array > 0.5
    return (float(peak.array[inside].max()), None) if inside.any() else (None, FAR_CANAL)


def check_heat(geometry: Geometry, minutes: float) -> None:
    """Refuse what the warmth of an injection on this grid could not be followed on, or not over these minutes."""
    if not 0 < minutes <= 60:
        raise InputError(f"{minutes:g} min of curing; above 0 and at most 60 are expected")
    edges = geometry.spacing_mm
    if np.ptp(edges) > 1e-3 * edges.max():
        told = " x ".join(f"{edge:g}" for edge in edges)
        raise InputError(f"heat is marched on cubes, and these voxels are {told} mm: resample the fields to cubes")


def simulate_model_heat(
    model: InjectionModel, found: InjectionResult, cement: Cement, *, minutes: float = 15.0
) -> ModelHeat:
    """The same for any voxel model, whose places are its wall and its outlets; its voxels must be cubes."""
    peak, dwell = _warmed(found.saturation * model.porosity, found, cement, minutes)
    pad = _layers(model.geometry)
    bone, labels = np.pad(model.bone, pad), np.pad(model.outlet_labels, pad)
    places = tuple(
        (outlet.name, float(peak.array[labels == label].max()))
        for label, outlet in model.outlets
        if (labels == label).any()
    )
    wall = ndimage.binary_dilation(bone) & ~bone
    return ModelHeat(peak, dwell, minutes, float(peak.array[wall].max()), places, LIMITS)


def _warmed(share: Array, found: InjectionResult, cement: Cement, minutes: float) -> tuple[Volume, Volume]:
    """Highest temperatures and minutes above 50 C, on the grid of the injection with tissue around it."""
    check_heat(found.geometry, minutes)
    edges = found.geometry.spacing_mm
    pad = _layers(found.geometry)
    padded, entered = np.pad(share, pad), np.pad(np.nan_to_num(found.entered_min), pad) * 60
    ended = float(found.course.minutes[-1]) * 60
    age = cement.clock_rate(ROOM_C) * entered + cement.clock_rate(BODY_C) * (ended - entered)
    peak, dwell = heat_up(padded, age, find_reaction(cement), edge_mm=float(edges[0]), seconds=minutes * 60)
    geometry = _padded(found.geometry, pad)
    return Volume(peak, geometry, "Cel"), Volume(dwell, geometry, "min")


def _layers(geometry: Geometry) -> int:
    """Of voxels of tissue around the grid."""
    return round(AROUND_MM / float(geometry.spacing_mm[0]))


def heat_up(
    share: Array,
    age_s: Array,
    reaction: Reaction,
    *,
    edge_mm: float,
    seconds: float,
    insulated: bool = False,
    plain: bool = False,
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
    plain
        Without the compiled loop: much slower, and the same.
    """
    density = _number("cement.density") * 1e-3  # g/cm³ to g/mm³
    own = share * density * _number("cement.specific_heat")
    capacity = own + (1 - share) * TISSUE_HEAT
    step = STEP_SHARE * edge_mm**2 * float(capacity.min()) / (6 * CONDUCTIVITY)
    count = int(np.ceil(seconds / step))
    run = _March(
        step=seconds / count,
        count=count,
        factor=seconds / count * CONDUCTIVITY / edge_mm**2 / capacity,
        hot=share > 0,
        source=share[share > 0] * density * reaction.heat_j_per_g / capacity[share > 0],
        conversion=reaction.start(age_s[share > 0]),
        reaction=reaction,
        insulated=insulated,
    )
    return run.plainly() if plain else run.compiled()


@dataclass(frozen=True, eq=False)
class _March:
    """Explicit steps of conduction and reaction."""

    step: float  # [s]
    count: int
    factor: Array  # of a voxel's differences to those beside it
    hot: NDArray[np.bool_]  # voxels with cement
    source: Array  # of each: rise for a whole conversion [K]
    conversion: Array  # of each, at the beginning
    reaction: Reaction
    insulated: bool

    def compiled(self) -> tuple[Array, Array]:
        """By one loop over the voxels."""
        from spondyl.numerics.heat_kernels import march

        reaction = self.reaction
        temperature = np.full(tuple(n + 2 for n in self.hot.shape), BODY_C)
        peak, dwell = temperature.copy(), np.zeros(temperature.shape)
        activation = reaction.activation_j_per_mol / GAS_CONSTANT
        rate = self.step * np.exp(activation / (REFERENCE_C + ZERO_CELSIUS)) / reaction.sharpness_s
        law = reaction.highest, float(rate), activation, ZERO_CELSIUS
        reacting = np.flatnonzero(np.pad(self.hot, 1))
        factor, conversion = np.pad(self.factor, 1), self.conversion.copy()
        march(
            temperature, temperature.copy(), factor, self.insulated, reacting, self.source, conversion, law, HOT_C,
            self.count, peak, dwell,
        )  # fmt: skip
        inner = (slice(1, -1),) * 3
        return peak[inner], dwell[inner] * (self.step / 60)

    def plainly(self) -> tuple[Array, Array]:
        """By whole arrays, as one reads the equation: what the compiled loop is tested against."""
        temperature, conversion = np.full(self.hot.shape, BODY_C), self.conversion
        peak, dwell = temperature.copy(), np.zeros(self.hot.shape)
        for _ in range(self.count):
            laplace = ndimage.laplace(temperature, mode="nearest" if self.insulated else "constant", cval=BODY_C)
            temperature = temperature + self.factor * laplace
            done = self.reaction.after(conversion, temperature[self.hot], self.step)
            temperature[self.hot] += self.source * (done - conversion)
            conversion = done
            np.maximum(peak, temperature, out=peak)
            dwell += (temperature > HOT_C) * (self.step / 60)
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
