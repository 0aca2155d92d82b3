"""Measure the network front end against label maps: `python -m tools.evaluate_network [--weights FILE] lidc ts tptbox`.

Dice by class on the 2 mm grid of the network. The label maps are automatic (other networks), so this is agreement and
not accuracy; body, arch and canal come from taking them apart, discs from closing between bodies. Vertebrae that
the border cuts and fragments are left out. False positives are bone classes more than 6 mm from any labelled bone.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.spine.segmenters.classes import GRID_MM, SpineClass
from spondyl.spine.segmenters.network import NetworkClasses, find_classes
from spondyl.studies import read_study
from tools.network.shapes import UNSURE, Shape
from tools.network.sources import CT_FILES, LABEL_MAPS, shape_named

_FAR_MM = 6.0
_ML = GRID_MM**3 / 1000


def main() -> None:
    """Print one line of figures for each set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=list(CT_FILES), help=f"of {', '.join(CT_FILES)}")
    parser.add_argument("--weights", type=Path, help="ONNX file; default: the weights of the package")
    parser.add_argument("--shapes", type=Path, default=Path("build/shapes"), help="folder where shapes are kept")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("SPONDYL_DATA", "../shared/data")))
    given = parser.parse_args()
    weights = None if given.weights is None else given.weights.read_bytes()
    for name in given.names:
        ct = read_study(given.data / LABEL_MAPS[name][0] / CT_FILES[name]).ct
        figures = measured(shape_named(name, given.data, given.shapes), find_classes(ct, weights=weights))
        print(name, json.dumps(figures), flush=True)


def measured(shape: Shape, found: NetworkClasses) -> dict[str, float]:
    """Dice by class, and false bone far from the spine, of one CT."""
    i, j, k = np.indices(shape.classes.shape, np.float32)
    points = np.stack([i, j, k], axis=-1) * GRID_MM + shape.origin_mm
    labels = found.labels.sample(points, order=0).astype(np.uint8)
    seen = found.geometry.contains(points) & (shape.classes != UNSURE)
    figures = {}
    for kind in list(SpineClass)[1:]:
        true = (shape.classes == kind) & seen
        if true.any():
            figures[kind.name.lower()] = dice((labels == kind) & seen, true)
    bone = SpineClass.BODY, SpineClass.ARCH
    true, said = np.isin(shape.classes, bone) & seen, np.isin(labels, bone) & seen
    figures["body_or_arch"] = dice(said, true)
    labelled = np.isin(shape.classes, (*bone, SpineClass.SACRUM, SpineClass.RIB, UNSURE))
    away = ndimage.distance_transform_edt(~labelled, GRID_MM)
    figures["far_false_ml"] = round(float((said & (away > _FAR_MM)).sum() * _ML), 1)
    figures["sacrum_as_vertebra_ml"] = round(float((said & (shape.classes == SpineClass.SACRUM)).sum() * _ML), 1)
    return figures


def dice(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Twice the common part by the sum of both."""
    return round(float(2 * (first & second).sum() / max(1, first.sum() + second.sum())), 3)


if __name__ == "__main__":
    main()
