"""The files of a job and how to read them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from spondyl.app.backends import BackendWish
from spondyl.documents.files import hashes_of
from spondyl.documents.patients import read_patient
from spondyl.errors import InputError
from spondyl.spine import Spine, build_spine, parse_anchor, parse_point
from spondyl.spine.segmenters.backends import find_backend, run_backend
from spondyl.studies import Patient, Study, read_study
from spondyl.studies.workers import Workers

TRUTH_MARK = b'"schema":"spondyl.truth/1"'  # how truth.json begins
Tell = Callable[[str, str], None]  # stage, "begins", "waits", "goes on", "made" or "kept"


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

    @classmethod
    def asked(
        cls,
        study: Path | None,
        labels: Path | None,
        *,
        label_map: str | None = None,
        subregions: Path | None = None,
        patient: Path | None = None,
        resample: bool = False,
        anchor: Sequence[str] | None = None,
        disc_at: Sequence[str] | None = None,
        no_disc_at: Sequence[str] | None = None,
        backend: str = "own",
        backend_program: Path | None = None,
        backend_weights: Path | None = None,
        backend_minutes: float | None = None,
        backend_gpu: bool = False,
    ) -> Inputs:
        """The inputs of a command line; a label map beside an outside segmenter is that one's."""
        wish = BackendWish.asked(
            backend,
            program=backend_program,
            weights=backend_weights,
            label_map=None if backend == "own" else label_map,
            minutes=backend_minutes,
            gpu=backend_gpu,
        )
        said, discs, no_discs = (tuple(texts or ()) for texts in (anchor, disc_at, no_disc_at))
        named = label_map if wish is None else None
        return cls(study, labels, named, subregions, patient, resample, said, discs, no_discs, wish)

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


def hashes_by_role(files: dict[str, Path | None]) -> dict[str, str]:
    """Hashes of input files, named by what they are for."""
    return {
        f"{role}: {name}": digest
        for role, path in files.items()
        if path is not None
        for name, digest in hashes_of(path).items()
    }


def build_from(inputs: Inputs, tell: Tell) -> Spine:
    """The spine of these inputs, without a case folder."""
    tell("spine", "begins")
    if inputs.backend is not None:
        find_backend(inputs.backend.name).find(inputs.backend.settings)  # miss a program before the CT is read
    patient = Patient() if inputs.patient is None else read_patient(inputs.patient)
    study = None if inputs.study is None else read_named(inputs.study, patient)
    spine = build_anew(inputs, study)
    tell("spine", "made")
    return spine


def build_anew(inputs: Inputs, study: Study | None, workers: Workers | None = None) -> Spine:
    """The spine of the labels that are given, or of what a segmenter finds; names that are undecided are refused."""
    found = None
    if inputs.backend is not None:
        assert study is not None  # checked with the inputs
        found = run_backend(study.ct, inputs.backend.name, inputs.backend.settings)
    return build_spine(
        study,
        labels=inputs.labels if found is None else found,
        label_map=inputs.label_map,
        subregions=inputs.subregions,
        resample=inputs.resample,
        anchors=inputs.anchors,
        disc_at=[parse_point(text) for text in inputs.disc_at],
        no_disc_at=[parse_point(text) for text in inputs.no_disc_at],
        workers=workers,
    )
