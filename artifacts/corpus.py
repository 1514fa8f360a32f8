"""Codec of a corpus: ids, texts and fields of the documents."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from artifacts.artifact import Artifact, ArtifactWriter
from vectors.corpus.read import Corpus, CorpusParams, CorpusReport, corpus_from_arrays

KIND = "corpus"
VERSION = 1
READABLE = (1,)


def corpus_params(params: Any) -> CorpusParams:
    """What a manifest, which knows lists and no tuples, says of the params."""
    return CorpusParams(**{**params, "text": tuple(params["text"]), "fields": tuple(params["fields"])})


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
