"""Names of label images that are written, and of what lies beside them."""

from __future__ import annotations

from pathlib import Path

from spondyl.errors import InputError


def check_label_name(out: Path) -> None:
    """Refuse a name that no label image can have."""
    if not out.name.endswith((".nii.gz", ".nii")):
        raise InputError(f"'{out.name}' is no name of a label image: it ends in .nii.gz")


def parts_path(labels: Path) -> Path:
    """Where the sub-regions lie beside a label image: `labels_parts.nii.gz` beside `labels.nii.gz`."""
    return labels.with_name(labels.name.removesuffix(".gz").removesuffix(".nii") + "_parts.nii.gz")


def names_path(labels: Path) -> Path:
    """Where the names of lettered vertebrae lie: `labels_names.tsv` beside `labels.nii.gz`."""
    return labels.with_name(labels.name.removesuffix(".gz").removesuffix(".nii") + "_names.tsv")
