"""Codec of a PowerWalk index: the graph as queries read it, and the rankings of hubs or the walks that were kept.

Arrays are named ``layout.…``, ``hubs.…`` and ``walks.…``. Version 1 holds walks alone; a layout is made when it is
opened; version 2 knows no hubs ranked by sweeps, and is otherwise the same. The kind goes by the name it had then.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from artifacts.artifact import Artifact, ArtifactWriter
from artifacts.graph import open_graph
from artifacts.manifest import read_manifest
from foundation.errors import ArtifactCorrupt
from graph.powerwalk import Fingerprints, PowerWalkIndex, PowerWalkParams, QueryParams
from graph.powerwalk.candidates import Candidate
from graph.powerwalk.hubs import HubVectors
from graph.powerwalk.layout import Layout

KIND = "fingerprints"
VERSION = 3
READABLE = (1, 2, 3)

LAYOUT, HUBS, WALKS = "layout.", "hubs.", "walks."


def write_powerwalk(
    writer: ArtifactWriter, layout: Layout, hubs: Sequence[HubVectors], walks: Fingerprints | None, kept: Candidate
) -> dict[str, Any]:
    """Write what the candidate ``kept`` needs; the counts to put in the manifest are returned.

    ``hubs`` follow one another and are written one after another.
    """
    writer.arrays(layout.arrays(), LAYOUT)
    n_hubs = sum(part.n_hubs for part in hubs)
    sizes = np.concatenate(
        [np.zeros(0, dtype=np.int64), *(np.minimum(np.diff(part.indptr), part.limits) for part in hubs)]
    )
    indptr = np.zeros(n_hubs + 1, dtype=np.int64)
    np.cumsum(sizes, out=indptr[1:])
    if kept.n_hubs:
        writer.array(HUBS + "indptr", indptr)
        arrays = [
            ("hubs", np.int32), ("limits", np.int32), ("mass", np.float64), ("error", np.float64), ("nodes", np.int32),
            ("values", np.float32),
        ]  # fmt: skip
        if hubs[0].off is not None:
            arrays.append(("off", np.float64))
        for name, dtype in arrays:
            length = int(indptr[-1]) if name in ("nodes", "values") else n_hubs
            writer.pieces(HUBS + name, (part.arrays()[name] for part in hubs), dtype, (length,))
    if walks is not None:
        writer.arrays(walks.arrays(), WALKS)
    return {
        "n_nodes": layout.n_nodes,
        "n_hubs": n_hubs,
        "n_hub_entries": int(indptr[-1]),
        "n_entries": 0 if walks is None else walks.nodes.size,
        "n_cut_rows": 0 if walks is None else int(np.count_nonzero(walks.lost)),
        "kept": asdict(kept),
    }


def open_powerwalk(path: Path, graph: Path) -> PowerWalkIndex:
    """The index over the graph it was built from, both memory-mapped.

    Raises
    ------
    ArtifactMissing, ArtifactVersion, ArtifactCorrupt
        The last also when ``graph`` is another one than the index was built from.
    """
    artifact = Artifact.open(path, KIND, READABLE)
    built_from, found = artifact.manifest.inputs["graph"], read_manifest(graph).digest
    if built_from != found:
        raise ArtifactCorrupt(
            path=str(path), what=f"was built from graph {built_from[:12]}, not from {found[:12]}",
            fix="open it with that graph, or build it from this one",
        )  # fmt: skip
    params: dict[str, Any] = dict(artifact.manifest.params["index"])
    if artifact.manifest.kind_version == 1:
        walks = Fingerprints(**artifact.arrays())
        return PowerWalkIndex(open_graph(graph), PowerWalkParams(**params, method="powerwalk"), fingerprints=walks)
    stats = artifact.manifest.stats
    kept = Candidate(**stats["kept"])
    return PowerWalkIndex(
        open_graph(graph),
        dataclasses.replace(PowerWalkParams(**params), n_walks=int(stats["n_walks"])),
        layout=Layout(**artifact.arrays(LAYOUT)),
        hubs=HubVectors(**artifact.arrays(HUBS)) if kept.n_hubs else None,
        fingerprints=Fingerprints(**artifact.arrays(WALKS)) if kept.walks else None,
        background=kept.background,
        effort=kept.effort,
    )


def query_params(path: Path) -> QueryParams:
    """The effort that queries of the index at ``path`` were configured with."""
    found: Mapping[str, Any] = Artifact.open(path, KIND, READABLE).manifest.params["query"]
    return QueryParams(**found)
