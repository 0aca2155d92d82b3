"""From a label image or a bare CT to a spine: read the numbers, take the vertebrae apart, report what does not fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from spondyl.errors import InputError
from spondyl.space import Frame, Geometry, Volume
from spondyl.spine.anatomy import Taken, ct_around, mask_alone, take_apart
from spondyl.spine.bare import METHOD, NamedSegmentation, segment_levels
from spondyl.spine.canal import canal_mask
from spondyl.spine.centres import rough_centre
from spondyl.spine.label_maps import CANAL, CORD, LabelMap, choose_label_map, load_label_map, load_names
from spondyl.spine.local_view import rough_frames
from spondyl.spine.masks import (
    LevelMask,
    filled,
    flat_ends,
    fragment_shares,
    label_numbers,
    level_masks,
    mask_of,
    touched_faces,
    trimmed,
)
from spondyl.spine.misfits import without_misfits
from spondyl.spine.names import Anchor
from spondyl.spine.naming import blocking_first, body_centres, naming_questions, refuse_reversed, unlabelled_ends
from spondyl.spine.plausibility import bodies_not_on_bone, check_grids, extent_questions, refuse_air
from spondyl.spine.segmenters.backends import BackendLabels
from spondyl.spine.surroundings import surrounding_masks
from spondyl.spine.types import PROCESSES_CUT, Level, Spine, Vertebra
from spondyl.studies import LabelImage, Progress, Question, Study, read_label_image
from spondyl.studies.progress import silent
from spondyl.studies.workers import Workers

_NO_BODY = (Level.C1, Level.C2, Level.SACRUM, Level.COCCYX)  # taken apart otherwise, and never treated here
_MANY = 8  # vertebrae from which processes are worth their start: each takes two CPU seconds, a process three
_NEIGHBOURS = 4  # vertebrae that tell the direction of the spine; fewer, and a cut one may spoil it
_SEGMENTED = 0.6  # share of the work after which the vertebrae of a bare CT are told apart
_END_AREA_MM2 = 150.0  # of a mask on the head or foot face: more, and its centre is not its body's


def build_spine(
    study: Study | None,
    *,
    labels: str | Path | LabelImage | NamedSegmentation | BackendLabels | None = None,
    label_map: str | Path | LabelMap | None = None,
    subregions: str | Path | LabelImage | None = None,
    resample: bool = False,
    anchors: Sequence[str | Anchor] = (),
    disc_at: Sequence[ArrayLike] = (),
    no_disc_at: Sequence[ArrayLike] = (),
    progress: Progress = silent,
    workers: Workers | None = None,
) -> Spine:
    """The spine of a label image or a bare CT: vertebrae with masks, axes, surfaces, the canal, and what is doubtful.

    Parameters
    ----------
    study
        The CT that the labels were drawn in; None: the label image alone.
    labels
        Label image with one number a vertebra, or its file; or what `segment_levels` or an outside segmenter
        (`run_backend`) found in this CT. None: the vertebrae are looked for in the CT.
    label_map
        Name of the tool whose numbers these are (`LABEL_MAP_NAMES`), or a FILE.tsv with the columns number and name.
        None: only names that stand in the label file are used.
    subregions
        Label image of the same grid with the sub-region numbers of SPINEPS; where given, bodies are read from it
        instead of being separated here.
    resample
        Accept labels on another grid than the CT's. They keep their own grid; the CT is read at their points.
    anchors, disc_at, no_disc_at
        Without labels: what a person says of levels and discs, as for `segment_levels`.
    progress
        Called with the share done and what is being done.
    workers
        Processes that take vertebrae apart where there are eight or more; None: this one.

    Raises
    ------
    InputError
        If the numbers cannot be read, or if labels and CT cannot belong together; without labels, if no spine is found
        or if what is seen does not decide which levels they are.
    """
    if labels is not None and not isinstance(labels, NamedSegmentation):
        if len(anchors) or len(disc_at) or len(no_disc_at):
            raise InputError("anchors and discs are for a CT without labels: labels have their names; leave one out")
        if isinstance(labels, BackendLabels):
            return _from_backend(study, labels, label_map, subregions, progress, workers)
        return _from_labels(study, labels, label_map, subregions, resample, progress, workers=workers)
    if label_map is not None or subregions is not None:
        raise InputError("a label map and sub-regions belong to labels: give the labels too, or leave them out")
    if study is None:
        raise InputError("neither a CT nor labels are given: give one of them")
    if labels is None:
        labels = segment_levels(
            study.ct,
            anchors=anchors,
            disc_at=disc_at,
            no_disc_at=no_disc_at,
            progress=lambda share, what: progress(_SEGMENTED * share, what),
        )
    return _from_segmentation(
        study, labels, lambda share, what: progress(_SEGMENTED + share * (1 - _SEGMENTED), what), workers
    )


def _from_backend(
    study: Study | None,
    answer: BackendLabels,
    label_map: str | Path | LabelMap | None,
    subregions: str | Path | LabelImage | None,
    progress: Progress,
    workers: Workers | None,
) -> Spine:
    """Through the same door; the spine says which program made the labels."""
    if label_map is not None or subregions is not None:
        raise InputError(
            f"the labels of {answer.made_by} come with their map and sub-regions: leave out label map and sub-regions"
        )
    spine = _from_labels(study, answer.labels, answer.label_map, answer.subregions, False, progress, workers=workers)
    note = (
        f"vertebrae were told apart and named by {answer.made_by}, which is not part of this program and can be wrong"
    )
    return replace(spine, notes=(note, *spine.notes), method=answer.made_by)


def _from_segmentation(study: Study, found: NamedSegmentation, progress: Progress, workers: Workers | None) -> Spine:
    """Through the same door as labels; what the segmenter knows beyond a label image is kept."""
    if found.naming.levels is None:
        asked = found.naming.questions[0]
        raise InputError(f"{asked.text} {asked.action}")
    spine = _from_labels(study, found.labels, None, found.parts, False, progress, cut=found.cut_levels, workers=workers)
    confidence = dict(zip(found.naming.levels, found.segmentation.confidence, strict=True))
    return replace(
        spine,
        vertebrae=tuple(
            replace(v, remarks=(*v.remarks, f"told apart by the {METHOD}, confidence {confidence[v.level]:.2f} of 1"))
            for v in spine
        ),
        questions=blocking_first([*found.questions, *spine.questions]),
        notes=(
            f"vertebrae were told apart by the {METHOD}, without labels; it follows grey values and can be wrong",
            *found.notes,
            *(f"seen for the names: {evidence}" for evidence in found.naming.evidence),
            *spine.notes,
        ),
        label_map=None,
        method=METHOD,
    )


def _from_labels(
    study: Study | None,
    labels: str | Path | LabelImage,
    label_map: str | Path | LabelMap | None,
    subregions: str | Path | LabelImage | None,
    resample: bool,
    progress: Progress,
    cut: Sequence[Level] = (),
    *,
    workers: Workers | None = None,
) -> Spine:
    """The spine of a label image; levels named in `cut` are known to be cut."""
    progress(0.0, "reading the label image")
    label_image = _image(labels)
    image = label_image.labels
    ct = None if study is None else study.ct
    notes = list(check_grids(ct, image, resample=resample)) if ct is not None else []
    numbers = label_numbers(image)
    wanted = load_label_map(label_map) if isinstance(label_map, str | Path) else label_map
    chosen, more = choose_label_map(numbers, label_image.names, wanted)
    pieces = level_masks(image, {n: chosen.levels[n] for n in numbers if n in chosen.levels})
    questions = _early_checks(pieces, ct)
    parts_image = None if subregions is None else _image(subregions).labels
    taken = _take_apart(pieces, _given_bodies(pieces, parts_image), image.geometry, ct, progress, cut, workers)
    vertebrae = tuple(_known_cut(t.vertebra, pieces, cut) if t.vertebra.level in cut else t.vertebra for t in taken)
    naming, ends = _naming(vertebrae, image.geometry if ct is None else ct.geometry)
    questions += [*_piece_questions(pieces, image.geometry, cut), *naming]
    not_on_bone: tuple[Level, ...] = ()
    if ct is not None:
        not_on_bone, asked = bodies_not_on_bone(ct, [(v.level, v.body) for v in vertebrae if v.body is not None])
        questions += asked
    vertebrae, misfits = without_misfits(vertebrae, ct, not_on_bone)
    questions += misfits
    progress(0.95, "joining the canal")
    canal, source = _canal(image, parts_image, chosen, taken)
    progress(1.0, "done")
    return Spine(
        study,
        image.geometry,
        vertebrae,
        canal,
        questions=blocking_first(questions),
        notes=(*notes, *more, *ends, *source),
        label_map=chosen.name,
        surroundings=surrounding_masks(image, chosen.surroundings, pieces),
    )


def _image(labels: str | Path | LabelImage) -> LabelImage:
    return labels if isinstance(labels, LabelImage) else read_label_image(labels)


def _early_checks(pieces: Sequence[LevelMask], ct: Volume | None) -> list[Question]:
    """What refuses labels before the long part begins."""
    named = [piece for piece in pieces if piece.level not in (Level.SACRUM, Level.COCCYX)]
    centres = np.array([rough_centre(piece.mask) for piece in named]).reshape(-1, 3)
    refuse_reversed([piece.level for piece in named], centres)
    if ct is None:
        return []
    questions = extent_questions(ct, [piece.mask for piece in pieces])
    refuse_air(ct, [(piece.level, piece.mask) for piece in named])
    return list(questions)


def _given_bodies(pieces: Sequence[LevelMask], image: Volume | None) -> dict[Level, Volume]:
    """Bodies by level from a sub-region label image."""
    if image is None:
        return {}
    names = load_names("spineps-subregions")
    body_numbers = [n for n, name in names.items() if name in ("body", "superior_endplate", "inferior_endplate")]
    bodies = {}
    for piece in pieces:
        geometry = piece.mask.geometry
        start = np.rint(image.geometry.indices(geometry.affine[:3, 3])).astype(int)
        block = image.cropped(start, start + geometry.shape)
        if not block.geometry.is_same_grid(geometry):
            raise InputError("sub-regions and labels have different grids; give the two files of one segmentation")
        body = filled(np.isin(block.array, body_numbers) & piece.mask.array)
        if body.any():
            bodies[piece.level] = Volume(body, geometry, "1")
    if not bodies:
        raise InputError("no body (number 49 or 50) is found in the sub-regions under the labelled vertebrae")
    return bodies


def _take_apart(
    pieces: Sequence[LevelMask],
    bodies: Mapping[Level, Volume],
    image: Geometry,
    ct: Volume | None,
    progress: Progress,
    cut: Sequence[Level],
    workers: Workers | None,
) -> list[Taken]:
    """All vertebrae from head to foot; those that are never treated with their mask alone."""
    whole = [piece for piece in pieces if piece.level not in _NO_BODY]
    frames = dict(zip([p.level for p in whole], _frames(whole, image), strict=True))
    fragments, alone = fragment_shares(whole, image), len(whole) < _NEIGHBOURS
    other_grid = ct is not None and not ct.geometry.is_same_grid(image)
    others = workers if len(frames) >= _MANY else None

    def begun(piece: LevelMask) -> Callable[[], Taken]:
        if piece.level not in frames:
            return lambda: Taken(mask_alone(piece, image, other_grid=other_grid), ())
        look = partial(
            take_apart, fragment=piece.level in fragments or piece.level in cut, alone=alone, other_grid=other_grid
        )
        near = None if ct is None else ct_around(ct, piece.mask)
        given = piece, frames[piece.level], bodies.get(piece.level), image, near
        return partial(look, *given) if others is None else others.start(look, *given)

    taken = []
    for i, (piece, answer) in enumerate([(piece, begun(piece)) for piece in pieces]):
        progress(0.1 + 0.85 * i / len(pieces), f"taking {piece.level.name} apart")
        taken.append(answer())
    return taken


def _known_cut(vertebra: Vertebra, pieces: Sequence[LevelMask], cut: Sequence[Level]) -> Vertebra:
    """A vertebra at an end, one of whose discs is not found or not sure: cut, wherever its mask ends.

    One that the image cuts aside, in front or behind keeps that as its reason.
    """
    if set(vertebra.cut) - {"head", "foot"}:
        return vertebra
    levels = [piece.level for piece in pieces]
    place = levels.index(vertebra.level)
    above, below = (all(level in cut for level in part) for part in (levels[:place], levels[place + 1 :]))
    end = "head" if (above if above != below else 2 * place < len(levels) - 1) else "foot"
    remark = f"one of its discs is not found, or not surely: it is taken as cut towards the {end}"
    kept = [said for said in vertebra.remarks if not said.endswith(PROCESSES_CUT)]  # whether it is whole is not known
    return replace(vertebra, cut=tuple(dict.fromkeys((*vertebra.cut, end))), remarks=(*kept, remark))


def _frames(pieces: Sequence[LevelMask], image: Geometry) -> tuple[Frame, ...]:
    if not pieces:
        return ()
    ends = [touched_faces(piece.mask, image) for piece in pieces]
    at_border = [max(faces.get("head", 0.0), faces.get("foot", 0.0)) >= _END_AREA_MM2 for faces in ends]
    whole = [not cut and not flat_ends(piece.mask) for cut, piece in zip(at_border, pieces, strict=True)]
    return rough_frames([piece.mask for piece in pieces], whole)


def _canal(
    image: Volume, parts: Volume | None, label_map: LabelMap, taken: Sequence[Taken]
) -> tuple[Volume | None, tuple[str, ...]]:
    """The canal, from its own label where there is one, and a note where it comes from."""
    names = load_names("spineps-subregions")
    own = {n for n, name in names.items() if name == CANAL}, {n for n, name in names.items() if name == CORD}
    for labels, (canal, cord) in ((parts, own), (image, (label_map.canal, label_map.cord))):
        if labels is not None and canal:
            mask = mask_of(labels, canal)
            if mask.array.any():
                return trimmed(mask_of(labels, canal | cord)), ("the canal is the one in the masks",)
    occupied = mask_of(image, label_map.levels)
    derived = canal_mask([station for t in taken for station in t.stations], occupied)
    return derived, () if derived is None else ("the canal is what the arches enclose, joined along the spine",)


def _piece_questions(pieces: Sequence[LevelMask], image: Geometry, cut: Sequence[Level]) -> list[Question]:
    """What is asked about single labels; of levels that are known to be cut nobody expects the whole."""
    questions = []
    for piece in pieces:
        if piece.double_mm is not None:
            text = f"{piece.level.name} labels two separate bodies, {piece.double_mm:.0f} mm apart; the larger is kept."
            action = "Correct the labels: one number for each vertebra."
            questions.append(Question("level_doubled", text, action, blocking=True))
    for level, share in fragment_shares(pieces, image).items():
        if level in cut:
            continue
        text = f"The label of {level.name} is a fragment: {share:.0%} of its neighbours' volume, away from the border."
        questions.append(Question("level_fragment", text, "Correct its label; it is not measured.", blocking=False))
    return questions


def _naming(vertebrae: Sequence[Vertebra], shown: Geometry) -> tuple[tuple[Question, ...], tuple[str, ...]]:
    """Questions and notes on the names."""
    named = [v for v in vertebrae if v.level not in (Level.SACRUM, Level.COCCYX)]
    sacrum = next((v.mask for v in vertebrae if v.level is Level.SACRUM), None)
    levels, centres = [v.level for v in named], body_centres(named)
    ends = unlabelled_ends(levels, centres, shown, sacrum=sacrum is not None)
    return naming_questions(levels, centres, sacrum), ends
