"""Graphs and the algorithms over them: embeddings, PageRank, walks."""
