"""BM25 beside bm25s and tantivy: quality, time, bytes, and whether two builds give the same files.

Needs the corpora in ../shared/data for quality; the Debian archive ships. Peers take part where ``PURLIEU_PEERS`` names
an interpreter that has bm25s, PyStemmer and tantivy. CPU-seconds of one thread, so that a busy machine counts little.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bench import print_table
from benchmarks.judged_sets import SETS, judged_set, ndcg_at_10, shared_data
from foundation.npy import open_npy
from foundation.seeds import stream
from vectors.corpus.read import CorpusParams, read_corpus
from vectors.lexical.index import LexicalIndex
from vectors.lexical.params import LexicalParams

DEBIAN = Path(__file__).resolve().parents[1] / "data" / "debian" / "packages.jsonl.zst"
PEERS = ("bm25s", "tantivy")
K = 100
VARIANTS = {
    "k1 1.5, b .75 (default)": LexicalParams(),
    "+ stemmer english": LexicalParams(stemmer="english"),
    "k1 1.2, b .75, english": LexicalParams(stemmer="english", k1=1.2),
    "k1 0.9, b .40, english": LexicalParams(stemmer="english", k1=0.9, b=0.4),
    "max_share .25, english": LexicalParams(stemmer="english", max_share=0.25),
}


def main() -> None:
    data = shared_data()
    if data is None:
        print("quality is not measured: the corpora of ../shared/data are absent")
    else:
        print("nDCG@10 by parameters")
        print_table(quality(data))
    corpus = read_corpus(DEBIAN, CorpusParams(text=("text",), fields=("title",)))
    chosen = stream(0, "benchmark.questions").choice(corpus.n_docs, 200, replace=False)
    titles = [str(corpus.fields["title"][int(row)]) for row in np.sort(chosen)]
    print(f"\n{corpus.n_docs:,} package descriptions, 200 titles as queries, best {K}, English stemmer")
    rows = {"purlieu": ours(corpus.texts(0, corpus.n_docs), titles)}
    rows |= {name: found for name in PEERS if (found := peer(name, corpus.texts(0, corpus.n_docs), titles))}
    print_table([{"": name, **{key: row[key] for key in row if key != "rows"}} for name, row in rows.items()])
    if data is not None and len(rows) > 1:
        print("\nnDCG@10, English stemmer")
        print_table(beside(data, [name for name in rows if name in PEERS]))


def quality(data: Path) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    sets = {name: judged_set(data, name) for name in SETS}
    for variant, params in VARIANTS.items():
        row: dict[str, object] = {"parameters": variant}
        for name, judged in sets.items():
            index = LexicalIndex.build(judged.texts, params)
            row[name] = ndcg_at_10(judged, index.search(judged.queries, K)[0])
        rows.append(row)
    return rows


def beside(data: Path, peers: list[str]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = [{"": name} for name in ("purlieu", *peers)]
    for name in SETS:
        judged = judged_set(data, name)
        index = LexicalIndex.build(judged.texts, LexicalParams(stemmer="english"))
        rows[0][name] = ndcg_at_10(judged, index.search(judged.queries, K)[0])
        for row, peer_name in zip(rows[1:], peers, strict=True):
            found = peer(peer_name, judged.texts, judged.queries)
            padded = [answer + [-1] * (K - len(answer)) for answer in found["rows"]]
            row[name] = ndcg_at_10(judged, np.array(padded, dtype=np.int64))
    return rows


def ours(texts: list[str], queries: list[str]) -> dict[str, Any]:
    params = LexicalParams(stemmer="english")
    LexicalIndex.build(texts[:100], params).search(queries[:1], K)  # compiles
    with tempfile.TemporaryDirectory() as folder:
        written = []
        for _ in range(2):
            begun = time.process_time()
            index = LexicalIndex.build(texts, params)
            for name, array in index.arrays().items():
                np.save(Path(folder) / f"{name}.npy", array)
            built = time.process_time() - begun
            written.append({path.name: path.read_bytes() for path in Path(folder).iterdir()})
        begun = time.perf_counter()
        arrays = {path.stem: open_npy(path) for path in Path(folder).iterdir()}
        opened = LexicalIndex.from_arrays(arrays, params)
        open_ms = 1e3 * (time.perf_counter() - begun)
        laps = []
        for _ in range(3):
            begun = time.process_time()
            for query in queries:
                opened.search([query], K)
            laps.append((time.process_time() - begun) / len(queries))
        return {
            "build": built,
            "search": sorted(laps)[1],
            "open ms": open_ms,
            "import ms": 0.0,
            "bytes": sum(path.stat().st_size for path in Path(folder).iterdir()),
            "same bytes": written[0] == written[1],
        }


def peer(name: str, texts: list[str], queries: list[str]) -> dict[str, Any]:
    """What the peer's process printed; empty where there is none."""
    python = os.environ.get("PURLIEU_PEERS")
    if python is None:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "texts.json").write_text(json.dumps({"texts": texts, "queries": queries}))
        script = Path(__file__).with_name("lexical_peers.py")
        done = subprocess.run([python, str(script), name, folder], capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{name} takes no part: {(done.stderr.strip() or 'it failed').splitlines()[-1]}", file=sys.stderr)
            return {}
        found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        return found


if __name__ == "__main__":
    main()
