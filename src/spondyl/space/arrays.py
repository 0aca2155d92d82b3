"""Read-only arrays for frozen records."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def read_only(array: ArrayLike, dtype: Any = None) -> NDArray[Any]:
    """Give the array as one that cannot be written to.

    An array that is already read-only and of the right type is passed through; a writable one, or a read-only view of
    a writable one, is copied, so that nobody who still holds the original can change a record.
    """
    given = np.asarray(array, dtype=dtype)
    if not _is_writable_somewhere(given):
        return given
    copy = given.copy()
    copy.flags.writeable = False
    return copy


def _is_writable_somewhere(array: NDArray[Any]) -> bool:
    """Whether the array or an array that it is a view of can be written to."""
    owner: Any = array
    while isinstance(owner, np.ndarray):
        if owner.flags.writeable:
            return True
        owner = owner.base
    return False
