"""Recall of exact MaxSim's tops against the number of candidates: encodings beside the single-vector heuristic.

The heuristic looks up the nearest document tokens of every query token, here exactly, over all token vectors: the first
of each query token, then the second of each, and so on. Their documents are the candidates, counted as often as they
come up ("neighbours") or once ("distinct neighbours"). Encodings rank all documents by inner product; those of the
paper's width also in product codes of one byte for 8 numbers (PQ-256-8, by `faiss.IndexPQ`).

Needs the corpora in ../shared/data; contextual vectors are kept on disk, see `benchmarks.token_cache`. Name collections
in ``PURLIEU_BENCH_SETS`` and encoders in ``PURLIEU_BENCH_ENCODERS`` ("static", "minilm", or "words": static without
whole-text vectors) to run only those.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

import faiss
import numpy as np
import numpy.typing as npt

from benchmarks.bench import print_table
from benchmarks.candidate_orders import by_neighbours, by_score, depths, encoded_scores, needed, recalls
from benchmarks.debian_tokens import debian
from benchmarks.judged_sets import SETS
from benchmarks.judged_tokens import STATIC, JudgedTokens, judged_tokens
from vectors.fde.encode import FDEParams
from vectors.tokens.maxsim import maxsim

ENCODERS = ("static", "minilm")
TOPS = (10, 100)
LEVELS = (0.8, 0.85, 0.9, 0.95)
CANDIDATES = (10, 20, 50, 100, 200, 500, 1000, 2000)
DEPTH = 1000  # neighbours of a query token
N_QUERIES = 150  # at most, of a collection
TRAINING = 5_120  # documents that codes are learnt of, at most: twenty for each centre
NEIGHBOURS, DISTINCT = "neighbours", "distinct neighbours"
FILLED, PLAIN, NARROW, CODED = "encodings, filled", "encodings", "narrow encodings", "encodings, PQ-256-8"


class Curve(NamedTuple):
    """What `depths` says of one order, by k."""

    order: str
    reached: dict[int, npt.NDArray[np.int64]]


def main() -> None:
    from threadpoolctl import threadpool_limits

    faiss.omp_set_num_threads(1)
    with threadpool_limits(1):
        for corpus, encoder, tokens in wanted():
            title(f"{corpus}, {encoder}", tokens)
            report(curves(tokens, encoder), tokens.documents.n_docs)
        if "PURLIEU_BENCH_SETS" not in os.environ:
            debian_codes()


def title(name: str, tokens: JudgedTokens) -> None:
    documents, queries = tokens.documents, tokens.queries
    print(
        f"\n{name}: {documents.n_docs:,} documents of {documents.n_tokens / documents.n_docs:.0f} tokens x "
        f"{documents.dim}, {queries.n_docs} queries of {queries.n_tokens / queries.n_docs:.0f}",
        flush=True,
    )


def wanted() -> Iterator[tuple[str, str, JudgedTokens]]:
    """Every collection by every encoder that is there."""
    for corpus in os.environ.get("PURLIEU_BENCH_SETS", " ".join(SETS)).split():
        for encoder in os.environ.get("PURLIEU_BENCH_ENCODERS", " ".join(ENCODERS)).split():
            tokens = judged_tokens(corpus, encoder)
            if tokens is None:
                print(f"\n{corpus}, {encoder}: needs ../shared/data and the encoder's package")
            else:
                few = min(N_QUERIES, tokens.queries.n_docs)
                yield corpus, encoder, tokens._replace(queries=tokens.queries.slice(0, few), exact=tokens.exact[:few])


def encodings(encoder: str) -> dict[str, FDEParams]:
    """The paper's map, filled and not, and a narrow one."""
    whole = STATIC[encoder].dim if encoder == "static" else 0
    return {
        FILLED: FDEParams(d_whole=whole),
        PLAIN: FDEParams(d_whole=whole, fill_empty=False),
        NARROW: FDEParams(num_repetitions=10, k_sim=6, d_final=1024, d_whole=whole, fill_empty=False),
    }


def curves(tokens: JudgedTokens, encoder: str) -> list[Curve]:
    """All orders of one collection."""
    found = by_neighbours(tokens.documents, tokens.queries, DEPTH)
    orders = {NEIGHBOURS: found.tokens, DISTINCT: found.documents}
    for name, params in encodings(encoder).items():
        plain, codes = encoded_scores(tokens.documents, tokens.queries, params, TRAINING if name == PLAIN else None)
        orders[name] = by_score(plain)
        if codes is not None:
            orders[CODED] = by_score(codes)
    return [Curve(name, {k: depths(order, tokens.exact, k) for k in TOPS}) for name, order in orders.items()]


def report(found: list[Curve], n_docs: int) -> None:
    """Recall by candidates, and candidates by recall beside those of the heuristic."""
    for k in TOPS:
        base = {curve.order: curve.reached[k] for curve in found}
        ladder = [n for n in CANDIDATES if k <= n <= n_docs]
        rows = [{"": name} | _row(recalls(reached, ladder), ladder) for name, reached in base.items()]
        print(f"recall of the top {k} within so many candidates")
        print_table(rows)
        print(f"candidates for a recall of the top {k}; in brackets how many times as many the heuristic takes")
        own = {name: reached for name, reached in base.items() if name != CODED}
        print_table([{"": name} | {f"{level:.0%}": _beside(name, base, level) for level in LEVELS} for name in own])
        if CODED in base:
            loss = recalls(base[PLAIN], ladder) - recalls(base[CODED], ladder)
            print(f"PQ-256-8 costs {loss.mean():+.4f} of recall on average over these N, {loss.max():+.4f} at most")


def _row(values: npt.NDArray[np.float64], ladder: list[int]) -> dict[str, object]:
    return {f"{n:,}": f"{value:.3f}" for n, value in zip(ladder, values, strict=True)}


def _beside(name: str, base: dict[str, npt.NDArray[np.int64]], level: float) -> str:
    own = needed(base[name], level)
    others = [needed(base[other], level) for other in (NEIGHBOURS, DISTINCT) if other in base]
    if own is None:
        return "not reached"
    if name in (NEIGHBOURS, DISTINCT) or not others:
        return f"{own:,}"
    return f"{own:,} ({', '.join('-' if other is None else f'{other / own:.1f}' for other in others)})"


def debian_codes() -> None:
    """Product codes where there are many more documents than centres."""
    documents, queries = debian(STATIC["static"], with_title=False)
    everything = np.arange(documents.n_docs)[None]
    exact = np.concatenate([maxsim(queries.slice(q, q + 1), documents, everything) for q in range(queries.n_docs)])
    title("Debian descriptions without titles, static", JudgedTokens(documents, queries, exact))
    plain, codes = encoded_scores(documents, queries, encodings("static")[PLAIN], TRAINING)
    assert codes is not None
    orders = {PLAIN: by_score(plain), CODED: by_score(codes)}
    found = [Curve(name, {k: depths(order, exact, k) for k in TOPS}) for name, order in orders.items()]
    report(found, documents.n_docs)


if __name__ == "__main__":
    main()
