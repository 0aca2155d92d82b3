"""The job on a case folder: each stage is run where what it rests on has changed, and kept where it has not."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from spondyl import __version__
from spondyl.app.alone import alone_in
from spondyl.app.beside import shared_workers
from spondyl.app.booklet import BookletWish, write_booklets
from spondyl.app.case_records import CaseRecords
from spondyl.app.courses import CourseWish, simulate_courses
from spondyl.app.inputs import Inputs, Tell, build_anew, hashes_by_role
from spondyl.app.measuring import measure
from spondyl.app.strength import StrengthWish, press_levels
from spondyl.app.vertebrae import VertebraFinder
from spondyl.app.wishes import AccessWish, asked_wish, found_wish, make_plans
from spondyl.decisions import assess_candidacy, plan_bone_health, plan_procedure
from spondyl.documents.course_files import SIMULATIONS_FILE, write_simulations
from spondyl.documents.draw_journal import DrawJournal
from spondyl.documents.files import hashes_in, sweep
from spondyl.documents.models import JobDocument, JobStageModel, SourceModel
from spondyl.documents.pages import pdf_version
from spondyl.documents.plan_files import PLANS_FILE, remove_plans, write_plans
from spondyl.documents.records import (
    BONE_FILE,
    DECISIONS_FILE,
    FINDINGS_FILE,
    FORECAST_FILE,
    RUN_FILE,
    STUDY_FILE,
    source_of,
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
    is_done,
    last_done,
    read_run,
    recorded,
    replace_stage,
    set_aside,
)
from spondyl.documents.sheet import remove_sheet
from spondyl.documents.strength_files import STRENGTH_FILE, write_strength
from spondyl.documents.summary import blocking_first, summarise
from spondyl.errors import InputError
from spondyl.followup import plan_recovery
from spondyl.outcomes import predict_outcomes
from spondyl.spine import (
    LABEL_MAP_NAMES,
    Level,
    Spine,
    build_spine,
    load_label_map,
    parse_anchor,
    relabelled,
    shift_of_anchors,
)
from spondyl.studies import assess_suitability
from spondyl.studies.workers import Workers

REPORT_FILE, PDF_FILE = "report.html", "report.pdf"
STAGES = (
    "study",
    "backend",
    "segment",
    "names",
    "spine",
    "findings",
    "access",
    "strength",
    "simulate",
    "decide",
    "forecast",
    "booklet",
    "report",
)
MODELLED = frozenset({"access", "strength", "simulate"})  # what they say stands beside decisions; these do without
FOUND = ("backend", "segment", "names")  # stages that find the vertebrae
FIELDS = frozenset({"strength", "simulate"})  # stages whose files differ in name from run to run
PAGES = frozenset({"booklet", "report"})  # stages on which nothing rests


class Job(CaseRecords):
    """One run on one case folder.

    With `inputs` all stages may be made; without, those that rest on the folder alone (findings, report), while study
    and spine are read as they stand. A record is taken from the folder where it is up to date. `courses` and `strength`
    hold what is asked for now of `CourseWish` and `StrengthWish`; the rest is as it was asked for before.
    `solver_ready` is called before anything is solved: see `warm.compiled_beside`.
    """

    def __init__(
        self,
        folder: Path,
        inputs: Inputs | None,
        *,
        force: Collection[str] = (),
        levels: Collection[str] = (),
        booklets: BookletWish | None = None,
        courses: Mapping[str, Any] = MappingProxyType({}),
        strength: Mapping[str, Any] = MappingProxyType({}),
        tell: Tell,
        solver_ready: Callable[[], None] = lambda: None,
    ) -> None:
        if unknown := sorted(set(force) - set(STAGES)):
            raise InputError(f"there is no stage '{unknown[0]}' to force; stages are {', '.join(STAGES)}")
        if inputs is None and (made_before := sorted({"study", *FOUND, "spine"} & set(force))):
            raise InputError(f"--force {made_before[0]} needs the first inputs: use `spondyl plan` with them")
        CourseWish(**courses), StrengthWish(**strength)  # what is wrong is refused before anything is made anew
        super().__init__(folder, inputs)
        self.force, self.tell = frozenset(force), tell
        self.levels = tuple(Level.parse(name) for name in levels)
        self._booklets, self._courses, self._strength, self._solver_ready = booklets, courses, strength, solver_ready
        self._strength_wish, self._course_wish = StrengthWish(), CourseWish()  # until a stage is to be made
        self.remarks: list[str] = []
        self.stages: list[JobStageModel] = []
        self._earlier_wish: AccessWish | None = None
        self._command = "plan"  # that a person goes on with
        self._workers: Workers | None = None  # while it runs

    def run(self, last: str = "report") -> None:
        """Run the stages up to the last one wanted."""
        self._command = "plan" if last == "report" else last
        with self._alone():
            with failure_recorded(self.folder, STAGES[0]):
                self._look_for_inputs()
            self._earlier_wish = self._wish_in_folder()
            for stage in STAGES[: STAGES.index(last) + 1]:
                if last == "report" or stage not in MODELLED:
                    self._ensure(stage)

    def relabel(self, shift: int | None = None, anchors: Sequence[str] = ()) -> None:
        """Rename the vertebrae by whole levels, or as a person says what one of them is; then run what rests on names.

        Where the own segmenter found them, anchors name them anew; else all names are moved to fit.
        """
        parsed = [parse_anchor(text) for text in anchors]
        if (shift is None) == (not parsed):
            raise InputError("give either --shift or --anchor: by how many levels, or which level one of them is")
        with self._alone():
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
        with self._alone():
            before = read_run(self.folder)
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
        with self._alone():
            self._earlier_wish = self._wish_in_folder()
            for stage in STAGES[STAGES.index("strength") :]:
                self._ensure(stage)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else writes into the folder. What was asked for before is read while all of its records stand."""
        with alone_in(self.folder), shared_workers() as self._workers:
            sweep(self.folder)
            self._strength_wish = replace(StrengthWish.of(self._asked_before("strength")), **self._strength)
            self._course_wish = replace(CourseWish(**self._asked_before("simulate")), **self._courses)
            yield

    def document(self) -> JobDocument:
        """What the job did, for `--json`."""
        pdf = self.folder / PDF_FILE
        study_questions = self.study_record.questions
        return JobDocument(
            case=str(self.folder),
            stages=tuple(self.stages),
            questions=blocking_first((*study_questions, *self.spine.questions)),
            summary=summarise(self.findings, self.study_record.patient),
            report=str(self.folder / REPORT_FILE),
            pdf=str(pdf) if pdf.is_file() else None,
            booklets=self._booklet_files(),
            remarks=tuple(self.remarks),
        )

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
        if stage in FOUND and not self._finder.applies(stage):
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
        with_own = stage in FIELDS  # what an earlier run left of other levels or courses goes too
        for later in (stage,) if stage in PAGES else STAGES[first + (not with_own) :]:
            record = find_stage(self.folder, later)
            for name in () if record is None else record.outputs:
                if (self.folder / name).is_file():  # a folder in its place is for the writer to complain of
                    (self.folder / name).unlink()
            if later != stage:
                set_aside(self.folder, later)
        if stage not in PAGES:
            remove_sheet(self.folder)
        if stage in ("study", *FOUND, "spine"):
            set_aside(self.folder, "relabel")  # of the same labels it still holds

    def _stage(self, stage: str) -> tuple[Callable[[], tuple[dict[str, str], dict[str, Any]]], Callable[[], list[str]]]:
        """What a stage rests on, and how it is made."""
        return {
            "study": (self._study_needs, self._make_study),
            "backend": (self._finder.backend_needs, self._finder.make_backend),
            "segment": (self._finder.segment_needs, self._make_segmentation),
            "names": (self._finder.names_needs, self._make_names),
            "spine": (self._spine_needs, self._make_spine),
            "findings": (lambda: (self._hashes(STUDY_FILE, *self._spine_files()), {}), self._make_findings),
            "decide": (lambda: (self._hashes(STUDY_FILE, FINDINGS_FILE, SIMULATIONS_FILE), {}), self._make_decisions),
            "forecast": (self._forecast_needs, self._make_forecast),
            "access": (self._access_needs, self._make_access),
            "strength": (self._strength_needs, self._make_strength),
            "simulate": (self._simulate_needs, self._make_simulations),
            "booklet": (self._booklet_needs, self._make_booklets),
            "report": (self._report_needs, self._make_report),
        }[stage]

    def _study_needs(self) -> tuple[dict[str, str], dict[str, Any]]:
        assert self.inputs is not None
        hashes = hashes_by_role({"patient": self.inputs.patient})
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

    @cached_property
    def _finder(self) -> VertebraFinder:
        """What finds the vertebrae where no labels are given."""
        source = self.study_record.source if self.inputs is None else self._source
        hashes = {} if source is None else source.hashes
        return VertebraFinder(self.folder, self.inputs, lambda: self.study, hashes, self.force, self._command)

    def _make_segmentation(self) -> list[str]:
        self._remark_forgotten("segment")
        return self._finder.make_segmentation()

    def _make_names(self) -> list[str]:
        self._remark_forgotten("names")
        return self._finder.make_names()

    def _remark_forgotten(self, stage: str) -> None:
        """Never let what a person said fall without a word."""
        if gone := self._finder.forgotten(stage):
            what = "discs said before" if stage == "segment" else "anchors said before"
            self.remarks.append(
                f"{what} were forgotten ({'; '.join(gone)}): the CT is another one, or its vertebrae are counted "
                "otherwise. Say them again where they still hold"
            )

    def _spine_needs(self) -> tuple[dict[str, str], dict[str, Any]]:
        if self.inputs is None or self.inputs.labels is None:
            files, parameters = self._finder.labels_needs()
            return self._hashes(STUDY_FILE) | files, parameters
        own_map = None if self.inputs.label_map in (None, *LABEL_MAP_NAMES) else Path(str(self.inputs.label_map))
        given = {"labels": self.inputs.labels, "subregions": self.inputs.subregions, "label_map": own_map}
        parameters = {"label_map": self.inputs.label_map, "resample": self.inputs.resample}
        return self._hashes(STUDY_FILE) | hashes_by_role(given), parameters

    def _make_spine(self) -> list[str]:
        if self.inputs is None or self.inputs.labels is None:
            spine = build_spine(self.study, labels=self._finder.labels(), workers=self._workers)
        else:
            spine = build_anew(self.inputs, self.study, self._workers)
        self.spine = self._moved_as_before(spine)
        remove_plans(self.folder)
        return list(write_spine(self.folder, self.spine))

    def _moved_as_before(self, spine: Spine) -> Spine:
        """With levels moved as a person asked for, where the labels are the same; else a remark that they are not."""
        before = last_done(self.folder, "relabel")
        if before is None or not before.parameters["shift"]:
            return spine
        moved = f"{before.parameters['shift']:+d}"
        if before.inputs != _of_labels(self._spine_needs()[0]):
            drop_stage(self.folder, "relabel")
            self.remarks.append(
                f"levels of earlier labels were moved by {moved}; those of the new ones are as named there"
            )
            return spine
        replace_stage(self.folder, before.model_copy(update={"outputs": {}}))
        self.remarks.append(f"levels are moved by {moved}, as `spondyl relabel` asked for these labels before")
        return relabelled(spine, before.parameters["shift"])

    def _make_findings(self) -> list[str]:
        self.findings = measure(self.spine)
        write_findings(self.folder / FINDINGS_FILE, self.findings)
        return [FINDINGS_FILE]

    def _make_decisions(self) -> list[str]:
        self.advice = assess_candidacy(self.patient, self.findings, self.course_facts)
        self.bones = plan_bone_health(self.patient, self.findings)
        write_decisions(self.folder / DECISIONS_FILE, self.advice)
        write_bone_health(self.folder / BONE_FILE, self.bones)
        return [DECISIONS_FILE, BONE_FILE]

    def _forecast_needs(self) -> tuple[dict[str, str], dict[str, Any]]:
        return self._hashes(STUDY_FILE, SIMULATIONS_FILE), {"spondyl": __version__}

    def _make_forecast(self) -> list[str]:
        self.outlook = predict_outcomes(self.patient, *self.course_facts)
        write_forecast(self.folder / FORECAST_FILE, self.outlook)
        return [FORECAST_FILE]

    def _wish_in_folder(self) -> AccessWish | None:
        """What access was planned for: on a case alone it stands, in a whole job only what `spondyl access` asked for.

        Until other levels are asked for, or the stage is forced.
        """
        made = find_stage(self.folder, "access") or last_done(self.folder, "access")
        asked_anew = self.levels and self.inputs is not None  # `spondyl report --level` only shows them
        if made is None or made.status != "done" or asked_anew or "access" in self.force:
            return None
        wish = AccessWish.of(made.parameters)
        return wish if wish.by == "access" or self.inputs is None else None

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
        wish = self._strength_wish.parameters | {"levels": list(self._wish.levels)}
        return self._hashes(STUDY_FILE, *self._spine_files()), wish

    def _make_strength(self) -> list[str]:
        if self._wish.levels:
            self._solver_ready()
        found = press_levels(self.spine, self.patient, self._wish.levels, self._strength_wish, self.tell)
        return list(write_strength(self.folder, found.document(), found.fields()))

    def _simulate_needs(self) -> tuple[dict[str, str], dict[str, Any]]:
        return self._hashes(STUDY_FILE, PLANS_FILE, *self._spine_files()), self._course_wish.parameters

    def _make_simulations(self) -> list[str]:
        if self.plans:
            self._solver_ready()
        journal = DrawJournal(self.folder)
        lowest = {name: value for name, value in self._wish.needle if name.startswith("lowest_class")}
        found = simulate_courses(
            self.spine,
            self.plans,
            self._course_wish,
            self.tell,
            journal,
            needle=lowest,
            workers=self._workers,
        )
        names = list(write_simulations(self.folder, found.document(), found.simulations()))
        journal.remove()
        return names

    def _asked_before(self, stage: str) -> dict[str, Any]:
        """Of a stage that was begun or done before; nothing where it never was."""
        made = find_stage(self.folder, stage)
        if made is None or not made.parameters:  # it could not begin
            made = last_done(self.folder, stage)
        return {} if made is None else made.parameters

    @cached_property
    def booklet_wish(self) -> BookletWish:
        """What was asked for now, or before; English where nothing was."""
        made = last_done(self.folder, "booklet")
        before = BookletWish() if made is None else BookletWish.of(made.parameters)
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
            "procedure": plan_procedure(self.patient, self.plans, self.course_facts),
            "bones": self.bones,
            "plans": self.plans,
            "strength": self.strength,
            "simulations": self.simulations,
            "recovery": plan_recovery(self.plans[0] if self.plans else None),
            "suitability": self.study_record.suitability,
            "run": read_run(self.folder),
            "levels": self.levels,
            "here": self.booklet_wish.here,
            "found": self._finder.found_here(),
        }
        pdf = self.folder / PDF_FILE if self._has_pdf(PDF_FILE) else None
        write_report(self.folder / REPORT_FILE, pdf=pdf, workers=self._workers, **content)
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
        found = self._finder.named_by(anchors)  # a wrong anchor leaves all as it was
        self._remove_later_than("names")
        with recorded(self.folder, "names", self._finder.names_needs()[0], {"anchors": list(anchors)}) as progress:
            progress.outputs += self._finder.write_named(found)
        rests_on, parameters = self._spine_needs()
        with recorded(self.folder, "spine", rests_on, parameters) as progress:
            progress.outputs += self._make_spine()
        self.stages += [JobStageModel(stage=stage, status="made") for stage in ("names", "spine")]

    def _write_relabelled(self, shift: int) -> None:
        before = last_done(self.folder, "relabel")
        total = shift + (0 if before is None else int(before.parameters["shift"]))
        spine = relabelled(self.spine, shift)
        made = find_stage(self.folder, "spine")
        assert made is not None  # `self.spine` was read through it
        self._remove_later_than("spine")
        remove_plans(self.folder)
        with recorded(self.folder, "relabel", _of_labels(made.inputs), {"shift": total}) as progress:
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
        return hashes_in(self.folder, *names)


def _of_labels(inputs: Mapping[str, str]) -> dict[str, str]:
    """What a spine rests on, but for the study."""
    return {role: digest for role, digest in inputs.items() if role != STUDY_FILE}
