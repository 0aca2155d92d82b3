"""What the virtual scanner shows of what was built."""

import pickle

import numpy as np
import pytest
from scipy import ndimage

from spondyl.space import Frame, Volume
from spondyl.spine import Level, Side
from spondyl.synthetic import (
    BICONCAVE_35,
    CRUSH_45,
    WEDGE_30,
    CorticalDefect,
    Focus,
    GasCleft,
    Kernel,
    ScanSpec,
    SliceProfile,
    Structure,
    VertebraSpec,
    VirtualSpineSpec,
    Wall,
    make_virtual_patient,
    tissue_hu,
    trabecular_density,
)

CLOSE = {"margin_side_mm": 4.0, "margin_front_mm": 4.0, "margin_back_mm": 4.0}  # small images for quick tests


def patient(options=None, *, seed=1, scan=None, levels=("L2",), **more):
    scan = ScanSpec(**{"noise_hu": 0.0, **CLOSE, **(scan or {})})
    vertebrae = {} if options is None else {Level.L2: options}
    return make_virtual_patient(
        VirtualSpineSpec(levels=levels, scan=scan, vertebrae=vertebrae, **more), np.random.default_rng(seed)
    )


def values_near(made, local, radius_mm, level="L2"):
    """CT numbers within a ball at a local place (cranial, anterior, left) of a body."""
    grid = made.ct.geometry
    points = made.truth[level].body.frame.to_local(grid.points(np.moveaxis(np.indices(grid.shape), 0, -1)))
    return made.ct.array[np.linalg.norm(points - np.array(local), axis=-1) <= radius_mm]


@pytest.mark.parametrize("energy", [55.0, 70.0, 95.0])
def test_mean_density_of_a_body_is_in_its_ct_numbers(energy):
    made = patient(scan={"energy_kev": energy}, density_mg_cm3=140.0)
    # 4 mm from every border, where neither shell nor its blur reaches, without the vein's foramen behind
    inner = ndimage.distance_transform_edt(made.subregions.array == 49) > 4
    density = trabecular_density(made.ct.array[inner], energy, 1.0)
    # the mean over the whole body is exact; what lies 4 mm inside has a share of the 12 % variation
    assert density.mean() == pytest.approx(140.0, rel=0.06)
    assert 0.04 < density.std() / 140.0 < 0.2


def test_mean_density_is_close_without_variation():
    made = patient(density_mg_cm3=140.0, density_variation=0.0)
    inner = ndimage.distance_transform_edt(made.subregions.array == 49) > 4
    middle = np.median(trabecular_density(made.ct.array[inner], 70.0, 1.0))
    assert middle == pytest.approx(140.0, abs=0.45)  # CT numbers are whole; half a HU is 0.43 mg/cm³


def test_thin_shell_shows_as_partial_volume():
    peaks = [int(values_near(patient(shell_mm=t, cupping=0.0, waist=0.0), (0, 17, 0), 3.0).max()) for t in (0.4, 0.8)]
    cortex = tissue_hu(70.0)["cortical_bone"]
    # blurred by 0.5 mm, a thin sheet's peak grows as its thickness and stays well below compact bone
    assert 100 < peaks[0] < peaks[1] < 0.9 * cortex


@pytest.mark.parametrize("width", [3.0, 5.0, 8.0])
def test_pedicle_of_the_mask_is_as_wide_as_the_truth(width):
    made = patient(VertebraSpec(pedicle_width_mm=width), scan={"in_plane_mm": 0.5, "slice_step_mm": 0.5})
    truth = made.truth["L2"]
    for side in Side:
        pedicle = truth.pedicle(side)
        across = Frame.from_directions(pedicle.isthmus, truth.body.frame.cranial, pedicle.axis)
        steps = np.arange(-8, 8, 0.05)
        hit = made.labels.sample(across.to_patient(np.stack([0 * steps, 0 * steps, steps], axis=1)), order=0) > 0
        middle = len(steps) // 2
        first = middle - int(np.argmin(hit[middle::-1]))
        last = middle + int(np.argmin(hit[middle:]))
        assert 0.05 * (last - first - 1) == pytest.approx(width, abs=0.71)  # half a voxel's diagonal at both borders


def test_canal_is_free_and_as_wide_as_the_truth():
    made = patient()
    assert not (made.canal.array & (made.labels.array > 0)).any()
    truth = made.truth["L2"]
    points = truth.body.frame.to_local(made.canal.geometry.points(np.argwhere(made.canal.array)))
    length = 16.0
    volume = (np.abs(points[:, 0]) < length / 2).sum() * made.canal.geometry.voxel_volume_mm3
    assert volume / length == pytest.approx(truth.canal_area_mm2, rel=0.05)  # 1 mm voxels of an oval 17 by 22 mm


def test_bulge_takes_room_from_the_canal():
    free, bulging = patient(), patient(VertebraSpec(posterior_bulge_mm=5.0))
    assert bulging.canal.array.sum() < free.canal.array.sum() - 200
    assert "posterior_bulge" in bulging.truth["L2"].defects


def test_gas_is_black_and_foci_are_as_dense_as_asked():
    gas = patient(VertebraSpec(gas_cleft=GasCleft(height_mm=6.0)))
    # the lens is placed from the middle of the intact body, which lies within 2 mm of the frame's origin
    assert values_near(gas, (3, 4, 0), 1.0).max() < -700
    dense = patient(VertebraSpec(foci=(Focus(400.0, radius_mm=8.0),)))
    assert trabecular_density(values_near(dense, (0, 0, 0), 3.0).mean(), 70.0, 1.0) == pytest.approx(400.0, rel=0.02)
    assert dense.truth["L2"].defects == ("sclerotic_focus",)


@pytest.mark.parametrize(("wall", "sign"), [(Wall.LEFT, 1), (Wall.RIGHT, -1)])
def test_cortical_defect_is_on_its_side(wall, sign):
    made = patient(VertebraSpec(cortical_defect=CorticalDefect(wall, radius_mm=7.0)))
    half = 43.0 / 2 - 1.7  # half the width at the waist of L2
    here, there = (values_near(made, (0, 0, side * sign * half), 3.0).max() for side in (1, -1))
    assert here < there - 150


def test_slice_thickness_blurs_across_slices_only():
    thin, thick = (patient(scan={"slice_thickness_mm": t}, cupping=0.0) for t in (1.0, 4.0))
    steep = [np.abs(np.diff(made.ct.array.astype(float), axis=2)).max() for made in (thin, thick)]
    assert steep[1] < 0.6 * steep[0]
    gaussian = patient(scan={"slice_thickness_mm": 4.0, "slice_profile": SliceProfile.GAUSSIAN})
    assert not np.array_equal(gaussian.ct.array, thick.ct.array)


@pytest.mark.parametrize("kernel", Kernel)
def test_noise_has_its_standard_deviation(kernel):
    quiet, noisy = (patient(scan={"kernel": kernel, "noise_hu": n}) for n in (0.0, 20.0))
    difference = noisy.ct.array.astype(float) - quiet.ct.array
    soft = quiet.structures.array == Structure.MUSCLE
    assert difference[soft].std() == pytest.approx(20.0, rel=0.05)  # muscle is a part of each slice only


def test_sharper_kernels_show_the_shell_brighter():
    peaks = [np.percentile(patient(scan={"kernel": k}).ct.array, 99.9) for k in Kernel]
    assert peaks[0] < peaks[1] < peaks[2]


def test_a_negative_margin_cuts_the_first_vertebra():
    made = patient(levels=("L1", "L2"), scan={"margin_head_mm": -25.0})
    assert (made.labels.array[:, :, -1] == Level.L1).any()
    assert not (made.labels.array[:, :, -1] == Level.L2).any()


@pytest.mark.parametrize("tilt", [0.0, 25.0])
def test_body_mask_has_its_volume_at_any_tilt(tilt):
    made = patient(VertebraSpec(deformity=WEDGE_30), scan={"tilt_deg": tilt, "slice_step_mm": 2.0})
    volume = (made.subregions.array == 49).sum() * made.ct.geometry.voxel_volume_mm3
    assert volume == pytest.approx(made.truth["L2"].body.volume_mm3, rel=0.01)


def test_ribs_are_no_part_of_the_vertebra():
    made = patient(levels=("T11", "T12"))
    ribs = made.structures.array == Structure.RIB
    assert ribs.sum() > 1000
    assert not made.labels.array[ribs].any()


def test_sacrum_follows_l5_and_contrast_brightens_the_aorta():
    made = patient(levels=("L5",), scan={"margin_front_mm": 40.0, "contrast_hu": 150.0})
    assert (made.labels.array == Level.SACRUM).sum() > 10000
    assert not made.subregions.array[made.labels.array == Level.SACRUM].any()
    blood = made.ct.array[ndimage.binary_erosion(made.structures.array == Structure.AORTA, iterations=3)]
    assert blood.mean() == pytest.approx(tissue_hu(70.0)["blood"] + 150.0, abs=2.0)


def test_a_pickled_patient_stays_read_only():
    made = pickle.loads(pickle.dumps(patient(scan={"in_plane_mm": 2.0, "slice_step_mm": 3.0})))
    for array in (made.ct.array, made.truth["L2"].body.superior_normal, made.truth["L2"].pedicles[0].axis):
        assert not array.flags.writeable


@pytest.mark.parametrize("options", [None, VertebraSpec(deformity=CRUSH_45)])
def test_nothing_of_the_arch_stands_above_the_body(options):
    """A pedicle's root stood out above the superior endplate like an osteophyte."""
    made = patient(options)
    arch = np.argwhere((made.labels.array > 0) & (made.subregions.array != 49))
    body = made.truth["L2"].body
    local = body.frame.to_local(made.labels.geometry.points(arch))
    over_body = local[:, 1] > body.posterior_wall_mm + 2
    tops = made.truth["L2"].superior.height_mm
    assert (local[over_body, 0] < np.nanmax(tops)).all()


@pytest.mark.parametrize("deformity", [WEDGE_30, BICONCAVE_35, CRUSH_45])
def test_columns_of_a_fine_mask_are_as_high_as_the_truth(deformity):
    """Heights counted in voxels, by the definition, without the surfaces."""
    scan = {"in_plane_mm": 0.4, "slice_step_mm": 0.4, "tilt_deg": 15.0, "coronal_tilt_deg": 5.0}
    made = patient(VertebraSpec(deformity=deformity), scan=scan, cobb_deg=15.0)
    body = made.truth["L2"].body
    mask = Volume((made.subregions.array == 49) & (made.labels.array == Level.L2), made.labels.geometry, "1")
    cranial, left = np.arange(-20, 20, 0.1), np.arange(-5.75, 6, 0.5)
    for (near, far), height in zip(((0.05, 0.2), (0.4, 0.6), (0.8, 0.95)), body.heights_mm, strict=True):
        anterior = body.anterior_wall_mm - np.linspace(near, far, 22)[1:-1:2] * body.depth_mm
        local = np.stack(np.meshgrid(cranial, anterior, left, indexing="ij"), axis=-1)
        counted = 0.1 * mask.sample(body.frame.to_patient(local), order=0).sum(axis=0).mean()
        assert counted == pytest.approx(height, abs=0.1)  # a quarter of a voxel, over hundreds of columns
