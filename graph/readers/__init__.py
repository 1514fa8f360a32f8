"""Readers of graph files: bytes, lines, tables and matrices into columns of edges."""
