"""Fixed dimensional encodings: sets of token vectors to single vectors whose dot product approximates MaxSim.

Source: Dhulipala, Hadian, Jayaram, Lee, Mirrokni, "MUVERA: Multi-Vector Retrieval via Fixed Dimensional Encodings",
NeurIPS 2024, arXiv:2405.19504; cells are numbered as in its C++ reference (google/graph-mining).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput, InvalidParams
from foundation.seeds import stream
from foundation.threads import balanced_ranges, even_ranges, run_ranges
from vectors.kernels.fde import aggregate, project_rows
from vectors.multivector import MultiVectors, readonly

Float32s = npt.NDArray[np.float32]
Int32s = npt.NDArray[np.int32]

PROJECTIONS = ("dense", "count_sketch")
_MAX_FULL_DIM = 1 << 28  # a gigabyte per encoding: past that a parameter is a mistake
_BLOCK_BYTES = 256 << 20  # hashed and projected rows held at once
_ROWS_PER_CALL = 1024
_TOKENS_PER_CALL = 4096  # their rows of one repetition stay in the second-level cache


@dataclass(frozen=True, slots=True, kw_only=True)
class FDEParams:
    """Everything that decides the encodings. Documents and queries must be encoded with equal params to be compared.

    Attributes
    ----------
    num_repetitions : independent partitions, concatenated; the paper's R
    k_sim : SimHash bits per repetition, ``2**k_sim`` cells; 0 is a single cell
    d_proj : width a cell is projected to; None keeps the tokens' own
    d_final : width of a last count-sketch over everything; None leaves it out
    seed : of every random matrix
    fill_empty : empty cells of documents take their nearest token; queries are never filled
    projection : "dense", ±1/√d_proj (paper), or "count_sketch", one ±1 per coordinate (C++ reference)
    """

    num_repetitions: int = 20
    k_sim: int = 5
    d_proj: int | None = 16
    d_final: int | None = None
    seed: int = 0
    fill_empty: bool = True
    projection: str = "dense"

    def __post_init__(self) -> None:
        if self.num_repetitions < 1:
            raise InvalidParams(name="num_repetitions", value=self.num_repetitions, allowed="1 or more")
        if not 0 <= self.k_sim < 31:
            raise InvalidParams(name="k_sim", value=self.k_sim, allowed="0 to 30")
        for name, value in (("d_proj", self.d_proj), ("d_final", self.d_final)):
            if value is not None and value < 1:
                raise InvalidParams(name=name, value=value, allowed="1 or more, or none")
        if self.projection not in PROJECTIONS:
            raise InvalidParams(name="projection", value=self.projection, allowed=", ".join(PROJECTIONS))
        self.full_dim(1)

    def full_dim(self, dim: int) -> int:
        """Width before ``d_final``, for tokens of width ``dim``.

        Raises
        ------
        InvalidParams
            Above 2**28.
        """
        full = self.num_repetitions * (1 << self.k_sim) * (dim if self.d_proj is None else self.d_proj)
        if full > _MAX_FULL_DIM:
            raise InvalidParams(
                name="num_repetitions * 2**k_sim * d_proj", value=full, allowed=f"at most {_MAX_FULL_DIM}; lower one"
            )
        return full

    def fde_dim(self, dim: int) -> int:
        """Width of an encoding, for tokens of width ``dim``."""
        full = self.full_dim(dim)
        return full if self.d_final is None else self.d_final


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FDEMatrices:
    """The random part of the map, drawn by `fde_matrices` or brought along to reproduce another implementation.

    Attributes
    ----------
    simhash : float32 (num_repetitions, dim, k_sim); columns are the normals of the hyperplanes
    projection : float32 (num_repetitions, dim, d_proj), or None when ``d_proj`` is
    final_slots, final_signs : int64 and float32 (full_dim,), or None when ``d_final`` is
    """

    simhash: Float32s
    projection: Float32s | None = None
    final_slots: npt.NDArray[np.int64] | None = None
    final_signs: Float32s | None = None


def fde_matrices(dim: int, params: FDEParams) -> FDEMatrices:
    """Draw the matrices for tokens of width ``dim``; a repetition's do not depend on how many there are."""
    n_repetitions, d_proj = params.num_repetitions, params.d_proj
    simhash = np.empty((n_repetitions, dim, params.k_sim), dtype=np.float32)
    projection = None if d_proj is None else np.zeros((n_repetitions, dim, d_proj), dtype=np.float32)
    for repetition in range(n_repetitions):
        normal = stream(params.seed, "fde.simhash", repetition).standard_normal((dim, params.k_sim))
        simhash[repetition] = normal.astype(np.float32)
        if projection is None or d_proj is None:
            continue
        random = stream(params.seed, "fde.projection", repetition)
        if params.projection == "dense":
            projection[repetition] = (2.0 * random.integers(0, 2, (dim, d_proj)) - 1.0) / np.sqrt(d_proj)
        else:
            columns = random.integers(0, d_proj, dim)
            projection[repetition, np.arange(dim), columns] = 2.0 * random.integers(0, 2, dim) - 1.0
    if params.d_final is None:
        return FDEMatrices(simhash=simhash, projection=projection)
    full, random = params.full_dim(dim), stream(params.seed, "fde.final")
    return FDEMatrices(
        simhash=simhash,
        projection=projection,
        final_slots=random.integers(0, params.d_final, full),
        final_signs=(2.0 * random.integers(0, 2, full) - 1.0).astype(np.float32),
    )


def encode_documents(
    documents: MultiVectors, params: FDEParams, n_threads: int = 1, matrices: FDEMatrices | None = None
) -> Float32s:
    """Encode documents: a cell holds the mean of its tokens, an empty one the nearest token (``fill_empty``).

    Parameters
    ----------
    documents
        Plain or coded; both give the same bytes. Of a coded one every distinct row is hashed and projected once.
    matrices
        Used in place of those drawn from ``params.seed``.

    Returns
    -------
    float32, shape (n_docs, fde_dim)
        Repetition by repetition, cell by cell. An empty document is the zero vector. Do not normalise: lengths count.

    Raises
    ------
    InvalidInput
        When ``matrices`` do not fit ``params`` and the tokens' width.
    """
    return _encode(documents, params, n_threads, matrices, mean=True)


def encode_queries(
    queries: MultiVectors, params: FDEParams, n_threads: int = 1, matrices: FDEMatrices | None = None
) -> Float32s:
    """Encode queries: a cell holds the sum of its tokens, and nothing is ever filled.

    ``encode_queries(q, p) @ encode_documents(d, p).T / p.num_repetitions`` approximates MaxSim.
    Parameters, result and errors as `encode_documents`.
    """
    return _encode(queries, params, n_threads, matrices, mean=False)


@dataclass(frozen=True, slots=True, eq=False)
class _Tokens:
    """Distinct token vectors of some documents, hashed and projected into ``cells`` and ``values`` for the kernel.

    ``rank`` maps a code to its row here; None when the documents are plain and a token is its own row.
    """

    rank: Int32s | None
    cells: Int32s
    values: Float32s


def _encode(
    sets: MultiVectors, params: FDEParams, n_threads: int, given: FDEMatrices | None, *, mean: bool
) -> Float32s:
    matrices = fde_matrices(sets.dim, params) if given is None else given
    _check_matrices(matrices, sets.dim, params)
    parts = [matrices.simhash] if matrices.projection is None else [matrices.simhash, matrices.projection]
    columns = [np.asarray(part, dtype=np.float32).transpose(1, 0, 2).reshape(sets.dim, -1) for part in parts]
    matrix = np.ascontiguousarray(np.concatenate(columns, axis=1))
    out = np.zeros((sets.n_docs, params.fde_dim(sets.dim)), dtype=np.float32)
    max_rows = max(1, _BLOCK_BYTES // (4 * (matrix.shape[1] + params.num_repetitions)))
    for start, stop, rows, rank in _blocks(sets, max_rows):
        tokens = _hash_and_project(rows, rank, matrix, params, n_threads)
        block = sets.slice(start, stop)
        work = partial(_aggregate, block, tokens, matrices, params, mean, out[start:stop])
        run_ranges(work, balanced_ranges(block.offsets, _TOKENS_PER_CALL), n_threads)
    return out


def _blocks(sets: MultiVectors, max_rows: int) -> Iterator[tuple[int, int, Float32s, Int32s | None]]:
    """Ranges of documents, each with the rows its tokens use and their ranks: ``max_rows``, but whole documents."""
    if sets.codes is not None:
        used, rank = _distinct(sets.codes, sets.vectors.shape[0])
        if used.size <= max_rows:
            yield 0, sets.n_docs, sets.vectors[used], rank
            return
    for start, stop in balanced_ranges(sets.offsets, max_rows):
        block = sets.slice(start, stop)
        if block.codes is None:
            yield start, stop, block.vectors, None
        else:
            used, rank = _distinct(block.codes, block.vectors.shape[0])
            yield start, stop, block.vectors[used], rank


def _distinct(codes: Int32s, n_rows: int) -> tuple[npt.NDArray[np.intp], Int32s]:
    """Rows of the table that some token uses, ascending, and the place of every table row among them."""
    is_used = np.zeros(n_rows, dtype=np.bool_)
    is_used[codes] = True
    return np.flatnonzero(is_used), np.cumsum(is_used, dtype=np.int32) - np.int32(1)


def _hash_and_project(
    rows: Float32s, rank: Int32s | None, matrix: Float32s, params: FDEParams, n_threads: int
) -> _Tokens:
    n_repetitions, n_rows = params.num_repetitions, rows.shape[0]
    cells = np.empty((n_repetitions, n_rows), dtype=np.int32)
    # Without projection every repetition adds up the rows themselves.
    values = rows[None] if params.d_proj is None else np.empty((n_repetitions, n_rows, params.d_proj), dtype=np.float32)
    frozen_rows, frozen_matrix = readonly(rows), readonly(matrix)

    def work(start: int, stop: int) -> None:
        project_rows(frozen_rows, frozen_matrix, params.k_sim, start, stop, cells, values)

    run_ranges(work, even_ranges(n_rows, _ROWS_PER_CALL), n_threads)
    return _Tokens(rank, readonly(cells), readonly(values))


def _aggregate(
    sets: MultiVectors,
    tokens: _Tokens,
    matrices: FDEMatrices,
    params: FDEParams,
    mean: bool,
    out: Float32s,
    start: int,
    stop: int,
) -> None:
    """Encodings of documents ``start:stop`` into their rows of ``out``."""
    first, last = int(sets.offsets[start]), int(sets.offsets[stop])
    if sets.codes is None or tokens.rank is None:
        codes = np.arange(first, last, dtype=np.int32)
    else:
        codes = tokens.rank[sets.codes[first:last]]
    slots = np.empty(0, dtype=np.int64) if matrices.final_slots is None else matrices.final_slots
    signs = np.empty(0, dtype=np.float32) if matrices.final_signs is None else matrices.final_signs
    aggregate(
        readonly(sets.offsets[start : stop + 1] - first),
        readonly(codes),
        tokens.cells,
        tokens.values,
        params.k_sim,
        mean,
        params.fill_empty,
        readonly(slots),
        readonly(signs),
        out[start:stop],
    )


def _check_matrices(matrices: FDEMatrices, dim: int, params: FDEParams) -> None:
    full = None if params.d_final is None else (params.full_dim(dim),)
    n_repetitions = params.num_repetitions
    projection = None if params.d_proj is None else (n_repetitions, dim, params.d_proj)
    wanted: dict[str, tuple[int, ...] | None] = {
        "simhash": (n_repetitions, dim, params.k_sim),
        "projection": projection,
        "final_slots": full,
        "final_signs": full,
    }
    for name, shape in wanted.items():
        array = getattr(matrices, name)
        found = None if array is None else array.shape
        if found != shape:
            raise _invalid(f"{name} has shape {found}, the parameters ask for {shape}", "pass matching matrices")
    slots = matrices.final_slots
    if slots is not None and slots.size and not 0 <= int(slots.min()) <= int(slots.max()) < (params.d_final or 0):
        raise _invalid(f"final_slots lie outside [0, {params.d_final})", "pass slots of the final encoding")


def _invalid(what: str, fix: str) -> InvalidInput:
    return InvalidInput(source="fde matrices", what=what, fix=fix)
