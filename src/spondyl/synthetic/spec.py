"""What a virtual patient is to be like."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from numpy.typing import ArrayLike
from scipy.interpolate import PchipInterpolator

from spondyl.errors import InputError
from spondyl.space import Floats
from spondyl.spine import Level

_BAND_CENTRES = (0.125, 0.5, 0.875)  # of the depth, from the front: anterior, middle and posterior height

_Kind = TypeVar("_Kind", bound=StrEnum)
SUPERIOR_SHARES = {"wedge": 0.8, "biconcave": 0.5, "crush": 0.6}  # of the loss of each shape, the superior endplate's

_RIBS = tuple(Level(number) for number in range(Level.T1, Level.T12 + 1))
_LUMBAR = tuple(Level(number) for number in range(Level.L1, Level.L6 + 1))


class Kernel(StrEnum):
    """Reconstruction kernel: in-plane sharpness and the texture of the noise."""

    SMOOTH = "smooth"
    STANDARD = "standard"
    SHARP = "sharp"


class SliceProfile(StrEnum):
    """How a slice weighs what lies across its thickness."""

    BOX = "box"
    GAUSSIAN = "gaussian"


class Endplate(StrEnum):
    """One of the two endplates of a body."""

    SUPERIOR = "superior"
    INFERIOR = "inferior"


class Wall(StrEnum):
    """A wall of a body, on the patient's own side."""

    ANTERIOR = "anterior"
    POSTERIOR = "posterior"
    LEFT = "left"
    RIGHT = "right"


@dataclass(frozen=True)
class Deformity:
    """Heights of a body as fractions of its intact heights, each by the default height definition."""

    anterior: float  # 1: intact
    middle: float
    posterior: float
    superior_share: float = 0.8  # of the loss, the part the superior endplate takes; the rest is the inferior's

    def __post_init__(self) -> None:
        for name in ("anterior", "middle", "posterior"):
            _within(name, getattr(self, name), 0.2, 1.3, "of the intact height")
        _within("superior_share", self.superior_share, 0.0, 1.0, "of the loss")

    @property
    def shape(self) -> str:
        """The usual name: the third with the least height names it; crush when the posterior height is lost too."""
        if self.posterior < 0.9:
            return "crush"
        return "wedge" if self.anterior <= self.middle else "biconcave"

    def profile(self) -> Callable[[ArrayLike], Floats]:
        """Share of the intact height over the share of the depth counted from the anterior wall, 0 to 1.

        Smooth through the centres of the three bands; toward the rims it runs on, but not above the intact height.
        """
        knots = self.anterior, self.middle, self.posterior
        front, back = (min(knots[end] + (knots[end] - knots[1]) / 3, max(1.0, knots[end])) for end in (0, 2))
        through: Callable[[ArrayLike], Floats] = PchipInterpolator((0.0, *_BAND_CENTRES, 1.0), (front, *knots, back))
        return through


@dataclass(frozen=True)
class SchmorlNode:
    """A pit in an endplate, smooth (Gaussian) in shape."""

    endplate: Endplate = Endplate.SUPERIOR
    depth_mm: float = 4.0
    radius_mm: float = 4.0  # where the pit has 1/e of its depth
    anterior_mm: float = 0.0  # place from the body's centre
    left_mm: float = 0.0

    def __post_init__(self) -> None:
        _within("depth_mm", self.depth_mm, 0.0, 12.0, "mm")
        _within("radius_mm", self.radius_mm, 1.0, 20.0, "mm")


@dataclass(frozen=True)
class CorticalDefect:
    """A round hole in the shell of a wall at mid-height."""

    wall: Wall = Wall.ANTERIOR
    radius_mm: float = 5.0

    def __post_init__(self) -> None:
        _within("radius_mm", self.radius_mm, 0.5, 20.0, "mm")


@dataclass(frozen=True)
class GasCleft:
    """A flat, lens-shaped pocket of gas inside a body."""

    height_mm: float = 4.0
    depth_mm: float = 18.0
    width_mm: float = 24.0
    anterior_mm: float = 4.0  # place of its centre from the body's centre
    cranial_mm: float = 3.0

    def __post_init__(self) -> None:
        _within("height_mm", self.height_mm, 0.5, 20.0, "mm")
        _within("depth_mm", self.depth_mm, 1.0, 40.0, "mm")
        _within("width_mm", self.width_mm, 1.0, 50.0, "mm")


@dataclass(frozen=True)
class Focus:
    """A ball of other trabecular density in a body: lytic below the bone around it, sclerotic above."""

    density_mg_cm3: float  # K2HPO4 equivalent inside
    radius_mm: float = 7.0
    cranial_mm: float = 0.0  # place from the body's centre
    anterior_mm: float = 0.0
    left_mm: float = 0.0

    def __post_init__(self) -> None:
        _within("density_mg_cm3", self.density_mg_cm3, 0.0, 1200.0, "mg/cm³")
        _within("radius_mm", self.radius_mm, 1.0, 20.0, "mm")


@dataclass(frozen=True)
class VertebraSpec:
    """Options of one vertebra; None takes what is usual at its level or set for the whole spine."""

    density_mg_cm3: float | None = None  # mean trabecular density of the body, K2HPO4 equivalent
    pedicle_width_mm: float | None = None  # 3-12, at the isthmus
    pedicle_convergence_deg: float | None = None  # of the axis toward the midline, seen from above, going forwards
    pedicle_caudal_deg: float = 0.0  # of the axis toward the feet, going forwards
    deformity: Deformity | None = None
    schmorl_node: SchmorlNode | None = None
    cortical_defect: CorticalDefect | None = None
    gas_cleft: GasCleft | None = None
    foci: tuple[Focus, ...] = ()
    osteophyte_mm: float = 0.0  # how far beaks at the anterior rims reach beyond the wall; 0: none
    posterior_bulge_mm: float = 0.0  # how far the upper posterior wall bulges into the canal; 0: not

    def __post_init__(self) -> None:
        if self.density_mg_cm3 is not None:
            _within("density_mg_cm3", self.density_mg_cm3, 0.0, 600.0, "mg/cm³")
        if self.pedicle_width_mm is not None:
            _within("pedicle_width_mm", self.pedicle_width_mm, 3.0, 12.0, "mm")
        if self.pedicle_convergence_deg is not None:
            _within("pedicle_convergence_deg", self.pedicle_convergence_deg, -10.0, 40.0, "degrees")
        _within("pedicle_caudal_deg", self.pedicle_caudal_deg, -30.0, 30.0, "degrees")
        _within("osteophyte_mm", self.osteophyte_mm, 0.0, 10.0, "mm")
        _within("posterior_bulge_mm", self.posterior_bulge_mm, 0.0, 10.0, "mm")


@dataclass(frozen=True)
class ScanSpec:
    """How the virtual scanner sees the patient."""

    in_plane_mm: float = 1.0  # voxel edge within a slice
    slice_step_mm: float = 1.0  # distance of slices
    slice_thickness_mm: float | None = None  # width of the slice profile; None: equal to the step
    slice_profile: SliceProfile = SliceProfile.BOX  # a Gaussian one has the thickness as full width at half maximum
    tilt_deg: float = 0.0  # the whole grid turned about the left-right axis, against the spine; up to 25
    coronal_tilt_deg: float = 0.0  # and about the front-back axis
    gantry_tilt_deg: float = 0.0  # slices lean, the table moves straight on: a sheared stack; only DICOM can hold it
    margin_side_mm: float = 40.0  # from the outermost bone to the border of the image; negative cuts bone
    margin_front_mm: float = 55.0
    margin_back_mm: float = 30.0
    margin_head_mm: float = 8.0
    margin_foot_mm: float = 8.0
    energy_kev: float = 70.0  # effective energy, 40-140; from a tube voltage by `effective_energy`
    kernel: Kernel = Kernel.STANDARD
    blur_mm: float | None = None  # in-plane blur, standard deviation; None: what the kernel has
    noise_hu: float = 15.0  # standard deviation in the final image
    contrast_hu: float = 0.0  # what an agent adds to the blood of the aorta

    def __post_init__(self) -> None:
        _within("in_plane_mm", self.in_plane_mm, 0.2, 3.0, "mm")
        _within("slice_step_mm", self.slice_step_mm, 0.3, 6.0, "mm")
        if self.slice_thickness_mm is not None:
            _within("slice_thickness_mm", self.slice_thickness_mm, 0.3, 8.0, "mm")
        for name in ("tilt_deg", "coronal_tilt_deg", "gantry_tilt_deg"):
            _within(name, getattr(self, name), -25.0, 25.0, "degrees")
        for name in ("side", "front", "back", "head", "foot"):
            _within(f"margin_{name}_mm", getattr(self, f"margin_{name}_mm"), -60.0, 200.0, "mm")
        _within("energy_kev", self.energy_kev, 40.0, 140.0, "keV")
        if self.blur_mm is not None:
            _within("blur_mm", self.blur_mm, 0.0, 3.0, "mm")
        _within("noise_hu", self.noise_hu, 0.0, 300.0, "HU")
        _within("contrast_hu", self.contrast_hu, 0.0, 500.0, "HU")
        object.__setattr__(self, "kernel", one_of(Kernel, self.kernel))
        object.__setattr__(self, "slice_profile", one_of(SliceProfile, self.slice_profile))


@dataclass(frozen=True)
class VirtualSpineSpec:
    """A virtual patient: its spine, its tissues and its scan."""

    levels: tuple[Level, ...] = tuple(Level(number) for number in range(Level.T10, Level.L5 + 1))
    scan: ScanSpec = field(default_factory=ScanSpec)
    vertebrae: Mapping[Level, VertebraSpec] = field(default_factory=dict)  # options by level
    density_mg_cm3: float = 110.0  # mean trabecular density of bodies without a value of their own, K2HPO4 equivalent
    density_variation: float = 0.12  # standard deviation of the smooth variation within a body, share of the mean
    marrow_fat_share: float = 1.0  # yellow marrow; below 1 red marrow joins, which a calibration may read as mineral
    shell_mm: float = 0.5  # thickness of the cortical shell and endplates of the bodies, 0.3-1.5
    scale: float = 1.0  # of all bone sizes against an adult of middle size, 0.75-1.25
    cupping: float = 1.0  # depth of endplate cups against the usual one; 0: flat endplates
    waist: float = 1.0  # concavity of the walls against the usual one; 0: straight walls
    rib_pairs: int = 12  # 11: T12 bears none; 13: T13 stands between T12 and L1
    lumbar_count: int = 5  # lumbar vertebrae, 4 to 6; the sacrum lies below the last one
    rib_reach: float = 1.0  # length of the ribs' stumps against the usual one, 0.3-2; no process reaches 1.5
    cobb_deg: float = 0.0  # scoliosis from the first to the last level; convex to the patient's right when positive
    kyphosis_deg: float = 25.0  # T5 to T12, of the bodies' mid-planes
    lordosis_deg: float = 32.0  # L1 to L5, of the bodies' mid-planes
    fat_mm: float = 15.0  # subcutaneous fat
    left_marker: bool = False  # a bright ball on the patient's left

    def __post_init__(self) -> None:
        levels = tuple(level_named(item) for item in self.levels)
        object.__setattr__(self, "levels", levels)
        self._check_numbers()
        if not levels or levels != levels_between(levels[0], levels[-1], self.rib_pairs, self.lumbar_count):
            raise InputError("levels of a virtual patient run from head to foot without a gap, at least one")
        options = {level_named(level): vertebra for level, vertebra in self.vertebrae.items()}
        object.__setattr__(self, "vertebrae", options)
        missing = [level.name for level in options if level not in levels]
        if missing:
            raise InputError(
                f"options are given for {', '.join(missing)}, but the levels of the spine are {levels[0].name} to "
                f"{levels[-1].name}: widen the levels or leave these options out"
            )

    def _check_numbers(self) -> None:
        _within("density_mg_cm3", self.density_mg_cm3, 0.0, 600.0, "mg/cm³")
        _within("density_variation", self.density_variation, 0.0, 0.3, "of the mean")
        _within("marrow_fat_share", self.marrow_fat_share, 0.0, 1.0, "of the marrow")
        _within("shell_mm", self.shell_mm, 0.3, 1.5, "mm")
        _within("scale", self.scale, 0.75, 1.25, "of the middle size")
        _within("cupping", self.cupping, 0.0, 2.0, "of the usual depth")
        _within("waist", self.waist, 0.0, 2.0, "of the usual concavity")
        _whole("rib_pairs", self.rib_pairs, 11, 13)
        _whole("lumbar_count", self.lumbar_count, 4, 6)
        _within("rib_reach", self.rib_reach, 0.3, 2.0, "of the usual length")
        _within("cobb_deg", self.cobb_deg, -60.0, 60.0, "degrees")
        _within("kyphosis_deg", self.kyphosis_deg, 0.0, 70.0, "degrees")
        _within("lordosis_deg", self.lordosis_deg, 0.0, 70.0, "degrees")
        _within("fat_mm", self.fat_mm, 2.0, 60.0, "mm")

    @property
    def chain(self) -> tuple[Level, ...]:
        """Every level that this spine has, C7 to the last lumbar one, whether made or not."""
        return _chain(self.rib_pairs, self.lumbar_count)

    @property
    def rib_levels(self) -> tuple[Level, ...]:
        """The levels that bear ribs."""
        return (*_RIBS, Level.T13)[: self.rib_pairs]

    def vertebra(self, level: Level) -> VertebraSpec:
        """Options of a level; the usual ones where none are given."""
        return self.vertebrae.get(level, VertebraSpec())

    def density(self, level: Level) -> float:
        """Mean trabecular density of a level's body. [mg/cm³ K2HPO4]"""
        own = self.vertebra(level).density_mg_cm3
        return self.density_mg_cm3 if own is None else own


def levels_between(first: Level, last: Level, rib_pairs: int = 12, lumbar_count: int = 5) -> tuple[Level, ...]:
    """The levels from one to another of a spine with so many pairs of ribs and lumbar vertebrae.

    >>> [level.name for level in levels_between(Level.T12, Level.L1, rib_pairs=13)]
    ['T12', 'T13', 'L1']

    Raises
    ------
    InputError
        If such a spine has not both levels, or has them the other way round.
    """
    chain = _chain(rib_pairs, lumbar_count)
    for level in (first, last):
        if level not in chain:
            raise InputError(
                f"a virtual patient with {rib_pairs} pairs of ribs and {lumbar_count} lumbar vertebrae has the levels "
                f"{chain[0].name} to {chain[-1].name}{', T13 among them' if Level.T13 in chain else ''}; {level.name} "
                "cannot be made"
            )
    if first.order > last.order:
        raise InputError(f"levels run from head to foot: give {last.name} before {first.name}")
    return chain[chain.index(first) : chain.index(last) + 1]


def _chain(rib_pairs: int, lumbar_count: int) -> tuple[Level, ...]:
    extra = (Level.T13,) if rib_pairs > len(_RIBS) else ()
    return (Level.C7, *_RIBS, *extra, *_LUMBAR[:lumbar_count])


def named_deformity(shape: str, share_left: float) -> Deformity:
    """A deformity by the name of its shape and what is left of the most affected height.

    The other heights lose a part of what that one loses: round figures, as in the named examples below.
    """
    loss = 1 - share_left
    parts = {"wedge": (1.0, 0.6, 0.0), "biconcave": (0.15, 1.0, 0.1), "crush": (1.0, 1.0, 0.9)}
    if shape not in parts:
        raise InputError(f"'{shape}' is not a shape of deformity; shapes are {', '.join(parts)}")
    anterior, middle, posterior = (1 - part * loss for part in parts[shape])
    return Deformity(anterior, middle, posterior, superior_share=SUPERIOR_SHARES[shape])


def one_of(kinds: type[_Kind], given: str) -> _Kind:
    """The member of an enumeration that a word names."""
    try:
        return kinds(given)
    except ValueError:
        what = kinds.__name__.lower()
        raise InputError(f"'{given}' is no {what}; one of {', '.join(kinds)} is expected") from None


def level_named(given: Level | str | int) -> Level:
    """A level from its name or VerSe number."""
    if isinstance(given, str):
        return Level.parse(given)
    if given not in [level.value for level in Level]:
        raise InputError(f"{given} is not the VerSe number of a level")
    return Level(given)


def defects_of(options: VertebraSpec, density_mg_cm3: float) -> tuple[str, ...]:
    """Names of the defects that the options of a vertebra put into it."""
    names = [name for name in ("schmorl_node", "cortical_defect", "gas_cleft") if getattr(options, name) is not None]
    names += ["lytic_focus" if focus.density_mg_cm3 < density_mg_cm3 else "sclerotic_focus" for focus in options.foci]
    names += ["osteophytes"] if options.osteophyte_mm else []
    names += ["posterior_bulge"] if options.posterior_bulge_mm else []
    return tuple(names)


def _within(name: str, value: float, low: float, high: float, unit: str) -> None:
    if not (math.isfinite(value) and low <= value <= high):
        raise InputError(f"{name} is {value:g}; it lies between {low:g} and {high:g} {unit}")


def _whole(name: str, value: int, low: int, high: int) -> None:
    if value not in range(low, high + 1):
        raise InputError(f"{name} is {value}; it is a whole number from {low} to {high}")


WEDGE_30 = Deformity(0.70, 0.82, 1.0)
BICONCAVE_35 = Deformity(0.95, 0.65, 0.97, superior_share=0.5)
CRUSH_45 = Deformity(0.55, 0.55, 0.60, superior_share=0.6)
