"""Stage ``retriever``: how many candidates search must rerank, measured on held-out queries against exact MaxSim.

A partition is a range of those queries.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from artifacts.ann import open_candidates, open_truth
from artifacts.artifact import ArtifactWriter
from artifacts.fde import open_fde_params
from artifacts.multivector import open_multivectors
from artifacts.parts import Part
from artifacts.retriever import KIND, VERSION
from flows.stages.costs import PART_SECONDS, parts_of
from flows.stages.heldout import QUERIES, heldout_queries, query_ranges
from flows.stages.stage import Estimate, Findings, Job, Output, Range, Sizes, Stage
from vectors.calibration import choose, evaluate, most_candidates, tried_candidates
from vectors.filtered import QUERIES as FILTER_QUERIES
from vectors.filtered import choose_filtered, drawn_filters, filter_sizes, filtered_recalls, measured_queries
from vectors.retriever import Retriever, RetrieverParams, can_pass_first
from vectors.tokens.multivector import MultiVectors


def split(job: Job) -> list[list[Range]]:
    """Ranges of held-out queries."""
    return [query_ranges(_heldout(job))]


def partition(job: Job, round_: int, start: int, stop: int) -> Output:
    """Exact MaxSim over all documents, unless the index kept it, and over the candidates, for queries [start, stop).

    Where filters can leave many documents, exact MaxSim over all of them a second time, and candidates under filters.
    """
    del round_
    documents, params = open_multivectors(job.inputs["tokens"]), RetrieverParams(**job.params["retriever"])
    index, known = open_candidates(job.inputs["ann"]), open_truth(job.inputs["ann"])
    retriever = Retriever(documents, open_fde_params(job.inputs["fde"]), index, n_candidates=1)
    heldout = _heldout(job)
    queries = heldout.slice(start, stop)
    found = evaluate(retriever, queries, params, None if known is None else np.asarray(known[start:stop]))
    ranked = {} if found.ranking is None else {"ranking": found.ranking}
    recalls = {}
    if params.n_candidates is None and (filters := drawn_filters(documents, heldout)):
        ladder = tried_candidates(params, documents.n_docs)
        some = [heldout.doc(query) for query in measured_queries(heldout.n_docs, start, stop)]
        asked = MultiVectors.from_list(some, dim=heldout.dim)
        recalls["filtered"] = filtered_recalls(retriever, asked, filters, ladder, params.carve)
    return Output({"true_kth": found.true_kth, "scores": found.scores, "same": found.same, **ranked, **recalls})


def assemble(job: Job, writer: ArtifactWriter, parts: list[list[Part]]) -> Findings:
    """Choose the numbers of candidates and whether they are scored in two passes: they are the artifact."""
    params = RetrieverParams(**job.params["retriever"])
    n_docs = open_multivectors(job.inputs["tokens"]).n_docs
    measured: dict[str, Any] = {"n_candidates": most_candidates(params, n_docs), "n_queries": 0}
    in_two_passes = False
    if parts[0]:
        true_kth, scores, same = (_joined(parts[0], name) for name in ("true_kth", "scores", "same"))
        ranking = None if params.carve is None else _joined(parts[0], "ranking")
        measured = dataclasses.asdict(choose(true_kth, scores, params, n_docs, ranking))
        in_two_passes = bool(same.all())
        if params.first_pass == "auto" and can_pass_first(open_multivectors(job.inputs["tokens"])):
            measured["same_in_two_passes"] = round(float(same.mean()), 4)
    rungs = [(n_docs, measured["n_candidates"])]
    if parts[0] and params.n_candidates is None and (sizes := filter_sizes(n_docs)):
        recalls, ladder = _joined(parts[0], "filtered"), tried_candidates(params, n_docs)
        chosen = choose_filtered(recalls, sizes, ladder, params.recall, measured["n_candidates"])
        measured["filtered"] = [dataclasses.asdict(one) for one in chosen]
        rungs += [(one.n_docs, one.n_candidates) for one in chosen]
    writer.array("filtered", np.array(rungs, dtype=np.int64))
    writer.array("n_candidates", np.array([measured["n_candidates"]], dtype=np.int64))
    writer.array("in_two_passes", np.array([in_two_passes]))
    return Findings(measured=measured)


def _joined(parts: list[Part], name: str) -> npt.NDArray[Any]:
    return np.concatenate([part.array(name) for part in parts])


def _heldout(job: Job) -> MultiVectors:
    params = RetrieverParams(**job.params["retriever"])
    return heldout_queries(job.inputs["corpus"], job.inputs["tokens"], params, job.params["encoder"])


def estimate(sizes: Sizes, params: Mapping[str, Any]) -> Estimate:
    """Every held-out query is scored against every token of every document, 35 ns, and some again for filters, where
    encodings are put in order too: 1 ns a number."""
    asked = params["retriever"]
    n_queries, n_sizes = asked["n_heldout"], len(filter_sizes(sizes.n_docs))
    filtered = min(n_queries, FILTER_QUERIES) if n_sizes and asked["n_candidates"] is None else 0
    seconds = 3.5e-8 * (n_queries + filtered) * sizes.n_tokens
    seconds += 1e-9 * filtered * sizes.doc_dim * sizes.n_docs
    n_parts = parts_of(n_queries, QUERIES)
    return Estimate(
        memory=(64 << 20) + 8 * sizes.n_tokens,
        disk=512,
        seconds=seconds + PART_SECONDS * n_parts,
        n_parts=n_parts,
        shared=(128 << 20) + 2 * sizes.doc_dim * sizes.n_docs,
        work="stream",
        kernels="vectors.kernels.maxsim",
        compiling=2.0,
    )


STAGE = Stage(
    kind=KIND,
    kind_version=VERSION,
    code_version=5,
    parallel=True,
    split=split,
    partition=partition,
    assemble=assemble,
    estimate=estimate,
)
