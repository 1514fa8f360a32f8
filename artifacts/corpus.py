"""Codec of a corpus: ids, texts and fields of the documents."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from artifacts.artifact import Artifact, ArtifactWriter
from vectors.corpus.read import Corpus, CorpusReport, corpus_from_arrays

KIND = "corpus"
VERSION = 1
READABLE = (1,)


def write_corpus(writer: ArtifactWriter, corpus: Corpus) -> dict[str, Any]:
    """Write the arrays; the names and counts to put in the manifest are returned."""
    writer.arrays(corpus.arrays())
    return {"n_docs": corpus.n_docs, "fields": list(corpus.fields), "report": asdict(corpus.report)}


def open_corpus(path: Path) -> Corpus:
    """The corpus, memory-mapped."""
    artifact = Artifact.open(path, KIND, READABLE)
    stats = artifact.manifest.stats
    report = {**stats["report"], "first_errors": tuple(stats["report"]["first_errors"])}
    return corpus_from_arrays(artifact.arrays(), stats["fields"], CorpusReport(**report))
