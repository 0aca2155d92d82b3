"""How much force a vertebra bears between its ends, by its load path and by faster estimates."""

from __future__ import annotations

from dataclasses import dataclass, replace

from spondyl.errors import InputError
from spondyl.numerics.plasticity import CRUSHABLE, YieldLaw
from spondyl.simulation.between_platens import CurvePoint, PlatenResponse, solve_voxel_model
from spondyl.simulation.bone import BoneModel
from spondyl.simulation.linear_estimates import MAPS, LinearEstimates, estimate_linear, map_of
from spondyl.simulation.load_path import follow_load_path
from spondyl.simulation.strength_spread import SpreadCause, failure_of, interval, spread_causes

STEPS = 10
FAR_STRAIN = 0.02  # of the bone's height, where a load path between discs ends
DISC_REACH = 1.6  # of the displacement at which bone between discs is overstrained by the linear estimate


@dataclass(frozen=True)
class Strength:
    """Stiffness and failure load of one vertebra as modelled; nobody's bone was tested."""

    failure_n: float
    failure_low_n: float  # 95 % interval by `causes`
    failure_high_n: float
    method: str  # "load_path", or "linear": Pistoia's estimate with the limit of `linear_estimates`
    has_peak: bool | None  # False: the force at 1.9 % of apparent strain; None: no path was followed
    curve: tuple[CurvePoint, ...] | None
    linear: LinearEstimates
    mapped_n: float | None  # the failure load that goes with Crawford's estimate; None: no map for these voxels
    height_mm: float  # as of the bone model
    voxels: int
    causes: tuple[SpreadCause, ...] = ()  # of the interval

    @property
    def stiffness_n_per_mm(self) -> float:
        """Before anything yields."""
        return self.linear.stiffness_n_per_mm


def estimate_strength(
    bone: BoneModel,
    *,
    steps: int = STEPS,
    path: PlatenResponse | None = None,
    borders: tuple[LinearEstimates, LinearEstimates] | None = None,
) -> Strength:
    """Failure load by crushable plasticity, and the linear estimates.

    Bone that is squeezed loses volume, so it yields under pressure too (handbook 1.6). Von Mises does not, and plain
    voxels lock under it: a cylinder of one strength between glued ends read 1.5 to 1.8 of its yield load at 2 %, where
    upsetting allows 1.2; this law reads 1.03 to 1.07.

    Where `bone.is_absolute` is False only ratios between levels of the same CT have a meaning.

    Parameters
    ----------
    bone
        From `build_bone_model`; between caps its displacement should reach 2 % of the height.
    steps
        Equal steps of the load path.
    path
        The load path, where `press_bone` followed it before.
    borders
        From `strength_spread.estimate_borders`, for the interval; None: the labels' border is taken as right.

    Raises
    ------
    NotConverged
        Where a step cannot be balanced.
    """
    answer = solve_voxel_model(bone.model)
    linear = estimate_linear(bone, answer)
    pressed = press_bone(bone, steps=steps) if path is None else path
    assert pressed.curve is not None
    failure, has_peak = failure_of(pressed.curve, bone.height_mm)
    causes = spread_causes(bone, pressed.curve, borders)
    return Strength(
        failure,
        *interval(failure, causes),
        "load_path",
        has_peak,
        pressed.curve,
        linear,
        _mapped(bone, linear),
        bone.height_mm,
        answer.voxels,
        causes,
    )


def estimate_strength_linear(
    bone: BoneModel, *, borders: tuple[LinearEstimates, LinearEstimates] | None = None
) -> Strength:
    """Failure load from a linear answer alone: where a share of the bone is overstrained, by the limit of these voxels.

    Of the estimates it scatters least about the load path, over real and virtual bodies and over densities. The
    interval holds that scatter besides the causes of `estimate_strength`.

    Raises
    ------
    InputError
        For voxels of a size without a map.
    """
    answer = solve_voxel_model(bone.model)
    linear = estimate_linear(bone, answer)
    known, failure = map_of(bone), linear.pistoia_n
    if any(bone.model.tilt):
        raise InputError(
            "the map from linear estimates holds for an axial force alone: leave the load case or --linear out"
        )
    if bone.ends != "cement":
        raise InputError("no map from linear estimates holds between discs: choose cement, or leave --linear out")
    if known is None or failure is None:
        sizes = ", ".join(f"{one.voxel_mm:g}" for one in MAPS)
        raise InputError(f"no map from linear estimates holds for voxels of {bone.voxel_mm:g} mm: choose {sizes} mm")
    causes = (*spread_causes(bone, None, borders), SpreadCause("map from the linear estimate", known.pistoia_spread))
    low, high = interval(failure, causes)
    mapped = _mapped(bone, linear)
    return Strength(failure, low, high, "linear", None, None, linear, mapped, bone.height_mm, answer.voxels, causes)


def press_bone(bone: BoneModel, *, steps: int = STEPS, law: YieldLaw = CRUSHABLE) -> PlatenResponse:
    """The load path of a bone model by the crushable law: to its displacement, or between discs to 2 % of the bone.

    Discs give way too, so that the top moves much further than the ends of the bone come nearer; their shortening
    stands in the curve.
    """
    if bone.ends == "cement":
        return follow_load_path(bone.model, bone.yield_stress, law=law, steps=steps, tolerance=1e-3)
    linear = estimate_linear(bone)
    answer = solve_voxel_model(bone.model)
    share = bone.shortening_mm(answer.displacement) / abs(answer.displacement_mm)
    overstrained = MAPS[0].strain_limit / linear.effective_strain / share
    reach = DISC_REACH * overstrained + FAR_STRAIN * bone.height_mm
    return follow_load_path(
        replace(bone.model, displacement_mm=-reach),
        bone.yield_stress,
        law=law,
        steps=2 * steps,
        tolerance=1e-3,
        watch=bone.shortening_mm,
        until_mm=FAR_STRAIN * bone.height_mm,
    )


def _mapped(bone: BoneModel, linear: LinearEstimates) -> float | None:
    known = map_of(bone)
    return None if known is None else known.failure_n(linear.crawford_n)
