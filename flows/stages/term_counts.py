"""Stage ``lexical.counts``: the words of documents, counted and not weighed. A partition is a range of documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from artifacts.artifact import ArtifactWriter
from artifacts.parts import Part
from artifacts.term_counts import KIND, VERSION
from flows.stages import lexical
from flows.stages.stage import Estimate, Findings, Job, Sizes, Stage
from vectors.grown.counts import join_counts
from vectors.lexical.counts import TermCounts

_NAMES = ("ids_blob", "ids_offsets", "indptr", "docs", "counts", "lengths")


def assemble(job: Job, writer: ArtifactWriter, parts: list[list[Part]]) -> Findings:
    """Join the counts."""
    del job
    joined = join_counts([TermCounts.from_arrays({name: part.array(name) for name in _NAMES}) for part in parts[0]])
    writer.arrays(joined.arrays())
    return Findings({"n_docs": joined.lengths.size, "n_terms": len(joined.terms), "n_postings": joined.docs.size})


def estimate(sizes: Sizes, params: Mapping[str, Any]) -> Estimate:
    """As the index of words, which counts them in the same way."""
    return lexical.estimate(sizes, params)


STAGE = Stage(
    kind=KIND,
    kind_version=VERSION,
    code_version=1,
    parallel=True,
    split=lexical.split,
    partition=lexical.partition,
    row_bytes=lexical.row_bytes,
    assemble=assemble,
    estimate=estimate,
)
