"""Stage ``retriever``: how many candidates search must rerank, measured on held-out queries against exact MaxSim."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from artifacts.ann import open_ann
from artifacts.artifact import Artifact, ArtifactWriter
from artifacts.corpus import open_corpus
from artifacts.fde import KIND as FDE
from artifacts.fde import READABLE as FDE_READABLE
from artifacts.multivector import open_multivectors, open_query_encoder
from artifacts.parts import Part
from artifacts.retriever import KIND, VERSION
from flows.stages.stage import Estimate, Findings, Job, Sizes, Stage
from foundation.seeds import stream
from vectors.corpus import Corpus
from vectors.fde import FDEParams
from vectors.multivector import MultiVectors
from vectors.retriever import Retriever, RetrieverParams, calibrate

FIRST_WORDS = 8  # of a text, where there is no field to make a query of
TOKENS = 32  # of a document that has vectors and no text


def assemble(job: Job, writer: ArtifactWriter, parts: list[list[Part]]) -> Findings:
    """Ask the held-out queries; the number chosen is the artifact."""
    del parts
    params = RetrieverParams(**job.params["retriever"])
    documents = open_multivectors(job.inputs["tokens"])
    fde: dict[str, Any] = dict(Artifact.open(job.inputs["fde"], FDE, FDE_READABLE).manifest.params)
    retriever = Retriever(documents, FDEParams(**fde), open_ann(job.inputs["ann"]), n_candidates=1)
    queries = _heldout(open_corpus(job.inputs["corpus"]), documents, params, job)
    if queries.n_docs == 0:
        n_candidates = min(documents.n_docs, params.n_candidates or params.max_candidates)
        measured: dict[str, Any] = {"n_candidates": n_candidates, "n_queries": 0}
    else:
        measured = dataclasses.asdict(calibrate(retriever, queries, params))
    writer.array("n_candidates", np.array([measured["n_candidates"]], dtype=np.int64))
    return Findings(measured=measured)


def _heldout(corpus: Corpus, documents: MultiVectors, params: RetrieverParams, job: Job) -> MultiVectors:
    """Queries from sampled documents that have tokens; those that come out empty are left out."""
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
    """Every held-out query is scored against every document."""
    return Estimate(300 << 20, 4096, 2e-8 * params["retriever"]["n_heldout"] * sizes.n_tokens)


STAGE = Stage(kind=KIND, kind_version=VERSION, code_version=1, assemble=assemble, estimate=estimate)
