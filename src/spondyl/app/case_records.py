"""The records of a case folder, each read when it is first asked for."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from spondyl.app.inputs import Inputs, read_named
from spondyl.decisions import BoneHealthPlan, Recommendation
from spondyl.documents.course_facts import facts_of_document
from spondyl.documents.course_files import SIMULATIONS_FILE, KeptSimulations, read_simulations
from spondyl.documents.models import StudyDocument
from spondyl.documents.patients import read_patient
from spondyl.documents.plan_files import PLANS_FILE, read_plans
from spondyl.documents.records import (
    BONE_FILE,
    DECISIONS_FILE,
    FINDINGS_FILE,
    FORECAST_FILE,
    SPINE_FILE,
    STUDY_FILE,
    from_json,
    read_bone_health,
    read_decisions,
    read_findings,
    read_forecast,
    read_spine,
    source_path,
)
from spondyl.documents.runs import has_its_files
from spondyl.documents.strength_files import KeptStrength, read_strength
from spondyl.errors import InputError
from spondyl.findings import Findings
from spondyl.outcomes import CourseFacts, Prediction
from spondyl.planning import Plan
from spondyl.spine import Spine
from spondyl.studies import Patient, Study


class CaseRecords:
    """What stands in a case folder; with `inputs`, study and patient are those that are given.

    A record is read once: who makes one anew sets it here too.
    """

    def __init__(self, folder: Path, inputs: Inputs | None) -> None:
        if inputs is None and not (folder / SPINE_FILE).is_file():
            raise InputError(f"'{folder}' is no case folder (it has no {SPINE_FILE}): make one with `spondyl plan`")
        self.folder, self.inputs = folder, inputs

    @cached_property
    def patient(self) -> Patient:
        """The facts of the record."""
        if self.inputs is None:
            return self.study_record.patient
        return Patient() if self.inputs.patient is None else read_patient(self.inputs.patient)

    @cached_property
    def study(self) -> Study | None:
        """The CT with its header and the record; None: labels alone."""
        if self.inputs is not None:
            return None if self.inputs.study is None else read_named(self.inputs.study, self.patient)
        source, scan = self.study_record.source, self.study_record.scan
        if source is None or scan is None:
            return None
        return read_named(source_path(source, self.folder), self.patient, series=scan.series_instance_uid)

    @cached_property
    def spine(self) -> Spine:
        """The spine as it stands in the folder."""
        if not has_its_files(self.folder, "spine"):
            raise InputError(
                f"{SPINE_FILE} and its images in '{self.folder}' do not belong together (an interrupted run or a "
                "changed file): run `spondyl plan` with the first inputs and --force spine"
            )
        return read_spine(self.folder, self.study)

    @cached_property
    def findings(self) -> Findings:
        """The findings as they stand in the folder."""
        return read_findings(self.folder / FINDINGS_FILE)

    @cached_property
    def advice(self) -> Recommendation:
        """The recommendation as it stands in the folder."""
        return read_decisions(self.folder / DECISIONS_FILE)

    @cached_property
    def outlook(self) -> Prediction:
        """The forecast as it stands in the folder."""
        return read_forecast(self.folder / FORECAST_FILE)

    @cached_property
    def bones(self) -> BoneHealthPlan:
        """The plan for the bones as it stands in the folder."""
        return read_bone_health(self.folder / BONE_FILE)

    @cached_property
    def plans(self) -> tuple[Plan, ...]:
        """The plans as they stand in the folder; none where there is no file."""
        return read_plans(self.folder) if (self.folder / PLANS_FILE).is_file() else ()

    @cached_property
    def strength(self) -> KeptStrength:
        """The strength of the levels of this job as it stands in the folder."""
        return read_strength(self.folder)

    @cached_property
    def simulations(self) -> KeptSimulations:
        """The simulated courses of the levels of this job as they stand in the folder."""
        return read_simulations(self.folder)

    @property
    def course_facts(self) -> tuple[CourseFacts, ...]:
        """What the simulated courses say in plain figures; none where none were simulated."""
        if not (self.folder / SIMULATIONS_FILE).is_file():
            return ()
        return facts_of_document(self.simulations.document)

    @property
    def study_record(self) -> StudyDocument:
        """What was read of the study, as it stands in the folder."""
        return from_json(StudyDocument, self.folder / STUDY_FILE)
