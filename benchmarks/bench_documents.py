"""Search in 500,000 documents: an index of codes chosen for memory and recall, its latency, size and recall.

Run: python benchmarks/bench_documents.py
Tokens by wordllama's static table, encoded once and kept (`benchmarks.documents_corpus`), and so are the exact answers.
One thread. The index is chosen by half of the questions; recall and latency are those of the other half. Sizes are in
per cent of the token vectors as float32, which is what a model's would take; static ones are kept as numbers of rows of
a table, which takes far less.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.bench import print_table
from benchmarks.documents_corpus import Documents, cached, documents
from vectors.calibration import LADDER, scored, true_kth
from vectors.coded.choice import Chosen, Wanted, choose_index, ladder_to
from vectors.coded.cost import rerank_cost
from vectors.coded.params import CodedParams
from vectors.evaluation import recall_at_k
from vectors.fde.encode import FDEParams, encode_documents, encode_queries
from vectors.retriever import Retriever, RetrieverParams
from vectors.tokens.multivector import MultiVectors

N_DOCS, N_QUESTIONS = 500_000, 200
ENCODING = FDEParams(num_repetitions=10, k_sim=6, d_final=1024, d_whole=64, fill_empty=False)
SHARE = 0.15  # of the token vectors that the index may take
RECALLS = (0.9, 0.95, 0.98)
Float32s = npt.NDArray[np.float32]


def exact(found: Documents, folder: Path) -> tuple[Float32s, Float32s]:
    """What exact MaxSim gives the tenth document of each question, kept in a file."""
    path = folder / "exact.npz"
    if not path.exists():
        kth = {name: true_kth(getattr(found, name), found.documents) for name in ("heldout", "fresh")}
        np.savez(path, heldout=kth["heldout"], fresh=kth["fresh"])
    with np.load(path) as kept:
        return kept["heldout"], kept["fresh"]


def chosen_index(
    encodings: npt.NDArray[Any], found: Documents, kth: Float32s, params: CodedParams, recall: float
) -> tuple[Any, Chosen]:
    """The index that stage ``ann.documents`` would make."""
    sets, queries = found.documents, found.heldout
    wanted = Wanted(
        recall=recall,
        ladder=ladder_to(RetrieverParams().max_candidates, LADDER),
        rerank_cost=rerank_cost(sets, queries.n_tokens / queries.n_docs),
        allow_missed=True,
    )
    asked = encode_queries(queries, ENCODING)
    return choose_index(encodings, asked, kth, lambda rows: scored(queries, sets, rows, None), params, wanted)


def measured(retriever: Retriever, queries: MultiVectors, kth: Float32s) -> dict[str, object]:
    """Recall, and milliseconds of one query at a time: of the clock, and of the processor."""
    each = [queries.slice(query, query + 1) for query in range(queries.n_docs)]
    scores, clock, busy = [], [], []
    retriever.search(each[0], 10)
    for query in each:
        begun, worked = time.perf_counter(), time.process_time()
        scores.append(retriever.search(query, 10)[1][0])
        clock.append(time.perf_counter() - begun)
        busy.append(time.process_time() - worked)
    return {
        "recall@10, fresh": recall_at_k(np.stack(scores), kth, higher_is_better=True),
        "p50 ms": 1e3 * float(np.percentile(clock, 50)),
        "p99 ms": 1e3 * float(np.percentile(clock, 99)),
        "p50 CPU ms": 1e3 * float(np.percentile(busy, 50)),
        "p99 CPU ms": 1e3 * float(np.percentile(busy, 99)),
    }


def main() -> None:
    from threadpoolctl import threadpool_limits

    found = documents(N_DOCS, N_QUESTIONS)
    if found is None:
        print("needs the test data beside the repository (shared/data) and wordllama")
        return
    with threadpool_limits(1):
        run(found)


def run(found: Documents) -> None:
    sets = found.documents
    whole, kept = 4 * sets.dim * sets.n_tokens, sets.vectors.nbytes + 4 * sets.n_tokens
    print(
        f"{sets.n_docs:,} documents ({found.n_whole:,} whole texts, the others passages of them), {sets.n_tokens:,} "
        f"token vectors x {sets.dim}: {whole / 1e6:,.0f} MB as float32, {kept / 1e6:,.0f} MB as they are kept"
    )
    heldout, fresh = exact(found, cached(N_DOCS, N_QUESTIONS))
    begun = time.process_time()
    encodings = encode_documents(sets, ENCODING, dtype=np.float16)
    print(f"encoded to {encodings.shape[1]:,} numbers in {time.process_time() - begun:.0f} CPU-s")
    rows: list[dict[str, object]] = []
    for kind, recall in (("auto", RECALLS[1]), ("pq", RECALLS[1])):
        begun = time.process_time()
        limit = CodedParams(kind=kind, memory=int(SHARE * whole), storage="codes")  # type: ignore[arg-type]
        index, chosen = chosen_index(encodings, found, heldout, limit, recall)
        seconds = time.process_time() - begun
        for asked in RECALLS:
            points = [point for form in chosen.tried if form.kind == chosen.kind for point in form.points]
            enough = [point for point in points if point[2] >= asked and point[0] == chosen.n_probe]
            if not enough:
                continue
            _, n_candidates, on_heldout, _ = enough[0]
            retriever = Retriever(sets, ENCODING, index, n_candidates)
            rows.append(
                {
                    "index": f"{kind}: {chosen.kind}" if kind == "auto" else kind,
                    "asked": asked,
                    "candidates": n_candidates,
                    "recall@10, held out": on_heldout,
                    **measured(retriever, found.fresh, fresh),
                    "index MB": chosen.n_bytes / 1e6,
                    "% of float32": 100 * chosen.n_bytes / whole,
                    "% as kept": 100 * chosen.n_bytes / kept,
                    "choice CPU-s": seconds,
                }
            )
    print(f"Encodings kept beside it in 16 bits, for rebuilding: {100 * encodings.nbytes / whole:.1f} % of float32.")
    print_table(rows)


if __name__ == "__main__":
    main()
