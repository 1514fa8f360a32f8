"""Recall of exact MaxSim's ten best under filters, with as many candidates as all documents take and as measured.

Run: python -m benchmarks filters, or python -m benchmarks.bench_filters --docs 500000 (needs ../shared/data)
Package descriptions without their titles (63,436); half of the titles choose, the other half are asked. Filters are at
random and of documents alike, those that answer a title best, other ones than those measured. Few enough documents are
all scored, as in search. One thread, CPU-milliseconds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.bench import print_table
from benchmarks.debian_tokens import SOURCE, debian
from benchmarks.documents_corpus import documents
from vectors.ann.index import ANNIndex
from vectors.calibration import choose, evaluate, tried_candidates
from vectors.coded.choice import scan_params
from vectors.coded.index import CodedIndex
from vectors.coded.params import CodedParams
from vectors.encoders.encoder import EncoderParams
from vectors.evaluation import recall_at_k
from vectors.fde.encode import FDEParams, encode_documents
from vectors.filtered import (
    NARROW,
    choose_filtered,
    curve_of,
    drawn_filters,
    filter_sizes,
    filtered_recalls,
    measured_queries,
)
from vectors.retriever import Retriever, RetrieverParams
from vectors.tokens.maxsim import maxsim, top_rows
from vectors.tokens.multivector import MultiVectors

ENCODING = FDEParams(num_repetitions=10, k_sim=6, d_final=1024, d_whole=64, fill_empty=False)
PARAMS = RetrieverParams(recall=0.95)
SHARES = (1.0, 0.5, 0.1, 0.01, 0.001)
N_ASKED = 100

Bools = npt.NDArray[np.bool_]


class Asked(NamedTuple):
    documents: MultiVectors
    heldout: MultiVectors
    fresh: MultiVectors


def main(words: Sequence[str] | None = None) -> None:
    from threadpoolctl import threadpool_limits

    parser = argparse.ArgumentParser(description="Recall under filters.")
    parser.add_argument("--docs", type=int, default=0, help="passages of all corpora, in place of the descriptions")
    args = parser.parse_args(words)
    asked = _asked(args.docs)
    if asked is None:
        print("needs data/debian or ../shared/data, and wordllama")
        return
    with threadpool_limits(1):
        encodings = encode_documents(asked.documents, ENCODING, dtype=np.float16)
        for kind in ("flat, int8", "rabitq"):
            print(f"\n{kind}: {asked.documents.n_docs:,} documents, recall {PARAMS.recall} asked of all of them")
            rows, seconds = _rows(asked, _index(encodings, kind))
            print(f"measured by {asked.heldout.n_docs} questions in {seconds:.0f} CPU-s")
            print_table(rows)


def _asked(n_docs: int) -> Asked | None:
    if n_docs:
        found = documents(n_docs, 200)
        return None if found is None else Asked(found.documents, found.heldout, found.fresh)
    if not SOURCE.exists():
        return None
    sets, queries = debian(EncoderParams(dim=64, max_tokens=96), with_title=False, n_queries=300)
    order = np.random.default_rng(0).permutation(300)
    chosen, fresh = (MultiVectors.from_list([queries.doc(int(q)) for q in part]) for part in np.split(order, [200]))
    return Asked(sets, chosen, fresh)


def _index(encodings: npt.NDArray[Any], kind: str) -> ANNIndex | CodedIndex:
    if kind == "rabitq":
        return CodedIndex.build(encodings, CodedParams(kind="rabitq", storage="codes"))
    return ANNIndex.build(encodings, scan_params("int8", 0))


def _rows(asked: Asked, index: ANNIndex | CodedIndex) -> tuple[list[dict[str, object]], float]:
    begun = time.process_time()
    base, n_docs = Retriever(asked.documents, ENCODING, index, 1), asked.documents.n_docs
    measured = evaluate(base, asked.heldout, PARAMS)
    whole = choose(measured.true_kth, measured.scores, PARAMS, n_docs)
    filters, ladder = drawn_filters(asked.documents, asked.heldout), tried_candidates(PARAMS, n_docs)
    some = [asked.heldout.doc(query) for query in measured_queries(asked.heldout.n_docs, 0, asked.heldout.n_docs)]
    recalls = filtered_recalls(base, MultiVectors.from_list(some), filters, ladder, None)
    under = choose_filtered(recalls, filter_sizes(n_docs), ladder, PARAMS.recall, whole.n_candidates)
    seconds = time.process_time() - begun
    print("documents left: candidates:", {n_docs: whole.n_candidates} | {one.n_docs: one.n_candidates for one in under})
    curve = curve_of(np.array([(n_docs, whole.n_candidates), *((one.n_docs, one.n_candidates) for one in under)]))
    fresh = asked.fresh.slice(0, min(N_ASKED, asked.fresh.n_docs))
    exact = np.concatenate([_all(fresh, query, asked.documents) for query in range(fresh.n_docs)])
    plain = Retriever(asked.documents, ENCODING, index, whole.n_candidates)
    wider = Retriever(asked.documents, ENCODING, index, whole.n_candidates, filtered=curve)
    rows = []
    for share in SHARES:
        size = round(share * n_docs)
        for name, order in _orders(exact, n_docs):
            mask = np.zeros(n_docs, dtype=np.bool_)
            mask[order[:size]] = True
            row: dict[str, object] = {"left": f"{share:.1%}", "documents": size, "filter": name}
            for label, retriever in (("as all", plain), ("measured", wider)):
                row |= _found(label, retriever, fresh, mask, exact)
            rows.append(row)
            if share == 1:
                break
    return rows, seconds


def _orders(exact: npt.NDArray[np.float32], n_docs: int) -> list[tuple[str, npt.NDArray[np.int64]]]:
    """Documents in the order in which filters take them."""
    orders = [("random", np.random.default_rng(7).permutation(n_docs))]
    return orders + [(f"alike {query}", np.argsort(-exact[query], kind="stable")) for query in (3, 11)]


def _found(
    label: str, retriever: Retriever, queries: MultiVectors, mask: Bools, exact: npt.NDArray[np.float32]
) -> dict[str, object]:
    """Recall and CPU-milliseconds of a query."""
    if np.count_nonzero(mask) <= NARROW:
        return {f"recall@10, {label}": 1.0, f"CPU-ms, {label}": "all scored"}
    kth = np.array([scores[top_rows(np.where(mask, scores, -np.inf), 10)][-1] for scores in exact])
    where = None if mask.all() else mask
    begun = time.process_time()
    _, scores = retriever.search(queries, 10, where=where)
    seconds = time.process_time() - begun
    recall = recall_at_k(scores, kth, higher_is_better=True)
    return {f"recall@10, {label}": recall, f"CPU-ms, {label}": 1e3 * seconds / queries.n_docs}


def _all(queries: MultiVectors, query: int, sets: MultiVectors) -> npt.NDArray[np.float32]:
    return maxsim(queries.slice(query, query + 1), sets, np.arange(sets.n_docs)[None])


if __name__ == "__main__":
    main()
