"""Codec of the link between nodes and documents that share an id."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from artifacts.artifact import Artifact, ArtifactWriter
from foundation.ids import Ids

KIND = "link"
VERSION = 1
READABLE = (1,)


def link_ids(nodes: Ids, docs: Ids) -> npt.NDArray[np.int64]:
    """Document row of every node, -1 for a node without document: int64 (n_nodes,). Ids are compared as text."""
    rows = {str(docs[doc]): doc for doc in range(len(docs))}
    return np.array([rows.get(str(nodes[node]), -1) for node in range(len(nodes))], dtype=np.int64)


def write_link(writer: ArtifactWriter, doc_of_node: npt.NDArray[np.int64], n_docs: int) -> dict[str, Any]:
    """Write the map; the counts to put in the manifest are returned."""
    writer.array("doc_of_node", doc_of_node)
    n_linked = int(np.count_nonzero(doc_of_node >= 0))
    return {
        "n_linked": n_linked,
        "n_nodes_without_document": doc_of_node.size - n_linked,
        "n_documents_without_node": n_docs - n_linked,
    }


def open_link(path: Path) -> npt.NDArray[np.int64]:
    """Document row of every node, -1 for none, memory-mapped."""
    return Artifact.open(path, KIND, READABLE).array("doc_of_node")
