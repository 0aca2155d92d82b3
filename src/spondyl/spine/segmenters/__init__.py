"""Finding the spine in a bare CT without trained weights: canal, discs, and a mask of each vertebra, not yet named."""

from spondyl.spine.segmenters.found import DiscsFound, find_discs
from spondyl.spine.segmenters.levels import ChainCandidate
from spondyl.spine.segmenters.segmentation import Segmentation, segment_spine

__all__ = ["ChainCandidate", "DiscsFound", "Segmentation", "find_discs", "segment_spine"]
