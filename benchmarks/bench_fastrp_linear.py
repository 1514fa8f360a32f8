"""FastRP's time per arc and memory from R-MAT 16 to 22, each graph in a fresh process.

Run: python -m benchmarks.bench_fastrp_linear [--scales 16 … 22] [--repeats 3] [--plot docs/img/fastrp_linear.png]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.bench import print_table
from benchmarks.bench_fastrp import medians, run, save
from benchmarks.fastrp_peers import DIM
from benchmarks.rmat import rmat


def measured(scale: int, repeats: int, folder: Path) -> dict[str, Any]:
    graph = rmat(scale)
    save(graph, folder)
    n_nodes, n_arcs = graph.n_nodes, graph.n_edges
    del graph
    found = medians([run("float16", folder, 2) for _ in range(repeats)])
    held = (8 * n_nodes + 4 * n_arcs) / 2**20
    panel = 4 * DIM * n_nodes / 2**20
    return {
        "scale": scale,
        "nodes": n_nodes,
        "arcs": n_arcs,
        "wall s": found["wall"],
        "CPU s": found["user"] + found["system"],
        "wall ns an arc": found["wall"] / n_arcs * 1e9,
        "user ns an arc": found["user"] / n_arcs * 1e9,
        "peak MiB": found["peak_mib"],
        "CSR + 3 float32 blocks MiB": held + 3 * panel,
    }


def plot(rows: list[dict[str, Any]], path: Path) -> None:
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    arcs = [row["arcs"] for row in rows]
    left.loglog(arcs, [row["wall s"] for row in rows], "o-", label="wall, two threads")
    left.loglog(arcs, [row["CPU s"] for row in rows], "s--", label="CPU")
    left.set(xlabel="stored arcs", ylabel="seconds", title="time grows with the arcs")
    right.loglog(arcs, [row["peak MiB"] for row in rows], "o-", label="peak of the process")
    right.loglog(arcs, [row["CSR + 3 float32 blocks MiB"] for row in rows], "k:", label="CSR + 3 float32 blocks")
    right.set(xlabel="stored arcs", ylabel="MiB", title="memory")
    for axes in (left, right):
        axes.legend(frameon=False)
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)


def main(*arguments: str) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--scales", type=int, nargs="*", default=list(range(16, 23)))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--plot", type=Path)
    asked = parser.parse_args(arguments)
    rows = []
    for scale in asked.scales:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(measured(scale, asked.repeats, Path(folder) / "graph"))
    print_table(rows)
    if asked.plot is not None:
        plot(rows, asked.plot)


if __name__ == "__main__":
    main(*sys.argv[1:])
