"""From parallel arrays of arcs to sorted CSR arrays, applying the policies on duplicates and self-loops.

Two counting passes sort the arcs: by target into columns, then by source into rows. Beyond the input and the
result this holds one copy of the arcs (8 bytes each, 12 with weights).
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput, InvalidParams
from foundation.ids import Ids
from graph.kernels.counting import count_rows, place_arcs, sum_runs, transpose
from graph.report import GraphReport

Duplicates = Literal["sum", "first", "max", "keep", "error"]
SelfLoops = Literal["keep", "drop", "error"]
INT32_NODES = 2**31 - 1
NO_WEIGHTS = np.empty(0, dtype=np.float32)

_Rows = npt.NDArray[Any]
_Weights = npt.NDArray[np.float32] | None
_CSR = tuple[npt.NDArray[np.int64], _Rows, _Weights]


def assemble(
    src: npt.ArrayLike,
    dst: npt.ArrayLike,
    weights: npt.ArrayLike | None,
    n_nodes: int | None,
    node_ids: Ids | None,
    *,
    directed: bool,
    duplicates: Duplicates,
    self_loops: SelfLoops,
) -> tuple[npt.NDArray[np.int64], _Rows, _Weights, GraphReport]:
    """The body of `graph.csr.CSRGraph.from_edges`, which states the contract."""
    check_policies(duplicates, self_loops)
    source, target = _as_rows("src", src), _as_rows("dst", dst)
    n = _count_nodes(source, target, n_nodes, node_ids)
    index_dtype = np.int32 if n <= INT32_NODES else np.int64
    source = np.ascontiguousarray(source, dtype=index_dtype)
    target = np.ascontiguousarray(target, dtype=index_dtype)
    values = _as_weights(weights, source.size)

    n_zero = 0 if values is None else int(values.size - np.count_nonzero(values))
    if n_zero and values is not None:
        source, target, values = _kept(values != 0, source, target, values)
    loop = source == target
    n_loops = int(np.count_nonzero(loop))
    if n_loops and self_loops == "error":
        raise looped(n_loops, _name(node_ids, source[np.argmax(loop)]))
    if n_loops and self_loops == "drop":
        source, target, values = _kept(~loop, source, target, values)
    if not directed:
        source, target = np.minimum(source, target), np.maximum(source, target)

    indptr, indices, values = _sorted(source, target, values, n)
    indptr, indices, values, n_duplicates = _merged(indptr, indices, values, duplicates, node_ids)
    if not directed:
        indptr, indices, values = _mirrored(indptr, indices, values)
    report = GraphReport(
        n_lines=loop.size + n_zero, n_zero_weight=n_zero, n_self_loops=n_loops, n_duplicates=n_duplicates
    )
    return indptr, indices, values, report


def invalid(what: str, fix: str = "check the arrays passed in") -> InvalidInput:
    """The error for arrays that make no graph."""
    return InvalidInput(source="graph", what=what, fix=fix)


def looped(n: int, node: str) -> InvalidInput:
    """The error for self-loops where none are allowed."""
    return invalid(f"self-loops: {n}, the first at node {node}", "set self_loops = drop or keep")


def repeated(n: int, ends: str) -> InvalidInput:
    """The error for duplicates where none are allowed."""
    return invalid(f"duplicate arcs: {n}, the first {ends}", "set duplicates = sum, first, max or keep")


def too_large(ends: str) -> InvalidInput:
    """The error for duplicates whose weights add up to infinity."""
    what = f"the summed weight of {ends} is larger than float32 holds (3.4e38)"
    return invalid(what, "scale the weights down, or set duplicates = max or first")


def check_policies(duplicates: str, self_loops: str) -> None:
    """Raises `InvalidParams` for a word that is no policy."""
    if duplicates not in get_args(Duplicates):
        raise InvalidParams(name="duplicates", value=duplicates, allowed=", ".join(get_args(Duplicates)))
    if self_loops not in get_args(SelfLoops):
        raise InvalidParams(name="self_loops", value=self_loops, allowed=", ".join(get_args(SelfLoops)))


def _name(node_ids: Ids | None, row: int) -> str:
    return repr(int(row) if node_ids is None else node_ids[int(row)])


def _as_rows(name: str, rows: npt.ArrayLike) -> _Rows:
    array = np.asarray(rows)
    if array.ndim != 1:
        raise invalid(f"{name} has shape {array.shape}", "pass one-dimensional arrays")
    if array.dtype.kind not in "iu" and array.size:
        raise invalid(f"{name} holds {array.dtype}", "rows are integers; map ids to rows first")
    return array


def _count_nodes(src: _Rows, dst: _Rows, n_nodes: int | None, node_ids: Ids | None) -> int:
    """Number of nodes, after every row has been seen to lie within."""
    if src.size != dst.size:
        raise invalid(f"src has {src.size} arcs, dst {dst.size}", "pass two arrays of one length")
    if n_nodes is not None and n_nodes < 0:
        raise InvalidParams(name="n_nodes", value=n_nodes, allowed="0 or more")
    if n_nodes is not None and node_ids is not None and n_nodes != len(node_ids):
        raise invalid(f"{len(node_ids)} node ids for {n_nodes} nodes")
    largest = max(int(src.max()), int(dst.max())) if src.size else -1
    smallest = min(int(src.min()), int(dst.min())) if src.size else 0
    n = n_nodes if n_nodes is not None else (len(node_ids) if node_ids is not None else largest + 1)
    if smallest < 0 or largest >= n:
        bad = smallest if smallest < 0 else largest
        raise invalid(f"node row {bad} lies outside [0, {n})", "number nodes from 0, or pass n_nodes")
    return n


def _as_weights(weights: npt.ArrayLike | None, n_arcs: int) -> _Weights:
    if weights is None:
        return None
    given = np.asarray(weights)
    if given.shape != (n_arcs,):
        raise invalid(f"weights have shape {given.shape} for {n_arcs} arcs", "pass one weight per arc")
    if given.dtype.kind not in "biuf" and given.size:
        raise invalid(f"weights hold {given.dtype}", "weights are real numbers")
    with np.errstate(over="ignore", under="ignore"):
        values = np.ascontiguousarray(given, dtype=np.float32)
    usable = (values >= 0) & (values < np.inf)
    if not usable.all():
        arc = int(np.argmin(usable))
        fix = "weights are finite, not negative, and within float32 (at most 3.4e38)"
        raise invalid(f"weight {given[arc]} of arc {arc}", fix)
    return values


def _kept(mask: npt.NDArray[np.bool_], src: _Rows, dst: _Rows, weights: _Weights) -> tuple[_Rows, _Rows, _Weights]:
    return src[mask], dst[mask], None if weights is None else weights[mask]


def _starts(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Row pointer of rows of these sizes."""
    indptr = np.zeros(counts.size + 1, dtype=np.int64)
    np.cumsum(counts, out=indptr[1:])
    return indptr


def _sorted(src: _Rows, dst: _Rows, weights: _Weights, n: int) -> _CSR:
    """CSR of the arcs, rows ascending, parallel arcs in input order."""
    given = NO_WEIGHTS if weights is None else weights
    columns, indptr = np.zeros(n + 1, dtype=np.int64), np.zeros(n + 1, dtype=np.int64)
    count_rows(dst, columns)
    count_rows(src, indptr)
    by_column, column_weights = np.empty_like(src), np.empty_like(given)
    place_arcs(dst, src, given, columns[:-1].copy(), by_column, column_weights)
    indices, row_weights = np.empty_like(dst), np.empty_like(given)
    transpose(columns, by_column, column_weights, indptr[:-1].copy(), indices, row_weights)
    return indptr, indices, None if weights is None else row_weights


def _merged(
    indptr: npt.NDArray[np.int64], indices: _Rows, weights: _Weights, duplicates: Duplicates, node_ids: Ids | None
) -> tuple[npt.NDArray[np.int64], _Rows, _Weights, int]:
    """Apply the policy to sorted arcs; the last value is how many arcs repeated an earlier one."""
    first = first_arcs(indptr, indices)
    n_duplicates = int(indices.size - np.count_nonzero(first))
    if n_duplicates == 0 or duplicates == "keep":
        return indptr, indices, weights, n_duplicates

    def ends(arc: int) -> str:
        row = np.searchsorted(indptr, arc, side="right") - 1
        return f"{_name(node_ids, int(row))} → {_name(node_ids, indices[arc])}"

    if duplicates == "error":
        raise repeated(n_duplicates, ends(int(np.argmin(first))))
    starts = np.flatnonzero(first)
    merged = merged_weights(weights, starts, indices.size, duplicates)
    if merged is not None and np.isinf(merged).any():
        arc = int(starts[np.argmax(np.isinf(merged))])
        raise too_large(ends(arc))
    return np.searchsorted(starts, indptr).astype(np.int64), indices[starts], merged, n_duplicates


def first_arcs(indptr: npt.NDArray[np.int64], indices: _Rows) -> npt.NDArray[np.bool_]:
    """Which arcs of ascending rows repeat none before them."""
    first = np.ones(indices.size, dtype=bool)
    np.not_equal(indices[1:], indices[:-1], out=first[1:])
    first[indptr[:-1][np.diff(indptr) > 0]] = True
    return first


def merged_weights(weights: _Weights, starts: npt.NDArray[np.int64], n_arcs: int, duplicates: Duplicates) -> _Weights:
    """Weights of runs of parallel arcs that begin at ``starts``; infinite where float32 holds no sum."""
    if duplicates == "sum":
        bounds = np.append(starts, n_arcs)
        return np.diff(bounds).astype(np.float32) if weights is None else _summed(weights, bounds)
    if weights is None:
        return None
    merged: npt.NDArray[np.float32] = weights[starts] if duplicates == "first" else np.maximum.reduceat(weights, starts)
    return merged


def _summed(weights: npt.NDArray[np.float32], bounds: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Sum of every run, smallest first, so that no bit depends on the order of the input."""
    lengths = np.diff(bounds)
    member = np.flatnonzero(np.repeat(lengths > 1, lengths))
    run = np.repeat(np.arange(lengths.size), np.where(lengths > 1, lengths, 0))
    weights[member] = weights[member][np.lexsort((weights[member], run))]
    sums = np.empty(lengths.size, dtype=np.float64)
    sum_runs(bounds, weights, sums)
    with np.errstate(over="ignore"):
        return sums.astype(np.float32)


def _mirrored(indptr: npt.NDArray[np.int64], indices: _Rows, weights: _Weights) -> _CSR:
    """Both arcs of every edge, from arcs that all point to an equal or larger row."""
    n = indptr.size - 1
    source = np.repeat(np.arange(n, dtype=indices.dtype), np.diff(indptr))
    upper = indices > source
    full = _starts(np.bincount(indices, minlength=n) + np.bincount(source[upper], minlength=n))
    cursor = full[:-1].copy()
    given = NO_WEIGHTS if weights is None else weights
    both = np.empty(int(full[-1]), dtype=indices.dtype)
    both_weights = NO_WEIGHTS if weights is None else np.empty(both.size, dtype=np.float32)
    # Every row takes its smaller neighbours and its loops first, then the larger ones: it comes out ascending.
    transpose(indptr, indices, given, cursor, both, both_weights)
    source, target, values = _kept(upper, source, indices, weights)
    place_arcs(source, target, NO_WEIGHTS if values is None else values, cursor, both, both_weights)
    return full, both, None if weights is None else both_weights
