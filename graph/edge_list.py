"""Any supported file, URL or graph object to a `CSRGraph`.

``read_graph`` is what everything else calls. Text and tables are numbered by their ids (`graph.readers`), matrices
by their rows; either way the graph's ``report`` says what was dropped, merged and decided.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from foundation.errors import InvalidInput, InvalidParams
from graph.csr import CSRGraph
from graph.ingest.memory import SMALL, read_in_chunks
from graph.interchange import square
from graph.readers.edges import Edges
from graph.readers.estimates import estimate_edges as estimate_edges
from graph.readers.formats import MATRICES, format_of
from graph.readers.formats import is_table as is_table
from graph.readers.matrices import read_matrix
from graph.readers.params import ReadParams as ReadParams
from graph.readers.pieces import open_text
from graph.readers.tables import check_parquet, check_parquet_params, read_parquet
from graph.readers.text import read_text

if TYPE_CHECKING:
    import networkx as nx
    import scipy.sparse

_PLAIN = ReadParams()


def read_graph(
    source: str | Path | nx.Graph[Any] | scipy.sparse.sparray | scipy.sparse.spmatrix,
    params: ReadParams = _PLAIN,
    *,
    n_threads: int = 1,
) -> CSRGraph:
    """Read a graph.

    Parameters
    ----------
    source
        A path, an fsspec URL (anything with ``://``), a NetworkX graph or a SciPy sparse matrix. Files may be
        compressed with gzip, zstd or bzip2.
    params
        How to read it. NetworkX graphs take ``weight`` (an edge attribute, "weight" by default), matrices and
        graphs take ``weighted``, ``directed``, ``duplicates`` and ``self_loops``; what else is set is refused.
    n_threads
        Threads that read integers from a text of more than 4 MB, or a compressed one; no byte of the graph depends
        on them.

    Returns
    -------
    CSRGraph
        Rows are the sorted ids: integers when every id of a text file is an int64, else strings sorted by their
        UTF-8 bytes; rows of the matrix for matrices. The order of the lines does not matter, but to
        ``duplicates = "first"`` and "keep". The ids of a line that is rejected, or whose type is dropped, make no
        nodes; those of an edge that weighs 0 do.

    Raises
    ------
    InvalidInput
        For a source that cannot be read: it names the file, the line where there is one, and what to do.
    InvalidParams
        For params that mean nothing for this source.
    """
    import scipy.sparse

    if isinstance(source, str | Path):
        name, format = str(source), format_of(source, params.format)
        check_params(source, params)
        if format in MATRICES:
            matrix = read_matrix(source, format)
            with _source_named(name):
                return _graph_of_matrix(matrix, params)
        if format == "parquet":
            return _graph_of_edges(read_parquet(source, params), params, name)
        text = open_text(source, replace(params, format=format))
        if text.integers and (text.n_bytes is None or text.n_bytes > SMALL):
            return read_in_chunks(text, n_threads)
        return _graph_of_edges(read_text(text), params, name)
    if scipy.sparse.issparse(source):
        _refuse_table_params(params, "a sparse matrix")
        return _graph_of_matrix(source, params)
    if hasattr(source, "is_multigraph"):
        return _graph_of_networkx(source, params)
    allowed = "a path, a URL, a NetworkX graph or a SciPy sparse matrix"
    raise InvalidParams(name="source", value=type(source).__name__, allowed=allowed)


def check_edges(source: str | Path, params: ReadParams) -> None:
    """Look at where a file begins, and refuse columns it has not; matrices, which are read whole, are not opened.

    Raises
    ------
    InvalidInput, InvalidParams
        As `read_graph`.
    """
    check_params(source, params)
    format = format_of(source, params.format)
    if format == "parquet":
        check_parquet(source, params)
    elif format not in MATRICES:
        open_text(source, replace(params, format=format))


def check_params(source: str | Path, params: ReadParams) -> None:
    """Refuse what a file of this name has no use for.

    Raises
    ------
    InvalidInput
        For a format that is not read.
    InvalidParams
    """
    format = format_of(source, params.format)
    if format in MATRICES:
        _refuse_table_params(params, f"format {format}", "format")
    if format == "parquet":
        check_parquet_params(params)


def _graph_of_edges(edges: Edges, params: ReadParams, name: str) -> CSRGraph:
    try:
        graph = CSRGraph.from_edges(
            edges.src,
            edges.dst,
            edges.weights,
            node_ids=edges.node_ids,
            directed=params.directed,
            duplicates=params.duplicates,
            self_loops=params.self_loops,
        )
    except InvalidInput as error:
        edge = _forbidden_edge(edges, params)
        place = None if edge is None else edges.place_of(edge)
        what, line = (error.what, place) if not isinstance(place, str) else (f"{place}: {error.what}", None)
        raise InvalidInput(source=name, what=what, fix=error.fix, line=line) from error
    report = replace(
        graph.report,
        n_lines=edges.n_lines,
        n_rejected=edges.n_rejected,
        n_dropped_types=edges.n_dropped_types,
        type_counts=edges.type_counts,
        notes=edges.notes,
    )
    return replace(graph, report=report, check=False)


def _forbidden_edge(edges: Edges, params: ReadParams) -> int | None:
    """Position of the edge that a policy of "error" objects to: the one `CSRGraph.from_edges` names."""
    src, dst = edges.src, edges.dst
    alive = np.flatnonzero(edges.weights) if edges.weights is not None else np.arange(src.size)
    loops = alive[src[alive] == dst[alive]]
    if params.self_loops == "error" and loops.size:
        return int(loops[0])
    if params.self_loops == "drop":
        alive = alive[src[alive] != dst[alive]]
    if params.duplicates != "error":
        return None
    src, dst = src[alive], dst[alive]
    if not params.directed:
        src, dst = np.minimum(src, dst), np.maximum(src, dst)
    order = np.lexsort((dst, src))
    repeats = (src[order][1:] == src[order][:-1]) & (dst[order][1:] == dst[order][:-1])
    return int(alive[order[1:][repeats][0]]) if repeats.any() else None


def _graph_of_matrix(matrix: scipy.sparse.sparray | scipy.sparse.spmatrix, params: ReadParams) -> CSRGraph:
    """Undirected, a symmetric matrix gives each edge once; any other is read like a list of edges."""
    import scipy.sparse

    coo = square(matrix)
    if not params.weighted:
        coo = scipy.sparse.coo_array((np.ones(coo.nnz, dtype=np.float32), coo.coords), shape=coo.shape)
    notes: tuple[str, ...] = ()
    if not params.directed:
        symmetric = (coo != coo.T).nnz == 0
        coo = scipy.sparse.coo_array(scipy.sparse.triu(coo)) if symmetric else coo
        notes = ("the matrix is symmetric: each edge is read once" if symmetric else "the matrix is not symmetric",)
    src, dst = coo.coords
    graph = CSRGraph.from_edges(
        src,
        dst,
        None if np.all(coo.data == 1) else coo.data,
        n_nodes=coo.shape[0],
        directed=params.directed,
        duplicates=params.duplicates,
        self_loops=params.self_loops,
    )
    return replace(graph, report=replace(graph.report, notes=(*notes, "ids are the rows of the matrix")), check=False)


def _graph_of_networkx(graph: nx.Graph[Any], params: ReadParams) -> CSRGraph:
    _refuse_table_params(params, "a NetworkX graph", "weight")
    if isinstance(params.weight, int):
        raise InvalidParams(name="weight", value=params.weight, allowed="the name of an edge attribute")
    return CSRGraph.from_networkx(
        graph,
        weight=(params.weight or "weight") if params.weighted else None,
        directed=None if params.directed else False,
        duplicates=params.duplicates,
        self_loops=params.self_loops,
    )


def _refuse_table_params(params: ReadParams, what: str, *allowed: str) -> None:
    """Nothing that is set may go unheard."""
    of_tables = {"format", "src", "dst", "weight", "type", "type_weights", "header", "delimiter", "comment", "on_error"}
    for name in sorted(of_tables - set(allowed)):
        if (value := getattr(params, name)) != getattr(_PLAIN, name):
            raise InvalidParams(name=name, value=value, allowed=f"its default for {what}, which has no use for it")


@contextmanager
def _source_named(name: str) -> Iterator[None]:
    """Errors about arrays become errors about the file they were read from."""
    try:
        yield
    except InvalidInput as error:
        raise InvalidInput(source=name, what=error.what, fix=error.fix) from error
