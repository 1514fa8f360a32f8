"""Fixed dimensional encodings and exact MaxSim beside plain NumPy and other packages; recall beside bytes and time.

Run: python benchmarks/bench_muvera.py
muvera (PyPI muvera-python) and fastembed take part where they are installed. One thread; medians in CPU-seconds, so
that a busy machine does not count.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.bench import median_seconds, print_table
from benchmarks.debian_tokens import SOURCE, debian
from vectors.encoders.encoder import EncoderParams
from vectors.evaluation import candidate_recall
from vectors.fde.encode import FDEMatrices, FDEParams, encode_documents, encode_queries, fde_matrices
from vectors.tokens.maxsim import exact_top, maxsim
from vectors.tokens.multivector import MultiVectors

DIM, N_TOKENS, N_QUERY_TOKENS = 128, 80, 32
N_DOCS = 1000
N_CANDIDATES = (100, 200, 500, 1000, 2000)
Float32s = npt.NDArray[np.float32]


def cpu(fn: Callable[[], object], repeats: int = 3) -> float:
    return median_seconds(fn, repeats, clock=time.process_time)


def unit_tokens(n_docs: int, n_tokens: int, seed: int) -> MultiVectors:
    tokens = np.random.default_rng(seed).standard_normal((n_docs * n_tokens, DIM)).astype(np.float32)
    tokens /= np.linalg.norm(tokens, axis=1, keepdims=True)
    return MultiVectors(vectors=tokens, offsets=np.arange(n_docs + 1, dtype=np.int64) * n_tokens)


def numpy_documents(documents: MultiVectors, params: FDEParams, matrices: FDEMatrices) -> Float32s:
    """The same map, a document at a time in NumPy: BLAS products, `np.add.at`, a table of Hamming distances."""
    assert matrices.projection is not None
    n_cells = 2**params.k_sim
    patterns = np.arange(n_cells)
    patterns ^= patterns >> 1
    powers = 1 << np.arange(params.k_sim)[::-1]
    popcount = np.array([int(n).bit_count() for n in range(n_cells)])
    cell_of = np.argsort(patterns)
    out = np.zeros((documents.n_docs, params.num_repetitions, n_cells, params.d_proj or 0), dtype=np.float32)
    for doc in range(documents.n_docs):
        tokens = documents.doc(doc)
        for repetition in range(params.num_repetitions):
            signs = (tokens @ matrices.simhash[repetition] > 0) @ powers
            projected = tokens @ matrices.projection[repetition]
            block = out[doc, repetition]
            np.add.at(block, cell_of[signs], projected)
            counts = np.bincount(cell_of[signs], minlength=n_cells)
            block[counts > 0] /= counts[counts > 0, None]
            empty = np.flatnonzero(counts == 0)
            block[empty] = projected[popcount[patterns[empty, None] ^ signs].argmin(axis=1)]
    return out.reshape(documents.n_docs, -1)


def numpy_maxsim(query: Float32s, documents: MultiVectors) -> Float32s:
    """One BLAS product with all tokens, then the best of each document."""
    products = documents.vectors @ query.T
    best: Float32s = np.maximum.reduceat(products, documents.offsets[:-1], axis=0).sum(axis=1)
    return best


def encoding() -> None:
    params = FDEParams(mode="reference")
    documents = unit_tokens(N_DOCS, N_TOKENS, seed=0)
    matrices = fde_matrices(DIM, params)
    encode_documents(documents.slice(0, 2), params)
    peers: dict[str, tuple[Callable[[], Any], int]] = {
        "purlieu": (lambda: encode_documents(documents, params), N_DOCS),
        "purlieu, d_final=1024": (
            lambda: encode_documents(documents, FDEParams(mode="reference", d_final=1024)),
            N_DOCS,
        ),
        "purlieu, 2 threads": (lambda: encode_documents(documents, params, n_threads=2), N_DOCS),
        "numpy, same map": (lambda: numpy_documents(documents.slice(0, 100), params, matrices), 100),
    }
    error = np.abs(
        numpy_documents(documents.slice(0, 100), params, matrices) - encode_documents(documents.slice(0, 100), params)
    ).max()
    sets = [documents.doc(doc) for doc in range(N_DOCS)]
    if importlib.util.find_spec("muvera"):
        from muvera import Muvera

        peer = Muvera(dimension=DIM, projection_type="ams_sketch", projection_dimension=16)
        peers["muvera-python (Rust)"] = (lambda: peer.encode_documents(sets), N_DOCS)
    if importlib.util.find_spec("fastembed"):
        from fastembed.postprocess import Muvera as FastembedMuvera

        other = FastembedMuvera(dim=DIM)
        peers["fastembed"] = (lambda: [other.process_document(tokens) for tokens in sets[:50]], 50)
    rates = {name: n_docs / cpu(run) for name, (run, n_docs) in peers.items()}
    print(
        f"Encoding documents: {N_TOKENS} tokens x {DIM}, R=20 k=5 d_proj=16 (10,240 numbers), largest difference from "
        f"numpy {error:.1e}"
    )
    ours = rates["purlieu"]
    print_table([{"": name, "docs / CPU-s": round(rate), "ours / it": ours / rate} for name, rate in rates.items()])


def scoring() -> None:
    documents, queries = unit_tokens(N_DOCS, N_TOKENS, seed=1), unit_tokens(1, N_QUERY_TOKENS, seed=2)
    everything = np.arange(N_DOCS)[None]
    table = unit_tokens(1, 5000, seed=3).vectors
    codes = np.random.default_rng(4).integers(0, 5000, documents.n_tokens).astype(np.int32)
    coded = MultiVectors(vectors=table, offsets=documents.offsets, codes=codes)
    maxsim(queries, documents, everything[:, :2])
    maxsim(queries, coded, everything[:, :2])
    error = np.abs(maxsim(queries, documents, everything)[0] - numpy_maxsim(queries.doc(0), documents)).max()
    runs: dict[str, Callable[[], object]] = {
        "purlieu, plain": lambda: maxsim(queries, documents, everything),
        "purlieu, coded by 5,000 rows": lambda: maxsim(queries, coded, everything),
        "numpy (BLAS + reduceat)": lambda: numpy_maxsim(queries.doc(0), documents),
    }
    rates = {name: N_DOCS / cpu(run, 5) for name, run in runs.items()}
    ours = rates["purlieu, plain"]
    print(
        f"\nMaxSim: query {N_QUERY_TOKENS} x {DIM}, {N_DOCS:,} documents of {N_TOKENS} tokens, "
        f"largest difference {error:.1e}"
    )
    print_table([{"": name, "docs / CPU-s": round(rate), "plain / it": ours / rate} for name, rate in rates.items()])


def recall() -> None:
    if not SOURCE.exists() or not importlib.util.find_spec("wordllama"):
        print("\nRecall: needs data/debian and wordllama")
        return
    documents, queries = debian(EncoderParams(dim=64, max_tokens=96), with_title=False)
    start = time.process_time()
    _, best = exact_top(queries, documents, 10)
    exact = (time.process_time() - start) / queries.n_docs
    rows = []
    for params in (
        FDEParams(num_repetitions=10, k_sim=6, d_final=1024, d_whole=64, fill_empty=False),
        FDEParams(d_final=1024, d_whole=64),
        FDEParams(d_final=1088),
    ):
        start = time.process_time()
        encoded = encode_documents(documents, params)
        seconds = time.process_time() - start
        scores = encode_queries(queries, params) @ encoded.T
        order = np.argsort(-scores, axis=1, kind="stable")[:, : N_CANDIDATES[-1]]
        reranked = maxsim(queries, documents, order)
        row: dict[str, object] = {
            "R, k, d_proj": f"{params.num_repetitions}, {params.k_sim}, {params.d_proj}",
            "filled": params.fill_empty,
            "d_final": params.d_final,
            "d_whole": params.d_whole,
            "numbers": encoded.shape[1],
            "encode CPU-s": seconds,
        }
        rows.append(row | {f"@{n}": candidate_recall(reranked[:, :n], best[:, -1], 10) for n in N_CANDIDATES})
    print(
        f"\nRecall of exact MaxSim's top 10 among the first N: {documents.n_docs:,} package descriptions of "
        f"{documents.n_tokens / documents.n_docs:.0f} tokens x {documents.dim}, 200 titles as questions; "
        f"exact MaxSim over all: {1e3 * exact:.0f} ms"
    )
    print_table(rows)


def main() -> None:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        encoding()
        scoring()
        recall()


if __name__ == "__main__":
    main()
