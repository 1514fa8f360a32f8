"""Stage ``lexical``: texts become an index of their words. A partition counts the words of a range of documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from artifacts.artifact import ArtifactWriter
from artifacts.corpus import open_corpus
from artifacts.lexical import KIND, VERSION, lexical_params
from artifacts.parts import Part
from flows.stages.costs import PART_SECONDS, WRITE_SECONDS, parts_of
from flows.stages.stage import Estimate, Findings, Job, Output, Range, Sizes, Stage
from foundation.threads import even_ranges
from vectors.lexical.counts import TermCounts, count_terms
from vectors.lexical.merge import merge_counts

TEXT_SHARE = 0.6  # bytes of an index over bytes of its texts


def split(job: Job) -> list[list[Range]]:
    """Even ranges of documents."""
    return [even_ranges(open_corpus(job.inputs["corpus"]).n_docs, job.part_docs)]


def partition(job: Job, round_: int, start: int, stop: int) -> Output:
    """Counts of the words of documents [start, stop)."""
    del round_
    texts = open_corpus(job.inputs["corpus"]).texts(start, stop)
    return Output(count_terms(texts, start, lexical_params(job.params)).arrays())


def assemble(job: Job, writer: ArtifactWriter, parts: list[list[Part]]) -> Findings:
    """Merge the counts, and weigh them."""
    names = ("ids_blob", "ids_offsets", "indptr", "docs", "counts", "lengths")
    counted = [TermCounts.from_arrays({name: part.array(name) for name in names}) for part in parts[0]]
    merged = merge_counts(counted, lexical_params(job.params))
    for name, array in merged.arrays.items():
        writer.array(name, array)
    return Findings(merged.stats)


def row_bytes(job: Job) -> float:
    """A text as words, its numbers and its counts: some 40 bytes for each of the text's."""
    corpus = open_corpus(job.inputs["corpus"])
    return 40 * corpus.report.text_bytes / max(1, corpus.n_docs)


def estimate(sizes: Sizes, params: Mapping[str, Any]) -> Estimate:
    """Cutting and counting take 0.1 µs a byte of text, with a stemmer as much; merging 10 ns."""
    del params
    disk, n_parts = int(TEXT_SHARE * sizes.text_bytes), parts_of(sizes.n_docs, sizes.part_docs)
    return Estimate(
        memory=40 * sizes.text_bytes // n_parts,
        disk=disk,
        seconds=1e-7 * sizes.text_bytes + PART_SECONDS * n_parts,
        n_parts=n_parts,
        shared=sizes.text_bytes,
        assembling=3 * disk,
        serial=0.1 + 1e-8 * sizes.text_bytes + WRITE_SECONDS * disk,
        work="parse",
        kernels="vectors.kernels.postings",
        compiling=2.0,
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
