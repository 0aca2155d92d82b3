"""From a label image to a spine: read the numbers, take the vertebrae apart, report what does not fit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np

from spondyl.errors import InputError
from spondyl.space import Geometry, Volume
from spondyl.spine.centres import rough_centre
from spondyl.spine.label_maps import LabelMap, choose_label_map, load_label_map, load_names
from spondyl.spine.masks import LevelMask, cutting_faces, filled, label_numbers, level_masks, touched_faces
from spondyl.spine.naming import blocking_first, naming_questions
from spondyl.spine.plausibility import check_grids, extent_questions, grey_value_questions
from spondyl.spine.types import Level, Spine, Vertebra
from spondyl.studies import LabelImage, Progress, Question, Study, read_label_image
from spondyl.studies.progress import silent

_NO_BODY = (Level.C1, Level.C2, Level.SACRUM, Level.COCCYX)  # taken apart otherwise, and never treated here
_FRAGMENT_SHARE = 0.45  # of its neighbours' volume: less is a piece of a vertebra, whatever the border says


def build_spine(
    study: Study | None,
    *,
    labels: str | Path | LabelImage,
    label_map: str | Path | LabelMap | None = None,
    subregions: str | Path | LabelImage | None = None,
    resample: bool = False,
    progress: Progress = silent,
) -> Spine:
    """The spine of a label image: vertebrae with masks, axes and surfaces, the canal, and what is doubtful.

    Parameters
    ----------
    study
        The CT that the labels were drawn in; None: the label image alone.
    labels
        Label image with one number a vertebra, or its file.
    label_map
        Name of the tool whose numbers these are (`LABEL_MAP_NAMES`), or a FILE.tsv with the columns number and name.
        None: only names that stand in the label file are used.
    subregions
        Label image of the same grid with the sub-region numbers of SPINEPS; where given, bodies are read from it
        instead of being separated here.
    resample
        Accept labels on another grid than the CT's. They keep their own grid; the CT is read at their points.
    progress
        Called with the share done and what is being done.

    Raises
    ------
    InputError
        If the numbers cannot be read, or if labels and CT cannot belong together.
    """
    progress(0.0, "reading the label image")
    label_image = _image(labels)
    image = label_image.labels
    ct = None if study is None else study.ct
    notes = list(check_grids(ct, image, resample=resample)) if ct is not None else []
    numbers = label_numbers(image)
    asked = load_label_map(label_map) if isinstance(label_map, str | Path) else label_map
    chosen, more = choose_label_map(numbers, label_image.names, asked)
    pieces = level_masks(image, {n: chosen.levels[n] for n in numbers if n in chosen.levels})
    bodies = _given_bodies(pieces, None if subregions is None else _image(subregions).labels)
    vertebrae = tuple(_vertebra(p, bodies.get(p.level), image.geometry, ct) for p in pieces)
    questions = [*_piece_questions(pieces, vertebrae), *_naming(vertebrae)]
    if ct is not None:
        questions += extent_questions(ct, [v.mask for v in vertebrae])
        questions += grey_value_questions(ct, [(v.level, v.body) for v in vertebrae if v.body is not None])
    return Spine(
        study,
        image.geometry,
        vertebrae,
        canal=None,
        questions=blocking_first(questions),
        notes=(*notes, *more),
        label_map=chosen.name,
    )


def _image(labels: str | Path | LabelImage) -> LabelImage:
    return labels if isinstance(labels, LabelImage) else read_label_image(labels)


def _given_bodies(pieces: Sequence[LevelMask], image: Volume | None) -> dict[Level, Volume]:
    """Bodies by level from a sub-region label image."""
    if image is None:
        return {}
    body_numbers = [n for n, name in load_names("spineps-subregions").items() if name == "body"]
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


def _vertebra(piece: LevelMask, body: Volume | None, image: Geometry, ct: Volume | None) -> Vertebra:
    cut = cutting_faces(piece.mask if body is None else body, image)
    remarks = [*piece.remarks, *_border_remarks(piece.mask, cut, image, ct)]
    return Vertebra(piece.level, piece.mask, body, None, None, None, None, None, (), cut, tuple(remarks))


def _border_remarks(mask: Volume, cut: tuple[str, ...], image: Geometry, ct: Volume | None) -> list[str]:
    remarks = []
    for face in touched_faces(mask, image):
        what = "the body is cut" if face in cut else "processes are cut, the body is whole"
        remarks.append(f"the label image ends towards the {face}: {what}")
    if cut and ct is not None and not ct.geometry.is_same_grid(image):
        remarks.append("the labels may end before the CT does: label the whole scan")
    return remarks


def _piece_questions(pieces: Sequence[LevelMask], vertebrae: Sequence[Vertebra]) -> list[Question]:
    questions = []
    for piece in pieces:
        if piece.double_mm is not None:
            text = f"{piece.level.name} labels two separate bodies, {piece.double_mm:.0f} mm apart; the larger is kept."
            action = "Correct the labels: one number for each vertebra."
            questions.append(Question("level_doubled", text, action, blocking=True))
    for level, share in _fragments(vertebrae).items():
        text = f"The label of {level.name} is a fragment: {share:.0%} of its neighbours' volume, away from the border."
        questions.append(Question("level_fragment", text, "Correct its label; it is not measured.", blocking=False))
    return questions


def _fragments(vertebrae: Sequence[Vertebra]) -> dict[Level, float]:
    """Whole-looking vertebrae that are far too small, with their share of the neighbours' volume."""
    whole = [v for v in vertebrae if v.level not in _NO_BODY]
    volumes = [float(v.mask.array.sum() * v.mask.geometry.voxel_volume_mm3) for v in whole]
    found = {}
    for i, vertebra in enumerate(whole):
        near = [volumes[k] for k in range(max(0, i - 2), min(len(whole), i + 3)) if k != i and not whole[k].is_cut]
        if len(near) >= 2 and not vertebra.is_cut and volumes[i] < _FRAGMENT_SHARE * median(near):
            found[vertebra.level] = volumes[i] / median(near)
    return found


def _naming(vertebrae: Sequence[Vertebra]) -> tuple[Question, ...]:
    named = [v for v in vertebrae if v.level not in (Level.SACRUM, Level.COCCYX)]
    sacrum = next((v.mask for v in vertebrae if v.level is Level.SACRUM), None)
    centres = np.array([rough_centre(v.mask) for v in named]).reshape(-1, 3)
    return naming_questions([v.level for v in named], centres, sacrum)
