"""Approximate nearest neighbours: graphs, inverted lists and codes, chosen by the recall and the memory asked."""
