"""Endplates moved onto their edge in a CT, in a phantom of known layers blurred and sampled as a scanner does.

The phantom is averaged over its slices by brute force from 0.05 mm steps; it shares no code with the fit. Tolerances:
half the difference between the phantom's layer and the one assumed (0.6 mm) shifts the edge by design; the rest is
noise and the voxel, 0.05 of it at 1 mm.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from spondyl.space import Frame, Geometry, HeightMap, Volume
from spondyl.spine import edges
from spondyl.spine.edges import snap_endplate

MARROW, DISC, LAYER = 120.0, 80.0, 1100.0
TOP, BOTTOM, GAP = 12.0, -13.0, 8.0  # outer faces of the endplates, width of the discs [mm]
FINE = 0.05


def phantom(
    slice_mm: float, *, tilt: float = 0.0, noise: float = 15.0, shell: float = 0.6, layer: float = LAYER
) -> Volume:
    """Bodies above one another; `tilt` is the endplates' slope against the slices, as a ratio."""
    spacing = np.array([1.0, 1.0, slice_mm])
    shape = (44, 44, int(60 / slice_mm))
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = -spacing * (np.array(shape) - 1) / 2 + [0.3, 0.2, 0.37 * slice_mm]
    geometry = Geometry(affine, shape)
    z = np.arange(-45, 45, FINE)
    line = np.full(z.shape, MARROW)
    for low, high in ((TOP, TOP + GAP), (BOTTOM - GAP, BOTTOM)):
        line[(z > low - shell) & (z < high + shell)] = layer
        line[(z > low) & (z < high)] = DISC
    line = ndimage.gaussian_filter1d(line, 0.3 / FINE)
    line = ndimage.uniform_filter1d(line, round(slice_mm / FINE))
    points = geometry.points(np.moveaxis(np.indices(shape), 0, -1))
    values = np.interp(points[..., 2] - tilt * points[..., 1], z, line)
    values += np.random.default_rng(3).normal(0, noise, shape)
    return Volume(values.astype(np.float32), geometry, "HU")


def endplate(height: float, *, tilt: float = 0.0, sd: float = 0.5) -> HeightMap:
    """A plane over a body's footprint, as a mask would give it; anterior is -y in LPS."""
    frame = Frame.from_directions((0, 0, 0), (0, 0, 1), (0, -1, 0))
    u, v = np.arange(-14.0, 15.0), np.arange(-18.0, 19.0)
    return HeightMap(frame, "cranial", u, v, height - tilt * np.broadcast_to(u[:, None], (len(u), len(v))), sd)


def edge_of(plate: HeightMap) -> float:
    return float(np.nanmean(plate.height_mm))


@pytest.mark.parametrize(("slice_mm", "tolerance"), [(0.7, 0.08), (1.0, 0.08), (2.0, 0.2), (3.0, 0.3)])
@pytest.mark.parametrize("shift", [-0.5, 0.0, 0.5])
@pytest.mark.parametrize("tilt", [0.1, 0.4])
def test_an_endplate_is_found_whatever_the_mask(slice_mm: float, tolerance: float, shift: float, tilt: float) -> None:
    """A mask half a voxel off, either way, at all slices the package is made for."""
    ct = phantom(slice_mm, tilt=tilt)
    off = shift * slice_mm
    superior, why = snap_endplate(endplate(TOP + off, tilt=tilt), endplate(BOTTOM, tilt=tilt), ct)
    assert why is None
    assert edge_of(superior) == pytest.approx(TOP, abs=tolerance)
    inferior, why = snap_endplate(endplate(BOTTOM - off, tilt=tilt), endplate(TOP, tilt=tilt), ct)
    assert why is None
    assert edge_of(inferior) == pytest.approx(BOTTOM, abs=tolerance)


def test_a_thinner_endplate_shifts_the_edge_by_half_the_difference_at_most() -> None:
    ct = phantom(1.0, tilt=0.2, shell=0.4)
    moved, why = snap_endplate(endplate(TOP, tilt=0.2), endplate(BOTTOM, tilt=0.2), ct)
    assert why is None
    assert edge_of(moved) == pytest.approx(TOP + 0.1, abs=0.1)


def test_the_doubt_grows_where_mask_and_ct_disagree() -> None:
    ct = phantom(2.0, tilt=0.3)
    near, far = (
        snap_endplate(endplate(TOP + off, tilt=0.3, sd=0.3), endplate(BOTTOM, tilt=0.3), ct)[0].sd_mm
        for off in (0.0, 1.6)
    )
    assert far > 2 * near


def test_the_mask_stays_where_the_ct_shows_no_endplate() -> None:
    plate = endplate(TOP)
    flat = phantom(1.0, layer=100.0)
    moved, why = snap_endplate(plate, endplate(BOTTOM), flat)
    assert moved is plate
    assert why is not None and "too little contrast" in why


def test_the_mask_stays_where_slices_are_too_thick() -> None:
    plate = endplate(TOP)
    moved, why = snap_endplate(plate, endplate(BOTTOM), phantom(5.0))
    assert moved is plate
    assert why is not None and "5.0 mm along the spine are too coarse" in why


def test_the_mask_stays_where_the_ct_ends() -> None:
    plate = endplate(TOP)
    ct = phantom(1.0)
    cut = ct.cropped((0, 0, 0), (44, 44, 36))
    moved, why = snap_endplate(plate, endplate(BOTTOM), cut)
    assert moved is plate
    assert why is not None and "border of the CT" in why


def test_the_derivatives_are_those_of_the_residual() -> None:
    """Central differences, relative to the largest derivative; 1e-7 is what they can tell."""
    generator = np.random.default_rng(0)
    basis = np.concatenate([np.ones((80, 1)), generator.uniform(-1, 1, (80, 5))], axis=1)
    p = np.array([0.3, 0.1, -0.2, 0.1, 0.1, 0.0, 120, 90, 1100, 0.5, 2.5, 6.0, 0.3, -0.2])
    distance, values = generator.uniform(-6, 9, 80), generator.normal(100, 50, 80)
    voxels = edges._Voxels(distance, basis, values, 0.9 * p, np.ones(14))
    for k, column in enumerate(voxels.jacobian(p).T):
        step = np.zeros(14)
        step[k] = 1e-5 * max(1.0, abs(p[k]))
        central = (voxels.residual(p + step) - voxels.residual(p - step)) / (2 * step[k])
        assert np.allclose(column, central, atol=1e-7 * max(1.0, float(np.abs(central).max())))


def test_left_and_right_are_kept() -> None:
    """An endplate that stands higher on the patient's left keeps doing so."""
    frame = endplate(TOP).frame
    plate = endplate(TOP)
    leaning = replace(plate, height_mm=TOP + 0.1 * np.broadcast_to(plate.v_mm, plate.height_mm.shape))
    geometry = phantom(1.0).geometry
    points = geometry.points(np.moveaxis(np.indices(geometry.shape), 0, -1))
    z = points[..., 2] - 0.1 * frame.to_local(points)[..., 2]
    inside, layer = z < TOP - 0.6, (z >= TOP - 0.6) & (z < TOP)
    ct = Volume(np.where(inside, MARROW, np.where(layer, LAYER, DISC)).astype(np.float32), geometry, "HU")
    moved, why = snap_endplate(replace(leaning, height_mm=leaning.height_mm + 0.4), endplate(BOTTOM), ct)
    assert why is None
    assert moved.height_mm[:, -1].mean() - moved.height_mm[:, 0].mean() == pytest.approx(3.6, abs=0.3)


def test_the_mask_stays_where_there_is_no_ct_at_all() -> None:
    """Labels may reach further than the CT."""
    plate = endplate(TOP)
    moved, why = snap_endplate(plate, endplate(BOTTOM), phantom(1.0).cropped((0, 0, 0), (44, 44, 10)))
    assert moved is plate
    assert why is not None and "border of the CT" in why
