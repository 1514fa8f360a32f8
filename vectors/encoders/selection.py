"""Which tokens of a text get a vector: steps over ragged arrays, each text on its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vectors.encoders.tokens import Tokens

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Kept:
    """Tokens that get a vector, int32 ``ids`` cut by int64 ``offsets``, and how many of each text do not, int64."""

    ids: Int32s
    offsets: Int64s
    n_faint: Int64s
    n_repeated: Int64s
    n_dropped: Int64s


def keep_tokens(tokens: Tokens, is_heard: npt.NDArray[np.bool_], *, limit: int, distinct: bool) -> Kept:
    """Leave out, in this order: tokens that are not heard, repeats within a text, and what is past ``limit``.

    ``is_heard`` is bool (n_ids,). A text without any token that is heard keeps the others.
    """
    n_docs, docs = tokens.offsets.size - 1, docs_of_tokens(tokens.offsets)
    heard = is_heard[tokens.ids]
    hears_none = np.bincount(docs[heard], minlength=n_docs) == 0
    heard |= hears_none[docs]
    ids, docs = tokens.ids[heard], docs[heard]
    n_heard = np.bincount(docs, minlength=n_docs)
    if distinct:
        _, first = np.unique(docs * is_heard.size + ids, return_index=True)
        first.sort()
        ids, docs = ids[first], docs[first]
    lengths = np.bincount(docs, minlength=n_docs)
    place = np.arange(ids.size) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    offsets = np.zeros(n_docs + 1, dtype=np.int64)
    np.cumsum(np.minimum(lengths, limit), out=offsets[1:])
    return Kept(
        ids=ids[place < limit],
        offsets=offsets,
        n_faint=np.diff(tokens.offsets) - n_heard,
        n_repeated=n_heard - lengths,
        n_dropped=np.maximum(lengths - limit, 0),
    )


def docs_of_tokens(offsets: Int64s) -> Int64s:
    """Number of the text that each token belongs to."""
    return np.repeat(np.arange(offsets.size - 1, dtype=np.int64), np.diff(offsets))


def append_last(values: Int32s, offsets: Int64s, last: npt.NDArray[Any], docs: Int64s) -> tuple[Int32s, Int64s]:
    """Ragged ``values`` with ``last[i]`` put at the end of row ``docs[i]``, and the offsets of that."""
    added = np.zeros(offsets.size, dtype=np.int64)
    added[docs + 1] = 1
    return np.insert(values, offsets[docs + 1], last.astype(np.int32)), offsets + np.cumsum(added)
