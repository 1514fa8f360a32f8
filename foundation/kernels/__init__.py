"""Compiled helpers shared by the kernels of every room."""
