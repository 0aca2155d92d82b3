"""The job on a case folder: each stage is run where what it rests on has changed, and kept where it has not."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from spondyl import __version__
from spondyl.app.backends import (
    LABELS_FILE,
    PARTS_FILE,
    BackendWish,
    backend_needs,
    make_backend_labels,
    read_backend_labels,
)
from spondyl.app.booklet import BookletWish, write_booklets
from spondyl.app.courses import CourseWish, simulate_courses
from spondyl.app.strength import StrengthWish, press_levels
from spondyl.app.warm import is_warm
from spondyl.app.wishes import AccessWish, asked_wish, found_wish, make_plans
from spondyl.decisions import BoneHealthPlan, Recommendation, assess_candidacy, plan_bone_health, plan_procedure
from spondyl.documents.course_files import SIMULATIONS_FILE, KeptSimulations, read_simulations, write_simulations
from spondyl.documents.files import hashes_of, sha256, sweep
from spondyl.documents.levels import (
    COUNTED_FILE,
    COUNTED_PARTS_FILE,
    LEVELS_PICTURE,
    NAMES_FILE,
    SEGMENTATION_FILE,
    read_names,
    read_notes,
    read_segmentation,
    write_names,
    write_segmentation,
)
from spondyl.documents.models import JobDocument, JobStageModel, SourceModel, StudyDocument
from spondyl.documents.pages import pdf_version
from spondyl.documents.patients import read_patient
from spondyl.documents.plan_files import PLANS_FILE, read_plans, remove_plans, write_plans
from spondyl.documents.records import (
    BONE_FILE,
    DECISIONS_FILE,
    FINDINGS_FILE,
    FORECAST_FILE,
    RUN_FILE,
    SPINE_FILE,
    STUDY_FILE,
    from_json,
    read_bone_health,
    read_decisions,
    read_findings,
    read_forecast,
    read_spine,
    source_of,
    source_path,
    study_document,
    write_bone_health,
    write_decisions,
    write_document,
    write_findings,
    write_forecast,
    write_spine,
)
from spondyl.documents.report import write_report
from spondyl.documents.runs import (
    drop_stage,
    failure_recorded,
    find_stage,
    has_its_files,
    is_done,
    read_run,
    recorded,
    replace_stage,
)
from spondyl.documents.sheet import remove_sheet
from spondyl.documents.strength_files import STRENGTH_FILE, KeptStrength, read_strength, write_strength
from spondyl.documents.summary import blocking_first, summarise
from spondyl.errors import InputError
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
from spondyl.followup import plan_recovery
from spondyl.outcomes import Prediction, predict_outcomes
from spondyl.planning import Plan
from spondyl.spine import (
    LABEL_MAP_NAMES,
    Level,
    NamedSegmentation,
    Spine,
    build_spine,
    load_label_map,
    name_segmentation,
    parse_anchor,
    parse_point,
    relabelled,
    shift_of_anchors,
)
from spondyl.spine.bare import METHOD, tell_apart
from spondyl.studies import Patient, Sex, Study, assess_suitability, read_study

TRUTH_MARK = b'"schema":"spondyl.truth/1"'  # how truth.json begins
REPORT_FILE, PDF_FILE = "report.html", "report.pdf"
STAGES = (
    "study",
    "backend",
    "segment",
    "names",
    "spine",
    "findings",
    "decide",
    "forecast",
    "booklet",
    "access",
    "strength",
    "simulate",
    "report",
)
BARE = ("segment", "names")  # stages of a CT without labels
FOUND = ("backend", *BARE)  # stages that find the vertebrae
PAGES = frozenset({"booklet", "report"})  # stages on which nothing rests
Tell = Callable[[str, str], None]  # stage, "begins", "made" or "kept"


@dataclass(frozen=True)
class Inputs:
    """The files of a job and how to read them. Without a study the label image stands alone."""

    study: Path | None
    labels: Path | None  # None: the own segmenter finds the vertebrae in the CT
    label_map: str | None = None
    subregions: Path | None = None
    patient: Path | None = None
    resample: bool = False
    anchors: tuple[str, ...] = ()  # without labels: what a person says of levels; none: as said before
    disc_at: tuple[str, ...] = ()  # and of discs, as points
    no_disc_at: tuple[str, ...] = ()
    backend: BackendWish | None = None  # without labels: an outside segmenter; its label map is its own

    def __post_init__(self) -> None:
        said = self.anchors or self.disc_at or self.no_disc_at
        if self.labels is None and self.study is None:
            raise InputError("neither a CT nor labels are given: give one of them, or both")
        if self.backend is not None and (self.labels is not None or said):
            raise InputError(
                "labels, anchors and discs are not for an outside segmenter: leave out --backend, or leave them out; "
                "its names are moved with `spondyl relabel`"
            )
        if self.labels is None and (self.label_map or self.subregions):
            raise InputError("a label map and sub-regions belong to labels: give --labels too, or leave them out")
        if self.labels is not None and said:
            raise InputError(
                "anchors and discs are for a CT without labels; names of labels are moved with `spondyl relabel`"
            )
        for text in self.anchors:
            parse_anchor(text)
        for text in (*self.disc_at, *self.no_disc_at):
            parse_point(text)


class Job:
    """One run on one case folder.

    With `inputs` all stages may be made; without, those that rest on the folder alone (findings, report), while study
    and spine are read as they stand. A record is taken from the folder where it is up to date.
    """

    def __init__(
        self,
        folder: Path,
        inputs: Inputs | None,
        *,
        force: Collection[str] = (),
        levels: Collection[str] = (),
        booklets: BookletWish | None = None,
        courses: CourseWish | None = None,
        tell: Tell,
    ) -> None:
        if unknown := sorted(set(force) - set(STAGES)):
            raise InputError(f"there is no stage '{unknown[0]}' to force; stages are {', '.join(STAGES)}")
        if inputs is None and (made_before := sorted({"study", *FOUND, "spine"} & set(force))):
            raise InputError(f"--force {made_before[0]} needs the first inputs: use `spondyl plan` with them")
        if inputs is None and not (folder / SPINE_FILE).is_file():
            raise InputError(f"'{folder}' is no case folder (it has no {SPINE_FILE}): make one with `spondyl plan`")
        self.folder, self.inputs, self.force, self.tell = folder, inputs, frozenset(force), tell
        self.levels = tuple(Level.parse(name) for name in levels)
        self._booklets, self._courses = booklets, courses
        self.remarks: list[str] = []
        self.stages: list[JobStageModel] = []
        self._earlier_wish: AccessWish | None = None

    def run(self, last: str = "report") -> None:
        """Run the stages up to the last one wanted."""
        with _alone_in(self.folder):
            sweep(self.folder)
            with failure_recorded(self.folder, STAGES[0]):
                self._look_for_inputs()
            self._earlier_wish, self._booklets = self._wish_in_folder(), self.booklet_wish
            self._courses = self.course_wish
            for stage in STAGES[: STAGES.index(last) + 1]:
                self._ensure(stage)

    def relabel(self, shift: int | None = None, anchors: Sequence[str] = ()) -> None:
        """Rename the vertebrae by whole levels, or as a person says what one of them is; then run what rests on names.

        Where the own segmenter found them, anchors name them anew; else all names are moved to fit.
        """
        parsed = [parse_anchor(text) for text in anchors]
        if (shift is None) == (not parsed):
            raise InputError("give either --shift or --anchor: by how many levels, or which level one of them is")
        with _alone_in(self.folder):
            sweep(self.folder)
            self._booklets, self._courses = self.booklet_wish, self.course_wish
            if shift is None and find_stage(self.folder, "names") is not None:
                self._write_named(anchors)
            else:
                self._write_relabelled(shift_of_anchors(self.spine, parsed) if shift is None else shift)
            for stage in STAGES[STAGES.index("findings") :]:
                self._ensure(stage)

    def plan_access(self, **needle: Any) -> None:
        """Plan the levels of this job with these options of `plan_augmentation`, then make the report again.

        Where that cannot be done, the plans and the report from before stay.
        """
        with _alone_in(self.folder):
            sweep(self.folder)
            before = read_run(self.folder)
            self._courses = self.course_wish
            self._earlier_wish = asked_wish(self.levels, by="access", **needle)
            self.tell("access", "begins")
            rests_on, parameters = self._access_needs()
            try:
                with recorded(self.folder, "access", rests_on, parameters) as progress:
                    progress.outputs += self._make_access()
                    remove_sheet(self.folder)
            except InputError:
                write_document(self.folder / RUN_FILE, before)
                raise
            self._note("access", "made")
            for stage in STAGES[STAGES.index("access") + 1 :]:
                self._ensure(stage)

    def simulate(self) -> None:
        """Simulate the courses of the levels that are planned as this job asks for them, then make the report again."""
        if not (self.folder / PLANS_FILE).is_file():
            raise InputError(f"'{self.folder}' holds no plan: make one with `spondyl access` or `spondyl plan`")
        with _alone_in(self.folder):
            sweep(self.folder)
            self._booklets, self._courses = self.booklet_wish, self.course_wish
            for stage in STAGES[STAGES.index("strength") :]:
                self._ensure(stage)

    @cached_property
    def patient(self) -> Patient:
        """The facts of the record."""
        if self.inputs is None:
            return self._study_document.patient
        return Patient() if self.inputs.patient is None else read_patient(self.inputs.patient)

    @cached_property
    def study(self) -> Study | None:
        """The CT with its header and the record; None: labels alone."""
        if self.inputs is not None:
            return None if self.inputs.study is None else read_named(self.inputs.study, self.patient)
        source, scan = self._study_document.source, self._study_document.scan
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

    def document(self) -> JobDocument:
        """What the job did, for `--json`."""
        pdf = self.folder / PDF_FILE
        study_questions = self._study_document.questions
        return JobDocument(
            case=str(self.folder),
            stages=tuple(self.stages),
            questions=blocking_first((*study_questions, *self.spine.questions)),
            summary=summarise(self.findings, self._study_document.patient),
            report=str(self.folder / REPORT_FILE),
            pdf=str(pdf) if pdf.is_file() else None,
            booklets=self._booklet_files(),
            remarks=tuple(self.remarks),
        )

    @property
    def _study_document(self) -> StudyDocument:
        return from_json(StudyDocument, self.folder / STUDY_FILE)

    def _look_for_inputs(self) -> None:
        """Miss a file before the long part begins, not after it."""
        given = self.inputs
        for path in () if given is None else (given.study, given.labels, given.subregions, given.patient):
            if path is not None and not path.exists():
                raise InputError(f"'{path}' is not there: check the path")
        if given is not None and given.label_map is not None:
            load_label_map(given.label_map)

    @cached_property
    def _source(self) -> SourceModel | None:
        """Place and hashes of the study that was given."""
        given = None if self.inputs is None else self.inputs.study
        return None if given is None else source_of(given, self.folder)

    def _ensure(self, stage: str) -> None:
        """Make a stage, unless its files are up to date."""
        if self.inputs is None and stage in ("study", *FOUND, "spine"):
            return
        if (stage in BARE and not self._is_bare) or (stage == "backend" and self._wish_for_backend is None):
            drop_stage(self.folder, stage)
            return
        needs, make = self._stage(stage)
        with failure_recorded(self.folder, stage):
            rests_on, parameters = needs()
        if stage not in self.force and is_done(self.folder, stage, rests_on, parameters):
            self._note(stage, "kept")
            return
        self.tell(stage, "begins")
        self._remove_later_than(stage)
        with recorded(self.folder, stage, rests_on, parameters) as progress:
            progress.outputs += make()
            progress.warnings += self.remarks
        self._note(stage, "made")

    def _note(self, stage: str, status: Literal["made", "kept"]) -> None:
        self.stages.append(JobStageModel(stage=stage, status=status))
        self.tell(stage, status)

    def _remove_later_than(self, stage: str) -> None:
        """Remove what rests on a stage that is about to change, so that no old report stands beside new records."""
        first = STAGES.index(stage)
        for later in (stage,) if stage in PAGES else STAGES[first + 1 :]:
            record = find_stage(self.folder, later)
            for name in () if record is None else record.outputs:
                if (self.folder / name).is_file():  # a folder in its place is for the writer to complain of
                    (self.folder / name).unlink()
            if later != stage:
                drop_stage(self.folder, later)
        if stage not in PAGES:
            remove_sheet(self.folder)
        if stage in ("study", *FOUND, "spine"):
            drop_stage(self.folder, "relabel")

    def _stage(self, stage: str) -> tuple[Callable[[], tuple[dict[str, str], dict[str, Any]]], Callable[[], list[str]]]:
        """What a stage rests on, and how it is made."""
        return {
            "study": (self._study_needs, self._make_study),
            "backend": (self._backend_needs, self._make_backend),
            "segment": (self._segment_needs, self._make_segmentation),
            "names": (self._names_needs, self._make_names),
            "spine": (self._spine_needs, self._make_spine),
            "findings": (lambda: (self._hashes(STUDY_FILE, *self._spine_files()), {}), self._make_findings),
            "decide": (lambda: (self._hashes(STUDY_FILE, FINDINGS_FILE), {}), self._make_decisions),
            "forecast": (lambda: (self._hashes(STUDY_FILE), {"spondyl": __version__}), self._make_forecast),
            "access": (self._access_needs, self._make_access),
            "strength": (self._strength_needs, self._make_strength),
            "simulate": (self._simulate_needs, self._make_simulations),
            "booklet": (self._booklet_needs, self._make_booklets),
            "report": (self._report_needs, self._make_report),
        }[stage]

    def _study_needs(self) -> tuple[dict[str, str], dict[str, Any]]:
        assert self.inputs is not None
        hashes = _hashes_by_role({"patient": self.inputs.patient})
        if self._source is None:
            return hashes, {"study": None}
        slices = {f"study: {name}": digest for name, digest in self._source.hashes.items()}
        return slices | hashes, {"study": self._source.path}

    def _make_study(self) -> list[str]:
        assert self.inputs is not None
        suitability = () if self.study is None else assess_suitability(self.study)
        document = study_document(self.study, self.patient, suitability, self._source)
        write_document(self.folder / STUDY_FILE, document)
        return [STUDY_FILE]

    @property
    def _is_bare(self) -> bool:
        """Whether the vertebrae are found by the own segmenter."""
        return self.inputs is not None and self.inputs.labels is None and self.inputs.backend is None

    @property
    def _wish_for_backend(self) -> BackendWish | None:
        """The outside segmenter that finds the vertebrae; None: labels are given, or the own one finds them."""
        return None if self.inputs is None else self.inputs.backend

    def _backend_needs(self) -> tuple[dict[str, str], dict[str, Any]]:
        assert self._wish_for_backend is not None
        return backend_needs({} if self._source is None else self._source.hashes, self._wish_for_backend)

    def _make_backend(self) -> list[str]:
        assert self._wish_for_backend is not None and self.study is not None
        return make_backend_labels(self.folder, self.study.ct, self._wish_for_backend)

    def _said(self, stage: str, name: str) -> list[str]:
        """What a person says now of levels or discs, or said before; a forced stage forgets what was said before."""
        now: tuple[str, ...] = () if self.inputs is None else getattr(self.inputs, name)
        made = None if stage in self.force else find_stage(self.folder, stage)
        return list(now) or ([] if made is None else list(made.parameters.get(name, [])))

    def _segment_needs(self) -> tuple[dict[str, str], dict[str, Any]]:
        slices = {} if self._source is None else self._source.hashes
        said = {name: self._said("segment", name) for name in ("disc_at", "no_disc_at")}
        return {f"study: {name}": digest for name, digest in slices.items()}, said

    def _make_segmentation(self) -> list[str]:
        assert self.study is not None
        _, said = self._segment_needs()
        wanted, refused = ([parse_point(text) for text in said[name]] for name in ("disc_at", "no_disc_at"))
        found, note = tell_apart(self.study.ct, disc_at=wanted, no_disc_at=refused)
        return list(write_segmentation(self.folder, found, note))

    def _names_needs(self) -> tuple[dict[str, str], dict[str, Any]]:
        files = self._hashes(SEGMENTATION_FILE, COUNTED_FILE, COUNTED_PARTS_FILE)
        return files, {"anchors": self._said("names", "anchors")}

    def _make_names(self) -> list[str]:
        assert self.study is not None
        return list(write_names(self.folder, self._named_by(self._names_needs()[1]["anchors"]), self.study.ct))

    def _named_by(self, anchors: Sequence[str]) -> NamedSegmentation:
        """What is told apart already, with names: nothing is segmented again."""
        assert self.study is not None
        return name_segmentation(self.study.ct, read_segmentation(self.folder, self.study.ct.geometry), anchors)

    @property
    def _named(self) -> NamedSegmentation:
        """The named segmentation as it stands in the folder; undecided names are a question with its command."""
        assert self.study is not None
        naming = read_names(self.folder)
        if naming.levels is None:
            given = "STUDY" if self.inputs is None else self.inputs.study
            raise InputError(
                f"{naming.questions[0].text} Answer with the right level in place of C=L1 and go on (nothing is "
                f"segmented again), with the other options as before: spondyl plan {given} --out {self.folder} "
                f"--anchor C=L1. The letters stand in {self.folder / LEVELS_PICTURE}."
            )
        found = read_segmentation(self.folder, self.study.ct.geometry)
        return NamedSegmentation(found, naming, read_notes(self.folder))

    def _found_here(self) -> NamedSegmentation | None:
        """What the own segmenter found, where this case rests on it and names still stand as it gave them."""
        if self.study is None or find_stage(self.folder, "names") is None or find_stage(self.folder, "relabel"):
            return None
        return self._named

    def _spine_needs(self) -> tuple[dict[str, str], dict[str, Any]]:
        if self._wish_for_backend is not None:
            made_by = self._backend_needs()[1]["made_by"]
            return self._hashes(STUDY_FILE, LABELS_FILE, PARTS_FILE), {"method": made_by}
        if self.inputs is None or self.inputs.labels is None:
            files = self._hashes(STUDY_FILE, SEGMENTATION_FILE, COUNTED_FILE, COUNTED_PARTS_FILE, NAMES_FILE)
            return files, {"method": METHOD}
        own_map = None if self.inputs.label_map in (None, *LABEL_MAP_NAMES) else Path(str(self.inputs.label_map))
        given = {"labels": self.inputs.labels, "subregions": self.inputs.subregions, "label_map": own_map}
        parameters = {"label_map": self.inputs.label_map, "resample": self.inputs.resample}
        return self._hashes(STUDY_FILE) | _hashes_by_role(given), parameters

    def _make_spine(self) -> list[str]:
        if self._wish_for_backend is not None:
            spine = build_spine(self.study, labels=read_backend_labels(self.folder))
        elif self.inputs is None or self.inputs.labels is None:
            spine = build_spine(self.study, labels=self._named)
        else:
            spine = build_spine(
                self.study,
                labels=self.inputs.labels,
                label_map=self.inputs.label_map,
                subregions=self.inputs.subregions,
                resample=self.inputs.resample,
            )
        self.spine = spine
        remove_plans(self.folder)
        return list(write_spine(self.folder, spine))

    def _make_findings(self) -> list[str]:
        self.findings = measure(self.spine)
        write_findings(self.folder / FINDINGS_FILE, self.findings)
        return [FINDINGS_FILE]

    def _make_decisions(self) -> list[str]:
        self.advice = assess_candidacy(self.patient, self.findings)
        self.bones = plan_bone_health(self.patient, self.findings)
        write_decisions(self.folder / DECISIONS_FILE, self.advice)
        write_bone_health(self.folder / BONE_FILE, self.bones)
        return [DECISIONS_FILE, BONE_FILE]

    def _make_forecast(self) -> list[str]:
        self.outlook = predict_outcomes(self.patient)
        write_forecast(self.folder / FORECAST_FILE, self.outlook)
        return [FORECAST_FILE]

    def _wish_in_folder(self) -> AccessWish | None:
        """What `spondyl access` was asked for: it stands until other levels are asked for, or the stage is forced."""
        made = find_stage(self.folder, "access")
        asked_anew = self.levels and self.inputs is not None  # `spondyl report --level` only shows them
        if made is None or made.status != "done" or asked_anew or "access" in self.force:
            return None
        wish = AccessWish.of(made.parameters)
        return wish if wish.by == "access" else None

    @property
    def _wish(self) -> AccessWish:
        if self._earlier_wish is not None:
            return self._earlier_wish
        wish = asked_wish(self.levels) if self.levels else found_wish(self.spine, self.findings, self.patient)
        return replace(wish, needle=tuple(sorted(self.booklet_wish.here.needle.items())))

    def _access_needs(self) -> tuple[dict[str, str], dict[str, Any]]:
        return self._hashes(STUDY_FILE, FINDINGS_FILE, *self._spine_files()), self._wish.parameters

    def _make_access(self) -> list[str]:
        self.plans, remarks = make_plans(self.spine, self._wish)
        self.remarks += remarks
        return list(write_plans(self.folder, self.plans, self.spine))

    def _strength_needs(self) -> tuple[dict[str, str], dict[str, Any]]:
        wish = StrengthWish().parameters | {"levels": list(self._wish.levels)}
        return self._hashes(STUDY_FILE, *self._spine_files()), wish

    def _make_strength(self) -> list[str]:
        if self._wish.levels and not is_warm():
            self.tell("strength (first run: the solver is compiled, once, in a minute or so)", "begins")
        found = press_levels(self.spine, self.patient, self._wish.levels, StrengthWish(), self.tell)
        return list(write_strength(self.folder, found.document(), found.fields()))

    def _simulate_needs(self) -> tuple[dict[str, str], dict[str, Any]]:
        return self._hashes(STUDY_FILE, PLANS_FILE, *self._spine_files()), self.course_wish.parameters

    def _make_simulations(self) -> list[str]:
        found = simulate_courses(self.spine, self.plans, self.course_wish, self.tell)
        return list(write_simulations(self.folder, found.document(), found.simulations()))

    @property
    def course_wish(self) -> CourseWish:
        """How courses were asked for now, or before; as they are by default where nobody asked."""
        if self._courses is not None:
            return self._courses
        made = find_stage(self.folder, "simulate")
        return CourseWish() if made is None else CourseWish(**made.parameters)

    @property
    def booklet_wish(self) -> BookletWish:
        """What was asked for now, or before; English where nothing was."""
        made = find_stage(self.folder, "booklet")
        before = BookletWish.of(made.parameters) if made is not None and made.status == "done" else BookletWish()
        return before if self._booklets is None else self._booklets.over(before)

    def _booklet_needs(self) -> tuple[dict[str, str], dict[str, Any]]:
        rests_on = self._hashes(STUDY_FILE, FINDINGS_FILE, DECISIONS_FILE, *self._spine_files())
        return rests_on, self.booklet_wish.parameters

    def _make_booklets(self) -> list[str]:
        return write_booklets(
            self.folder,
            self.booklet_wish,
            patient=self.patient,
            findings=self.findings,
            spine=self.spine,
            advice=self.advice,
            with_pdf=self._has_pdf("booklet.pdf"),
        )

    def _booklet_files(self) -> tuple[str, ...]:
        made = find_stage(self.folder, "booklet")
        return () if made is None else tuple(str(self.folder / name) for name in made.outputs)

    def _report_needs(self) -> tuple[dict[str, str], dict[str, Any]]:
        shown = {"levels": [level.name for level in self.levels], "team": self.booklet_wish.here.parameters["team"]}
        records = (
            STUDY_FILE,
            FINDINGS_FILE,
            DECISIONS_FILE,
            BONE_FILE,
            FORECAST_FILE,
            PLANS_FILE,
            STRENGTH_FILE,
            SIMULATIONS_FILE,
        )
        return self._hashes(*records, *self._spine_files()), shown

    def _make_report(self) -> list[str]:
        content: dict[str, Any] = {
            "findings": self.findings,
            "spine": self.spine,
            "study": self.study,
            "patient": self.patient,
            "advice": self.advice,
            "outlook": self.outlook,
            "procedure": plan_procedure(self.patient, self.plans),
            "bones": self.bones,
            "plans": self.plans,
            "strength": self.strength,
            "simulations": self.simulations,
            "recovery": plan_recovery(self.plans[0] if self.plans else None),
            "suitability": self._study_document.suitability,
            "run": read_run(self.folder),
            "levels": self.levels,
            "here": self.booklet_wish.here,
            "found": self._found_here(),
        }
        pdf = self.folder / PDF_FILE if self._has_pdf(PDF_FILE) else None
        write_report(self.folder / REPORT_FILE, pdf=pdf, **content)
        return [REPORT_FILE] if pdf is None else [REPORT_FILE, PDF_FILE]

    def _has_pdf(self, name: str) -> bool:
        """Whether this machine can lay out a PDF; where it cannot, a remark says what was left out."""
        try:
            pdf_version()
        except InputError as error:
            self.remarks.append(f"{name} was left out: {error}")
            return False
        return True

    def _write_named(self, anchors: Sequence[str]) -> None:
        """Name the own segmenter's vertebrae anew, and make the spine from them."""
        if self.study is None:
            raise InputError("the CT of this case is not known: use `spondyl plan` with it and --anchor")
        found = self._named_by(anchors)  # a wrong anchor leaves all as it was
        self._remove_later_than("names")
        with recorded(self.folder, "names", self._names_needs()[0], {"anchors": list(anchors)}) as progress:
            progress.outputs += write_names(self.folder, found, self.study.ct)
        rests_on, parameters = self._spine_needs()
        with recorded(self.folder, "spine", rests_on, parameters) as progress:
            progress.outputs += self._make_spine()
        self.stages += [JobStageModel(stage=stage, status="made") for stage in ("names", "spine")]

    def _write_relabelled(self, shift: int) -> None:
        before = find_stage(self.folder, "relabel")
        total = shift + (0 if before is None else int(before.parameters["shift"]))
        spine = relabelled(self.spine, shift)
        made = find_stage(self.folder, "spine")
        assert made is not None  # `self.spine` was read through it
        self._remove_later_than("spine")
        remove_plans(self.folder)
        with recorded(self.folder, "relabel", self._hashes(*self._spine_files()), {"shift": total}) as progress:
            progress.outputs += write_spine(self.folder, spine)
        renamed = find_stage(self.folder, "relabel")
        assert renamed is not None
        replace_stage(self.folder, made.model_copy(update={"outputs": renamed.outputs}))
        self.spine = spine
        self.stages.append(JobStageModel(stage="relabel", status="made"))

    def _spine_files(self) -> tuple[str, ...]:
        made = find_stage(self.folder, "spine")
        return () if made is None else tuple(sorted(made.outputs))

    def _hashes(self, *names: str) -> dict[str, str]:
        return {name: sha256(self.folder / name) for name in names if (self.folder / name).is_file()}


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


def read_named(path: Path, patient: Patient, *, series: str | None = None) -> Study:
    """A study; one that `spondyl synth` made is named as virtual, also where its format has no place for the word."""
    study = read_study(path, patient, series=series)
    if not is_virtual(path):
        return study
    return replace(study, scan=replace(study.scan, series_description="VIRTUAL: made by code"))


def is_virtual(path: Path) -> bool:
    """Whether the truth of a virtual patient lies beside a study."""
    truth = path.resolve().parent / "truth.json"
    if not truth.is_file():
        return False
    with truth.open("rb") as stream:
        return TRUTH_MARK in stream.read(100)


def _hashes_by_role(files: dict[str, Path | None]) -> dict[str, str]:
    """Hashes of input files, named by what they are for."""
    return {
        f"{role}: {name}": digest
        for role, path in files.items()
        if path is not None
        for name, digest in hashes_of(path).items()
    }


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep a second run out of the case folder as long as this one lasts; a killed run keeps nobody out."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("a")
    except OSError as error:
        raise InputError(f"'{folder}' cannot be written to ({error.strerror}): choose another folder") from None
    with lock:
        if sys.platform != "win32":
            import fcntl

            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(f"another run works on '{folder}': wait until it has ended") from None
        yield


def build_from(inputs: Inputs, tell: Tell) -> Spine:
    """The spine of these inputs, without a case folder."""
    tell("spine", "begins")
    patient = Patient() if inputs.patient is None else read_patient(inputs.patient)
    study = None if inputs.study is None else read_named(inputs.study, patient)
    spine = build_spine(
        study,
        labels=inputs.labels,
        label_map=inputs.label_map,
        subregions=inputs.subregions,
        resample=inputs.resample,
    )
    tell("spine", "made")
    return spine
