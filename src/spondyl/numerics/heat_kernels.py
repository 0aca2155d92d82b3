"""Compiled march of heat that a reaction gives off. Fields have one more layer of voxels on every side. Import inside
functions.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from math import exp
from typing import Any

import numba as nb

_FAST: dict[str, Any] = {"fastmath": True, "error_model": "numpy", "cache": True, "boundscheck": False}


@nb.njit(**_FAST)
def march(temperature, after, factor, insulated, reacting, source, conversion, law, limit, count, peak, dwell):
    """So many steps; `peak` takes the highest temperature, `dwell` the number of steps above the limit.

    `after` is a copy of `temperature`, and the two take turns: neither holds the end. One pass a step conducts and
    notes; few voxels react, and are noted once more. `factor` is what a voxel keeps of the sum of its differences to
    the six beside it, `source` the rise for a whole conversion; `reacting` lists voxels by their places in the flat
    field. `law` holds highest conversion, a step on the clock at infinite temperature over the sharpness, the
    activation as a temperature, and absolute zero.
    """
    highest, rate, activation, zero = law
    nx, ny, nz = temperature.shape
    for _ in range(count):
        if insulated:
            for j in range(ny):
                for k in range(nz):
                    temperature[0, j, k] = temperature[1, j, k]
                    temperature[nx - 1, j, k] = temperature[nx - 2, j, k]
            for i in range(nx):
                for k in range(nz):
                    temperature[i, 0, k] = temperature[i, 1, k]
                    temperature[i, ny - 1, k] = temperature[i, ny - 2, k]
                for j in range(ny):
                    temperature[i, j, 0] = temperature[i, j, 1]
                    temperature[i, j, nz - 1] = temperature[i, j, nz - 2]
        for i in range(1, nx - 1):
            for j in range(1, ny - 1):
                warmest = limit
                for k in range(1, nz - 1):
                    here = temperature[i, j, k]
                    beside = temperature[i - 1, j, k] + temperature[i + 1, j, k] + temperature[i, j - 1, k]
                    beside += temperature[i, j + 1, k] + temperature[i, j, k - 1] + temperature[i, j, k + 1]
                    now = here + factor[i, j, k] * (beside - 6.0 * here)
                    after[i, j, k] = now
                    peak[i, j, k] = max(peak[i, j, k], now)
                    warmest = max(warmest, now)
                if warmest > limit:
                    for k in range(1, nz - 1):
                        dwell[i, j, k] += after[i, j, k] > limit
        flat, highest_of, hot_steps = after.ravel(), peak.ravel(), dwell.ravel()
        for at in range(reacting.size):
            cell = reacting[at]
            conducted = flat[cell]
            odds = (highest / conversion[at] - 1.0) * exp(-rate * exp(-activation / (conducted + zero)))
            done = highest / (1.0 + odds)
            now = conducted + source[at] * (done - conversion[at])
            conversion[at] = done
            flat[cell] = now
            highest_of[cell] = max(highest_of[cell], now)
            hot_steps[cell] += (now > limit) != (conducted > limit)  # a reaction never cools
        temperature, after = after, temperature
