"""Reading edge lists: a whole graph beside other libraries' readers, all of the same file and with two threads.

Run: PURLIEU_PEERS=/path/to/python python -m benchmarks.bench_ingest [millions of edges]

``PURLIEU_PEERS`` is an interpreter that has networkit (and networkx and polars) installed; without it the row of
NetworKit is left out. Every reader runs in a process of its own and times itself, once before what counts. A graph is
more than its columns: ids are numbered, rows sorted, duplicates merged; `polars.read_csv` gives columns only, NetworKit
merges and sorts nothing, and NetworkX, which makes Python objects, gets a slice and is compared by rate. NetworkX must
find as many nodes and distinct edges in the slice as we do.
"""

from __future__ import annotations

import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from artifacts.store import Store
from benchmarks.bench import print_table
from flows.run import run_build
from flows.settings import read_config
from graph.edge_list import ReadParams, read_graph

N_SLICE = 100_000
REPEATS = 3
N_THREADS = 2
ROOT = Path(__file__).parents[1]
DEBIAN = ROOT / "data" / "debian" / "dependencies.tsv.zst"
TARGETS = {"networkit": 3.0, "networkx": 20.0, "polars": 1 / 2.5}


def write_files(folder: Path, n_edges: int) -> dict[str, Path]:
    """Skewed random edges over a tenth as many nodes: as rows, as far-apart integers, as names."""
    rng = np.random.default_rng(0)
    n_nodes = max(10, n_edges // 10)
    names = ("rows", "integers", "names")
    paths = {name: folder / f"{name}.tsv" for name in names}
    for path in paths.values():
        path.unlink(missing_ok=True)
    for start in range(0, n_edges, 5_000_000):
        n = min(5_000_000, n_edges - start)
        src, dst = (n_nodes * rng.random(n) ** 2).astype(np.int64), rng.integers(0, n_nodes, n)
        rows = pl.DataFrame({"src": src, "dst": dst})
        spread = pl.DataFrame({"src": src * 7919 + 10**9, "dst": dst * 7919 + 10**9})
        named = rows.select(pl.format("package-{}", pl.col("src", "dst")))
        for name, frame in zip(names, (rows, spread, named), strict=True):
            with paths[name].open("ab") as file:
                frame.write_csv(file, separator="\t", include_header=False)
    return paths


def head_of(path: Path, n_lines: int) -> Path:
    cut = path.parent / "head" / path.name
    cut.parent.mkdir(exist_ok=True)
    with path.open() as lines:
        cut.write_text("".join(itertools.islice(lines, n_lines)))
    return cut


def timed(run: Callable[[], tuple[int, int]]) -> dict[str, Any]:
    """As `benchmarks.peer_ingest` tells it, in this process."""
    seconds, cpu_seconds, found = [], [], run()
    for _ in range(REPEATS):
        begun, cpu_begun = time.perf_counter(), time.process_time()
        found = run()
        seconds.append(time.perf_counter() - begun)
        cpu_seconds.append(time.process_time() - cpu_begun)
    return {"version": "", "seconds": seconds, "cpu_seconds": cpu_seconds, "found": list(found)}


def of_ours(path: Path) -> tuple[int, int]:
    graph = read_graph(path, n_threads=N_THREADS)
    return graph.n_nodes, graph.n_edges


def of_stage(path: Path) -> tuple[int, int]:
    """The whole stage, from text to a published artifact, in chunks over two workers."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        config = Path(folder) / "ingest.toml"
        config.write_text(f'name = "ingest"\n[graph]\nsource = "{path}"\n[runtime]\nworkers = {N_THREADS}\n')
        store = Store.create(Path(folder) / "store")
        run_build(read_config(config), store)
        (name,) = (artifact.name for artifact in store.objects.iterdir())
        stats = store.manifest(name).stats
        return int(stats["n_nodes"]), int(stats["n_edges"])


def of_peer(name: str, path: Path) -> dict[str, Any]:
    """A peer's own figures; the error's last line under "missing" when it cannot run."""
    python = os.environ.get("PURLIEU_PEERS", sys.executable)
    limits = {"POLARS_MAX_THREADS": str(N_THREADS), "OMP_NUM_THREADS": str(N_THREADS)}
    command = [python, str(Path(__file__).with_name("peer_ingest.py")), name, str(path), str(REPEATS + 1)]
    run = subprocess.run(command, capture_output=True, text=True, env=os.environ | limits, check=False)
    if run.returncode:
        return {"missing": run.stderr.strip().splitlines()[-1]}
    document: dict[str, Any] = json.loads(run.stdout)
    return document | {"seconds": document["seconds"][1:], "cpu_seconds": document["cpu_seconds"][1:]}


def row(file: str, reader: str, gives: str, n_edges: int, figures: dict[str, Any], ours: float) -> dict[str, object]:
    """A line of the table; ``ours`` is the rate to compare with, 0 for our own."""
    rate = n_edges / statistics.median(figures["seconds"]) / 1e6
    target = TARGETS.get(reader)
    return {
        "file": file,
        "reader": f"{reader} {figures['version']}".strip(),
        "gives": gives,
        "edges": n_edges,
        "M edges/s": rate,
        "CPU s/M edges": statistics.median(figures["cpu_seconds"]) / n_edges * 1e6,
        "ours / theirs": f"{ours / rate:.3g}" if ours else "",
        "target": f"{target:.3g}" if ours and target else "",
    }


def rows_of(name: str, path: Path, n_edges: int) -> list[dict[str, object]]:
    """Every reader of one file."""
    figures = timed(lambda: of_ours(path))
    ours = n_edges / statistics.median(figures["seconds"]) / 1e6
    rows = [row(name, "purlieu read_graph", "graph", n_edges, figures, 0.0)]
    staged = timed(lambda: of_stage(path))
    assert staged["found"] == figures["found"]
    rows.append(row(name, "purlieu stage", "artifact", n_edges, staged, 0.0))
    peers = ["polars", *(["networkit", "networkx"] if name != "names" else [])]
    for peer in peers:
        n, source = (min(N_SLICE, n_edges), head_of(path, N_SLICE)) if peer == "networkx" else (n_edges, path)
        found = of_peer(peer, source)
        if "missing" in found:
            print(f"{name}: no row of {peer}: {found['missing']}; set PURLIEU_PEERS to a python that has it")
            continue
        if peer == "networkx":
            assert tuple(found["found"]) == of_ours(source)
        rows.append(row(name, peer, "columns" if peer == "polars" else "graph", n, found, ours))
    return rows


def main() -> None:
    n_edges = int(float(sys.argv[1]) * 1e6) if len(sys.argv) > 1 else 5_000_000
    rows: list[dict[str, object]] = []
    busy = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        for name, path in write_files(Path(folder), n_edges).items():
            rows += rows_of(name, path, n_edges)
            print_table(rows)
    if DEBIAN.exists():
        params = ReadParams(type_weights=(("*", 1.0),))
        n_lines = read_graph(DEBIAN, params).report.n_lines

        def debian() -> tuple[int, int]:
            graph = read_graph(DEBIAN, params, n_threads=N_THREADS)
            return graph.n_nodes, graph.n_edges

        rows.append(row("debian", "purlieu read_graph", "graph", n_lines, timed(debian), 0.0))
    print_table(rows)
    print(f"load when it began: {busy:.1f}")


if __name__ == "__main__":
    main()
