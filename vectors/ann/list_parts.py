"""Lists built in parts: learned once, each range of rows placed by itself, and joined to one index.

The parts are plain arrays, so they can be made anywhere and kept; the index has the bytes that
`vectors.ann.build.build_shard` gives, however the rows were cut.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from vectors.ann.build import BuiltShard, check_range, distinct_rows, stored_form, with_ids
from vectors.ann.forms import ListForm
from vectors.ann.list_build import Learned, Placed, join, learn, learned_projection, place
from vectors.ann.params import ANNParams, form_of, plan
from vectors.metrics import Float32s, Int64s, faiss_threads, parse_rows, parse_taken

Arrays = Mapping[str, npt.NDArray[Any]]
_NONE = np.zeros((0, 0), dtype=np.float32)


def learned_arrays(vectors: npt.NDArray[Any], params: ANNParams) -> dict[str, npt.NDArray[Any]]:
    """What every part needs; reads all rows, which says which of them repeat others.

    ``ids``, ``copies`` as in `DistinctRows`, ``matrix``, ``centres``, ``books`` as in `Learned`, those of none empty.

    Raises
    ------
    InvalidInput
        When a row is not finite, or does not fit float16.
    """
    n, dim = vectors.shape
    given = distinct_rows(vectors, params.metric, 0, n)
    storage = stored_form(given.rows, plan(n, dim, params).storage, params)
    check_range(given.rows, storage, given.ids)
    form = _form(given.rows.shape[0], dim, params)
    matrix = learned_projection(given.rows, form, metric=params.metric, seed=params.seed)
    learned = learn(given.rows, form, seed=params.seed, matrix=matrix)
    return {
        "ids": given.ids,
        "copies": given.copies,
        "matrix": _NONE if learned.matrix is None else learned.matrix,
        "centres": learned.centres,
        "books": _NONE if learned.books is None else learned.books,
    }


def placed_arrays(
    vectors: npt.NDArray[Any], learned: Arrays, params: ANNParams, start: int, stop: int
) -> dict[str, npt.NDArray[Any]]:
    """Lists of the distinct rows among ``start:stop``, and their projected values where lists hold those."""
    ids = np.asarray(learned["ids"])
    placed = place(_rows(vectors, ids[(ids >= start) & (ids < stop)], params), _learned(learned))
    return {"nearest": placed.nearest, "low": _NONE if _learned(learned).matrix is None else placed.low}


def joined(vectors: npt.NDArray[Any], learned: Arrays, parts: Sequence[Arrays], params: ANNParams) -> BuiltShard:
    """The index from parts of all rows, in their order."""
    n, dim = vectors.shape
    found, ids = _learned(learned), np.asarray(learned["ids"])
    rows = _rows(vectors, ids, params)
    low = rows if found.matrix is None else np.concatenate([np.asarray(part["low"]) for part in parts])
    nearest = np.concatenate([np.asarray(part["nearest"]) for part in parts])
    storage = stored_form(rows, plan(n, dim, params).storage, params)
    form = _form(ids.size, dim, params)
    with faiss_threads(1) as faiss:
        index = join(faiss, rows, Placed(low=low, nearest=nearest), found, form, storage, params.metric)
        serialised = faiss.serialize_index(with_ids(faiss, index, ids))
    return BuiltShard(index=serialised, copies=np.asarray(learned["copies"]))


def _rows(vectors: npt.NDArray[Any], ids: Int64s, params: ANNParams) -> Float32s:
    if ids.size == vectors.shape[0]:
        return parse_rows(vectors, 0, ids.size, params.metric)
    return parse_taken(vectors, ids, params.metric)


def _learned(arrays: Arrays) -> Learned:
    matrix, books = np.array(arrays["matrix"]), np.array(arrays["books"])
    return Learned(
        matrix=matrix if matrix.size else None,
        centres=np.array(arrays["centres"]),
        books=books if books.size else None,
    )


def _form(n: int, dim: int, params: ANNParams) -> ListForm:
    form = form_of(plan(n, dim, params).kind, n, dim, params)
    if form is None:
        raise AssertionError(f"{params.kind} has no lists")
    return form
