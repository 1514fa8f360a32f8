"""Containment among real columns and tables."""
