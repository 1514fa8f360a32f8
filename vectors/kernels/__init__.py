"""Compiled loops over dense and ragged vectors."""
