"""Finding the spine in a bare CT without trained weights. So far the canal and the discs; masks are not made yet."""

from spondyl.spine.segmenters.found import DiscsFound, find_discs
from spondyl.spine.segmenters.levels import ChainCandidate

__all__ = ["ChainCandidate", "DiscsFound", "find_discs"]
