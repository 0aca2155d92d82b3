"""Spondyl: from a spine CT to what is broken, who is helped, and how.

One public function a stage; see `docs/index.md`. A name is imported when it is first used, so that `import spondyl`
stays fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spondyl.on_demand import names_on_demand

if TYPE_CHECKING:
    from spondyl.decisions import Recommendation, assess_candidacy
    from spondyl.documents.booklet import write_booklet
    from spondyl.documents.report import write_report
    from spondyl.errors import InputError
    from spondyl.findings import (
        Finding,
        Findings,
        Status,
        find_deformities,
        find_endplate_defects,
        find_gas_clefts,
        find_patterns,
        find_wall_defects,
        measure_agreement,
        measure_canal,
        measure_density,
    )
    from spondyl.followup import CheckIn, Triage, triage
    from spondyl.outcomes import Prediction, predict_outcomes
    from spondyl.planning import Plan, no_treatment, plan_augmentation
    from spondyl.simulation import (
        BodyInjection,
        LeakShares,
        PlatenResponse,
        Simulation,
        VoxelModel,
        build_voxel_model,
        count_leaks,
        follow_load_path,
        load_between_platens,
        simulate,
        simulate_injection,
    )
    from spondyl.spine import Level, Side, Spine, Vertebra, build_spine, relabelled
    from spondyl.studies import Patient, Sex, Study, assess_suitability, read_study
else:
    __getattr__, __dir__ = names_on_demand(
        __name__,
        {
            "spondyl.decisions": ("Recommendation", "assess_candidacy"),
            "spondyl.documents.booklet": ("write_booklet",),
            "spondyl.documents.report": ("write_report",),
            "spondyl.errors": ("InputError",),
            "spondyl.findings": (
                "Finding",
                "Findings",
                "Status",
                "find_deformities",
                "find_endplate_defects",
                "find_gas_clefts",
                "find_patterns",
                "find_wall_defects",
                "measure_agreement",
                "measure_canal",
                "measure_density",
            ),
            "spondyl.followup": ("CheckIn", "Triage", "triage"),
            "spondyl.outcomes": ("Prediction", "predict_outcomes"),
            "spondyl.planning": ("Plan", "no_treatment", "plan_augmentation"),
            "spondyl.simulation": (
                "BodyInjection",
                "LeakShares",
                "PlatenResponse",
                "Simulation",
                "VoxelModel",
                "build_voxel_model",
                "count_leaks",
                "follow_load_path",
                "load_between_platens",
                "simulate",
                "simulate_injection",
            ),
            "spondyl.spine": ("Level", "Side", "Spine", "Vertebra", "build_spine", "relabelled"),
            "spondyl.studies": ("Patient", "Sex", "Study", "assess_suitability", "read_study"),
        },
    )

__version__ = "0.1.0"

__all__ = [
    "BodyInjection",
    "CheckIn",
    "Finding",
    "Findings",
    "InputError",
    "LeakShares",
    "Level",
    "Patient",
    "Plan",
    "PlatenResponse",
    "Prediction",
    "Recommendation",
    "Sex",
    "Side",
    "Simulation",
    "Spine",
    "Status",
    "Study",
    "Triage",
    "Vertebra",
    "VoxelModel",
    "assess_candidacy",
    "assess_suitability",
    "build_spine",
    "build_voxel_model",
    "count_leaks",
    "find_deformities",
    "find_endplate_defects",
    "find_gas_clefts",
    "find_patterns",
    "find_wall_defects",
    "follow_load_path",
    "load_between_platens",
    "measure_agreement",
    "measure_canal",
    "measure_density",
    "no_treatment",
    "plan_augmentation",
    "predict_outcomes",
    "read_study",
    "relabelled",
    "simulate",
    "simulate_injection",
    "triage",
    "write_booklet",
    "write_report",
]
