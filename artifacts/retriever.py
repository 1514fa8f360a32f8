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
    n_candidates = int(Artifact.open(path, KIND, READABLE).array("n_candidates")[0])
    return Retriever(open_multivectors(tokens), open_fde_params(fde), open_ann(ann), n_candidates)


def open_segment(path: Path, tokens: Path, fde: Path, ann: Path) -> Retriever:
    """Search over documents that were added later, as ``path`` says of those it was calibrated on."""
    n_candidates = int(Artifact.open(path, KIND, READABLE).array("n_candidates")[0])
    return Retriever(open_multivectors(tokens), open_fde_params(fde), open_ann(ann), n_candidates)
