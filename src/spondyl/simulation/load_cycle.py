"""Bone that is pressed beyond its yield, let go, and pressed again: what stiffness is lost and what shortening stays.

Damage lowers the stiffness of what flows, hardening spreads the flow over the body (without it one layer takes all of
it, and the rest stays as stiff as it was). Both stand in for what small strains leave out: crushed bone gets denser.
The stiffness lost by a crush of a quarter of the height was set on case E02; the strength that is left is then an
outcome. What comes back within half an hour is no elastic strain: `height_recovery` has a term of its own for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import expm1
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spondyl.errors import InputError, NotConverged
from spondyl.numerics.nonlinear import Balance, anderson, follow, newton_krylov
from spondyl.numerics.plasticity import YieldLaw
from spondyl.numerics.yielding import YieldingBody
from spondyl.simulation.between_platens import CurvePoint, PlatenResponse, solve_voxel_model
from spondyl.simulation.load_path import STEPS, answer_of_path, check_yield, yielding_body
from spondyl.simulation.voxel_model import VoxelModel
from spondyl.space import Volume
from spondyl.space.arrays import read_only

if TYPE_CHECKING:
    from spondyl.simulation.bone import BoneModel

Array = NDArray[Any]

DAMAGING = YieldLaw(2.0, 0.8, damage_limit=0.68, damage_strain=0.02, hardening=0.05)
"""Crushable bone that takes damage: `damage_limit` is that by which six lumbar bodies keep 0.47 of their stiffness
after a crush of a quarter (case E02, calibration; `tools.strength_cases --calibrate`). `hardening` and `damage_strain`
are this program's choice: with any hardening from 0 to 1.5 that stiffness can be met; a small one leaves crushed bone
on a plateau."""

FIRST_STRAIN = 0.001  # of the way down again: what stiffness is read from
BACK_SHARE = 0.005  # of the displacement: the first step back
EMPTY = 0.01  # of the highest force: what counts as let go
MOST_TRIES = 6
REST_MIN = 30.0  # of case E02, between the two tests
DELAYED_SHARE = 0.29  # of what stays when let go, that comes back within that time; 3 % of 31 % are elastic


@dataclass(frozen=True, eq=False)
class LoadCycle:
    """A body pressed, let go and pressed again. Displacements are of the top, negative ones compress. [mm, N]"""

    pressed: PlatenResponse  # the first press, to its end
    back: tuple[CurvePoint, ...]  # ends without force
    again: tuple[CurvePoint, ...]  # displacement from where the force had gone
    stiffness_after_n_per_mm: float  # on the way down again
    lasting_mm: float  # displacement that is left without force
    damage: Array  # of each voxel after the first press, (nx, ny, nz)

    def __post_init__(self) -> None:
        object.__setattr__(self, "damage", read_only(self.damage))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(self.__dict__.values())

    @property
    def first(self) -> tuple[CurvePoint, ...]:
        """The curve of the first press."""
        assert self.pressed.curve is not None
        return self.pressed.curve

    @property
    def stiffness_left(self) -> float:
        """Stiffness on the way down again over that before anything yielded."""
        return self.stiffness_after_n_per_mm / self.pressed.stiffness_n_per_mm

    @property
    def recovered_share(self) -> float:
        """Share of the displacement that came back when let go, at once."""
        return 1 - self.lasting_mm / self.first[-1].displacement_mm


def press_twice(
    bone: BoneModel,
    *,
    law: YieldLaw = DAMAGING,
    apparent_strain: float = 0.02,
    steps: int = STEPS,
    integration: str = "full",
) -> LoadCycle:
    """Press a bone model between cement caps to an apparent strain, let it go, and press it by 2 % again.

    Parameters
    ----------
    apparent_strain
        Shortening over the height of the model. Small strains: beyond some percent the answer is a sign, not a size.
    steps
        Of each 2 %; where more is asked for, steps grow to 2 % each after the first of these.

    Raises
    ------
    InputError
        For a bone between discs, whose top moves by more than the bone shortens, or a strain that is not above 0.
    NotConverged
        Where a step cannot be balanced, or the force does not go away.
    """
    if bone.ends != "cement":
        raise InputError("a load cycle is followed between cement caps: build the bone model with ends='cement'")
    if not 0 < apparent_strain < 0.5:
        raise InputError(f"an apparent strain of {apparent_strain:g}: more than 0 and less than 0.5 is expected")
    small = [0.02 * step / steps for step in range(1, steps + 1)]
    down = [strain for strain in (*small, *np.arange(0.04, 0.5, 0.02)) if strain < apparent_strain - 1e-9]
    to_mm = -bone.height_mm
    return follow_cycle(
        bone.model,
        bone.yield_stress,
        [to_mm * strain for strain in (*down, apparent_strain)],
        [to_mm * strain for strain in (FIRST_STRAIN, *small)],
        law=law,
        integration=integration,
    )


def follow_cycle(
    model: VoxelModel,
    yield_stress: Volume,
    down: Sequence[float],
    again: Sequence[float],
    *,
    law: YieldLaw,
    integration: str = "full",
    tolerance: float = 1e-3,
) -> LoadCycle:
    """Move the top of any voxel model through these displacements, let it go, and move it again.

    Parameters
    ----------
    down
        Displacements of the top, one after the other, all to one side. [mm]
    again
        The same from where the force has gone. [mm]
    law
        How the material yields and takes damage, for voxels of this size.
    """
    check_yield(model, yield_stress, len(down))
    path = _Path(model, yielding_body(model, yield_stress, law, integration), tolerance)
    elastic = solve_voxel_model(model)
    first = path.to(down)
    pressed = answer_of_path(model, path.body, elastic, first, path.balances)
    assert pressed.plastic_strain is not None
    damage = np.where(model.parts > 0, law.damage(pressed.plastic_strain), 0.0)
    back = path.let_go(first[-1])
    rest = back[-1].displacement_mm
    second = tuple(
        CurvePoint(point.displacement_mm - rest, point.reaction_n) for point in path.to([rest + mm for mm in again])
    )
    after = (second[0].reaction_n - back[-1].reaction_n) / abs(second[0].displacement_mm)
    return LoadCycle(pressed, back, second, after, rest, damage)


def height_recovery(cycle: LoadCycle, minutes: float, *, time_constant_min: float) -> float:
    """Share of a crush that has come back so long after it was let go: elastic at once, the rest delayed.

    The delayed share after half an hour was set by case E02, a crush of a quarter of the height, and says nothing of
    smaller ones. One figure fixes no time constant: give it, and try more than one.
    """
    if minutes < 0 or time_constant_min <= 0:
        raise InputError("recovery asks for minutes of 0 or more and a time constant above 0")
    delayed = DELAYED_SHARE * expm1(-minutes / time_constant_min) / expm1(-REST_MIN / time_constant_min)
    return cycle.recovered_share + (1 - cycle.recovered_share) * delayed


class _Path:
    """A body on its way, with where its top stands."""

    def __init__(self, model: VoxelModel, body: YieldingBody, tolerance: float) -> None:
        self.body = body
        inside = model.platens.cropped(model.box)
        self.top, self.edges = inside, model.edges
        self.pattern = body.widened(inside.moved(1.0, model.tilt, model.edges))
        self.solvers = [newton_krylov(rtol=tolerance), anderson(rtol=tolerance)]
        self.balances: list[Balance] = []
        self.at = 0.0
        self.side = 0.0  # of the first move: forces along it are positive

    def to(self, places: Sequence[float]) -> tuple[CurvePoint, ...]:
        """The points of the path to these places of the top, one after the other; forces along the first move."""
        points = []
        self.side = self.side or float(np.sign(places[0]))
        walk = follow(
            self.body,
            self.pattern,
            places,
            solvers=self.solvers,
            start=self.balances[-1].displacement if self.balances else None,
            first=self.at,
        )
        for step in walk:
            self.at = step.factor
            self.balances.append(step.balance)
            force = self.top.force(self.body.cut(self.body.internal), self.edges)[0]
            points.append(CurvePoint(step.factor, float(self.side * force)))
        return tuple(points)

    def let_go(self, last: CurvePoint) -> tuple[CurvePoint, ...]:
        """Back until the force is gone, by secants."""
        before, points = last, list(self.to([last.displacement_mm - BACK_SHARE * last.displacement_mm]))
        for _ in range(MOST_TRIES):
            now = points[-1]
            if abs(now.reaction_n) <= EMPTY * last.reaction_n:
                return tuple(points)
            slope = (now.reaction_n - before.reaction_n) / (now.displacement_mm - before.displacement_mm)
            before = now
            points += self.to([now.displacement_mm - now.reaction_n / slope])
        if abs(points[-1].reaction_n) <= EMPTY * last.reaction_n:
            return tuple(points)
        raise NotConverged(
            f"{points[-1].reaction_n:.3g} N were left of {last.reaction_n:.3g} N after {MOST_TRIES} tries to let go",
            tuple(abs(point.reaction_n / last.reaction_n) for point in points),
        )
