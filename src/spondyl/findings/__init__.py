"""Findings: what is broken, how badly, and how sure that is."""

from spondyl.findings.agreement import NOT_ACCURACY, Agreement, bone_text, measure_agreement
from spondyl.findings.alternatives import find_alternatives
from spondyl.findings.canal import measure_canal
from spondyl.findings.cleft import find_gas_clefts
from spondyl.findings.deformities import find_deformities
from spondyl.findings.density import GradedCalibration, find_calibration, measure_density, nominal_calibration
from spondyl.findings.endplates import find_endplate_defects
from spondyl.findings.heights import (
    DEFAULT_DEFINITION,
    DEFINITIONS,
    HeightDefinition,
    Heights,
    find_definition,
    measure_heights,
)
from spondyl.findings.patterns import find_patterns
from spondyl.findings.same_bones import BoneMatch, MatchKind, name_steps
from spondyl.findings.totalseg_rules import compare_totalseg_rules
from spondyl.findings.types import Finding, Findings, Status, not_evaluable
from spondyl.findings.walls import find_wall_defects

__all__ = [
    "DEFAULT_DEFINITION",
    "DEFINITIONS",
    "NOT_ACCURACY",
    "Agreement",
    "BoneMatch",
    "Finding",
    "Findings",
    "GradedCalibration",
    "HeightDefinition",
    "Heights",
    "MatchKind",
    "Status",
    "bone_text",
    "compare_totalseg_rules",
    "find_alternatives",
    "find_calibration",
    "find_definition",
    "find_deformities",
    "find_endplate_defects",
    "find_gas_clefts",
    "find_patterns",
    "find_wall_defects",
    "measure_agreement",
    "measure_canal",
    "measure_density",
    "measure_heights",
    "name_steps",
    "nominal_calibration",
    "not_evaluable",
]
