import json

import numpy as np
import pytest

from spondyl.errors import InputError
from spondyl.spine import Level, Side
from spondyl.synthetic import ScanSpec, Structure, VertebraSpec, VirtualSpineSpec, as_json, make_virtual_patient


@pytest.fixture(scope="module")
def small():
    spec = VirtualSpineSpec(levels=(Level.L1, Level.L2), left_marker=True)
    return make_virtual_patient(spec, np.random.default_rng(3))


def test_every_level_has_its_number(small):
    assert set(np.unique(small.labels.array)) == {0, 20, 21}
    assert set(np.unique(small.subregions.array)) == {0, *range(41, 50)}


def test_body_mask_has_the_volume_of_the_exact_body(small):
    body = (small.subregions.array == 49) & (small.labels.array == Level.L1)
    volume = body.sum() * small.labels.geometry.voxel_volume_mm3
    # voxel centres of 1 mm voxels sample 28 000 mm³ with a scatter far below 1 %; osteophytes are off
    assert volume == pytest.approx(small.truth["L1"].body.volume_mm3, rel=0.01)


def test_marker_is_on_the_patients_left(small):
    where = small.structures.geometry.points(np.argwhere(small.structures.array == Structure.MARKER))
    assert where[:, 0].min() > small.truth["L1"].body.frame.origin[0] + 30  # x grows to the left in LPS


def test_left_parts_lie_on_the_left(small):
    for left, right in ((43, 44), (45, 46), (47, 48)):
        x = [small.labels.geometry.points(np.argwhere(small.subregions.array == n))[:, 0].mean() for n in (left, right)]
        assert x[0] > x[1] + 10
    assert small.truth["L1"].pedicle(Side.LEFT).isthmus[0] > 0 > small.truth["L1"].pedicle(Side.RIGHT).isthmus[0]


def test_same_seed_same_patient():
    spec = VirtualSpineSpec(levels=(Level.L1,), scan=ScanSpec(in_plane_mm=2, slice_step_mm=2))
    first, second = (make_virtual_patient(spec, np.random.default_rng(7)) for _ in range(2))
    assert first.ct.is_equal(second.ct) and first.labels.is_equal(second.labels)
    other = make_virtual_patient(spec, np.random.default_rng(8))
    assert not np.array_equal(first.ct.array, other.ct.array)


def test_everything_says_virtual(small):
    assert "virtual" in small.description and "virtual" in small.truth.description


def test_truth_is_json(small):
    record = json.loads(json.dumps(small.truth.as_json(), allow_nan=False))
    assert record["levels"][0]["level"] == "L1"


def test_spec_is_json_with_levels_by_name():
    spec = VirtualSpineSpec(levels=("L1",), vertebrae={"L1": VertebraSpec(osteophyte_mm=3.0)})
    record = json.loads(json.dumps(as_json(spec)))
    assert record["levels"] == ["L1"]
    assert record["vertebrae"]["L1"]["osteophyte_mm"] == 3.0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: VirtualSpineSpec(levels=(Level.C5,)), "C5"),
        (lambda: VirtualSpineSpec(levels=(Level.L1, Level.L3)), "without a gap"),
        (lambda: VirtualSpineSpec(levels=()), "at least one"),
        (lambda: VirtualSpineSpec(levels=(99,)), "99"),
        (lambda: VirtualSpineSpec(levels=("L1",), vertebrae={Level.L4: VertebraSpec()}), "L4"),
        (lambda: VertebraSpec(pedicle_width_mm=0.0), "pedicle_width_mm"),
        (lambda: ScanSpec(in_plane_mm=0.0), "in_plane_mm"),
        (lambda: ScanSpec(slice_step_mm=float("nan")), "slice_step_mm"),
        (lambda: ScanSpec(tilt_deg=60.0), "tilt_deg"),
        (lambda: ScanSpec(energy_kev=20.0), "energy_kev"),
    ],
)
def test_bad_input_is_refused_with_its_name(make, message):
    with pytest.raises(InputError, match=message):
        make()
