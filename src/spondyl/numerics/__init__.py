"""Solvers on voxel grids: arrays in, arrays out; no files, no medicine."""
