"""``purlieu walks``: random walks over a file of edges, for whoever trains an embedding on them."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graph.csr import CSRGraph


def add_parsers(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command's words."""
    sub = commands.add_parser(
        "walks",
        parents=[common],
        help="write random walks over a graph as one .npy file",
        description="Read GRAPH (any format that [graph] of a config reads) and write random walks from every node, "
        "DeepWalk's or node2vec's, as an int32 array of node rows; -1 follows a node that cannot be left.",
    )
    sub.add_argument("graph", metavar="GRAPH", help="file or URL of edges")
    sub.add_argument("--out", required=True, metavar="FILE.npy", help="where the walks go")
    sub.add_argument("--ids", metavar="FILE", help="also write the id of every row, one a line")
    sub.add_argument("--walks-per-node", type=int, default=10, metavar="N", help="walks from every node (default 10)")
    sub.add_argument("--walk-length", type=int, default=80, metavar="N", help="nodes of a walk (default 80)")
    sub.add_argument("--p", type=float, default=1.0, metavar="P", help="node2vec's return parameter (default 1)")
    sub.add_argument("--q", type=float, default=1.0, metavar="Q", help="node2vec's in-out parameter (default 1)")
    sub.add_argument("--seed", type=int, default=0, metavar="N", help="of the walks (default 0)")
    sub.add_argument("--undirected", action="store_true", help="walk edges both ways")
    sub.add_argument("--unweighted", action="store_true", help="read every edge as 1")
    sub.add_argument("--threads", type=int, default=0, metavar="N", help="threads (default one a core)")
    sub.set_defaults(run=run)


def run(args: argparse.Namespace) -> dict[str, Any] | None:
    """Read, walk, write."""
    from artifacts.disk import explained
    from foundation.errors import InvalidParams
    from graph.edge_list import ReadParams, read_graph
    from graph.random_walks import RandomWalkParams, write_walks

    params = RandomWalkParams(
        walks_per_node=args.walks_per_node, walk_length=args.walk_length, p=args.p, q=args.q, seed=args.seed
    )
    if args.threads < 0:
        raise InvalidParams(name="--threads", value=args.threads, allowed="1 or more, or 0 for one a core")
    n_threads = args.threads or os.cpu_count() or 1
    for name in ("out", "ids"):
        path = getattr(args, name)
        if path is not None and (Path(path).is_dir() or not Path(path).absolute().parent.is_dir()):
            raise InvalidParams(name=f"--{name}", value=path, allowed="a file in a directory that exists")
    graph = read_graph(
        args.graph, ReadParams(directed=not args.undirected, weighted=not args.unweighted), n_threads=n_threads
    )
    with explained(Path(args.out)):
        shape = write_walks(args.out, graph, params, n_threads)
    if args.ids is not None:
        with explained(Path(args.ids)):
            _write_ids(Path(args.ids), graph)
    if args.json:
        return {
            "out": args.out,
            "walks": shape[0],
            "walk_length": shape[1],
            "nodes": graph.n_nodes,
            "arcs": graph.n_edges,
        }
    print(
        f"wrote {shape[0]:,} walks of {shape[1]} over {graph.n_nodes:,} nodes and {graph.n_edges:,} arcs to {args.out}"
    )
    return None


def _write_ids(path: Path, graph: CSRGraph) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{graph.node_ids[row]}\n" for row in range(graph.n_nodes))
