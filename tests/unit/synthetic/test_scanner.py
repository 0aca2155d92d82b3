"""Noise of the virtual scanner: its size, its power spectrum, and that it looks like its kernel."""

from __future__ import annotations

import numpy as np
import pytest

from spondyl.space import Geometry, Volume
from spondyl.studies import Patient, Scan, Study, Suitability, Usability, assess_suitability, measure_quality
from spondyl.synthetic import Kernel, ScanSpec
from spondyl.synthetic.scanner import KERNELS, noise_amplitude, scanned

MUSCLE_HU = 45.0


def _flat(kernel: Kernel, pixel_mm: float, **options: float) -> Volume:
    """Muscle everywhere, scanned."""
    scan = ScanSpec(kernel=kernel, in_plane_mm=pixel_mm, **options)
    hu = np.full((201, 170, 6), MUSCLE_HU, np.float32)
    array = scanned(hu, scan, pixel_mm, np.random.default_rng(2))
    return Volume(array, Geometry(np.diag([pixel_mm, pixel_mm, 3.0, 1.0]), array.shape), "[hnsf'U]")


def _sharpness(volume: Volume) -> float:
    quality = measure_quality(volume)
    assert quality is not None
    return quality.sharpness


def _density(volume: Volume) -> Suitability:
    scan = Scan(modality="CT", kvp=120, contrast=False)
    return next(s for s in assess_suitability(Study(volume, scan, Patient())) if s.purpose == "density")


@pytest.mark.parametrize("kernel", Kernel)
def test_the_noise_has_the_wanted_deviation_and_no_mean(kernel: Kernel) -> None:
    array = _flat(kernel, 0.8, noise_hu=25.0).array
    assert array.std(axis=(0, 1)) == pytest.approx(np.full(6, 25.0), abs=0.05)  # rounding to whole HU adds 1/12
    assert array.mean(axis=(0, 1)) == pytest.approx(np.full(6, MUSCLE_HU), abs=0.05)


def test_without_noise_flat_stays_flat() -> None:
    assert np.unique(_flat(Kernel.SHARP, 1.0, noise_hu=0.0).array).tolist() == [MUSCLE_HU]


def test_power_rises_with_frequency_as_of_filtered_back_projection() -> None:
    """At low frequencies no kernel has fallen yet, so the power is that of the ramp: twice as much an octave higher."""
    power = noise_amplitude((400, 400), KERNELS[Kernel.STANDARD], 0.1) ** 2
    assert power[0, 0] == 0
    low, high = 0.025, 0.05  # [1/mm] with pixels of 0.1 mm: columns 1 and 2 of 400
    blur = np.exp(-4 * (np.pi * 0.5) ** 2 * (high**2 - low**2))  # the square of a Gaussian's transfer, 0.5 mm wide
    window = (np.cos(np.pi * 0.005) / np.cos(np.pi * 0.0025)) ** 2
    assert power[0, 2] / power[0, 1] == pytest.approx(2 * blur * window, rel=1e-4)


def test_a_soft_kernel_leaves_nothing_that_the_pixels_cannot_carry() -> None:
    edge = {kernel: noise_amplitude((100, 100), KERNELS[kernel], 1.0)[0, -1] for kernel in Kernel}
    assert edge[Kernel.STANDARD] == pytest.approx(0, abs=1e-6) and edge[Kernel.SMOOTH] == pytest.approx(0, abs=1e-6)
    assert edge[Kernel.SHARP] > 0.1


@pytest.mark.parametrize("pixel_mm", [0.65, 0.8, 1.0, 1.5])
def test_soft_kernels_are_not_taken_for_edge_enhancing(pixel_mm: float) -> None:
    """White noise under a 0.5 mm blur was: the density of every virtual patient at 1 mm had grade 5."""
    soft = [_flat(kernel, pixel_mm) for kernel in (Kernel.SMOOTH, Kernel.STANDARD)]
    assert all(_density(volume).usability is Usability.LIMITED for volume in soft)  # a NIfTI names no kernel
    assert _sharpness(soft[0]) < _sharpness(soft[1]) < 1.45  # four real soft kernels: 1.2 to 1.4


@pytest.mark.parametrize("pixel_mm", [0.65, 0.9, 1.0])
def test_a_sharp_kernel_is_recognised(pixel_mm: float) -> None:
    sharp = _flat(Kernel.SHARP, pixel_mm)
    assert _density(sharp).usability is Usability.UNSUITABLE
    assert any("looks edge-enhanced" in reason for reason in _density(sharp).reasons)


def test_the_sharp_kernel_is_as_sharp_as_a_real_lung_kernel() -> None:
    """The real one, on pixels of 0.898 mm, has 2.24 (tests/unit/studies/test_suitability.py reads it)."""
    assert _sharpness(_flat(Kernel.SHARP, 0.898)) == pytest.approx(2.24, rel=0.1)


def test_a_blur_of_its_own_replaces_the_kernels() -> None:
    assert _sharpness(_flat(Kernel.STANDARD, 0.8, blur_mm=1.0)) < 0.8 * _sharpness(_flat(Kernel.STANDARD, 0.8))
