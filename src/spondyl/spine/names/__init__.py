"""Which level each vertebra of a bare CT is: what is seen, what a person says, and what is asked."""

from spondyl.spine.names.anchors import Anchor, letter, parse_anchor, parse_point, place_of
from spondyl.spine.names.proposal import ASKED, NamingProposal, name_levels, span
from spondyl.spine.names.readings import SPACING_MM, Reading
from spondyl.spine.names.shapes import BodyShape, measure_shape
from spondyl.spine.names.signs import LevelSigns, Sight, read_signs

__all__ = [
    "ASKED",
    "SPACING_MM",
    "Anchor",
    "BodyShape",
    "LevelSigns",
    "NamingProposal",
    "Reading",
    "Sight",
    "letter",
    "measure_shape",
    "name_levels",
    "parse_anchor",
    "parse_point",
    "place_of",
    "read_signs",
    "span",
]
