"""Reading edge lists: a whole graph beside readers that stop at a table of numbers.

Run: python benchmarks/bench_ingest.py [millions of edges]

A graph is more than its columns: ids are numbered, rows sorted, duplicates merged. `polars.read_csv` and
`numpy.loadtxt` give columns only, `networkx.read_edgelist` a graph of Python objects; the last two get a slice and
are compared by rate. NetworkX must find as many nodes and distinct edges in the slice as we do.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import networkx as nx
import numpy as np
import polars as pl

from benchmarks.bench import median_seconds, print_table
from graph.csr import CSRGraph
from graph.edge_list import ReadParams, estimate_edges, read_graph

N_SLICE = 50_000
DEBIAN = Path(__file__).parents[1] / "data" / "debian" / "dependencies.tsv.zst"


def write_files(folder: Path, n_edges: int) -> dict[str, Path]:
    """Skewed random edges over a tenth as many nodes: as rows, as far-apart integers, as names."""
    rng = np.random.default_rng(0)
    n_nodes = n_edges // 10
    src = (n_nodes * rng.random(n_edges) ** 2).astype(np.int64)
    dst = rng.integers(0, n_nodes, n_edges)
    frames = {
        "rows": pl.DataFrame({"src": src, "dst": dst}),
        "integers": pl.DataFrame({"src": src * 7919 + 10**9, "dst": dst * 7919 + 10**9}),
    }
    frames["names"] = frames["rows"].select(pl.format("package-{}", pl.col("src", "dst")))
    paths = {}
    for name, frame in frames.items():
        paths[name] = folder / f"{name}.tsv"
        frame.write_csv(paths[name], separator="\t", include_header=False)
    return paths


def head_of(path: Path, n_lines: int) -> Path:
    cut = path.with_suffix(".head")
    with path.open() as lines:
        cut.write_text("".join(itertools.islice(lines, n_lines)))
    return cut


def row(
    file: str, reader: str, gives: str, n_edges: int, run: Callable[[], object], ours: float | None = None
) -> tuple[dict[str, object], float]:
    """A line of the table and its rate; ``ours`` is the rate to compare with."""
    run()  # compiled, and the file in the page cache
    rate = n_edges / median_seconds(run, 3) / 1e6
    cpu = median_seconds(run, 3, time.process_time) / n_edges * 1e6
    return {
        "file": file,
        "reader": reader,
        "gives": gives,
        "edges": n_edges,
        "M edges/s": rate,
        "CPU s/M edges": cpu,
        "ours / theirs": "" if ours is None else f"{ours / rate:.3g}",
    }, rate


def main() -> None:
    n_edges = int(float(sys.argv[1]) * 1e6) if len(sys.argv) > 1 else 2_000_000
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, path in write_files(Path(folder), n_edges).items():
            kind: type = str if name == "names" else int
            cut = head_of(path, N_SLICE)

            def graph(path: Path = path) -> CSRGraph:
                return read_graph(path)

            def columns(path: Path = path) -> object:
                return pl.read_csv(path, has_header=False, separator="\t", comment_prefix="#")

            def networkx_graph(cut: Path = cut, kind: type = kind) -> nx.DiGraph:
                return nx.read_edgelist(cut, create_using=nx.DiGraph, nodetype=kind, delimiter="\t")

            def table(cut: Path = cut) -> object:
                return np.loadtxt(cut, dtype=np.int64)

            line, rate = row(name, "purlieu read_graph", "graph", n_edges, graph)
            rows.append(line)
            rows.append(row(name, "polars.read_csv", "columns", n_edges, columns, rate)[0])
            rows.append(row(name, "networkx.read_edgelist", "graph", N_SLICE, networkx_graph, rate)[0])
            if kind is int:
                rows.append(row(name, "numpy.loadtxt", "columns", N_SLICE, table, rate)[0])
            theirs, mine = networkx_graph(), graph(cut)
            assert (theirs.number_of_nodes(), theirs.number_of_edges()) == (mine.n_nodes, mine.n_edges)
            estimated = estimate_edges(path, ReadParams())
            print(f"{name}: {path.stat().st_size / 1e6:.0f} MB; estimated lines and nodes {estimated}")
        if DEBIAN.exists():

            def debian() -> CSRGraph:
                return read_graph(DEBIAN, ReadParams(type_weights=(("*", 1.0),)))

            rows.append(row("debian", "purlieu read_graph", "graph", debian().report.n_lines, debian)[0])
    print_table(rows)


if __name__ == "__main__":
    main()
