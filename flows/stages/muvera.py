"""Stage ``muvera``: token vectors become fixed dimensional encodings. A partition is a range of documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from artifacts.artifact import ArtifactWriter
from artifacts.corpus import open_corpus
from artifacts.fde import DTYPE, KIND, VERSION, open_fde
from artifacts.multivector import open_multivectors
from artifacts.parts import Part
from flows.stages.costs import PART_SECONDS, WRITE_SECONDS, parts_of
from flows.stages.stage import ROWS, ROWS_REUSED, Estimate, Findings, Job, Output, Range, Sizes, Stage
from foundation.errors import InvalidInput
from foundation.matching import matching_rows
from foundation.threads import even_ranges
from vectors.fde.encode import FDEParams, encode_documents
from vectors.tokens.columns import take_documents
from vectors.tokens.packed import TokenSets
from vectors.tokens.storage import as_multivectors
from vectors.unchanged import unchanged_tokens

_NUMBER_SECONDS = {"reference": 5e-9, "gaussian+structured": 2e-9, "structured": 1e-9}


def split(job: Job) -> list[list[Range]]:
    """Even ranges of documents."""
    return [even_ranges(open_multivectors(job.inputs["tokens"]).n_docs, job.part_docs)]


def partition(job: Job, round_: int, start: int, stop: int) -> Output:
    """Encodings of documents [start, stop)."""
    del round_
    everything = open_multivectors(job.inputs["tokens"])
    rows = _kept_rows(job, everything, start, stop)
    documents, changed = as_multivectors(everything.slice(start, stop)), np.flatnonzero(rows < 0)
    encoded = encode_documents(take_documents(documents, changed), FDEParams(**job.params), dtype=DTYPE)
    if np.isinf(encoded).any():
        raise InvalidInput(
            source=f"documents {start} to {stop}",
            what="an encoding is too large for 16 bits",
            fix="normalise the token vectors (corpus.encoder.normalize = true)",
        )
    n_empty = int(np.count_nonzero(np.diff(documents.offsets) == 0))
    fde = encoded
    if changed.size < rows.size:
        fde = np.empty((rows.size, encoded.shape[1]), dtype=DTYPE)
        fde[changed] = encoded
        fde[rows >= 0] = open_fde(job.previous["self"])[rows[rows >= 0]]
    return Output({"fde": fde}, {"n_empty": n_empty, ROWS: rows.size, ROWS_REUSED: rows.size - changed.size})


def _kept_rows(job: Job, documents: TokenSets, start: int, stop: int) -> npt.NDArray[np.int64]:
    """Row in the previous artifact of each document that is there with the same token vectors; -1 for the others."""
    if not job.previous:
        return np.full(stop - start, -1, dtype=np.int64)
    old, new = (open_corpus(places["tokens.corpus"]).ids for places in (job.previous, job.beside))
    rows = matching_rows(old, new, start, stop)
    return unchanged_tokens(open_multivectors(job.previous["tokens"]), documents, rows, start)


def assemble(job: Job, writer: ArtifactWriter, parts: list[list[Part]]) -> Findings:
    """Lay the rows end to end."""
    ranges = parts[0]
    documents = open_multivectors(job.inputs["tokens"])
    shape = (documents.n_docs, FDEParams(**job.params).fde_dim(documents.dim))
    writer.pieces("fde", (part.array("fde") for part in ranges), DTYPE, shape)
    n_empty = sum(int(part.stats["n_empty"]) for part in ranges)
    return Findings({"n_docs": shape[0], "fde_dim": shape[1], "n_empty_documents": n_empty})


def row_bytes(job: Job) -> float:
    """An encoding in 16 bits, a second time beside those of a previous build, and which of it are infinite."""
    return 5 * FDEParams(**job.params).fde_dim(open_multivectors(job.inputs["tokens"]).dim)


def estimate(sizes: Sizes, params: Mapping[str, Any]) -> Estimate:
    """Two bytes a number on disk; hashing and adding a token takes some ns a repetition and projected number."""
    width = params["num_repetitions"] * 2 ** params["k_sim"] * (params["d_proj"] or 128)
    stored = (params["d_final"] or width) + params["d_whole"]
    disk, n_parts = 2 * stored * sizes.n_docs, parts_of(sizes.n_docs, sizes.part_docs)
    per_token = _NUMBER_SECONDS[params["mode"]] * params["num_repetitions"] * (params["d_proj"] or 128)
    return Estimate(
        memory=(32 << 20) + 5 * disk // n_parts,
        disk=disk,
        seconds=5e-9 * stored * sizes.n_docs + per_token * sizes.n_tokens + (WRITE_SECONDS * disk + PART_SECONDS),
        n_parts=n_parts,
        shared=64 << 20,
        assembling=disk,
        serial=WRITE_SECONDS * disk,
        work="stream",
        kernels="vectors.kernels.fde",
        compiling=6.0,
    )


STAGE = Stage(
    kind=KIND,
    kind_version=VERSION,
    code_version=1,
    parallel=True,
    compares=("tokens", "tokens.corpus"),
    split=split,
    partition=partition,
    row_bytes=row_bytes,
    assemble=assemble,
    estimate=estimate,
)
