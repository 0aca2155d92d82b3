import os
from pathlib import Path

import numpy as np
import pytest

from spondyl.errors import InputError
from spondyl.space import Volume
from spondyl.spine import Level
from spondyl.spine.surfaces import find_surfaces
from spondyl.studies import read_label_image, read_study
from spondyl.synthetic import ScanSpec, VirtualSpineSpec, cement_bright, deform_vertebra, make_virtual_patient
from spondyl.synthetic.deform import MARROW_HU

SHAPES = {"wedge": (0.65, 0.8, 1.0), "biconcave": (0.95, 0.65, 0.97), "crush": (0.6, 0.58, 0.65)}


@pytest.fixture(scope="module")
def patient():
    scan = ScanSpec(noise_hu=5.0, margin_side_mm=5, margin_front_mm=5)
    return make_virtual_patient(VirtualSpineSpec(levels=("T12", "L1", "L2"), scan=scan), np.random.default_rng(5))


@pytest.fixture(scope="module", params=SHAPES)
def pressed(request, patient):
    fractions = dict(zip(("anterior", "middle", "posterior"), SHAPES[request.param], strict=True))
    return deform_vertebra(
        patient.ct, patient.labels, Level.L1, request.param, **fractions, subregions=patient.subregions
    )


def body_of(labels, subregions):
    return (labels.array == Level.L1) & (subregions.array == 49)


def test_the_map_makes_the_wanted_heights(pressed):
    wanted = np.array([pressed.deformity.anterior, pressed.deformity.middle, pressed.deformity.posterior])
    assert np.array(pressed.heights_mm) / pressed.intact_heights_mm == pytest.approx(wanted, abs=0.005)


def test_intact_heights_are_the_true_ones(pressed, patient):
    # the map's own survey of a 1 mm mask; half a millimetre is half a voxel
    assert pressed.intact_heights_mm == pytest.approx(patient.truth["L1"].body.heights_mm, abs=0.5)


def test_body_volume_shrinks_as_its_heights(pressed, patient):
    before = body_of(patient.labels, patient.subregions).sum()
    after = body_of(pressed.labels, pressed.subregions).sum()
    lost = 1 - np.mean(pressed.heights_mm) / np.mean(pressed.intact_heights_mm)
    # three midsagittal bands stand for the whole body only roughly; a biconcave loss runs out toward the sides
    assert 0.5 * lost < 1 - after / before < 1.2 * lost


def test_mineral_mass_of_the_body_is_kept(pressed, patient):
    before = patient.ct.array[body_of(patient.labels, patient.subregions)] - MARROW_HU
    after = pressed.ct.array[body_of(pressed.labels, pressed.subregions)] - MARROW_HU
    # 5 %: bright endplates of half a voxel lie on the border of both masks, where a voxel more or less counts
    assert after.sum() == pytest.approx(before.sum(), rel=0.05)


def test_neighbours_and_arch_stay(pressed, patient):
    for level in (Level.T12, Level.L2):
        mine = patient.labels.array == level
        assert np.array_equal(pressed.labels.array == level, mine)
        body = mine & (patient.subregions.array == 49)
        assert np.array_equal(pressed.ct.array[body], patient.ct.array[body])
    processes = (patient.labels.array == Level.L1) & np.isin(patient.subregions.array, (42, 43, 44))
    assert (pressed.labels.array[processes] == Level.L1).all()


def test_measured_again_the_body_has_the_new_heights(pressed):
    mask = body_of(pressed.labels, pressed.subregions)
    indices = np.argwhere(mask)
    crop = Volume(mask, pressed.labels.geometry, "1").cropped(indices.min(axis=0) - 3, indices.max(axis=0) + 4)
    found = find_surfaces(crop, pressed.frame.cranial, pressed.frame.origin - 30 * pressed.frame.anterior)
    middle = [
        float(plate.height_mm[np.ix_(np.abs(plate.u_mm) < 4, np.abs(plate.v_mm) < 4)].mean())
        for plate in (found.superior, found.inferior)
    ]
    # another code, another mask, one voxel of doubt
    assert middle[0] - middle[1] == pytest.approx(pressed.heights_mm[1], abs=1.0)


def test_a_body_is_pressed_where_the_image_cuts_its_arch_alone(pressed, patient):
    """The arch stays where it is: the same comes out as in the whole image; without subregions it is refused."""
    arch = (patient.labels.array == Level.L1) & (patient.subregions.array != 49)
    axis = int(np.abs(patient.ct.geometry.axes[1]).argmax())  # back
    back = patient.ct.geometry.axes[1, axis] > 0
    places = np.flatnonzero(arch.any(axis=tuple(k for k in range(3) if k != axis)))
    low, high = np.zeros(3, int), np.array(arch.shape)
    if back:
        high[axis] = places[-1] - 9
    else:
        low[axis] = places[0] + 10
    ct, labels, parts = (volume.cropped(low, high) for volume in (patient.ct, patient.labels, patient.subregions))
    shape = pressed.description.split()[1]
    fractions = dict(zip(("anterior", "middle", "posterior"), SHAPES[shape], strict=True))
    again = deform_vertebra(ct, labels, Level.L1, shape, **fractions, subregions=parts)
    # the front is seen from the middle of the arch, which is another for a cut one: by some hundredths of a degree
    assert (again.labels.array != pressed.labels.cropped(low, high).array).sum() <= 20
    assert np.abs(again.ct.array.astype(int) - pressed.ct.cropped(low, high).array).max() <= 30
    with pytest.raises(InputError, match="touches the border"):
        deform_vertebra(ct, labels, Level.L1, shape, **fractions)


def test_a_body_that_the_image_cuts_is_not_pressed(patient):
    low, high = np.zeros(3, int), np.array(patient.ct.geometry.shape)
    high[2] = np.rint(patient.ct.geometry.indices(patient.truth["L1"].body.frame.origin))[2] + 4
    ct, labels, parts = (volume.cropped(low, high) for volume in (patient.ct, patient.labels, patient.subregions))
    with pytest.raises(InputError, match="touches the border"):
        deform_vertebra(ct, labels, Level.L1, "crush", anterior=0.7, middle=0.7, posterior=0.7, subregions=parts)


def test_it_says_virtual(pressed):
    assert pressed.description.startswith("virtual")


def test_real_ct_without_subregions():
    folder = Path(os.environ.get("SPONDYL_DATA", Path(__file__).parents[4] / "shared" / "data")) / "ts-lumbar-3mm"
    ct, labels = read_study(folder / "ct.nii.gz").ct, read_label_image(folder / "vertebrae_auto.nii.gz").labels
    pressed = deform_vertebra(ct, labels, Level.L2, "crush", anterior=0.6, middle=0.6, posterior=0.65)
    others = (labels.array > 0) & (labels.array != Level.L2)
    assert np.array_equal(pressed.ct.array[others], ct.array[others])
    assert np.array(pressed.heights_mm) / pressed.intact_heights_mm == pytest.approx([0.6, 0.6, 0.65], abs=0.005)
    mass = [
        (np.clip(v.array[m.array == Level.L2] - MARROW_HU, 0, None)).sum()
        for v, m in ((ct, labels), (pressed.ct, pressed.labels))
    ]
    assert mass[1] == pytest.approx(mass[0], rel=0.1)  # 3 mm voxels: a slice more or less of the shell is 10 %


def test_cement_is_bright_in_its_mask_and_nowhere_far(patient):
    mask = np.zeros(patient.ct.geometry.shape, bool)
    i, j, k = np.rint(patient.ct.geometry.indices(patient.truth["L1"].body.frame.origin)).astype(int)
    mask[i - 4 : i + 5, j - 4 : j + 5, k - 4 : k + 5] = True
    bright = cement_bright(patient.ct, Volume(mask, patient.ct.geometry, "1"))
    assert bright.array[mask].min() > 1500
    far = np.ones_like(mask)
    far[i - 9 : i + 10, j - 9 : j + 10, k - 9 : k + 10] = False
    assert np.array_equal(bright.array[far], patient.ct.array[far])


@pytest.mark.parametrize(
    ("level", "shape", "fractions", "message"),
    [
        (Level.L5, "wedge", (0.7, 0.8, 1.0), "L5 is not in these labels"),
        (Level.L1, "flat", (0.7, 0.8, 1.0), "wedge, biconcave, crush"),
        (Level.L1, "wedge", (0.0, 0.8, 1.0), "between 0.3 and 1"),
    ],
)
def test_bad_input_is_refused(patient, level, shape, fractions, message):
    a, m, p = fractions
    with pytest.raises(InputError, match=message):
        deform_vertebra(patient.ct, patient.labels, level, shape, anterior=a, middle=m, posterior=p)
