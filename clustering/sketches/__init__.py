"""Sketches of sets of several kinds, their union and their comparison."""
