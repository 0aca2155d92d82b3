"""What a CT is good enough for, on images with known noise and on the real ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from spondyl.space import Geometry, Volume
from spondyl.studies import (
    Patient,
    Scan,
    Study,
    Suitability,
    Usability,
    assess_suitability,
    measure_quality,
    read_study,
)
from spondyl.studies.image_quality import through_plane_axis, white_noise_sharpness

GOOD, LIMITED, UNSUITABLE = Usability
KNOWN = Scan(modality="CT", kvp=120, convolution_kernel="B30f", contrast=False)


def _noisy(spacing: tuple[float, float, float], blur_pixels: float, noise_hu: float = 20.0) -> Volume:
    noise = np.random.default_rng(0).normal(0, 1, (80, 80, 30))
    if blur_pixels:
        noise = ndimage.gaussian_filter(noise, (blur_pixels, blur_pixels, 0))
    array = np.rint(45 + noise_hu * noise / noise.std()).astype(np.int16)
    return Volume(array, Geometry(np.diag([*spacing, 1.0]), array.shape), "[hnsf'U]")


def _verdicts(volume: Volume, scan: Scan = KNOWN) -> dict[str, Suitability]:
    return {s.purpose: s for s in assess_suitability(Study(volume, scan, Patient()))}


def test_noise_and_sharpness_of_white_noise() -> None:
    quality = measure_quality(_noisy((0.8, 0.8, 1.0), 0.0, 20.0))
    assert quality is not None
    assert white_noise_sharpness() == pytest.approx(2.58, abs=0.01)
    # choosing the half with less of the middle band raises the ratio by some 5 %; 100000 voxels scatter by 1 %
    assert quality.sharpness == pytest.approx(1.05 * white_noise_sharpness(), rel=0.03)
    # the smooth part, about 1/(4 pi 2.8^2) of the variance, is not noise here; the quieter half is taken
    assert quality.noise_hu == pytest.approx(20.0, rel=0.05)


def test_smooth_noise_is_not_sharp() -> None:
    quality = measure_quality(_noisy((0.8, 0.8, 1.0), 0.7))
    assert quality is not None
    assert quality.sharpness < 1.4


def test_an_image_without_soft_tissue_has_no_quality() -> None:
    air = Volume(np.full((40, 40, 10), -1000, np.int16), Geometry(np.eye(4), (40, 40, 10)), "[hnsf'U]")
    assert measure_quality(air) is None


@pytest.mark.parametrize(
    ("affine", "axis"),
    [
        (np.diag([0.7, 0.7, 2.0, 1]), 2),
        (np.diag([2.0, 0.7, 0.7, 1]), 0),
        (np.array([[0, 0, -1.5, 0], [1.5, 0, 0, 0], [0, -1.5, 0, 0], [0, 0, 0, 1]]), 1),
    ],
)
def test_the_axis_across_slices(affine: np.ndarray, axis: int) -> None:
    assert through_plane_axis(Geometry(affine, (5, 5, 5))) == axis


@pytest.mark.parametrize(
    ("step", "morphometry", "access", "mechanics"),
    [
        (0.8, GOOD, GOOD, GOOD),
        (1.0, GOOD, GOOD, GOOD),
        (1.5, GOOD, LIMITED, GOOD),
        (1.6, GOOD, UNSUITABLE, GOOD),
        (2.5, GOOD, UNSUITABLE, LIMITED),
        (3.0, GOOD, UNSUITABLE, LIMITED),
        (4.25, LIMITED, UNSUITABLE, UNSUITABLE),
        (6.0, UNSUITABLE, UNSUITABLE, UNSUITABLE),
    ],
)
def test_voxel_edge(step: float, morphometry: Usability, access: Usability, mechanics: Usability) -> None:
    verdicts = _verdicts(_noisy((0.7, 0.7, step), 0.7))
    found = tuple(verdicts[p].usability for p in ("morphometry", "pedicle_access", "mechanics"))
    assert found == (morphometry, access, mechanics)


@pytest.mark.parametrize(
    ("scan", "usability", "word"),
    [
        (KNOWN, GOOD, "no contrast was given"),
        (Scan(modality="CT", convolution_kernel="B30f", contrast=False), LIMITED, "tube voltage is not recorded"),
        (Scan(modality="CT", kvp=120, contrast=False), LIMITED, "the kernel is not recorded"),
        (Scan(modality="CT", kvp=120, convolution_kernel="B30f", contrast=True), LIMITED, "contrast was given"),
        (Scan(modality="CT", kvp=120, convolution_kernel="B30f"), UNSUITABLE, "does not say whether contrast"),
        (Scan(modality="CT", kvp=120, convolution_kernel="B70f", contrast=False), UNSUITABLE, "'B70f' enhances edges"),
    ],
)
def test_density(scan: Scan, usability: Usability, word: str) -> None:
    verdict = _verdicts(_noisy((0.7, 0.7, 1.0), 0.7), scan)["density"]
    assert verdict.usability is usability
    assert any(word in reason for reason in verdict.reasons)


def test_leaving_a_fact_out_never_makes_density_more_reassuring() -> None:
    order = list(Usability)
    volume = _noisy((0.7, 0.7, 1.0), 0.7)
    full = order.index(_verdicts(volume)["density"].usability)
    for missing in ("kvp", "convolution_kernel", "contrast"):
        facts = {k: getattr(KNOWN, k) for k in ("modality", "kvp", "convolution_kernel", "contrast") if k != missing}
        assert order.index(_verdicts(volume, Scan(**facts))["density"].usability) > full


def test_an_unnamed_sharp_kernel_is_seen_in_the_noise() -> None:
    scan = Scan(modality="CT", kvp=120, contrast=False)
    assert _verdicts(_noisy((0.7, 0.7, 1.0), 0.0), scan)["density"].usability is UNSUITABLE


def test_much_noise_limits_density() -> None:
    verdict = _verdicts(_noisy((0.7, 0.7, 1.0), 0.7, noise_hu=70.0))["density"]
    assert verdict.usability is LIMITED
    assert any(reason.startswith("the noise in soft tissue is") for reason in verdict.reasons)


def test_every_verdict_has_its_reasons() -> None:
    for verdict in assess_suitability(Study(_noisy((0.7, 0.7, 1.0), 0.7), KNOWN, Patient())):
        assert verdict.reasons


@pytest.mark.parametrize(
    ("name", "sharp", "resampled", "access"),
    [
        ("rider-pilot-0117-thoracic", False, False, GOOD),
        ("acrin-flt-001-lumbar", False, False, UNSUITABLE),
        ("lidc-0001-thoracic", False, False, UNSUITABLE),
        ("cmb-crc-01068-thoracic-lung-kernel", True, False, UNSUITABLE),
        ("ts-lumbar-3mm", False, True, UNSUITABLE),
        ("ts-thoracic-endplate", False, True, LIMITED),
    ],
)
def test_real_images(name: str, sharp: bool, resampled: bool, access: Usability, data_dir: Path) -> None:
    verdicts = {s.purpose: s for s in assess_suitability(read_study(data_dir / name / "ct.nii.gz"))}
    density = " ".join(verdicts["density"].reasons)
    assert ("looks edge-enhanced" in density) is sharp
    assert ("probably resampled" in density) is resampled
    assert verdicts["density"].usability is UNSUITABLE  # a NIfTI file does not say whether contrast was given
    assert verdicts["pedicle_access"].usability is access


@pytest.mark.parametrize(
    ("record", "header", "usability"),
    [
        (False, None, GOOD),  # a silent header: the record is used
        (True, None, LIMITED),
        (None, None, UNSUITABLE),
        (True, False, UNSUITABLE),  # one of them is wrong: not known
        (False, False, GOOD),
    ],
)
def test_contrast_from_record_or_header(record: bool | None, header: bool | None, usability: Usability) -> None:
    scan = Scan(modality="CT", kvp=120, convolution_kernel="B30f", contrast=header)
    study = Study(_noisy((0.8, 0.8, 1.0), 0.7), scan, Patient(contrast_given=record))
    assert {s.purpose: s.usability for s in assess_suitability(study)}["density"] is usability
