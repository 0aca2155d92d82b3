"""What a CT is good enough for: morphometry, density, pedicle access, mechanics."""

from __future__ import annotations

import numpy as np

from spondyl.space import Geometry
from spondyl.studies.image_quality import ImageQuality, measure_quality, white_noise_sharpness
from spondyl.studies.series import is_sharp_kernel
from spondyl.studies.types import Study, Suitability, Usability

# Morphometry is shown against truth between 0.7 and 3 mm (issue 2). Above 5 mm a slice is as thick as the loss that
# makes a first grade: 20 % of a height of some 25 mm.
MORPHOMETRY_GOOD_MM, MORPHOMETRY_LIMIT_MM = 3.0, 5.0
# A clearance of a needle is judged in classes of about a millimetre; a voxel edge above 1.5 mm cannot show them.
ACCESS_GOOD_MM, ACCESS_LIMIT_MM = 1.0, 1.5
# Voxel finite elements are published at 1 to 2 mm (physics handbook 2: 2 mm judged optimal); 3 mm is a choice.
MECHANICS_GOOD_MM, MECHANICS_LIMIT_MM = 2.0, 3.0
# Four soft-kernel CTs with pixels of 0.64 to 0.98 mm have a sharpness of 1.2 to 1.4, a lung kernel 2.2. Coarser pixels
# make any noise look white (2.58), so above 1 mm only more than white is called edge enhancement.
SHARP_FINE_PIXELS, FINE_PIXEL_MM = 1.8, 1.0
SHARP_MARGIN = 1.15  # above white noise by more than the 5 % that choosing the quieter half adds
NOISY_HU = 40.0  # the mean of 100 voxels is then known to 4 HU only; a choice, between soft (14-18) and lung (59)
ISOTROPIC_MM = 0.005  # three equal edges to the last digit: scanners give pixels of field of view / 512


def assess_suitability(study: Study) -> tuple[Suitability, ...]:
    """What the CT is good enough for, one entry for each purpose, with the measured facts as reasons."""
    quality = measure_quality(study.ct)
    density = _density(study, quality)
    return (
        _morphometry(study),
        density,
        _access(study, quality),
        _mechanics(study, density),
    )


def known_contrast(study: Study) -> bool | None:
    """Whether contrast was given: what the header says, else the record; None where both are silent or differ."""
    header, record = study.scan.contrast, study.patient.contrast_given
    if header is not None and record is not None and header is not record:
        return None
    return record if header is None else header


class _Verdict:
    """The worst of several remarks, and their words."""

    def __init__(self) -> None:
        self._worst = Usability.GOOD
        self._reasons: list[str] = []

    def add(self, usability: Usability, reason: str) -> None:
        """One remark; a verdict never becomes better by it."""
        order = list(Usability)
        self._worst = max(self._worst, usability, key=order.index)
        self._reasons.append(reason)

    def of(self, purpose: str) -> Suitability:
        """The verdict as a record."""
        return Suitability(purpose, self._worst, tuple(self._reasons))


def _edge_verdict(geometry: Geometry, good: tuple[float, str], limited: tuple[float, str], beyond: str) -> _Verdict:
    """What the largest voxel edge allows: up to which edge it is good and limited, each with its words."""
    edge = round(float(geometry.spacing_mm.max()), 3)
    verdict, said = _Verdict(), f"the largest voxel edge is {edge:.2f} mm"
    if edge <= good[0]:
        verdict.add(Usability.GOOD, f"{said}, {good[1]}")
    elif edge <= limited[0]:
        verdict.add(Usability.LIMITED, f"{said}, {limited[1]}")
    else:
        verdict.add(Usability.UNSUITABLE, f"{said}, {beyond}")
    return verdict


def _morphometry(study: Study) -> Suitability:
    verdict = _edge_verdict(
        study.ct.geometry,
        (MORPHOMETRY_GOOD_MM, f"at most {MORPHOMETRY_GOOD_MM:g} mm, as far as heights were tested against truth"),
        (MORPHOMETRY_LIMIT_MM, f"above the {MORPHOMETRY_GOOD_MM:g} mm up to which heights were tested against truth"),
        f"above {MORPHOMETRY_LIMIT_MM:g} mm, as large as the height loss of a first grade",
    )
    thickness = study.scan.slice_thickness_mm
    if thickness is not None and thickness > MORPHOMETRY_GOOD_MM:
        verdict.add(Usability.LIMITED, f"the slices are {thickness:g} mm thick, which blurs endplates")
    return verdict.of("morphometry")


def _access(study: Study, quality: ImageQuality | None) -> Suitability:
    verdict = _edge_verdict(
        study.ct.geometry,
        (ACCESS_GOOD_MM, f"at most {ACCESS_GOOD_MM:g} mm"),
        (ACCESS_LIMIT_MM, f"above {ACCESS_GOOD_MM:g} mm: pedicle walls are blurred"),
        f"above {ACCESS_LIMIT_MM:g} mm: pedicle clearance cannot be judged",
    )
    thickness = study.scan.slice_thickness_mm
    if thickness is not None and thickness > ACCESS_LIMIT_MM:
        verdict.add(Usability.LIMITED, f"the slices are {thickness:g} mm thick, which blurs pedicle walls")
    _add_resampled(verdict, study)
    if _looks_sharp(study, quality):
        verdict.add(Usability.LIMITED, "edges are enhanced: cortical walls look thicker and denser than they are")
    return verdict.of("pedicle_access")


def _density(study: Study, quality: ImageQuality | None) -> Suitability:
    verdict, scan = _Verdict(), study.scan
    _add_contrast(verdict, known_contrast(study))
    _add_kernel(verdict, study, quality)
    if scan.kvp is None:
        verdict.add(Usability.LIMITED, "the tube voltage is not recorded: a nominal scanner line cannot be chosen")
    else:
        verdict.add(Usability.GOOD, f"the tube voltage is {scan.kvp:g} kV")
    if quality is None:
        verdict.add(Usability.LIMITED, "the noise cannot be measured: too little flat soft tissue in the image")
    else:
        usability = Usability.LIMITED if quality.noise_hu > NOISY_HU else Usability.GOOD
        verdict.add(usability, f"the noise in soft tissue is {quality.noise_hu:.0f} HU (one standard deviation)")
    _add_resampled(verdict, study)
    return verdict.of("density")


def _add_contrast(verdict: _Verdict, contrast: bool | None) -> None:
    if contrast is None:
        verdict.add(
            Usability.UNSUITABLE,
            "the record does not say whether contrast was given: densities are relative only (grade 5)",
        )
    elif contrast:
        verdict.add(Usability.LIMITED, "contrast was given: blood cannot be used for calibration, bone reads too dense")
    else:
        verdict.add(Usability.GOOD, "no contrast was given")


def _add_kernel(verdict: _Verdict, study: Study, quality: ImageQuality | None) -> None:
    kernel, named_sharp = study.scan.convolution_kernel, is_sharp_kernel(study.scan.convolution_kernel)
    measured = "" if quality is None else f" (measured sharpness {quality.sharpness:.2f})"
    if named_sharp:
        verdict.add(Usability.UNSUITABLE, f"the kernel '{kernel}' enhances edges: its values are no densities")
    elif _measured_sharp(study, quality):
        verdict.add(Usability.UNSUITABLE, f"the image looks edge-enhanced{measured}: its values are no densities")
    elif kernel is None:
        verdict.add(Usability.LIMITED, f"the kernel is not recorded; the image does not look edge-enhanced{measured}")
    else:
        verdict.add(Usability.GOOD, f"the kernel '{kernel}' is a soft one{measured}")


def _looks_sharp(study: Study, quality: ImageQuality | None) -> bool:
    return bool(is_sharp_kernel(study.scan.convolution_kernel)) or _measured_sharp(study, quality)


def _measured_sharp(study: Study, quality: ImageQuality | None) -> bool:
    if quality is None:
        return False
    pixel = float(np.sort(study.ct.geometry.spacing_mm)[1])
    limit = SHARP_FINE_PIXELS if pixel <= FINE_PIXEL_MM else SHARP_MARGIN * white_noise_sharpness()
    return quality.sharpness > limit


def _add_resampled(verdict: _Verdict, study: Study) -> None:
    spacing = study.ct.geometry.spacing_mm
    if study.scan.modality is None and np.ptp(spacing) < ISOTROPIC_MM and spacing[0] >= 1.0:
        verdict.add(
            Usability.LIMITED,
            f"all voxel edges are {spacing[0]:.2f} mm: probably resampled, so it shows less than it seems to",
        )


def _mechanics(study: Study, density: Suitability) -> Suitability:
    verdict = _edge_verdict(
        study.ct.geometry,
        (MECHANICS_GOOD_MM, f"at most {MECHANICS_GOOD_MM:g} mm"),
        (MECHANICS_LIMIT_MM, f"above the {MECHANICS_GOOD_MM:g} mm of published voxel models"),
        f"above {MECHANICS_LIMIT_MM:g} mm: too coarse for a voxel model",
    )
    if density.usability is Usability.UNSUITABLE:
        verdict.add(Usability.LIMITED, "densities are relative only, so are stiffness and strength")
    elif density.usability is Usability.LIMITED:
        verdict.add(Usability.LIMITED, "densities carry doubt, which stiffness and strength inherit")
    else:
        verdict.add(Usability.GOOD, "densities can be used")
    return verdict.of("mechanics")
