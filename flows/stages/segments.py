"""Stage ``segments``: a base, segments and removed ids become the table of which documents there are, and where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from artifacts.additions import open_additions
from artifacts.artifact import ArtifactWriter
from artifacts.corpus import corpus_params, open_corpus
from artifacts.graph import open_graph
from artifacts.link import open_link
from artifacts.multivector import open_encoded
from artifacts.parts import Part
from artifacts.segments import KIND, VERSION, write_segments
from flows.stages.stage import Estimate, Findings, Job, Sizes, Stage
from foundation.ids import Ids
from vectors.encoders.static import document_frequency
from vectors.grown.rows import GrownRows, live_rows
from vectors.tokens.columns import take_documents


def assemble(job: Job, writer: ArtifactWriter, parts: list[list[Part]]) -> Findings:
    """Inputs: ``additions``, ``corpus.P`` and perhaps ``tokens.P`` of every part P, ``graph`` and ``link``."""
    del parts
    changes = open_additions(job.inputs["additions"], corpus_params(job.params))
    ids = [open_corpus(path).ids for path in _of_parts(job, "corpus")]
    rows = live_rows(ids, changes.removed)
    frequency, doc_of_node = _frequency(job, rows), None
    if "link" in job.inputs:
        doc_of_node = _linked(job, ids, rows)
    return Findings(stats=write_segments(writer, rows, frequency, doc_of_node))


def _of_parts(job: Job, role: str) -> list[Any]:
    return [job.inputs[f"{role}.{part}"] for part in range(len(job.inputs)) if f"{role}.{part}" in job.inputs]


def _frequency(job: Job, rows: GrownRows) -> npt.NDArray[np.int64] | None:
    """Documents that hold each token of the table all parts share; None without such a table."""
    total: npt.NDArray[np.int64] | None = None
    for path, places in zip(_of_parts(job, "tokens"), rows.places, strict=False):
        encoded, n_shared = open_encoded(path)
        if n_shared == 0:
            return None
        gone = take_documents(encoded.vectors, np.flatnonzero(places < 0))
        held = document_frequency(encoded.vectors, n_shared) - document_frequency(gone, n_shared)
        total = held if total is None else total + held
    return total


def _linked(job: Job, ids: list[Ids], rows: GrownRows) -> npt.NDArray[np.int64]:
    """The document of each node: the base's where it is still there, else the one that has come in."""
    before, nodes = open_link(job.inputs["link"]), open_graph(job.inputs["graph"]).node_ids
    linked = np.full(before.size, -1, dtype=np.int64)
    known = before >= 0
    linked[known] = rows.places[0][before[known]]
    for part, places in zip(ids[1:], rows.places[1:], strict=True):
        for row in np.flatnonzero(places >= 0).tolist():
            id = str(part[row])
            node = nodes.find(id)
            if node >= 0 and str(nodes[node]) == id:
                linked[node] = places[row]
    return linked


def estimate(sizes: Sizes, params: Mapping[str, Any]) -> Estimate:
    """Two numbers a document; all tokens are passed over once."""
    del params
    return Estimate(24 * sizes.n_docs, 10 * sizes.n_docs, 0.1 + 5e-9 * sizes.n_tokens, work="stream")


STAGE = Stage(kind=KIND, kind_version=VERSION, code_version=1, assemble=assemble, estimate=estimate)
