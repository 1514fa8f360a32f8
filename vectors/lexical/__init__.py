"""Documents by their words: BM25 over an inverted index."""
