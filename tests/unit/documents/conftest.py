"""A small hand-made spine: three blocks, the middle one wedged, with known heights and a CT."""

from collections.abc import Callable

import numpy as np
import pytest

from spondyl.findings import Finding, Findings, Status, not_evaluable
from spondyl.space import Frame, Geometry, HeightMap, Volume
from spondyl.spine import Level, Pedicle, Side, Spine, Vertebra
from spondyl.studies import Patient, Question, Scan, Study

DEPTH, WIDTH, HEIGHT, PITCH = 30.0, 40.0, 25.0, 35.0
LEVELS = (Level.T12, Level.L1, Level.L2)
WEDGE = 10.0  # loss of the front of L1 [mm]


def make_frame(number: int) -> Frame:
    """The frame of the number-th block from the head; the spine leans to the patient's left from there."""
    return Frame.from_directions([4.0 * number, -10.0, -PITCH * number], [0, 0, 1], [0, -1, 0])


def flat(frame: Frame, direction: str, height: float) -> HeightMap:
    u, v = np.linspace(-15, 15, 13), np.linspace(-20, 20, 9)
    heights = np.full((13, 9), height)
    heights[:, 0] = np.nan
    return HeightMap(frame, direction, u, v, heights, 0.2)


def wedged(frame: Frame) -> HeightMap:
    """An upper endplate that falls by WEDGE from the back to the front."""
    plain = flat(frame, "cranial", HEIGHT / 2)
    slope = (plain.u_mm + DEPTH / 2) / DEPTH * WEDGE
    return HeightMap(frame, "cranial", plain.u_mm, plain.v_mm, plain.height_mm - slope[:, None], 0.2)


def make_vertebra(number: int, level: Level, geometry: Geometry) -> Vertebra:
    frame = make_frame(number)
    points = geometry.points(np.stack(np.meshgrid(*[np.arange(n) for n in geometry.shape], indexing="ij"), axis=-1))
    up, front, left = np.moveaxis(frame.to_local(points), -1, 0)
    top = HEIGHT / 2 - (WEDGE * (front + DEPTH / 2) / DEPTH if level is Level.L1 else 0.0)
    body = (abs(front) <= DEPTH / 2) & (abs(left) <= WIDTH / 2) & (up >= -HEIGHT / 2) & (up <= top)
    arch = (front < -35) & (front > -45) & (abs(left) <= 15) & (abs(up) <= 8)
    found = np.argwhere(body | arch)
    start, stop = found.min(axis=0), found.max(axis=0) + 1
    place = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
    block = geometry.cropped(start, stop)
    side = Pedicle(Side.LEFT, frame.to_patient([0, -20.0, 12.0]), frame.anterior, 9.5, 14.0, 0.5)
    return Vertebra(
        level,
        Volume((body | arch)[place], block, "1"),
        Volume(body[place], block, "1"),
        frame,
        wedged(frame) if level is Level.L1 else flat(frame, "cranial", HEIGHT / 2),
        flat(frame, "cranial", -HEIGHT / 2),
        flat(frame, "anterior", DEPTH / 2),
        flat(frame, "anterior", -DEPTH / 2),
        (side,),
        (),
        ("hand-made",),
    )


@pytest.fixture(scope="session")
def spine() -> Spine:
    """T12, L1 (wedged) and L2 with their CT and canal, on a grid of 1.5 mm."""
    affine = np.diag([1.5, 1.5, 1.5, 1.0])
    affine[:3, 3] = -40.0, -50.0, -100.0
    geometry = Geometry(affine, (60, 80, 90), "1.2.3")
    vertebrae = tuple(make_vertebra(n, level, geometry) for n, level in enumerate(LEVELS))
    grey = np.full(geometry.shape, 40, np.int16)
    canal = np.zeros(geometry.shape, bool)
    canal[20:30, 35:42, 5:85] = True
    for vertebra in vertebrae:
        first = np.rint(geometry.indices(vertebra.mask.geometry.affine[:3, 3])).astype(int)
        place = tuple(slice(a, a + n) for a, n in zip(first, vertebra.mask.array.shape, strict=True))
        grey[place][vertebra.mask.array] = 300
        canal[place] &= ~vertebra.mask.array
    study = Study(
        Volume(grey, geometry, "[hnsf'U]"),
        Scan(modality="CT", kvp=120.0, convolution_kernel="B30f"),
        Patient(age_years=74, sex="F"),
        (Question("sex_conflict", "The record says female, the header says male.", "Check the patient.", True),),
        ("slices sorted by position",),
        (),
        {"ct.nii.gz": "0" * 64},
    )
    return Spine(study, geometry, vertebrae, Volume(canal, geometry, "1"), (), ("L3 is missing",), "verse")


@pytest.fixture(scope="session")
def findings() -> Findings:
    """Heights of the hand-made spine as its construction gives them, a grade 3 at L1, one thing not evaluable."""
    return make_findings()


def make_findings() -> Findings:
    found: list[Finding] = []
    for level in LEVELS:
        loss = WEDGE if level is Level.L1 else 0.0
        for name, height in (
            ("anterior_height", HEIGHT - loss * 0.875),
            ("middle_height", HEIGHT - loss * 0.5),
            ("posterior_height", HEIGHT - loss * 0.125),
        ):
            found.append(measured(name, level, height, "mm", 0.5))
    for level, grade in zip(LEVELS, (0, 3, 0), strict=True):
        found.append(
            Finding("genant_grade", level, None, None, grade, "1", 0, grade, Status.MEASURED, None, "rule", "spondyl")
        )
        for other in range(4):
            chance = 0.9 if other == grade else 0.1 / 3
            name = f"genant_grade_probability_{other}"
            found.append(
                Finding(name, level, None, None, chance, "1", None, None, Status.MEASURED, None, "rule", "spondyl")
            )
    found.append(
        Finding(
            "deformity_shape", Level.L1, None, None, "wedge", "1", None, None, Status.MEASURED, None, "rule", "spondyl"
        )
    )
    found.append(not_evaluable("gas_cleft", Level.L2, "1", "the CT is missing there", "threshold"))
    return tuple(found)


def measured(name: str, level: Level, value: float, unit: str, half: float) -> Finding:
    return Finding(
        name, level, None, None, value, unit, value - half, value + half, Status.MEASURED, None, "slab", "spondyl"
    )


@pytest.fixture
def same_surface() -> Callable[[HeightMap | None, HeightMap | None], bool]:
    """Whether two surfaces are equal to the last bit, missing heights included."""

    def compare(one: HeightMap | None, other: HeightMap | None) -> bool:
        if one is None or other is None:
            return one is other
        arrays = ("u_mm", "v_mm", "height_mm")
        same = all(np.array_equal(getattr(one, a), getattr(other, a), equal_nan=True) for a in arrays)
        return same and one.direction == other.direction and one.sd_mm == other.sd_mm

    return compare
