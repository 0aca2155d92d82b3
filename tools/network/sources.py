"""The shapes that are trained on: virtual patients with deformities, and label maps of the test data by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.random import Generator

from spondyl.spine import Level, build_spine
from spondyl.studies import read_label_image
from spondyl.synthetic import ScanSpec, VertebraSpec, VirtualSpineSpec, make_virtual_patient, named_deformity
from tools.network.shapes import Shape, shape_of_patient, shape_of_spine

# Label maps by name: folder, vertebra labels, sub-regions, the map of its numbers. The card names their licences.
LABEL_MAPS = {
    "ts": ("ts-lumbar-3mm", "vertebrae_auto.nii.gz", None, "verse"),
    "fracture": ("fracture-masks-l2", "vertebrae_mask.nii.gz", "subregions_mask.nii.gz", "verse"),
    "healthy": ("healthy-reference-masks", "vertebrae_mask.nii.gz", None, "verse"),
    "tptbox": ("tptbox-l3-ct-mr", "l3_ct_vertebra_label.nii.gz", "l3_ct_subregions.nii.gz", "verse"),
    "lidc": ("lidc-0001-thoracic", "vertebrae_auto.nii.gz", None, "verse"),  # held out of what is published
}
CT_FILES = {"lidc": "ct.nii.gz", "ts": "ct.nii.gz", "tptbox": "l3_ct.nii.gz"}  # those that are measured
_BESIDE_UNLABELLED = {"healthy": tuple(Level(n) for n in range(Level.C1, Level.T6))}  # T2 and T5 are not labelled
_SHAPES = ("wedge", "biconcave", "crush")
_SCAN = ScanSpec(in_plane_mm=1.5, slice_step_mm=1.5, margin_side_mm=10, margin_front_mm=10, margin_back_mm=10)


def shape_named(name: str, data: Path, cache: Path) -> Shape:
    """The shape of a label map by its name here, or of a virtual patient by its seed ("virtual-7"); made once."""
    kept = cache / f"{name}.npz"
    if kept.exists():
        return Shape.load(kept)
    if name.startswith("virtual-"):
        shape = virtual_shape(name, np.random.default_rng(int(name.removeprefix("virtual-"))))
    else:
        shape = _label_map_shape(name, data)
    cache.mkdir(parents=True, exist_ok=True)
    shape.save(kept)
    return shape


def virtual_shape(name: str, generator: Generator, levels: tuple[Level, ...] | None = None) -> Shape:
    """The shape of a virtual patient with random size, curves and deformities; about a third of its bodies broken."""
    return shape_of_patient(name, make_virtual_patient(random_spec(generator, levels), generator))


def random_spec(generator: Generator, levels: tuple[Level, ...] | None = None) -> VirtualSpineSpec:
    """A random virtual patient."""
    uniform = generator.uniform
    if levels is None:
        levels = tuple(Level(n) for n in range(Level.T5, Level.L5 + 1))
    vertebrae = {}
    for level in levels:
        broken = named_deformity(str(generator.choice(_SHAPES)), float(uniform(0.4, 0.9)))
        vertebrae[level] = VertebraSpec(
            deformity=broken if uniform() < 0.3 else None,
            osteophyte_mm=float(uniform(1, 5)) if uniform() < 0.2 else 0.0,
        )
    return VirtualSpineSpec(
        levels=levels,
        scan=_SCAN,
        vertebrae=vertebrae,
        scale=float(uniform(0.82, 1.15)),
        cupping=float(uniform(0.3, 1.6)),
        waist=float(uniform(0.4, 1.6)),
        cobb_deg=float(generator.choice([0.0, uniform(-35, 35)])),
        kyphosis_deg=float(uniform(10, 55)),
        lordosis_deg=float(uniform(10, 55)),
    )


def _label_map_shape(name: str, data: Path) -> Shape:
    folder, labels, regions, numbers = LABEL_MAPS[name]
    image = read_label_image(data / folder / labels)
    parts = None if regions is None else read_label_image(data / folder / regions)
    spine = build_spine(None, labels=image, label_map=numbers, subregions=parts)
    return shape_of_spine(name, spine, skipped=_BESIDE_UNLABELLED.get(name, ()))
