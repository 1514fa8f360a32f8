"""Stage ``retriever``: how many candidates search must rerank, measured on held-out queries against exact MaxSim.

A partition is a range of those queries.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from artifacts.ann import open_ann
from artifacts.artifact import ArtifactWriter
from artifacts.corpus import open_corpus
from artifacts.fde import open_fde_params
from artifacts.multivector import open_multivectors, open_query_encoder
from artifacts.parts import Part
from artifacts.retriever import KIND, VERSION
from flows.stages.costs import PART_SECONDS, parts_of
from flows.stages.stage import Estimate, Findings, Job, Output, Range, Sizes, Stage
from foundation.seeds import stream
from foundation.threads import even_ranges
from vectors.retriever import Retriever, RetrieverParams, choose, evaluate
from vectors.tokens.multivector import MultiVectors

FIRST_WORDS = 8  # of a text, where there is no field to make a query of
QUERIES = 25  # of one partition
TOKENS = 32  # of a document that has vectors and no text


def split(job: Job) -> list[list[Range]]:
    """Ranges of held-out queries."""
    return [even_ranges(_heldout(job).n_docs, QUERIES)]


def partition(job: Job, round_: int, start: int, stop: int) -> Output:
    """Exact MaxSim over all documents, and over the candidates, for queries [start, stop)."""
    del round_
    documents = open_multivectors(job.inputs["tokens"])
    retriever = Retriever(documents, open_fde_params(job.inputs["fde"]), open_ann(job.inputs["ann"]), n_candidates=1)
    params = RetrieverParams(**job.params["retriever"])
    true_kth, scores = evaluate(retriever, _heldout(job).slice(start, stop), params)
    return Output({"true_kth": true_kth, "scores": scores})


def assemble(job: Job, writer: ArtifactWriter, parts: list[list[Part]]) -> Findings:
    """Choose the number of candidates: it is the artifact."""
    params = RetrieverParams(**job.params["retriever"])
    n_docs = open_multivectors(job.inputs["tokens"]).n_docs
    measured: dict[str, Any] = {
        "n_candidates": min(n_docs, params.n_candidates or params.max_candidates),
        "n_queries": 0,
    }
    if parts[0]:
        true_kth = np.concatenate([part.array("true_kth") for part in parts[0]])
        scores = np.concatenate([part.array("scores") for part in parts[0]])
        measured = dataclasses.asdict(choose(true_kth, scores, params, n_docs))
    writer.array("n_candidates", np.array([measured["n_candidates"]], dtype=np.int64))
    return Findings(measured=measured)


def _heldout(job: Job) -> MultiVectors:
    """Queries from sampled documents that have tokens; those that come out empty are left out."""
    params = RetrieverParams(**job.params["retriever"])
    corpus, documents = open_corpus(job.inputs["corpus"]), open_multivectors(job.inputs["tokens"])
    with_tokens = np.flatnonzero(np.diff(documents.offsets))
    order = stream(0, "retriever.heldout").permutation(with_tokens.size)
    chosen = np.sort(with_tokens[order[: params.n_heldout]]).tolist()
    if job.params["encoder"] == "precomputed":
        return MultiVectors.from_list([documents.doc(doc)[:TOKENS] for doc in chosen], dim=documents.dim)
    column = corpus.fields.get(params.heldout)
    texts = [str(value) for doc in chosen if column is not None and (value := column[doc])]
    if not texts:
        texts = [" ".join(corpus.text(doc).split()[:FIRST_WORDS]) for doc in chosen]
    queries = open_query_encoder(job.inputs["tokens"]).encode_queries(texts).vectors
    filled = [query for row in range(queries.n_docs) if (query := queries.doc(row)).size]
    return MultiVectors.from_list(filled, dim=documents.dim)


def estimate(sizes: Sizes, params: Mapping[str, Any]) -> Estimate:
    """Every held-out query is scored against every token of every document: 35 ns."""
    n_queries = params["retriever"]["n_heldout"]
    n_parts = parts_of(n_queries, QUERIES)
    return Estimate(
        memory=(64 << 20) + 8 * sizes.n_tokens,
        disk=136,
        seconds=3.5e-8 * n_queries * sizes.n_tokens + PART_SECONDS * n_parts,
        n_parts=n_parts,
        shared=(128 << 20) + 2 * sizes.doc_dim * sizes.n_docs,
        work="stream",
        kernels="vectors.kernels.maxsim",
        compiling=2.0,
    )


STAGE = Stage(
    kind=KIND,
    kind_version=VERSION,
    code_version=2,
    parallel=True,
    split=split,
    partition=partition,
    assemble=assemble,
    estimate=estimate,
)
