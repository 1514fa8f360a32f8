"""What a PowerWalk query over the Debian archive costs, as it is configured and by a push alone.

Run: python -m benchmarks.bench_powerwalk_debian [--debian STORE]

The index is built first, as `make demo` does, unless a store with it is named. Precision counts ties; quality is over
200 random packages that reach a hundred others, drawn independently of those the build measured on. Milliseconds a
query for the best 10, median of five rounds: alone and a pair of seeds, CPU of one thread; in batches of 64 on one
thread and on two, by the clock; and an Engine's, alone and in batches, ids and fields of packages included.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from artifacts.artifact import Artifact
from artifacts.powerwalk import KIND, READABLE, open_powerwalk
from artifacts.publish import artifact_path, read_release
from artifacts.store import Store
from benchmarks.bench import print_table
from benchmarks.bench_powerwalk import Sources, random_sources
from flows.run import run_build
from flows.settings import read_config
from graph.powerwalk import PowerWalkIndex, QueryParams
from graph.powerwalk.measure import goodness
from serving.engine import Engine

ROOT = Path(__file__).resolve().parents[1]
N_TRUE, N_ASKED, BATCH, BEST, K, ROUNDS = 200, 256, 64, 100, 10, 5
PUSH = QueryParams(rmax=1.5e-6)  # a push alone that found .98 on the sources a build holds out


def main(*arguments: str) -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--debian", type=Path, metavar="STORE", help="a store with the Debian index; else it is built")
    options = parser.parse_args(arguments or None)
    with tempfile.TemporaryDirectory(prefix="bench-powerwalk-") as place:
        store = Store.open(options.debian) if options.debian else _built(Path(place, "debian"))
        release = read_release(store, "debian")
        path = artifact_path(store, release, "powerwalk")
        index = open_powerwalk(path, artifact_path(store, release, "graph.undirected"))
        push = PowerWalkIndex(index.graph, index.params, layout=index.layout, background=True, effort=PUSH)
        sources = random_sources(index.graph, N_TRUE)
        print_table([_row("as configured", index, sources), _row("a push alone", push, sources)])
        kept = Artifact.open(path, KIND, READABLE).manifest
        print(f"kept: {kept.measured['kept']}, {sum(file.stat().st_size for file in path.iterdir()) / 1e6:.1f} MB")
        _print_engine(Engine.open(store, "debian"), sources)


def _built(place: Path) -> Store:
    """The Debian index on two workers."""
    store = Store.create(place)
    built = run_build(read_config(ROOT / "config" / "debian.toml", ("runtime.workers=2",)), store)
    seconds = {stage.name: stage.seconds for stage in built.stages}
    print(f"built in {sum(seconds.values()):.1f} s of stages, powerwalk {seconds['powerwalk']:.1f} s")
    return store


def _row(name: str, index: PowerWalkIndex, sources: Sources) -> dict[str, object]:
    true = [{source: 1.0} for source in sources.nodes[: len(sources.truth)]]
    ranking, whole = index.query(true, BEST), index.vectors(true)
    quality = [goodness(rank, nodes) for rank, nodes in zip(sources.truth, ranking.nodes, strict=True)]
    seeds = [{source: 1.0} for source in sources.nodes[:N_ASKED]]
    pairs = [{one: 1.0, other: 1.0} for one, other in zip(sources.nodes, sources.nodes[1:N_ASKED], strict=False)]
    batches = [seeds[first : first + BATCH] for first in range(0, len(seeds), BATCH)]

    def alone(queries: Sequence[dict[int, float]]) -> Callable[[], object]:
        return lambda: [index.query([query], K) for query in queries]

    def together(n_threads: int) -> Callable[[], object]:
        return lambda: [index.query(batch, K, n_threads=n_threads) for batch in batches]

    return {
        "index": name,
        "p@50": f"{np.mean([precision for precision, _ in quality]):.4f}",
        "RAG@100": f"{np.mean([rag for _, rag in quality]):.5f}",
        "L1": f"{np.abs(whole.scores - np.stack(sources.truth)).sum(axis=1).mean():.3f}",
        "bound": f"{ranking.error_bound.mean():.3f}",
        "alone": _milliseconds(alone(seeds), len(seeds), time.thread_time),
        "pair": _milliseconds(alone(pairs), len(pairs), time.thread_time),
        "batch": _milliseconds(together(1), len(seeds), time.perf_counter),
        "batch, 2 threads": _milliseconds(together(2), len(seeds), time.perf_counter),
    }


def _print_engine(engine: Engine, sources: Sources) -> None:
    queries = [{engine.node_ids[source]: 1.0} for source in sources.nodes[:N_ASKED]]
    alone = _milliseconds(lambda: [engine.ppr([query], k=K) for query in queries], len(queries), time.process_time)
    batch = _milliseconds(
        lambda: [engine.ppr(queries[first : first + BATCH], k=K) for first in range(0, len(queries), BATCH)],
        len(queries),
        time.process_time,
    )
    print(
        f"an Engine's CPU milliseconds a query, ids and fields included: {alone} alone, {batch} in batches of {BATCH}"
    )


def _milliseconds(ask: Callable[[], object], n_queries: int, clock: Callable[[], float]) -> str:
    """A query's share of the median round, the first one left out."""
    ask()
    seconds = []
    for _ in range(ROUNDS):
        start = clock()
        ask()
        seconds.append(clock() - start)
    return f"{1e3 * statistics.median(seconds) / n_queries:.4f}"


if __name__ == "__main__":
    main()
