"""The spine: levels, vertebrae, their masks, axes and surfaces."""

from spondyl.spine.types import Level, Pedicle, Side, Spine, Vertebra

__all__ = ["Level", "Pedicle", "Side", "Spine", "Vertebra"]
