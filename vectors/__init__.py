"""Vectors: token encoders, fixed dimensional encodings, MaxSim, nearest neighbours."""
