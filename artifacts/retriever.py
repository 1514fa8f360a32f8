"""Codec of a calibrated retriever: the number of candidates to rerank, over three artifacts that do the work."""

from __future__ import annotations

from pathlib import Path

from artifacts.ann import open_ann
from artifacts.artifact import Artifact
from artifacts.fde import open_fde_params
from artifacts.multivector import open_multivectors
from vectors.retriever import Retriever

KIND = "retriever"
VERSION = 1
READABLE = (1,)


def open_retriever(path: Path, tokens: Path, fde: Path, ann: Path) -> Retriever:
    """Search over the artifacts it was calibrated on, memory-mapped."""
    n_candidates = open_n_candidates(path)
    return Retriever(open_multivectors(tokens), open_fde_params(fde), open_ann(ann), n_candidates)


def open_n_candidates(path: Path) -> int:
    """How many documents a query reranks."""
    return int(Artifact.open(path, KIND, READABLE).array("n_candidates")[0])
