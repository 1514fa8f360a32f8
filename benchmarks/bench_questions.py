"""What filters, parts of a graph and explanations cost beside the plain question, and that they leave out nothing.

Run: python -m benchmarks.bench_questions [--store DIR --index NAME] [--queries 100]

Without a store the Debian index is built first, as `make demo` does. Milliseconds are of processor time, for
one query alone in this process; queries are titles and nodes drawn at random. Quality is told beside: of a filtered
search, the share of exact MaxSim's first ten inside that was found.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from artifacts.store import Store
from benchmarks.bench import print_table
from flows.run import run_build
from flows.settings import read_config
from serving.engine import Engine
from vectors.corpus.filters import matching_rows

ROOT = Path(__file__).parents[1]
SECTIONS = ("libs", ["net", "web"], "games", "hamradio")


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Time questions that put several parts together.")
    parser.add_argument("--store", type=Path)
    parser.add_argument("--index", default="debian")
    parser.add_argument("--queries", type=int, default=100)
    args = parser.parse_args(words)
    with TemporaryDirectory() as place:
        store = args.store
        if store is None:
            store = Path(place, "store")
            run_build(read_config(ROOT / "config" / "debian.toml", ("runtime.workers=2",)), Store.create(store))
        engine = Engine.open(store, args.index)
        engine.warm()
        print_table(_rows(engine, args.queries))


def _rows(engine: Engine, n_queries: int) -> list[dict[str, object]]:
    random = np.random.default_rng(0)
    ids = [str(engine.node_ids[int(row)]) for row in random.integers(0, len(engine.node_ids), 2 * n_queries)]
    texts = [str(engine.nodes(id, limit=1)[0].get("title") or id) for id in ids[:n_queries]]
    pairs = list(zip(ids[:n_queries], ids[n_queries:], strict=True))
    asked: dict[str, Callable[[int], Mapping[str, Any]]] = {
        "search": lambda n: engine.search([texts[n]]),
        "search, explained": lambda n: engine.search([texts[n]], explain=True),
        "similar": lambda n: engine.similar([ids[n]]),
        "similar, near another": lambda n: engine.similar([ids[n]], near={pairs[n][1]: 1.0}),
        "explain two at random": lambda n: engine.explain(*pairs[n]),
        "explain two near": lambda n: engine.explain(ids[n], _neighbour(engine, ids[n])),
    }
    for by, size in (("ppr", 100), ("ppr", 1000), ("community", 100)):
        within = {"by": by, "size": size}
        asked[f"search within {size} by {by}"] = lambda n, within=within: engine.search(  # type: ignore[misc]
            [texts[n]], within={"seeds": {ids[n]: 1.0}, **within}
        )
    rows: list[dict[str, object]] = [_timed(name, ask, n_queries) for name, ask in asked.items()]
    for section in SECTIONS:
        where = {"section": section}
        name = f"search in {section if isinstance(section, str) else ' or '.join(section)}"
        row = _timed(name, lambda n, where=where: engine.search([texts[n]], where=where), n_queries)  # type: ignore[misc]
        rows.append(row | {"recall@10": _recall(engine, texts[: n_queries // 4], where)})
    return rows


def _timed(name: str, ask: Callable[[int], Mapping[str, Any]], n_queries: int) -> dict[str, object]:
    seconds, searched = [], []
    ask(0)
    for number in range(n_queries):
        start = time.process_time()
        answer = ask(number)
        seconds.append(time.process_time() - start)
        searched.append(answer.get("searched", 0))
    return {
        "question": name,
        "p50 CPU-ms": 1000 * median(seconds),
        "p95 CPU-ms": 1000 * float(np.quantile(seconds, 0.95)),
        "documents": int(median(searched)) or "",
        "recall@10": "",
    }


def _recall(engine: Engine, texts: Sequence[str], where: Mapping[str, Any]) -> float:
    """Share of the ten documents inside with the largest MaxSim that the search by tokens found."""
    found = engine.search(texts, ranking="tokens", where=where)["results"]
    search, corpus = engine._opened.search, engine._opened.corpus
    assert search.tokens is not None
    inside = np.flatnonzero(matching_rows(where, corpus.fields, corpus.n_docs))
    _, scores = search.tokens.exact(search.tokens.encode(texts), min(10, corpus.n_docs), inside)
    right = [
        sum(hit["score"] >= kth for hit in hits) / min(10, inside.size)
        for hits, kth in zip(found, scores[:, min(10, inside.size) - 1].tolist(), strict=True)
    ]
    return float(np.mean(right))


def _neighbour(engine: Engine, id: str) -> str:
    """What matters most as seen from a node, beside itself; another where nothing does."""
    hits = engine.ppr([{id: 1.0}], k=2)["results"][0]
    return next((str(hit["id"]) for hit in hits if str(hit["id"]) != id), str(engine.node_ids[0]))


if __name__ == "__main__":
    main()
