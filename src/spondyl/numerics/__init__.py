"""Solvers on voxel grids: arrays in, arrays out; no files, no medicine."""

from spondyl.numerics.compiled import prepare_cache

prepare_cache()
