"""Benchmarks in the form of asv; they run without it too."""
