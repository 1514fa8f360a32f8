"""Fixed dimensional encodings (MUVERA): one vector for a set of token vectors."""
