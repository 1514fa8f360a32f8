"""Throughput and latency of every endpoint under load: one worker and two, with and without micro-batching.

Run: python -m benchmarks.bench_serving [--index debian rmat] [--debian STORE] [--rmat STORE] [--scale 17]
         [--questions similar ppr] [--seconds 4] [--connections 1 8 64] [--markdown] [--json]

The Debian index is built first, as `make demo` does, unless a store with it is named; then the index of an R-MAT graph
(`--scale 20` for one of a million nodes), which `--rmat` keeps for the next run. The load comes from wrk, in a process
of its own over loopback, so on a machine of two cores it takes from the server what it uses itself. Nothing is answered
from the cache, except where the table says so. `failed` counts answers other than 200; what they answer is held to be
right by the tests, and how good it is was measured by the build: the line before each table.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from artifacts.store import Store
from benchmarks.bench import print_table
from benchmarks.load import Load, ask, has_wrk, served
from benchmarks.rmat import rmat_file
from benchmarks.serving_questions import questions_for
from flows.run import run_build
from flows.settings import read_config
from serving.engine import Engine

ROOT = Path(__file__).parents[1]
INDEXES = ("debian", "rmat")
BATCHED = ("similar", "ppr", "search")  # what is asked together where several wait
MANY = 64
UNCACHED = ("--cache", "0")
Row = dict[str, object]
RMAT = """
name = "rmat"

[graph]
source = "rmat-{scale}.parquet"
directed = false
duplicates = "first"
self_loops = "drop"

[fastrp]
dim = 128

[powerwalk]
n_walks = 20

[communities]
num_perm = 64

[labels]
method = "leiden"
resolution = 30.0

[ann.nodes]
metric = "cosine"
recall = 0.9

[runtime]
workers = 2
"""


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Ask a server as many questions as it answers.")
    parser.add_argument("--debian", type=Path, metavar="STORE", help="a store with the Debian index; else it is built")
    parser.add_argument("--rmat", type=Path, metavar="STORE", help="where the R-MAT index is, or is to be kept")
    parser.add_argument("--index", nargs="+", choices=INDEXES, default=INDEXES)
    parser.add_argument("--questions", nargs="+", help="only these; by default all")
    parser.add_argument("--scale", type=int, default=17, help="of the R-MAT graph (default 17)")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8, MANY])
    parser.add_argument("--markdown", action="store_true", help="print the table of the documentation too")
    parser.add_argument("--json", action="store_true", help="print the rows as JSON too")
    args = parser.parse_args(words)
    if not has_wrk():
        print("wrk is not installed (Debian: apt-get install wrk); nothing is measured")
        return
    rows: list[Row] = []
    with TemporaryDirectory() as place:
        for index in args.index:
            name = "Debian" if index == "debian" else f"R-MAT {args.scale}"
            begun = time.perf_counter()
            store = (
                _debian(Path(place), args.debian) if index == "debian" else _rmat(Path(place), args.rmat, args.scale)
            )
            print(f"{name}: {_described(store, index)}; built or found in {time.perf_counter() - begun:.0f} s")
            found = _measured(store, index, args.questions, args.connections, args.seconds)
            print_table(found)
            if args.markdown:
                print(f"\n{markdown(found)}")
            print(flush=True)
            rows += [{"index": name, **row} for row in found]
    if args.json:
        print(json.dumps(rows))


def _debian(place: Path, store: Path | None) -> Path:
    return store or _built(place / "debian", ROOT / "config" / "debian.toml")


def _rmat(place: Path, store: Path | None, scale: int) -> Path:
    rmat_file(place, scale)
    config = place / "rmat.toml"
    config.write_text(RMAT.format(scale=scale))
    return _built(store or place / "rmat", config)


def _built(store: Path, config: Path) -> Path:
    run_build(read_config(config, ("runtime.workers=2",)), Store.create(store))
    return store


def _described(store: Path, index: str) -> str:
    """Sizes, and the quality that the build measured."""
    engine = Engine.open(store, index)
    manifests = {stage: Store.open(store).manifest(name) for stage, name in engine.release.stages.items()}
    sizes = [
        f"{count:,} {name[2:]}" for name, count in manifests["graph"].stats.items() if name in ("n_nodes", "n_edges")
    ]
    measured = [
        f"{stage} {name} {value:.3f}"
        for stage in ("ann.nodes", "powerwalk", "retriever")
        if stage in manifests
        for name, value in manifests[stage].measured.items()
        if isinstance(value, float)
    ]
    return ", ".join((*sizes, *measured))


def _measured(
    store: Path, index: str, only: Sequence[str] | None, connections: Sequence[int], seconds: float
) -> list[Row]:
    """Everything of one index: alone, by two workers, without batches, and from the cache."""
    questions = questions_for(Engine.open(store, index))
    questions = {name: bodies for name, bodies in questions.items() if only is None or name in only}
    batched = {name: bodies for name, bodies in questions.items() if name in BATCHED}
    few = {name: bodies[:1] for name, bodies in questions.items() if name == "similar"}
    rows = _asked("one worker", store, index, questions, connections, seconds, UNCACHED)
    rows += _asked("two workers", store, index, questions, [MANY], seconds, (*UNCACHED, "--workers", "2"))
    rows += _asked("not batched", store, index, batched, [MANY], seconds, (*UNCACHED, "--batch", "1"))
    return rows + _asked("from the cache", store, index, few, [MANY], seconds, ())


def _asked(
    kind: str,
    store: Path,
    index: str,
    questions: dict[str, list[str]],
    connections: Sequence[int],
    seconds: float,
    options: Sequence[str],
) -> list[Row]:
    rows: list[Row] = []
    if not questions:
        return rows
    with served(store, *options) as address:
        _wait(address)
        for question, bodies in questions.items():
            path = f"/v1/indexes/{index}/{question}"
            ask(address, path, bodies, connections=8, seconds=1)  # compiles, and maps what is asked for
            for n in connections:
                before = _status(address)
                load = ask(address, path, bodies, connections=n, seconds=seconds)
                rows.append(_row(kind, question, n, load, before, _status(address)))
    return rows


def _row(kind: str, question: str, n: int, load: Load, before: dict[str, int], after: dict[str, int]) -> Row:
    calls = after["calls"] - before["calls"]
    return {
        "question": question,
        "by": kind,
        "connections": n,
        "per second": round(load.per_second),
        "p50 ms": load.p50,
        "p99 ms": load.p99,
        "most ms": load.most,
        "requests a call": (after["questions"] - before["questions"]) / calls if calls else 0.0,
        "failed": load.failed,
    }


def markdown(rows: Sequence[Row]) -> str:
    """A line for each question, a column for each way it was asked: answers a second (p50 / p99 in ms)."""
    ways = list(dict.fromkeys((row["by"], row["connections"]) for row in rows))
    cells = {
        (
            row["question"],
            row["by"],
            row["connections"],
        ): f"{row['per second']:,} ({row['p50 ms']:.3g} / {row['p99 ms']:.3g})"
        for row in rows
    }
    head = [["question", *(f"{by}, {n}" for by, n in ways)], ["---"] * (1 + len(ways))]
    asked = dict.fromkeys(row["question"] for row in rows)
    body = [[str(one), *(cells.get((one, by, n), "") for by, n in ways)] for one in asked]
    return "\n".join(f"| {' | '.join(line)} |" for line in head + body)


def _status(address: str) -> dict[str, int]:
    time.sleep(0.6)  # until every worker has shown what it counted
    found: dict[str, int] = httpx.get(f"{address}/v1/status", timeout=60).json()
    return found


def _wait(address: str) -> None:
    while httpx.get(f"{address}/readyz", timeout=60).status_code != 200:
        time.sleep(0.1)


if __name__ == "__main__":
    main()
