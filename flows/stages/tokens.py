"""Stage ``tokens``: the corpus's texts become token vectors. A partition is a range of documents."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from artifacts.artifact import ArtifactWriter
from artifacts.corpus import open_corpus
from artifacts.multivector import KIND, VERSION, open_encoded
from artifacts.parts import Part
from flows.stages.costs import PART_SECONDS, WRITE_SECONDS, parts_of
from flows.stages.packed_tokens import write_packed
from flows.stages.stage import ROWS, ROWS_REUSED, Estimate, Findings, Job, Output, Range, Sizes, Stage
from foundation.errors import InvalidInput
from foundation.pieces import Opened
from foundation.threads import even_ranges
from vectors.encoders.encoded import LEFT_OUT, Encoded
from vectors.encoders.encoder import EncoderParams, open_encoder
from vectors.encoders.reuse import merged
from vectors.encoders.static import StaticEncoder, document_frequency, token_idf
from vectors.tokens.lengths import with_lengths
from vectors.tokens.storage import TokenStorageParams
from vectors.unchanged import unchanged_texts

TOKENS_A_BYTE = 0.25  # of plain English text
TABLE_ROWS = 32_000  # tokens of wordllama's table
SAMPLED = 100  # documents whose length is looked at


def split(job: Job) -> list[list[Range]]:
    """Even ranges of documents."""
    return [even_ranges(open_corpus(job.inputs["corpus"]).n_docs, job.part_docs)]


def partition(job: Job, round_: int, start: int, stop: int) -> Output:
    """Token vectors of documents [start, stop); of a coded encoder the codes and the rows no other part has."""
    del round_
    corpus, params = open_corpus(job.inputs["corpus"]), EncoderParams(**job.params["encoder"])
    rows = np.full(stop - start, -1, dtype=np.int64)
    storage = _storage(job)
    # What was scaled before is counted no more: the count must not depend on what is kept.
    if job.previous and params.reads_text and storage.packed is None and storage.unnormalised == "keep":
        rows = unchanged_texts(open_corpus(job.previous["corpus"]), corpus, start, stop)
    if (rows < 0).all():
        encoder = open_encoder(params, corpus=corpus)
        encoded = encoder.encode_corpus(corpus, start, stop)
        n_shared = encoder.table.shape[0] if isinstance(encoder, StaticEncoder) else 0
    else:
        old, n_shared = open_encoded(job.previous["self"])
        changed = (start + np.flatnonzero(rows < 0)).tolist()
        nothing = Encoded(vectors=old.vectors.slice(0, 0), left_out=old.left_out[:0])
        fresh = open_encoder(params).encode_documents([corpus.text(doc) for doc in changed]) if changed else nothing
        encoded = merged(old, rows, fresh, n_shared)
    encoded, lengths = _with_lengths(job, encoded, start)
    stats = encoded.counts() | lengths | {ROWS: rows.size, ROWS_REUSED: int(np.count_nonzero(rows >= 0))}
    vectors = encoded.vectors
    arrays: dict[str, npt.NDArray[Any]] = {"offsets": vectors.offsets, "left_out": encoded.left_out}
    if vectors.codes is None:
        return Output({**arrays, "vectors": vectors.vectors}, stats)
    frequency = document_frequency(vectors, n_shared)
    own = vectors.vectors[n_shared:]
    return Output({**arrays, "codes": vectors.codes, "own": own, "document_frequency": frequency}, stats)


def assemble(job: Job, writer: ArtifactWriter, parts: list[list[Part]]) -> Findings:
    """Lay the parts end to end."""
    ranges = parts[0]
    counts: Counter[str] = Counter()
    for part in ranges:
        counts.update({name: n for name, n in part.stats.items() if name not in (ROWS, ROWS_REUSED)})
    n_docs = ranges[-1].stop if ranges else 0
    offsets = np.zeros(n_docs + 1, dtype=np.int64)
    for part in ranges:
        offsets[part.start + 1 : part.stop + 1] = part.array("offsets")[1:] + offsets[part.start]
    writer.array("offsets", offsets)
    writer.pieces("left_out", (part.array("left_out") for part in ranges), np.int32, (n_docs, len(LEFT_OUT)))
    encoder = open_encoder(EncoderParams(**job.params["encoder"]), corpus=open_corpus(job.inputs["corpus"]))
    coded = isinstance(encoder, StaticEncoder)
    if isinstance(encoder, StaticEncoder):
        _write_coded(writer, encoder, ranges, n_docs)
    stats = {**dict(sorted(counts.items())), "dim": encoder.dim, "coded": coded}
    if coded:
        return Findings(stats=stats)
    storage = _storage(job)
    pieces = Opened([partial(part.array, "vectors") for part in ranges])
    if storage.packed is not None:
        return Findings(stats=stats, measured=write_packed(writer, pieces, int(offsets[-1]), encoder.dim, storage))
    writer.pieces("vectors", pieces, np.float32, (int(offsets[-1]), encoder.dim))
    return Findings(stats=stats)


def _with_lengths(job: Job, encoded: Encoded, start: int) -> tuple[Encoded, dict[str, int]]:
    """Token vectors of the lengths that are wanted, and how many had others; a static encoder's are as they should."""
    if encoded.vectors.codes is not None:
        return encoded, {}
    try:
        vectors, n_off = with_lengths(encoded.vectors, _storage(job).unnormalised)
    except InvalidInput as error:
        raise InvalidInput(source=f"documents from {start} on", what=error.what, fix=error.fix) from None
    return dataclasses.replace(encoded, vectors=vectors), {"n_unnormalised": n_off}


def _storage(job: Job) -> TokenStorageParams:
    return TokenStorageParams(**job.params.get("tokens", {}))


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
    kept = TokenStorageParams(**params.get("tokens", {})).token_bytes(dim) * sizes.n_tokens
    disk = 4 * sizes.n_tokens + width * (TABLE_ROWS + sizes.n_docs) if static else kept
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
    code_version=2,
    parallel=True,
    compares=("corpus",),
    split=split,
    partition=partition,
    row_bytes=row_bytes,
    assemble=assemble,
    estimate=estimate,
)
