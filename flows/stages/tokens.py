"""Stage ``tokens``: the corpus's texts become token vectors. A partition is a range of documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from vectors.encoders.encoder import EncoderParams, open_encoder

from artifacts.artifact import ArtifactWriter
from artifacts.corpus import open_corpus
from artifacts.multivector import KIND, VERSION
from artifacts.parts import Part
from flows.stages.stage import Estimate, Findings, Job, Output, Range, Sizes, Stage
from foundation.threads import even_ranges

TOKENS_A_BYTE = 0.25  # of plain English text


def split(job: Job) -> list[list[Range]]:
    """Even ranges of documents."""
    return [even_ranges(open_corpus(job.inputs["corpus"]).n_docs, job.part_docs)]


def partition(job: Job, round_: int, start: int, stop: int) -> Output:
    """Token vectors of documents [start, stop): a coded encoder's parts hold codes, its table comes at the end."""
    del round_
    encoder = open_encoder(EncoderParams(**job.params["encoder"]))
    encoded = encoder.encode_corpus(open_corpus(job.inputs["corpus"]), start, stop)
    vectors = encoded.vectors
    tokens = {"codes": vectors.codes} if vectors.codes is not None else {"vectors": vectors.vectors}
    return Output({"offsets": vectors.offsets, **tokens}, encoded.counts())


def assemble(job: Job, writer: ArtifactWriter, parts: list[list[Part]]) -> Findings:
    """Lay the parts end to end."""
    ranges = parts[0]
    counts: Counter[str] = Counter()
    for part in ranges:
        counts.update(part.stats)
    offsets = np.zeros(counts["n_docs"] + 1, dtype=np.int64)
    for part in ranges:
        offsets[part.start + 1 : part.stop + 1] = part.array("offsets")[1:] + offsets[part.start]
    writer.array("offsets", offsets)
    encoder = open_encoder(EncoderParams(**job.params["encoder"]))
    nothing = encoder.encode_corpus(open_corpus(job.inputs["corpus"]), 0, 0).vectors
    n_tokens = int(offsets[-1])
    if nothing.codes is not None:
        writer.array("vectors", nothing.vectors)
        writer.pieces("codes", (part.array("codes") for part in ranges), np.int32, (n_tokens,))
    else:
        writer.pieces("vectors", (part.array("vectors") for part in ranges), np.float32, (n_tokens, encoder.dim))
    return Findings(stats={**dict(counts), "dim": encoder.dim, "coded": nothing.codes is not None})


def estimate(sizes: Sizes, params: Mapping[str, Any]) -> Estimate:
    """A static encoder keeps 4 bytes a token; a model keeps whole vectors and needs a tenth of a second a document."""
    static = params["encoder"]["kind"] == "static"
    n_tokens = sizes.n_tokens or int(TOKENS_A_BYTE * sizes.text_bytes)
    width = 4 if static else 4 * (params["encoder"]["dim"] or 384)
    seconds = 2e-6 * n_tokens if static else 0.1 * sizes.n_docs
    return Estimate(200 << 20, width * n_tokens + (32 << 20), seconds)


STAGE = Stage(
    kind=KIND,
    kind_version=VERSION,
    code_version=1,
    parallel=True,
    split=split,
    partition=partition,
    assemble=assemble,
    estimate=estimate,
)
