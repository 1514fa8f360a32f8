"""Stage ``corpus``: a file of documents becomes a corpus artifact; documents added since are laid over the file's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from artifacts.artifact import ArtifactWriter
from artifacts.corpus import KIND, VERSION, corpus_params, write_corpus
from artifacts.parts import Part
from flows.stages.stage import Estimate, Findings, Job, Sizes, Stage
from vectors.corpus.changes import read_changes
from vectors.corpus.read import read_corpus


def assemble(job: Job, writer: ArtifactWriter, parts: list[list[Part]]) -> Findings:
    """Read the source on the machine that runs the flow."""
    del parts
    params = corpus_params(job.params)
    changes = read_changes(job.sources["changes"], params) if "changes" in job.sources else None
    return Findings(stats=write_corpus(writer, read_corpus(job.sources["documents"], params, changes=changes)))


def assemble_segment(job: Job, writer: ArtifactWriter, parts: list[list[Part]]) -> Findings:
    """Read documents that are added to an index, whose fields have the ``kinds`` they have there."""
    del parts
    params, kinds = corpus_params(job.params["corpus"]), job.params["kinds"]
    return Findings(stats=write_corpus(writer, read_corpus(job.sources["documents"], params, kinds=kinds)))


def estimate(sizes: Sizes, params: Mapping[str, Any]) -> Estimate:
    """Parsed documents, and their texts laid end to end: 5 µs a document and 16 ns a byte."""
    del params
    return Estimate(
        4 * sizes.text_bytes + 1_000 * sizes.n_docs,
        sizes.text_bytes + 100 * sizes.n_docs,
        0.1 + 5e-6 * sizes.n_docs + 1.6e-8 * sizes.text_bytes,
        work="parse",
    )


STAGE = Stage(kind=KIND, kind_version=VERSION, code_version=1, assemble=assemble, estimate=estimate)
SEGMENT = Stage(kind=KIND, kind_version=VERSION, code_version=1, assemble=assemble_segment, estimate=estimate)
