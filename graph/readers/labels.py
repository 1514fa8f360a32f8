"""A text file of labels: an id, a tab, a label; a node with several labels has several lines."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.sparse

from foundation.errors import InvalidInput
from foundation.ids import Ids
from foundation.sources import open_source
from graph.node_labels import label_matrix

HEADERS = ("id", "node", "_id")


class Labels(NamedTuple):
    """``matrix`` is a bool CSR (n_nodes, n_labels), ``names`` the labels in its order, sorted."""

    matrix: scipy.sparse.csr_array
    names: tuple[str, ...]


def read_labels(source: str | Path, node_ids: Ids) -> Labels:
    """Read a file, compressed or not, at a path or fsspec URL.

    Empty lines and lines that begin with ``#`` are skipped, and a first line ``id<TAB>label``. A label is all that
    follows the tab. Lines that repeat are one.

    Raises
    ------
    InvalidInput
        With the line, for one that is no UTF-8, has no tab or no label, or names a node that is not in the graph; for
        too few labels or labelled nodes.
    """
    rows: list[int] = []
    names: list[str] = []
    with open_source(source) as stream:
        for number, raw in enumerate(stream, start=1):
            line = _decoded(raw, source, number)
            if not line.strip() or line.startswith("#"):
                continue
            id, _, label = line.partition("\t")
            label = label.strip()
            if not label:
                what = f"no label after a tab in {line[:60]!r}"
                raise InvalidInput(source=str(source), what=what, fix="write id, tab, label", line=number)
            row = node_ids.find(id)
            if row < 0:
                if not rows and id.lower() in HEADERS:
                    continue
                fix = "remove the line, or add the node to the graph"
                raise InvalidInput(source=str(source), what=f"no node {id!r} in the graph", fix=fix, line=number)
            rows.append(row)
            names.append(label)
    known, column = np.unique(np.array(names, dtype=str), return_inverse=True)
    entries = (np.ones(len(rows), dtype=bool), (np.array(rows, dtype=np.int64), column))
    matrix = scipy.sparse.csr_array(entries, shape=(len(node_ids), known.size))
    return Labels(label_matrix(matrix, len(node_ids), str(source)), tuple(known.tolist()))


def _decoded(raw: bytes, source: str | Path, number: int) -> str:
    try:
        return raw.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        fix = "save the file as UTF-8"
        raise InvalidInput(source=str(source), what="is not UTF-8", fix=fix, line=number) from None
