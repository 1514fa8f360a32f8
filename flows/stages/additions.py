"""Stage ``additions``: documents added and removed since the sources were read, kept for the builds to come.

What is kept is decided before (`flows.additions`); ``documents``, the corpus's source, says only what it was held
against, so that it need not be held against the same source again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from artifacts.additions import KIND, VERSION, write_additions
from artifacts.artifact import ArtifactWriter
from artifacts.corpus import corpus_params
from artifacts.parts import Part
from flows.stages.stage import Estimate, Findings, Job, Sizes, Stage
from vectors.corpus.changes import read_changes


def assemble(job: Job, writer: ArtifactWriter, parts: list[list[Part]]) -> Findings:
    """Copy the changes."""
    del parts
    return Findings(stats=write_additions(writer, read_changes(job.sources["changes"], corpus_params(job.params))))


def estimate(sizes: Sizes, params: Mapping[str, Any]) -> Estimate:
    """A file that is read and written: small beside all others."""
    del sizes, params
    return Estimate(64 << 20, 1 << 20, 0.1, work="parse")


STAGE = Stage(kind=KIND, kind_version=VERSION, code_version=1, assemble=assemble, estimate=estimate)
