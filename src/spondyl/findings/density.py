"""Trabecular CT number and density of each level, with the grade of the calibration behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from spondyl.errors import InputError
from spondyl.evidence.attenuation import mass_attenuation
from spondyl.findings.calibration import Calibration, TissueSample, calibrate
from spondyl.findings.deformities import maybe_deformed
from spondyl.findings.density_classes import hu_class, qct_class
from spondyl.findings.tissues import CONTRAST_HU, find_tissues
from spondyl.findings.trabecular import METHOD as REGION
from spondyl.findings.trabecular import RegionValue, measure_region
from spondyl.findings.types import Finding, Findings, Status, not_evaluable
from spondyl.spine import Level, Spine
from spondyl.studies import Study, Suitability, Usability, assess_suitability, known_contrast

HU = "[hnsf'U]"
_TISSUES = ("air", "adipose", "muscle", "blood", "cortical_bone")
_CALIBRATED = "linear attenuation of the patient's tissues at the energy of highest R²"
# Relative standard deviation that each grade carries: physics handbook 1.1 and 9 (0.1, 0.2 across scanners), design's
# 0.2-0.3 for a nominal line, of which the larger.
_SPREAD = {2: 0.1, 3: 0.2, 4: 0.3}
# Effective energies of body CT by tube voltage: round figures, no source was read; a result that uses them says so.
_KV, _NOMINAL_KEV = (80.0, 100.0, 120.0, 140.0), (53.0, 61.0, 68.0, 75.0)
_LEVELS = tuple(level for level in Level if Level.C3.order <= level.order <= Level.L6.order)


@dataclass(frozen=True)
class GradedCalibration:
    """The calibration that was reached, and why no better one."""

    grade: int  # 2 tissues with blood, 3 without, 4 nominal line of the tube voltage, 5 none
    reason: str
    calibration: Calibration | None  # None: grade 5

    @property
    def density_spread(self) -> float | None:
        """Relative standard deviation that the grade carries; None: grade 5."""
        return _SPREAD.get(self.grade)


def measure_density(spine: Spine) -> Findings:
    """Trabecular CT number and density by level, the grade and energy of the calibration, and published classes.

    Grades: 2 tissue calibration with blood, 3 without blood (contrast), 4 the nominal line of the tube voltage, 5 none;
    grade 1 needs a phantom, which is not looked for. Density is that of K2HPO4 in water with the same CT number, the
    convention of phantoms and of published classes. Classes from densities appear on grade 2 only; levels that may be
    deformed do not enter them, since bone pressed together reads denser than it is.
    """
    regions = {v.level: measure_region(spine, v) for v in spine if v.level in _LEVELS}
    if spine.study is None:
        return _without_ct(tuple(regions))
    tissues = find_tissues(spine)
    suitability = next(s for s in assess_suitability(spine.study) if s.purpose == "density")
    graded = _graded(spine.study, tissues, suitability)
    doubts = _doubts(spine.study, suitability, _is_bright(tissues))
    hu = [_hu_finding(level, region, doubts) for level, region in regions.items()]
    density = [_density_finding(level, region, graded) for level, region in regions.items()]
    whole = (_grade_finding(graded), _energy_finding(graded), *_tissue_findings(tissues), _contrast_finding(tissues))
    deformed = maybe_deformed(spine)
    sound_hu, sound = ([f for f in found if f.level not in deformed] for found in (hu, density))
    return (*hu, *density, *whole, hu_class(sound_hu), qct_class(sound, graded.grade))


def find_calibration(spine: Spine) -> GradedCalibration:
    """The best calibration that this CT allows, with its grade; it is the one behind `measure_density`."""
    if spine.study is None:
        return GradedCalibration(5, "there is no CT, only a label map", None)
    suitability = next(s for s in assess_suitability(spine.study) if s.purpose == "density")
    return _graded(spine.study, find_tissues(spine), suitability)


def nominal_calibration(kvp: float = 120.0) -> Calibration:
    """The line of a scanner of this tube voltage where water is 0 HU; its energy is a round figure without a source."""
    energy = float(np.interp(kvp, _KV, _NOMINAL_KEV))
    water = float(mass_attenuation("water", energy))
    return Calibration(energy, 0.0, water / 1000, water, 1.0, {})


def _without_ct(levels: tuple[Level, ...]) -> Findings:
    reason = "there is no CT, only a label map"
    by_level = [not_evaluable("trabecular_hu", level, HU, reason, REGION) for level in levels]
    by_level += [not_evaluable("trabecular_density", level, "mg/cm3", reason, _CALIBRATED) for level in levels]
    names = [(f"{name}_hu", HU) for name in _TISSUES]
    names += [("calibration_energy", "keV"), ("contrast_in_blood", "1")]
    whole = [not_evaluable(name, None, unit, reason, _CALIBRATED) for name, unit in names]
    return (*by_level, _grade_finding(GradedCalibration(5, reason, None)), *whole, hu_class([]), qct_class([], 5))


def _graded(study: Study, tissues: Mapping[str, TissueSample], suitability: Suitability) -> GradedCalibration:
    if suitability.usability is Usability.UNSUITABLE:
        return GradedCalibration(5, "; ".join(suitability.reasons), None)
    if known_contrast(study) or _is_bright(tissues):
        note = "contrast was given" if known_contrast(study) else "the aorta is bright, though no contrast is recorded"
        tissues = {name: sample for name, sample in tissues.items() if name != "blood"}
    else:
        note = "no blood was found" if "blood" not in tissues else "no contrast was given and blood was found"
    try:
        calibration = calibrate(tissues)
    except InputError as error:
        return _nominal(study, str(error))
    return GradedCalibration(2 if calibration.has_blood else 3, note, calibration)


def _nominal(study: Study, why: str) -> GradedCalibration:
    """Grade 4 where the tube voltage is known: water is 0 HU, and the energy is a round figure for that voltage."""
    kv = study.scan.kvp
    if kv is None or not _KV[0] <= kv <= _KV[-1]:
        return GradedCalibration(5, f"{why}; the tube voltage is not known, so there is no nominal line", None)
    line = nominal_calibration(kv)
    reason = f"{why}; assumed instead: {line.energy_kev:.0f} keV for {kv:g} kV, a round figure without a source"
    return GradedCalibration(4, reason, line)


def _is_bright(tissues: Mapping[str, TissueSample]) -> bool:
    """Whether the aorta is brighter than blood alone."""
    return "blood" in tissues and tissues["blood"].mean_hu > CONTRAST_HU


def _doubts(study: Study, suitability: Suitability, bright: bool) -> tuple[str, ...]:
    """What makes every CT number of this scan uncertain."""
    if suitability.usability is Usability.UNSUITABLE:
        return suitability.reasons
    return ("contrast was given: bone reads too dense",) if known_contrast(study) or bright else ()


def _hu_finding(level: Level, region: RegionValue | str, doubts: tuple[str, ...]) -> Finding:
    if isinstance(region, str):
        return not_evaluable("trabecular_hu", level, HU, region, REGION)
    remarks = (*region.remarks, *doubts)
    return _interval("trabecular_hu", level, HU, region.mean_hu, region.error_hu, "; ".join(remarks), REGION)


def _density_finding(level: Level, region: RegionValue | str, graded: GradedCalibration) -> Finding:
    if isinstance(region, str):
        return not_evaluable("trabecular_density", level, "mg/cm3", region, _CALIBRATED)
    calibration = graded.calibration
    if calibration is None:
        return not_evaluable("trabecular_density", level, "mg/cm3", f"grade 5: {graded.reason}", _CALIBRATED)
    value = float(calibration.density(region.mean_hu))
    from_hu = float(calibration.density(region.mean_hu + region.error_hu)) - value
    spread = _SPREAD[graded.grade] * abs(value)
    sd = float(np.sqrt(spread**2 + from_hu**2 + calibration.density_sd(region.mean_hu) ** 2))
    remarks = [*region.remarks, *([f"grade {graded.grade}: {graded.reason}"] if graded.grade > 2 else [])]
    method = _CALIBRATED if graded.grade < 4 else "nominal line of the tube voltage"
    return _interval("trabecular_density", level, "mg/cm3", value, sd, "; ".join(remarks), method, "michalski2020")


def _interval(
    name: str,
    level: Level | None,
    unit: str,
    value: float,
    sd: float,
    reason: str,
    method: str,
    source: str = "spondyl",
) -> Finding:
    """A value with its 95 % interval; uncertain where there is a reason."""
    status = Status.UNCERTAIN if reason else Status.MEASURED
    low, high = value - 1.96 * sd, value + 1.96 * sd
    return Finding(name, level, None, None, value, unit, low, high, status, reason or None, method, source)


def _grade_finding(graded: GradedCalibration) -> Finding:
    method = "2 tissues with blood, 3 without, 4 nominal line, 5 none; phantoms are not looked for"
    grade, measured = float(graded.grade), Status.MEASURED
    return Finding(
        "density_grade", None, None, None, grade, "1", None, None, measured, graded.reason, method, "spondyl"
    )


def _energy_finding(graded: GradedCalibration) -> Finding:
    calibration = graded.calibration
    if calibration is None or graded.grade == 4:
        return not_evaluable("calibration_energy", None, "keV", graded.reason, _CALIBRATED, source="michalski2020")
    value, sd = calibration.energy_kev, calibration.energy_sd_kev
    return _interval("calibration_energy", None, "keV", value, sd, "", _CALIBRATED, "michalski2020")


def _tissue_findings(tissues: Mapping[str, TissueSample]) -> Findings:
    return tuple(_tissue_finding(name, tissues.get(name)) for name in _TISSUES)


def _tissue_finding(name: str, sample: TissueSample | None) -> Finding:
    method = "found by place and CT number around the spine"
    if sample is None:
        return not_evaluable(f"{name}_hu", None, HU, f"no {name.replace('_', ' ')} was found in the image", method)
    raised = f"raised from {sample.seen_hu:.0f} HU by what blur takes of a cortex" if sample.seen_hu else ""
    reason = f"{raised}: its usual thickness is an assumption" if raised else ""
    method = f"{method}: {sample.voxels} voxels, standard deviation {sample.sd_hu:.0f} HU"
    return _interval(f"{name}_hu", None, HU, sample.mean_hu, sample.doubt_hu, reason, method)


def _contrast_finding(tissues: Mapping[str, TissueSample]) -> Finding:
    """Whether the aorta is brighter than blood alone; "no" does not show that no agent was given."""
    method = f"mean of the aorta above {CONTRAST_HU:g} HU"
    if "blood" not in tissues:
        return not_evaluable("contrast_in_blood", None, "1", "no aorta was found in the image", method)
    value = "yes" if _is_bright(tissues) else "no"
    return Finding(
        "contrast_in_blood", None, None, None, value, "1", None, None, Status.MEASURED, None, method, "spondyl"
    )
