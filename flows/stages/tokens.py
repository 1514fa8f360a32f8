"""Stage ``tokens``: the corpus's texts become token vectors. A partition is a range of documents."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from artifacts.artifact import ArtifactWriter
from artifacts.corpus import open_corpus
from artifacts.multivector import KIND, VERSION
from artifacts.parts import Part
from flows.stages.costs import PART_SECONDS, WRITE_SECONDS, parts_of
from flows.stages.stage import Estimate, Findings, Job, Output, Range, Sizes, Stage
from foundation.threads import even_ranges
from vectors.encoders.encoder import EncoderParams, open_encoder
from vectors.encoders.static import StaticEncoder, token_idf

TOKENS_A_BYTE = 0.25  # of plain English text
TABLE_ROWS = 32_000  # tokens of wordllama's table
SAMPLED = 100  # documents whose length is looked at


def split(job: Job) -> list[list[Range]]:
    """Even ranges of documents."""
    return [even_ranges(open_corpus(job.inputs["corpus"]).n_docs, job.part_docs)]


def partition(job: Job, round_: int, start: int, stop: int) -> Output:
    """Token vectors of documents [start, stop); of a coded encoder the codes and the rows no other part has."""
    del round_
    corpus = open_corpus(job.inputs["corpus"])
    encoder = open_encoder(EncoderParams(**job.params["encoder"]), corpus=corpus)
    encoded = encoder.encode_corpus(corpus, start, stop)
    vectors = encoded.vectors
    if not isinstance(encoder, StaticEncoder) or vectors.codes is None:
        return Output({"offsets": vectors.offsets, "vectors": vectors.vectors}, encoded.counts())
    return Output(
        {
            "offsets": vectors.offsets,
            "codes": vectors.codes,
            "own": vectors.vectors[encoder.table.shape[0] :],
            "document_frequency": encoder.document_frequency(vectors),
        },
        encoded.counts(),
    )


def assemble(job: Job, writer: ArtifactWriter, parts: list[list[Part]]) -> Findings:
    """Lay the parts end to end."""
    ranges = parts[0]
    counts: Counter[str] = Counter()
    for part in ranges:
        counts.update(part.stats)
    n_docs = ranges[-1].stop if ranges else 0
    offsets = np.zeros(n_docs + 1, dtype=np.int64)
    for part in ranges:
        offsets[part.start + 1 : part.stop + 1] = part.array("offsets")[1:] + offsets[part.start]
    writer.array("offsets", offsets)
    encoder = open_encoder(EncoderParams(**job.params["encoder"]), corpus=open_corpus(job.inputs["corpus"]))
    coded = isinstance(encoder, StaticEncoder)
    if isinstance(encoder, StaticEncoder):
        _write_coded(writer, encoder, ranges, n_docs)
    else:
        shape = (int(offsets[-1]), encoder.dim)
        writer.pieces("vectors", (part.array("vectors") for part in ranges), np.float32, shape)
    return Findings(stats={**dict(sorted(counts.items())), "dim": encoder.dim, "coded": coded})


def _write_coded(writer: ArtifactWriter, encoder: StaticEncoder, ranges: Sequence[Part], n_docs: int) -> None:
    """The shared table followed by every part's own rows, codes shifted to match, and how rare each token is."""
    n_shared = encoder.table.shape[0]
    n_own = [part.array("own").shape[0] for part in ranges]
    shape = (n_shared + sum(n_own), encoder.dim)
    writer.pieces(
        "vectors", itertools.chain([encoder.table], (part.array("own") for part in ranges)), np.float32, shape
    )

    def shifted() -> Iterator[npt.NDArray[np.int32]]:
        before = 0
        for part, own in zip(ranges, n_own, strict=True):
            codes = part.array("codes")
            yield np.where(codes >= n_shared, codes + np.int32(before), codes)
            before += own

    n_tokens = sum(part.array("codes").size for part in ranges)
    writer.pieces("codes", shifted(), np.int32, (n_tokens,))
    frequency = sum((part.array("document_frequency") for part in ranges), np.zeros(n_shared, dtype=np.int64))
    writer.array("idf", token_idf(frequency, n_docs))


def row_bytes(job: Job) -> float:
    """The text as Python strings and its tokens: ids of a static table, else a vector each, held twice."""
    corpus = open_corpus(job.inputs["corpus"])
    text = sum(len(corpus.text(doc)) for doc in range(0, corpus.n_docs, max(1, corpus.n_docs // SAMPLED)))
    length = text / max(1, min(SAMPLED, corpus.n_docs))
    params = job.params["encoder"]
    dim = params["dim"] or 384
    per_token = 16 if params["kind"] == "static" else 8 * dim
    return 4 * length + TOKENS_A_BYTE * length * per_token + 8 * dim


def estimate(sizes: Sizes, params: Mapping[str, Any]) -> Estimate:
    """A static encoder cuts text into tokens, 2 µs each, keeps 4 bytes of each, and a vector per document and row of
    its table; a model keeps whole vectors and needs a tenth of a second a document."""
    encoder = params["encoder"]
    static, dim = encoder["kind"] == "static", encoder["dim"] or (256 if encoder["kind"] == "static" else 384)
    width = 8 * dim if encoder["pooled_weight"] else 4 * dim
    disk = 4 * sizes.n_tokens + width * (TABLE_ROWS + sizes.n_docs) if static else 4 * dim * sizes.n_tokens
    n_parts = parts_of(sizes.n_docs, sizes.part_docs)
    return Estimate(
        memory=(150 << 20) + 2 * disk // n_parts,
        disk=disk,
        seconds=(2e-6 * TOKENS_A_BYTE * sizes.text_bytes if static else 0.1 * sizes.n_docs)
        + (0.3 + PART_SECONDS) * n_parts,
        n_parts=n_parts,
        shared=sizes.text_bytes,
        assembling=(150 << 20) + disk,
        serial=0.15 + WRITE_SECONDS * disk,
        work="parse",
    )


STAGE = Stage(
    kind=KIND,
    kind_version=VERSION,
    code_version=1,
    parallel=True,
    split=split,
    partition=partition,
    row_bytes=row_bytes,
    assemble=assemble,
    estimate=estimate,
)
