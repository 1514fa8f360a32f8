"""Codecs of minhash signatures with the links they were made from, and of the bucket tables over them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from artifacts.artifact import Artifact
from clustering.communities import CommunityIndex, CommunityParams
from clustering.lsh import LSHIndex
from clustering.neighbourhoods import Sets

SIGNATURES = "signatures"
TABLES = "lsh"
VERSION = 1
READABLE = (1,)


def open_signatures(path: Path) -> npt.NDArray[np.uint32]:
    """uint32 (n_nodes, num_perm), memory-mapped."""
    return Artifact.open(path, SIGNATURES, READABLE).array("signatures")


def open_links(path: Path) -> Sets:
    """The links kept beside the signatures, memory-mapped."""
    sketches = Artifact.open(path, SIGNATURES, READABLE)
    return Sets(sketches.array("links_indptr"), sketches.array("links_indices"))


def open_communities(signatures: Path, tables: Path) -> CommunityIndex:
    """Links, signatures and bucket tables, memory-mapped."""
    sketches = Artifact.open(signatures, SIGNATURES, READABLE)
    buckets = Artifact.open(tables, TABLES, READABLE)
    settings: dict[str, Any] = dict(buckets.manifest.params)
    params = CommunityParams(**settings)
    keys, nodes = buckets.array("keys"), buckets.array("nodes")
    lsh = LSHIndex(sketches.array("signatures"), keys, nodes, params.lsh_params(), params.sketch_params())
    return CommunityIndex(open_links(signatures), lsh, params)
