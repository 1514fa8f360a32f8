"""Building inverted lists: learn, find each vector's list, encode, and keep the vectors to be scored again.

The result is FAISS's ``IndexRefine`` over ``IndexPreTransform`` over ``IndexIVF…``. Everything that is learned (the
projection, the centroids, the codebooks, the ranges of bytes) is learned here in a fixed order of sums and handed to
FAISS, whose own training goes through BLAS and LAPACK and so depends on the machine and on threads. A vector's list
depends on it and on what was learned alone, so the vectors may be placed in any parts, and joined in their order.

Sources: Jégou, Douze, Schmid, "Product quantization for nearest neighbor search", TPAMI 2011; André, Kermarrec, Le
Scouarnec, "Quicker ADC", TPAMI 2021 (codes of 4 bits in registers); Gao, Long, "RaBitQ", SIGMOD 2024, arXiv:2405.12497.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from foundation.seeds import stream
from vectors.ann.centroids import centroids, nearest_centroids
from vectors.ann.forms import ListForm, Storage
from vectors.ann.projection import projection
from vectors.kernels.lists import project
from vectors.metrics import Float32s, Int64s, Metric, faiss_metric, is_distance

_PER_LIST: Final = 32  # rows of the sample that a list's centroid is learned from
_PER_CODEBOOK: Final = 4096  # rows that codebooks of 16 entries and projections are learned from
_EACH_ALONE: Final = 11  # FAISS's way through packed codes one query at a time, so a batch changes no answer


def learned_projection(rows: Float32s, form: ListForm, *, metric: Metric, seed: int) -> Float32s | None:
    """What rows are multiplied by, float32 (dim, n_columns); None where it takes them as they are."""
    return principal(rows, form.n_columns, metric=metric, seed=seed) if form.is_projected else None


def principal(rows: Float32s, n_columns: int, *, metric: Metric, seed: int) -> Float32s:
    """A projection on ``n_columns``, float32 (dim, n_columns), learned from a sample of ``rows``."""
    return projection(_sample(rows, _PER_CODEBOOK, seed), n_columns, seed=seed, centred=is_distance(metric))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Learned:
    """What lists are built with.

    Attributes
    ----------
    matrix : as `learned_projection` gives it
    centres : float32, shape (n_lists, n_columns)
    books : float32, shape (n_codes, 16, columns of a code); None unless the kind has product codes
    """

    matrix: Float32s | None
    centres: Float32s
    books: Float32s | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Placed:
    """Vectors as lists hold them, float32 (n, n_columns), and the list of each, int64 (n,)."""

    low: Float32s
    nearest: Int64s


def learn(rows: Float32s, form: ListForm, *, seed: int, matrix: Float32s | None) -> Learned:
    """From a sample of ``rows`` (n, dim), as `parse_rows` gives them; ``matrix`` is what `learned_projection` found."""
    sample = projected(_sample(rows, _PER_LIST * form.n_lists, seed), matrix)
    centres = centroids(sample, form.n_lists, seed=seed, purpose="ann.lists")
    books = None
    if form.kind == "ivfpq":
        books = _codebooks(projected(_sample(rows, _PER_CODEBOOK, seed), matrix), centres, form.n_codes, seed)
    return Learned(matrix=matrix, centres=centres, books=books)


def place(rows: Float32s, learned: Learned) -> Placed:
    """Project some rows and find the list of each."""
    low = projected(rows, learned.matrix)
    return Placed(low=low, nearest=nearest_centroids(low, learned.centres))


def join(
    faiss: Any, rows: Float32s, placed: Placed, learned: Learned, form: ListForm, storage: Storage, metric: Metric
) -> Any:
    """A FAISS index over ``rows``, all of them, in their order; call under ``faiss_threads(1)``."""
    number = faiss_metric(faiss, metric)
    quantizer = faiss.IndexFlat(form.n_columns, number)
    quantizer.add(learned.centres)
    lists = _empty_lists(faiss, quantizer, form, number, placed.low, learned.books)
    if rows.shape[0]:
        positions = np.arange(rows.shape[0])
        lists.add_core(
            rows.shape[0], faiss.swig_ptr(placed.low), faiss.swig_ptr(positions), faiss.swig_ptr(placed.nearest)
        )  # the method takes centroids found elsewhere, and only by pointers
    if form.kind in ("ivfpq", "rabitq"):
        packed = faiss.IndexIVFPQFastScan if form.kind == "ivfpq" else faiss.IndexIVFRaBitQFastScan
        lists = packed(lists)
        lists.implem = _EACH_ALONE
    # Packed lists point to the quantizer without keeping it: they own it now.
    lists.own_fields = True
    quantizer.this.disown()
    base = lists if learned.matrix is None else faiss.IndexPreTransform(transform_of(faiss, learned.matrix), lists)
    return faiss.IndexRefine(base, stored(faiss, rows, storage, number))


def is_bytes(rows: Float32s) -> bool:
    """Whether every value is a whole number from 0 to 255."""
    return all(
        bool(((block >= 0) & (block <= 255) & (block == np.floor(block))).all())
        for block in np.array_split(rows, max(1, rows.shape[0] // 4096))
    )


def _sample(rows: Float32s, n: int, seed: int) -> Float32s:
    if n >= rows.shape[0]:
        return rows
    return rows[np.sort(stream(seed, "ann.sample", n).choice(rows.shape[0], n, replace=False))]


def projected(rows: Float32s, matrix: Float32s | None) -> Float32s:
    """Rows times ``matrix``; as they are where there is none."""
    if matrix is None:
        return rows
    low = np.empty((rows.shape[0], matrix.shape[1]), dtype=np.float32)
    project(rows, matrix, low)
    return low


def _empty_lists(faiss: Any, quantizer: Any, form: ListForm, number: int, low: Float32s, books: Float32s | None) -> Any:
    """The lists without vectors, with all that encoding needs."""
    shape = (quantizer, form.n_columns, form.n_lists)
    if form.kind == "ivf":
        lists = faiss.IndexIVFFlat(*shape, number)
    elif form.kind == "ivfsq":
        lists = faiss.IndexIVFScalarQuantizer(*shape, faiss.ScalarQuantizer.QT_8bit, number, False)
        least = low.min(axis=0) if len(low) else np.zeros(form.n_columns, np.float32)
        width = low.max(axis=0) - least if len(low) else least
        faiss.copy_array_to_vector(np.concatenate((least, width)).astype(np.float32), lists.sq.trained)
    elif form.kind == "ivfpq":
        lists = faiss.IndexIVFPQ(*shape, form.n_codes, 4, number)
        if books is None:
            raise AssertionError("product codes without codebooks")
        faiss.copy_array_to_vector(books.ravel(), lists.pq.centroids)
    else:
        lists = faiss.IndexIVFRaBitQ(*shape, number)
    lists.is_trained = True
    return lists


def _codebooks(sample: Float32s, centres: Float32s, n_codes: int, seed: int) -> Float32s:
    """16 centroids of what is left of the sample in each group of columns, float32 (n_codes, 16, columns)."""
    left = sample - centres[nearest_centroids(sample, centres)]
    groups = [np.ascontiguousarray(group) for group in np.split(left, n_codes, axis=1)]
    books = [centroids(group, 16, seed=seed, purpose="ann.codes", number=nth) for nth, group in enumerate(groups)]
    return np.stack(books)


def transform_of(faiss: Any, matrix: Float32s) -> Any:
    """FAISS's ``LinearTransform`` that multiplies rows by ``matrix``."""
    transform = faiss.LinearTransform(matrix.shape[0], matrix.shape[1], False)
    faiss.copy_array_to_vector(np.ascontiguousarray(matrix.T).ravel(), transform.A)
    transform.is_trained = True
    return transform


def stored(faiss: Any, rows: Float32s, storage: Storage, number: int) -> Any:
    """The vectors themselves, in the order of ``rows``."""
    dim = rows.shape[1]
    if storage == "float32":
        store = faiss.IndexFlat(dim, number)
    else:
        forms = faiss.ScalarQuantizer
        form = {"float16": forms.QT_fp16, "int8": forms.QT_8bit, "uint8": forms.QT_8bit_direct}[storage]
        store = faiss.IndexScalarQuantizer(dim, form, number)
    if rows.shape[0]:
        store.train(rows)
        store.add(rows)
    return store
