"""All findings of a spine, in the order of the report."""

from __future__ import annotations

from spondyl.findings import (
    Findings,
    find_alternatives,
    find_deformities,
    find_endplate_defects,
    find_gas_clefts,
    find_patterns,
    find_wall_defects,
    measure_canal,
    measure_density,
)
from spondyl.spine import Spine
from spondyl.studies import Sex


def measure(spine: Spine) -> Findings:
    """All findings of a spine, in the order of the report."""
    finders = (
        find_deformities,
        measure_canal,
        measure_density,
        find_gas_clefts,
        find_endplate_defects,
        find_wall_defects,
        find_patterns,
    )
    found = tuple(finding for find in finders for finding in find(spine))
    return (*found, *find_alternatives(found, _sex(spine)))


def _sex(spine: Spine) -> Sex | None:
    """Of the patient, by record or header; unknown where neither says it or they differ."""
    if spine.study is None:
        return None
    said = {spine.study.patient.sex, spine.study.scan.patient_sex} - {None}
    return said.pop() if len(said) == 1 else None
