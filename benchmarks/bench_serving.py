"""Throughput and latency of every endpoint under load, with and without micro-batching.

Run: python -m benchmarks.bench_serving [--store DIR --index NAME] [--seconds 5] [--connections 1 8 64]

Without a store the Debian index is built first, as `make demo` does. The load comes from wrk, in a process of its own
over loopback, so on a machine of two cores it takes from the server what it uses itself. Nothing is answered from the
cache, except where the table says so.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import numpy as np

from artifacts.store import Store
from benchmarks.bench import print_table
from benchmarks.load import Load, ask, has_wrk, served
from flows.run import run_build
from flows.settings import read_config
from serving.engine import Engine

ROOT = Path(__file__).parents[1]
N_BODIES = 2_000
KINDS = {
    "batched": ("--cache", "0"),
    "one by one": ("--cache", "0", "--batch", "1"),
    "cached": ("--cache", "256MB"),
}


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Ask a server as many questions as it answers.")
    parser.add_argument("--store", type=Path)
    parser.add_argument("--index", default="debian")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--json", action="store_true", help="print the rows as JSON too")
    args = parser.parse_args(words)
    if not has_wrk():
        print("wrk is not installed (Debian: apt-get install wrk); nothing is measured")
        return
    with TemporaryDirectory() as place:
        store = args.store
        if store is None:
            store = Path(place, "store")
            run_build(read_config(ROOT / "config" / "debian.toml", ("runtime.workers=2",)), Store.create(store))
        rows = _measured(store, args.index, args.seconds, args.connections)
    print_table(rows)
    if args.json:
        print(json.dumps(rows))


def _measured(store: Path, index: str, seconds: float, connections: Sequence[int]) -> list[dict[str, object]]:
    questions = _questions(Engine.open(store, index))
    rows: list[dict[str, object]] = []
    for kind, options in KINDS.items():
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


def _row(
    kind: str, question: str, n: int, load: Load, before: dict[str, int], after: dict[str, int]
) -> dict[str, object]:
    calls = after["calls"] - before["calls"]
    return {
        "": kind,
        "question": question,
        "connections": n,
        "per second": round(load.per_second),
        "p50 ms": load.p50,
        "p99 ms": load.p99,
        "most ms": load.most,
        "a call": (after["questions"] - before["questions"]) / calls if calls else 0.0,
        "failed": load.failed,
    }


def _questions(engine: Engine) -> dict[str, list[str]]:
    """Bodies for every endpoint: one query each, of nodes and words drawn at random."""
    random = np.random.default_rng(0)
    ids = [engine.node_ids[int(row)] for row in random.integers(0, len(engine.node_ids), N_BODIES)]
    made: dict[str, list[str]] = {}
    for question in engine.questions:
        match question:
            case "similar":
                made["similar"] = [json.dumps({"ids": [id]}) for id in ids]
            case "ppr":
                made["ppr"] = [json.dumps({"queries": [{"seeds": {str(id): 1}}]}) for id in ids]
            case "community":
                made["community"] = [json.dumps({"seeds": [id]}) for id in ids]
            case "labels":
                made["labels"] = [json.dumps({"ids": [id]}) for id in ids]
            case "search":
                titles = [str(hit.get("title", hit["id"])) for id in ids for hit in engine.nodes(str(id), limit=1)]
                made["search"] = [json.dumps({"texts": [title]}) for title in titles]
    return made


def _status(address: str) -> dict[str, int]:
    found: dict[str, int] = httpx.get(f"{address}/v1/status", timeout=60).json()
    return found


def _wait(address: str) -> None:
    while httpx.get(f"{address}/readyz", timeout=60).status_code != 200:
        time.sleep(0.1)


if __name__ == "__main__":
    main()
