"""Indexes that keep codes and no vectors, for callers who score what they find again: candidates for MaxSim."""
