"""The spine: levels, vertebrae, their masks, axes and surfaces."""

from spondyl.spine.assembly import build_spine
from spondyl.spine.bare import NamedSegmentation, name_segmentation, segment_levels
from spondyl.spine.label_maps import LABEL_MAP_NAMES, LabelMap, load_label_map, parse_names
from spondyl.spine.names import Anchor, NamingProposal, parse_anchor, parse_point
from spondyl.spine.naming import relabelled, shift_of_anchors
from spondyl.spine.types import Level, Pedicle, Side, Spine, Surrounding, Vertebra

__all__ = [
    "LABEL_MAP_NAMES",
    "Anchor",
    "LabelMap",
    "Level",
    "NamedSegmentation",
    "NamingProposal",
    "Pedicle",
    "Side",
    "Spine",
    "Surrounding",
    "Vertebra",
    "build_spine",
    "load_label_map",
    "name_segmentation",
    "parse_anchor",
    "parse_names",
    "parse_point",
    "relabelled",
    "segment_levels",
    "shift_of_anchors",
]
