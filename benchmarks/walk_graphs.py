"""The graphs that personalised PageRank is measured on: fast and slow to mix, directed and not."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable

import numpy as np
import polars as pl
import scipy.io
import scipy.sparse
import zstandard

from benchmarks.debian import debian_graph
from benchmarks.labelled_graphs import dblp_graph, shared
from benchmarks.rmat import rmat
from graph.csr import CSRGraph


def wiki_vote() -> CSRGraph | None:
    """Who voted on whom, directed (SNAP wiki-Vote)."""
    if (path := shared("graphs/wiki-Vote.txt.gz")) is None:
        return None
    arcs = np.loadtxt(io.BytesIO(gzip.decompress(path.read_bytes())), dtype=np.int64)
    rows, ends = np.unique(arcs, return_inverse=True)
    src, dst = ends.reshape(arcs.shape).T
    return CSRGraph.from_edges(src, dst, n_nodes=rows.size, duplicates="first")


def cit_hepth() -> CSRGraph | None:
    """Which paper cites which, directed (SNAP cit-HepTh)."""
    if (path := shared("graphs/cit-hepth.mat")) is None:
        return None
    matrix = scipy.sparse.coo_matrix(scipy.io.loadmat(path)["Problem"]["A"][0, 0])
    return CSRGraph.from_edges(matrix.row, matrix.col, n_nodes=matrix.shape[0], duplicates="first")


def wordnet() -> CSRGraph | None:
    """Relations between meanings of words, undirected."""
    if (path := shared("wordnet/edges.tsv.zst")) is None:
        return None
    arcs = pl.read_csv(zstandard.ZstdDecompressor().stream_reader(path.open("rb")).read(), separator="\t")
    rows, ends = np.unique(np.concatenate([arcs["src"].to_numpy(), arcs["dst"].to_numpy()]), return_inverse=True)
    src, dst = ends.reshape(2, -1)
    return CSRGraph.from_edges(src, dst, n_nodes=rows.size, directed=False, duplicates="first", self_loops="drop")


GRAPHS: dict[str, Callable[[], CSRGraph | None]] = {
    "wiki-Vote": wiki_vote,
    "R-MAT 17": lambda: rmat(17),
    "R-MAT 20": lambda: rmat(20),
    "Debian": lambda: debian_graph("directed"),
    "Debian undirected": lambda: debian_graph("undirected"),
    "cit-HepTh": cit_hepth,
    "DBLP": dblp_graph,
    "WordNet": wordnet,
}
