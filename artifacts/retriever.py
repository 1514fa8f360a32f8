"""Codec of a calibrated retriever: the number of candidates to rerank, over three artifacts that do the work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from artifacts.ann import open_ann
from artifacts.artifact import Artifact
from artifacts.fde import KIND as FDE
from artifacts.fde import READABLE as FDE_READABLE
from artifacts.multivector import open_multivectors
from vectors.fde import FDEParams
from vectors.retriever import Retriever

KIND = "retriever"
VERSION = 1
READABLE = (1,)


def open_retriever(path: Path, tokens: Path, fde: Path, ann: Path) -> Retriever:
    """Search over the artifacts it was calibrated on, memory-mapped."""
    n_candidates = int(Artifact.open(path, KIND, READABLE).array("n_candidates")[0])
    found = Artifact.open(fde, FDE, FDE_READABLE).manifest.params
    params: dict[str, Any] = {"mode": "reference", **found}  # there was no other before encodings had modes
    return Retriever(open_multivectors(tokens), FDEParams(**params), open_ann(ann), n_candidates)
