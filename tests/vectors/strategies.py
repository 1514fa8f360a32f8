"""Hypothesis strategies of the room: ragged token vectors with all that is ugly."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from vectors.tokens.multivector import MultiVectors

# Quarters in [-2, 2]: products and short sums are exact in float32, zeros and equal tokens are common.
QUARTERS = st.integers(-8, 8).map(lambda n: n / 4)


@st.composite
def token_table(draw: st.DrawFn, *, dim: int, max_rows: int = 6) -> npt.NDArray[np.float32]:
    """A few distinct token vectors, the zero vector and repeats among them."""
    row = st.lists(QUARTERS, min_size=dim, max_size=dim)
    rows = draw(st.lists(row | st.just([0.0] * dim), min_size=1, max_size=max_rows))
    return np.array(rows, dtype=np.float32)


@st.composite
def coded_sets(draw: st.DrawFn, *, dim: int, min_docs: int = 0, max_docs: int = 5, min_tokens: int = 0) -> MultiVectors:
    """Coded documents over a small table: empty ones, single tokens, repeated tokens, unused rows."""
    table = draw(token_table(dim=dim))
    docs = draw(
        st.lists(
            st.lists(st.integers(0, len(table) - 1), min_size=min_tokens, max_size=7),
            min_size=min_docs,
            max_size=max_docs,
        )
    )
    offsets = np.zeros(len(docs) + 1, dtype=np.int64)
    np.cumsum([len(doc) for doc in docs], out=offsets[1:])
    codes = np.array([code for doc in docs for code in doc], dtype=np.int32)
    return MultiVectors(vectors=table, offsets=offsets, codes=codes)


def plain(sets: MultiVectors) -> MultiVectors:
    """The same sets, every token's vector written out."""
    assert sets.codes is not None
    return MultiVectors(vectors=sets.vectors[sets.codes], offsets=sets.offsets)


def random_sets(seed: int, sizes: list[int], dim: int) -> MultiVectors:
    """Plain sets of unit vectors."""
    random = np.random.default_rng(seed)
    tokens = random.standard_normal((sum(sizes), dim)).astype(np.float32)
    tokens /= np.linalg.norm(tokens, axis=1, keepdims=True)
    return MultiVectors(vectors=tokens, offsets=np.concatenate(([0], np.cumsum(sizes))).astype(np.int64))
