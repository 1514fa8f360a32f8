"""Stage ``ann.documents`` where candidates are judged by MaxSim: codes, or the choice between them and plain scans.

A partition is a range of held-out queries and scores all documents exactly; the assembly builds what there could be,
measures how many candidates each needs, and keeps the cheapest. The exact scores stay beside it, so that stage
``retriever`` need not find them again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from artifacts.ann import CODED_VERSION, KIND, TRUTH, write_candidates
from artifacts.artifact import ArtifactWriter
from artifacts.fde import open_fde, open_fde_params
from artifacts.multivector import open_multivectors
from artifacts.parts import Part
from flows.stages.costs import PART_SECONDS, WRITE_SECONDS, parts_of
from flows.stages.heldout import QUERIES, heldout_queries, query_ranges
from flows.stages.stage import Estimate, Findings, Job, Output, Range, Sizes, Stage
from vectors.ann.index import ANNIndex
from vectors.ann.tuning import described
from vectors.calibration import LADDER, most_candidates, scored, true_kth
from vectors.coded.choice import Wanted, choose_index, ladder_to, scan_params
from vectors.coded.cost import rerank_cost
from vectors.coded.params import CodedParams, forms, is_open
from vectors.fde.encode import encode_queries, fde_matrices
from vectors.retriever import RetrieverParams
from vectors.tokens.multivector import MultiVectors


def split(job: Job) -> list[list[Range]]:
    """Ranges of held-out queries; none where there is nothing to choose."""
    fde, params = open_fde(job.inputs["fde"]), CodedParams(**job.params["index"])
    return [query_ranges(_queries(job))] if is_open(fde.shape[0], fde.shape[1], params) else []


def partition(job: Job, round_: int, start: int, stop: int) -> Output:
    """Exact MaxSim over all documents of queries [start, stop)."""
    del round_
    documents = open_multivectors(job.inputs["tokens"])
    return Output({"true_kth": true_kth(_queries(job).slice(start, stop), documents)})


def assemble(job: Job, writer: ArtifactWriter, parts: list[list[Part]]) -> Findings:
    """Choose and write; a few encodings are scanned as they are."""
    fde, params = open_fde(job.inputs["fde"]), CodedParams(**job.params["index"])
    if not parts:
        index = ANNIndex.build(fde, scan_params("float32", params.seed))
        assert index.measured is not None  # `build` has measured
        return Findings(write_candidates(writer, index), described(index.measured))
    kth = np.concatenate([np.zeros(0, np.float32), *(part.array("true_kth") for part in parts[0])])
    wanted = RetrieverParams(**job.params["retriever"])
    documents, queries = open_multivectors(job.inputs["tokens"]), _queries(job)
    encoding = open_fde_params(job.inputs["fde"])
    asked = encode_queries(queries, encoding, matrices=fde_matrices(documents.dim, encoding))

    def score(found: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32] | None]:
        return scored(queries, documents, found, wanted.carve)

    n_tokens = queries.n_tokens / max(1, queries.n_docs)
    target = Wanted(
        recall=wanted.recall,
        ladder=ladder_to(most_candidates(wanted, documents.n_docs), () if wanted.n_candidates else LADDER),
        rerank_cost=rerank_cost(documents, n_tokens),
        allow_missed=wanted.allow_missed or wanted.n_candidates is not None,
    )
    found, chosen = choose_index(fde, asked, kth, score, params, target)
    stats = write_candidates(writer, found)
    writer.array(TRUTH, kth)
    return Findings(stats, chosen.described())


def _queries(job: Job) -> MultiVectors:
    params = RetrieverParams(**job.params["retriever"])
    return heldout_queries(job.inputs["corpus"], job.inputs["tokens"], params, job.params["encoder"])


def estimate(sizes: Sizes, params: Mapping[str, Any]) -> Estimate:
    """Held-out queries are scored against every token, 35 ns each; coding a number takes 90 ns, most of it for
    product codes, which are learned and looked up 256 at a time."""
    asked = CodedParams(**{**params["index"], "memory": None})
    values, n_queries = sizes.n_docs * sizes.doc_dim, params["retriever"]["n_heldout"]
    largest = max(form.n_bytes for form in forms(max(1, sizes.n_docs), max(1, sizes.doc_dim), asked))
    n_parts = parts_of(n_queries, QUERIES)
    return Estimate(
        memory=(64 << 20) + 8 * sizes.n_tokens,
        disk=min(largest, 4 * values),
        seconds=3.5e-8 * n_queries * sizes.n_tokens + PART_SECONDS * n_parts,
        n_parts=n_parts,
        shared=128 * sizes.n_tokens,
        assembling=2 * largest + (256 << 20),
        serial=1.0 + 9e-8 * values + WRITE_SECONDS * largest,
        work="stream",
        kernels="vectors.kernels.maxsim",
        compiling=4.0,
    )


def stage_params(index: CodedParams, retriever: RetrieverParams, encoder: str) -> dict[str, Any]:
    """What decides the artifact."""
    return {
        "index": dataclasses.asdict(index),
        "retriever": dataclasses.asdict(retriever),
        "encoder": encoder,
    }


STAGE = Stage(
    kind=KIND,
    kind_version=CODED_VERSION,
    code_version=1,
    parallel=True,
    split=split,
    partition=partition,
    assemble=assemble,
    estimate=estimate,
)
