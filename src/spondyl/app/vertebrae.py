"""The vertebrae of a CT without labels, in a case folder: told apart and named, or labelled by an outside program."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spondyl.app.backends import (
    LABELS_FILE,
    PARTS_FILE,
    BackendWish,
    backend_needs,
    make_backend_labels,
    read_backend_labels,
)
from spondyl.app.inputs import Inputs
from spondyl.documents.files import hashes_in
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
from spondyl.documents.runs import find_stage, last_done
from spondyl.errors import InputError
from spondyl.spine import NamedSegmentation, name_segmentation, parse_anchor, parse_point
from spondyl.spine.bare import METHOD, tell_apart
from spondyl.spine.segmenters.backends import BackendLabels
from spondyl.studies import Study

Needs = tuple[dict[str, str], dict[str, Any]]  # hashes of what a stage rests on, and its parameters

_SAID = {"segment": ("disc_at", "no_disc_at"), "names": ("anchors",)}  # what a person may say, by stage
_CT = "study: "  # before the names of the CT's files


@dataclass(frozen=True)
class VertebraFinder:
    """Stages `backend`, `segment` and `names` of a job: their needs, how they are made, and what the spine takes."""

    folder: Path
    inputs: Inputs | None  # None: only what stands in the folder
    study: Callable[[], Study | None]  # read when it is first needed
    slices: Mapping[str, str]  # hashes of the CT's files by name
    forced: Collection[str]  # stages that forget what a person said before
    command: str = "plan"  # that goes on once names are said

    @property
    def is_bare(self) -> bool:
        """Whether the own segmenter finds the vertebrae."""
        return self.inputs is not None and self.inputs.labels is None and self.inputs.backend is None

    @property
    def backend(self) -> BackendWish | None:
        """The outside segmenter that finds the vertebrae; None: labels are given, or the own one finds them."""
        return None if self.inputs is None else self.inputs.backend

    def applies(self, stage: str) -> bool:
        """Whether this job has such a stage."""
        return self.backend is not None if stage == "backend" else self.is_bare

    def backend_needs(self) -> Needs:
        """What the labels of an outside segmenter rest on."""
        assert self.backend is not None
        return backend_needs(self.slices, self.backend)

    def make_backend(self) -> list[str]:
        """Run the outside segmenter; gives the names of the files it left."""
        assert self.backend is not None
        return make_backend_labels(self.folder, self._study.ct, self.backend)

    def segment_needs(self) -> Needs:
        """What the vertebrae without names rest on: the CT, and discs that a person pointed at."""
        said = {name: self._said("segment", name) for name in _SAID["segment"]}
        return self._ct, said

    def make_segmentation(self) -> list[str]:
        """Tell the vertebrae apart; gives the names of the files."""
        _, said = self.segment_needs()
        wanted, refused = ([parse_point(text) for text in said[name]] for name in ("disc_at", "no_disc_at"))
        found, note = tell_apart(self._study.ct, disc_at=wanted, no_disc_at=refused)
        return list(write_segmentation(self.folder, found, note))

    def names_needs(self) -> Needs:
        """What names rest on: the vertebrae, and levels that a person named."""
        files = hashes_in(self.folder, SEGMENTATION_FILE, COUNTED_FILE, COUNTED_PARTS_FILE)
        return self._ct | files, {"anchors": self._said("names", "anchors")}

    def make_names(self) -> list[str]:
        """Name the vertebrae; gives the names of the files."""
        return self.write_named(self.named_by(self.names_needs()[1]["anchors"]))

    def named_by(self, anchors: Sequence[str]) -> NamedSegmentation:
        """What is told apart already, with names: nothing is segmented again."""
        return name_segmentation(self._study.ct, read_segmentation(self.folder, self._study.ct.geometry), anchors)

    def write_named(self, found: NamedSegmentation) -> list[str]:
        """Write names into the folder; gives the names of the files."""
        return list(write_names(self.folder, found, self._study.ct))

    def labels_needs(self) -> Needs:
        """What the spine takes from this finder."""
        if self.backend is not None:
            made_by = self.backend_needs()[1]["made_by"]
            return hashes_in(self.folder, LABELS_FILE, PARTS_FILE), {"method": made_by}
        files = (SEGMENTATION_FILE, COUNTED_FILE, COUNTED_PARTS_FILE, NAMES_FILE)
        return hashes_in(self.folder, *files), {"method": METHOD}

    def labels(self) -> BackendLabels | NamedSegmentation:
        """The vertebrae with names as they stand in the folder.

        Raises:
            InputError: Names are undecided: the question, with the command that answers it.
        """
        return read_backend_labels(self.folder) if self.backend is not None else self._named()

    def found_here(self) -> NamedSegmentation | None:
        """What the own segmenter found, where this case rests on it and names still stand as it gave them."""
        if self.study() is None or find_stage(self.folder, "names") is None or find_stage(self.folder, "relabel"):
            return None
        return self._named()

    @property
    def _study(self) -> Study:
        study = self.study()
        assert study is not None  # labels alone have no such stage
        return study

    def _named(self) -> NamedSegmentation:
        naming = read_names(self.folder)
        if naming.levels is None:
            given = "STUDY" if self.inputs is None else self.inputs.study
            raise InputError(
                f"{naming.questions[0].text} Answer with the right level in place of C=L1 and go on (nothing is "
                f"segmented again), with the other options as before: spondyl {self.command} {given} "
                f"--out {self.folder} --anchor C=L1. The letters stand in {self.folder / LEVELS_PICTURE}."
            )
        return NamedSegmentation(
            read_segmentation(self.folder, self._study.ct.geometry), naming, read_notes(self.folder)
        )

    def _said(self, stage: str, name: str) -> list[str]:
        """What a person says now of levels or discs, or said before where that could be done.

        Anchors by number or letter go with the vertebrae that they counted; those by slice or point stand.
        """
        now, before = self._said_anew(stage, name), last_done(self.folder, stage)
        if now is not None or before is None:
            return now or []
        gone = self.forgotten(stage)
        return [text for text in before.parameters.get(name, []) if text not in gone]

    def forgotten(self, stage: str) -> list[str]:
        """What a person said before that no longer holds: said of another CT, or of vertebrae counted otherwise."""
        before = last_done(self.folder, stage)
        said = {name: self._said_anew(stage, name) for name in _SAID[stage]}
        if before is None:
            return []
        texts = [text for name, now in said.items() if now is None for text in before.parameters.get(name, [])]
        ct = {name: digest for name, digest in before.inputs.items() if name.startswith(_CT)}
        if ct and ct != self._ct:
            return texts
        if stage == "segment" or hashes_in(self.folder, COUNTED_FILE).items() <= before.inputs.items():
            return []
        return [text for text in texts if parse_anchor(text).label is not None]

    @property
    def _ct(self) -> dict[str, str]:
        return {f"{_CT}{name}": digest for name, digest in self.slices.items()}

    def _said_anew(self, stage: str, name: str) -> list[str] | None:
        """What a person says now; None: what was said before stands. A forced stage forgets it."""
        now: tuple[str, ...] = () if self.inputs is None else getattr(self.inputs, name)
        return list(now) if now or stage in self.forced else None
