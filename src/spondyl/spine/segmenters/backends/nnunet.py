"""Any nnU-Net 2 that was trained on vertebrae: its numbers are read through the names in its own dataset.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from spondyl.errors import InputError
from spondyl.spine.label_maps import label_map_of_names
from spondyl.spine.segmenters.backends.programs import find_program, refuse_other_major, told_folder, version_beside
from spondyl.spine.segmenters.backends.types import BackendLabels, BackendSettings, Command, Installation
from spondyl.studies import LabelImage, read_label_image

_CHECKPOINT = "checkpoint_final.pth"


class NnUnet:
    """Called with the folder of one trained model."""

    name, title, image_name = "nnunet", "nnU-Net", "in/case_0000.nii.gz"  # nnU-Net numbers an image's channels

    def find(self, settings: BackendSettings) -> Installation:
        """Program, version 2, and one trained model with one CT channel whose labels are known."""
        program = find_program(self.title, "nnUNetv2_predict_from_modelfolder", settings)
        version = version_beside(program, "nnunetv2")
        refuse_other_major(self.title, version, (2,))
        model = _model(settings)
        _check_input(model)
        if settings.label_map is None:
            _names(model)
        return Installation(self.title, program, version, model)

    def command(self, found: Installation, folder: Path, settings: BackendSettings) -> Command:
        """All folds that are there, one process each for reading and writing."""
        (folder / "out").mkdir()
        folds = sorted(file.parent.name.removeprefix("fold_") for file in found.weights.glob(f"fold_*/{_CHECKPOINT}"))
        arguments = ["-i", str(folder / "in"), "-o", str(folder / "out"), "-m", str(found.weights), "-f", *folds]
        arguments += ["-npp", "1", "-nps", "1", "-device", "cpu" if settings.device == "cpu" else "cuda"]
        places = dict.fromkeys(("nnUNet_raw", "nnUNet_preprocessed"), str(folder))
        return Command(
            (str(found.program), *arguments, "--disable_progress_bar"),
            {**places, "nnUNet_results": str(found.weights.parent.parent)},
        )

    def read(self, found: Installation, folder: Path, settings: BackendSettings) -> BackendLabels:
        """The label image, with the names of dataset.json unless a label map was given."""
        labels = read_label_image(folder / "out" / "case.nii.gz")
        words = f"{found.words} ({found.weights.parent.name})"
        if settings.label_map is not None:
            return BackendLabels(labels, settings.label_map, None, words)
        named = LabelImage(labels.labels, _names(found.weights), labels.source_hashes)
        return BackendLabels(named, None, None, words)


def _model(settings: BackendSettings) -> Path:
    """The folder of one trained model (plans, dataset and folds), given itself or a folder with only that one below."""
    told = settings.weights or told_folder("nnUNet_results")
    if told is None:
        raise InputError(
            "no nnU-Net model is named: give the folder of a trained model, with dataset.json, plans.json and "
            f"fold_*/{_CHECKPOINT} (--backend-weights or nnUNet_results). Nothing is downloaded from here"
        )
    models = sorted(
        plans.parent
        for pattern in ("plans.json", "*/plans.json", "*/*/plans.json")
        for plans in told.glob(pattern)
        if (plans.parent / "dataset.json").is_file() and any(plans.parent.glob(f"fold_*/{_CHECKPOINT}"))
    )
    if len(models) != 1:
        names = "; ".join(f"{model.parent.name}/{model.name}" for model in models) or "none"
        raise InputError(
            f"one trained nnU-Net model is expected in '{told}', with dataset.json, plans.json and "
            f"fold_*/{_CHECKPOINT}; found: {names}. Give the folder of one model (--backend-weights)"
        )
    return models[0].absolute()


def _dataset(model: Path) -> dict[str, Any]:
    try:
        told = json.loads((model / "dataset.json").read_text("utf-8"))
        if not isinstance(told, dict):
            raise ValueError("no object")
        return told
    except (OSError, ValueError) as error:
        raise InputError(
            "the nnU-Net model's dataset.json cannot be read; a JSON object is expected: export the model again"
        ) from error


def _check_input(model: Path) -> None:
    """Refuse a model that reads something else than one CT as compressed NIfTI."""
    told = _dataset(model)
    channels = [str(name) for name in dict(told.get("channel_names") or {}).values()]
    if len(channels) != 1 or channels[0].lower() not in ("ct", "ctnormalization"):
        raise InputError(
            f"the nnU-Net model reads {len(channels)} channels ({', '.join(channels) or 'not named'}); one channel "
            "named CT is expected: give a model that was trained on CT"
        )
    ending = told.get("file_ending", ".nii.gz")
    if ending != ".nii.gz":
        raise InputError(f"the nnU-Net model reads '{ending}' files; '.nii.gz' is expected: export it for NIfTI")


def _names(model: Path) -> dict[int, str]:
    """Numbers and names of dataset.json, if they name vertebrae."""
    labels = _dataset(model).get("labels")
    pairs = labels.items() if isinstance(labels, dict) else ()
    names = {number: str(name) for name, number in pairs if isinstance(number, int) and number > 0}
    if not label_map_of_names(names).levels:
        shown = ", ".join(names.values()) or "none"
        raise InputError(
            f"the labels of the nnU-Net model name no vertebra (found: {shown}); names such as vertebrae_L1 or L1 are "
            "expected: give a table of its numbers (--label-map FILE.tsv, with the columns number and name)"
        )
    return names
