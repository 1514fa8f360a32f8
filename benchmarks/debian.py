"""The Debian archive's dependency graph, as the benchmarks read it."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from foundation.ids import StringIds
from graph.csr import CSRGraph

ROOT = Path(__file__).parents[1]
# Packages that cannot be installed together (Breaks, Conflicts) are not near: their lines give nodes, no arcs.
WEIGHTS = {"Pre-Depends": 1.0, "Depends": 1.0, "Recommends": 0.5, "Suggests": 0.25, "Enhances": 0.25}


def debian_graph(orientation: str = "directed") -> CSRGraph:
    """Package → what it needs; "reverse" turns the arcs round, "undirected" stores both. Node ids are package names."""
    folders = [ROOT / "data", *(above / "shared" / "data" for above in ROOT.parents[:2])]
    path = next(file for folder in folders if (file := folder / "debian" / "dependencies.tsv.zst").exists())
    arcs = pl.read_csv(path, separator="\t", quote_char=None)
    names = sorted(set(arcs["src"]) | set(arcs["dst"]), key=str.encode)
    row = {name: i for i, name in enumerate(names)}
    arcs = arcs.filter(pl.col("type").is_in(list(WEIGHTS)))
    ends = [arcs[column].replace_strict(row).to_numpy() for column in ("src", "dst")]
    weights = arcs["type"].replace_strict(WEIGHTS).to_numpy()
    return CSRGraph.from_edges(
        *(reversed(ends) if orientation == "reverse" else ends),
        weights,
        node_ids=StringIds.from_sorted(names),
        directed=orientation != "undirected",
    )
