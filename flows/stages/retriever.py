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
from vectors.retriever import Retriever, RetrieverParams, can_pass_first, choose, evaluate, most_candidates
from vectors.tokens.multivector import MultiVectors


def split(job: Job) -> list[list[Range]]:
    """Ranges of held-out queries."""
    return [query_ranges(_heldout(job))]


def partition(job: Job, round_: int, start: int, stop: int) -> Output:
    """Exact MaxSim over all documents, unless the index kept it, and over the candidates, for queries [start, stop)."""
    del round_
    documents, params = open_multivectors(job.inputs["tokens"]), RetrieverParams(**job.params["retriever"])
    index, known = open_candidates(job.inputs["ann"]), open_truth(job.inputs["ann"])
    retriever = Retriever(documents, open_fde_params(job.inputs["fde"]), index, n_candidates=1)
    queries = _heldout(job).slice(start, stop)
    found = evaluate(retriever, queries, params, None if known is None else np.asarray(known[start:stop]))
    ranked = {} if found.ranking is None else {"ranking": found.ranking}
    return Output({"true_kth": found.true_kth, "scores": found.scores, "same": found.same, **ranked})


def assemble(job: Job, writer: ArtifactWriter, parts: list[list[Part]]) -> Findings:
    """Choose the number of candidates and whether they are scored in two passes: they are the artifact."""
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
    writer.array("n_candidates", np.array([measured["n_candidates"]], dtype=np.int64))
    writer.array("in_two_passes", np.array([in_two_passes]))
    return Findings(measured=measured)


def _joined(parts: list[Part], name: str) -> npt.NDArray[Any]:
    return np.concatenate([part.array(name) for part in parts])


def _heldout(job: Job) -> MultiVectors:
    params = RetrieverParams(**job.params["retriever"])
    return heldout_queries(job.inputs["corpus"], job.inputs["tokens"], params, job.params["encoder"])


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
    code_version=3,
    parallel=True,
    split=split,
    partition=partition,
    assemble=assemble,
    estimate=estimate,
)
