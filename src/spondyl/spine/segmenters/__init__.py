"""Finding the spine in a bare CT without trained weights: canal, discs, and a mask of each vertebra, not yet named."""

from spondyl.spine.segmenters.classes import SpineClass
from spondyl.spine.segmenters.found import DiscsFound, find_discs
from spondyl.spine.segmenters.levels import ChainCandidate
from spondyl.spine.segmenters.network import NetworkClasses, find_classes, network_is_available
from spondyl.spine.segmenters.second_look import look_again, with_doubts
from spondyl.spine.segmenters.segmentation import Segmentation, segment_spine

__all__ = [
    "ChainCandidate",
    "DiscsFound",
    "NetworkClasses",
    "Segmentation",
    "SpineClass",
    "find_classes",
    "find_discs",
    "look_again",
    "network_is_available",
    "segment_spine",
    "with_doubts",
]
