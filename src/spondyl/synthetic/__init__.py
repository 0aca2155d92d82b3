"""Virtual patients and deformities with known truth. Used by the app, examples and tests alone.

Whatever is made here says 'virtual' in its description and must not be taken for a scan of a person.
"""

from spondyl.synthetic.canvas import Structure
from spondyl.synthetic.deform import DeformedStudy, cement_bright, deform_vertebra
from spondyl.synthetic.deformed_study import deform_study
from spondyl.synthetic.patient import VirtualPatient, labels_with_surroundings, make_virtual_patient
from spondyl.synthetic.perturb import Perturbation, perturbed_labels
from spondyl.synthetic.spec import (
    BICONCAVE_35,
    CRUSH_45,
    WEDGE_30,
    CorticalDefect,
    Deformity,
    Endplate,
    Focus,
    GasCleft,
    Kernel,
    ScanSpec,
    SchmorlNode,
    SliceProfile,
    VertebraSpec,
    VirtualSpineSpec,
    Wall,
    levels_between,
    named_deformity,
    one_of,
)
from spondyl.synthetic.tissues import effective_energy, tissue_hu, trabecular_density, trabecular_hu
from spondyl.synthetic.truth import BodyMeasures, LevelTruth, PedicleTruth, VirtualTruth, as_json

__all__ = [
    "BICONCAVE_35",
    "CRUSH_45",
    "WEDGE_30",
    "BodyMeasures",
    "CorticalDefect",
    "DeformedStudy",
    "Deformity",
    "Endplate",
    "Focus",
    "GasCleft",
    "Kernel",
    "LevelTruth",
    "PedicleTruth",
    "Perturbation",
    "ScanSpec",
    "SchmorlNode",
    "SliceProfile",
    "Structure",
    "VertebraSpec",
    "VirtualPatient",
    "VirtualSpineSpec",
    "VirtualTruth",
    "Wall",
    "as_json",
    "cement_bright",
    "deform_study",
    "deform_vertebra",
    "effective_energy",
    "labels_with_surroundings",
    "levels_between",
    "make_virtual_patient",
    "named_deformity",
    "one_of",
    "perturbed_labels",
    "tissue_hu",
    "trabecular_density",
    "trabecular_hu",
]
