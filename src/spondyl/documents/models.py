"""The shape of the JSON documents: pydantic models at the edge, from and to the records inside.

What is read, found and planned stands here; what is advised on it in `advice_models`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, PlainSerializer, PlainValidator, WithJsonSchema

from spondyl.documents.base import Document
from spondyl.findings import Finding, Findings, Status
from spondyl.planning import (
    AccessClass,
    Angles,
    Approach,
    Balloon,
    CementVolume,
    Clearance,
    EntryLandmark,
    NeedlePath,
    NoPath,
    Plan,
    Structure,
    cement_total,
)
from spondyl.space import Floats, Frame, Geometry, HeightMap
from spondyl.spine import Level, Pedicle, Side, Surrounding
from spondyl.studies import OtherSeries, Patient, Question, Scan, Suitability


def _to_array(value: Any) -> Floats:
    return np.array(value, np.float64)  # a missing number (null) becomes NaN


def _to_lists(array: Floats) -> Any:
    numbers = array.astype(object)
    numbers[np.isnan(array)] = None
    return numbers.tolist()


def _to_level(value: Any) -> Any:
    return Level.parse(value) if isinstance(value, str) else value


_NUMBER = {"type": ["number", "null"]}
_ROW = {"type": "array", "items": _NUMBER}

Row = Annotated[Floats, PlainValidator(_to_array), PlainSerializer(_to_lists), WithJsonSchema(_ROW)]
Table = Annotated[
    Floats, PlainValidator(_to_array), PlainSerializer(_to_lists), WithJsonSchema({"type": "array", "items": _ROW})
]
Index = tuple[int, int, int]
LevelName = Annotated[
    Level,
    BeforeValidator(_to_level),
    PlainSerializer(lambda level: level.name),
    WithJsonSchema({"type": "string", "enum": [level.name for level in Level]}),
]


class FindingModel(Document):
    """One measurement or observation, with its 95 % interval, status, method and source."""

    name: str
    level: LevelName | None
    level_to: LevelName | None
    side: Side | None
    value: int | float | str | None
    unit: str
    low: float | None
    high: float | None
    status: Status
    reason: str | None
    method: str
    source: str

    def record(self) -> Finding:
        """The finding itself."""
        return Finding(**dict(self))


class FindingsDocument(Document):
    """findings.json: what was measured and seen."""

    schema_: Literal["spondyl.findings/1"] = "spondyl.findings/1"
    findings: tuple[FindingModel, ...]

    @classmethod
    def of(cls, findings: Findings) -> FindingsDocument:
        """The document of these findings."""
        return cls(findings=tuple(FindingModel.model_validate(finding) for finding in findings))

    def record(self) -> Findings:
        """The findings themselves."""
        return tuple(finding.record() for finding in self.findings)


class GeometryModel(Document):
    """A grid: voxel index to patient mm (LPS), shape, frame of reference."""

    affine: Table
    shape: Index
    frame_of_reference_uid: str | None

    def record(self) -> Geometry:
        """The grid itself."""
        return Geometry(**dict(self))


class FrameModel(Document):
    """Axes of a vertebra: origin in patient mm (LPS), unit vectors to the head, the front and the left."""

    origin: Row
    cranial: Row
    anterior: Row
    left: Row

    def record(self) -> Frame:
        """The frame itself."""
        return Frame(**dict(self))


class HeightMapModel(Document):
    """A surface as heights over a plane of a frame [mm]; null where there is no surface."""

    frame: FrameModel
    direction: Literal["cranial", "anterior"]
    u_mm: Row
    v_mm: Row
    height_mm: Table
    sd_mm: float

    def record(self) -> HeightMap:
        """The surface itself."""
        return HeightMap(self.frame.record(), self.direction, self.u_mm, self.v_mm, self.height_mm, self.sd_mm)


class PedicleModel(Document):
    """One pedicle: centre of its narrowest cross-section (patient mm), axis into the body, width and height.

    With `mask_width_mm` the cross-section was measured on the CT, without on the mask.
    """

    side: Side
    isthmus: Row
    axis: Row
    width_mm: float
    height_mm: float
    half_voxel_mm: float
    mask_width_mm: float | None = None

    def record(self) -> Pedicle:
        """The pedicle itself."""
        return Pedicle(**dict(self))


class BlockModel(Document):
    """A block of voxels of the label image: its first index and its shape."""

    start: Index
    shape: Index


class VertebraModel(Document):
    """One vertebra; its voxels stand in the label image (mask) and in the parts image (body)."""

    level: LevelName
    block: BlockModel
    has_body: bool
    frame: FrameModel | None
    superior: HeightMapModel | None
    inferior: HeightMapModel | None
    anterior: HeightMapModel | None
    posterior: HeightMapModel | None
    pedicles: tuple[PedicleModel, ...]
    cut: tuple[str, ...]
    remarks: tuple[str, ...]


class SourceModel(Document):
    """A file or folder that was read: where it lay (seen from the case folder) and the hashes of its files."""

    path: str
    hashes: dict[str, str]


class SurroundingModel(Document):
    """A structure that is labelled beside the spine; its voxels stand in the parts image."""

    kind: Surrounding
    block: BlockModel


class SpineDocument(Document):
    """spine.json: levels, axes and surfaces of the vertebrae found in one label image."""

    schema_: Literal["spondyl.spine/1"] = "spondyl.spine/1"
    label_map: str | None
    method: str
    geometry: GeometryModel
    labels_file: str
    parts_file: str | None  # null: no body was separated and no canal found
    canal: BlockModel | None
    questions: tuple[Question, ...]
    notes: tuple[str, ...]
    vertebrae: tuple[VertebraModel, ...]
    surroundings: tuple[SurroundingModel, ...] = ()  # as far as 60 mm from the vertebrae; older cases: not read


class StudyDocument(Document):
    """study.json: what the files and the record say, and what the image is good enough for.

    The CT itself stays where it is: `source` says where and how its files hash. Without a CT, `source`, `scan` and
    `geometry` are null.
    """

    schema_: Literal["spondyl.study/1"] = "spondyl.study/1"
    source: SourceModel | None
    geometry: GeometryModel | None
    scan: Scan | None
    patient: Patient
    questions: tuple[Question, ...]
    notes: tuple[str, ...]
    other_series: tuple[OtherSeries, ...]
    suitability: tuple[Suitability, ...]


class StageModel(Document):
    """One stage of a run. It is done when its outputs stand there with these hashes, made from these inputs."""

    stage: str
    status: Literal["done", "failed"]
    inputs: dict[str, str]
    parameters: dict[str, Any]
    seed: int | None
    outputs: dict[str, str]
    version: str
    started: str
    seconds: float
    warnings: tuple[str, ...]
    error: str | None


class RunDocument(Document):
    """run.json: how each file of the case folder came to be."""

    schema_: Literal["spondyl.run/1"] = "spondyl.run/1"
    versions: dict[str, str]
    stages: tuple[StageModel, ...]
    earlier: tuple[StageModel, ...] = ()  # as they were last done, of stages that went or failed since: what was asked


class JobStageModel(Document):
    """What became of one stage in a job: made now, or kept because nothing it rests on had changed."""

    stage: str
    status: Literal["made", "kept"]


class JobDocument(Document):
    """What a job on a case folder did, and what a reader must know first."""

    schema_: Literal["spondyl.job/1"] = "spondyl.job/1"
    case: str
    stages: tuple[JobStageModel, ...]
    questions: tuple[Question, ...]  # blocking ones first
    summary: tuple[str, ...]
    report: str
    pdf: str | None
    booklets: tuple[str, ...]  # the patient's pages, and their PDFs
    remarks: tuple[str, ...]  # such as why the PDF was left out


class ErrorDocument(Document):
    """What `--json` prints instead of a result."""

    schema_: Literal["spondyl.error/1"] = "spondyl.error/1"
    error: str


class CheckModel(Document):
    """One thing that `doctor` looked at."""

    name: str
    status: Literal["ok", "missing", "differs"]
    detail: str
    needed_for: str


class NeedlePathModel(Document):
    """One needle: entry and tip (patient mm, LPS), clearances, class, angles, depths."""

    side: Side
    approach: Approach
    gauge: int
    outer_diameter_mm: float
    entry: Row
    target: Row
    clearances: tuple[Clearance, ...]
    access_class: AccessClass | None  # null: cannot be judged on this CT
    angles: Angles
    skin_depth_mm: float | None
    reasons: tuple[str, ...]
    landmarks: tuple[EntryLandmark, ...]  # of the entry

    def record(self) -> NeedlePath:
        """The needle itself."""
        return NeedlePath(**dict(self))


class BalloonModel(Document):
    """One balloon: centre (patient mm), axis, nominal length, diameter of the cavity with its interval."""

    side: Side
    centre: Row
    axis: Row
    length_mm: float
    diameter_mm: float
    diameter_low_mm: float
    diameter_high_mm: float
    limited_by: str

    def record(self) -> Balloon:
        """The balloon itself."""
        return Balloon(**dict(self))


class PlanModel(Document):
    """What is to be done at one level; without needles and refusals: untreated."""

    level: LevelName
    needles: tuple[NeedlePathModel, ...]
    balloons: tuple[BalloonModel, ...]
    cement: CementVolume | None
    refused: tuple[NoPath, ...]
    alternatives: tuple[NeedlePathModel, ...]
    unchecked: tuple[str, ...]
    notes: tuple[str, ...]
    checked: tuple[Structure, ...] = ()  # without a clearance: further than 12 mm away

    def record(self) -> Plan:
        """The plan itself."""
        inner = {
            name: tuple(m.record() for m in getattr(self, name)) for name in ("needles", "balloons", "alternatives")
        }
        return Plan(**{**dict(self), **inner})


class CementTotalModel(Document):
    """Cement of all planned levels together, with what was published of such volumes."""

    levels: tuple[LevelName, ...]
    low_ml: float
    high_ml: float
    flags: tuple[str, ...]
    sources: tuple[str, ...]


class PlansDocument(Document):
    """plans.json: the plans of a case, one a level."""

    schema_: Literal["spondyl.plans/1"] = "spondyl.plans/1"
    plans: tuple[PlanModel, ...]
    cement_total: CementTotalModel | None  # of all levels, as if filled in one session; null: no cement

    @classmethod
    def of(cls, plans: tuple[Plan, ...]) -> PlansDocument:
        """The document of these plans."""
        total = cement_total(plans)
        return cls(
            plans=tuple(PlanModel.model_validate(plan) for plan in plans),
            cement_total=None if total is None else CementTotalModel.model_validate(total),
        )

    def record(self) -> tuple[Plan, ...]:
        """The plans themselves."""
        return tuple(plan.record() for plan in self.plans)


class DoctorDocument(Document):
    """What this installation can do."""

    schema_: Literal["spondyl.doctor/1"] = "spondyl.doctor/1"
    checks: tuple[CheckModel, ...]


class SynthDocument(Document):
    """The files of a virtual patient, or of a CT with a virtual deformity."""

    schema_: Literal["spondyl.synth/1"] = "spondyl.synth/1"
    description: str
    seed: int | None  # None: nothing was drawn
    ct: str
    labels: str
    subregions: str | None
    patient: str | None  # the facts of the record, for --patient
    truth: str


class TruthDocument(Document):
    """truth.json: how a virtual patient or a virtual deformity was made and what is true of it."""

    schema_: Literal["spondyl.truth/1"] = "spondyl.truth/1"
    provenance: Literal["virtual"] = "virtual"
    seed: int | None
    specification: dict[str, Any]
    truth: dict[str, Any]
