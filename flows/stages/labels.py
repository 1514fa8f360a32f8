"""Stage ``labels``: the communities of the whole graph and their hierarchy.

Where similar nodes are linked, a partition finds the similar pairs of a range of nodes; the search itself is one piece
of work.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import scipy.sparse

from artifacts.artifact import ArtifactWriter
from artifacts.communities import open_communities
from artifacts.graph import open_graph
from artifacts.labels import KIND, LINKAGE, VERSION
from artifacts.parts import Part
from clustering.community_graph import community_graph
from clustering.global_communities import GlobalParams, find_communities
from clustering.hierarchy import hierarchy
from clustering.join import Pairs, similarity_join
from clustering.labels import LabelIndex
from clustering.modularity import modularity
from flows.stages.costs import PART_SECONDS, WRITE_SECONDS, parts_of
from flows.stages.stage import Estimate, Findings, Job, Output, Range, Sizes, Stage
from foundation.threads import even_ranges

ON_PAIRS = ("similarity", "both")  # graphs of similar pairs, which a join finds
TABLES = "tables"


def split(job: Job) -> list[list[Range]]:
    """Ranges of nodes whose similar pairs are wanted; none where links alone are searched."""
    if job.params["on"] not in ON_PAIRS:
        return []
    return [even_ranges(open_graph(job.inputs["graph"]).n_nodes, job.part_nodes)]


def partition(job: Job, round_: int, start: int, stop: int) -> Output:
    """Similar pairs whose first node is in [start, stop)."""
    del round_
    index = open_communities(job.inputs["signatures"], job.inputs[TABLES]).lsh
    blocks = list(similarity_join(index, float(job.params["threshold"]), start=start, stop=stop))
    left, right, similarity = (np.concatenate(arrays) for arrays in zip(*(block[:3] for block in blocks), strict=True))
    counts = {name: sum(getattr(block, name) for block in blocks) for name in ("n_compared", "n_cut")}
    return Output({"left": left, "right": right, "similarity": similarity}, counts)


def assemble(job: Job, writer: ArtifactWriter, parts: list[list[Part]]) -> Findings:
    """Search, merge bottom-up, and lay the nodes out in the order of the tree."""
    graph, params = open_graph(job.inputs["graph"]), GlobalParams(**job.params)
    index = open_communities(job.inputs["signatures"], job.inputs[TABLES]).lsh if TABLES in job.inputs else None
    searched = community_graph(graph, index, params, pairs=_pairs(parts[0]) if parts else None)
    found = find_communities(searched.weights, params, links=searched.links)
    if graph.n_nodes:
        tree = hierarchy(searched.links, found.labels)
        linkage, density, n_inversions = tree.linkage, tree.density, tree.n_inversions
    else:
        linkage, density, n_inversions = np.empty((0, 4)), np.empty(0), 0
    made = LabelIndex.build(searched.links, found.labels, linkage, density)
    for name, array in made.arrays().items():
        writer.array(name, array)
    writer.array(LINKAGE, linkage)
    return Findings(
        stats={
            "n_nodes": graph.n_nodes,
            "n_communities": found.n_communities,
            "n_single": int(np.count_nonzero(found.sizes == 1)),
            "n_attached": found.n_attached,
            "largest": int(found.sizes.max(initial=0)),
            "n_inversions": n_inversions,
            "notes": [*searched.notes, *found.notes],
        },
        measured={
            "modularity": round(modularity(searched.links, found.labels), 6),
            "links_inside": _share_inside(searched.links, found.labels),
        },
    )


def _pairs(parts: list[Part]) -> Iterator[Pairs]:
    for part in parts:
        left, right, similarity = (part.array(name) for name in ("left", "right", "similarity"))
        yield Pairs(left, right, similarity, int(part.stats["n_compared"]), int(part.stats["n_cut"]))


def _share_inside(links: scipy.sparse.csr_array, labels: np.ndarray[Any, Any]) -> float:
    """Share of the weight that lies within communities."""
    rows = np.repeat(labels, np.diff(links.indptr))
    total = float(links.data.sum(dtype=np.float64))
    return round(float(links.data[rows == labels[links.indices]].sum(dtype=np.float64)) / total, 6) if total else 0.0


def estimate(sizes: Sizes, params: Mapping[str, Any]) -> Estimate:
    """The search passes over the links some ten times, 0.03 µs each; pairs cost about 0.3 µs a node and band."""
    n_parts = parts_of(sizes.n_nodes, sizes.part_nodes) if params["on"] in ON_PAIRS else 1
    runs = int(params["n_runs"])
    disk = 60 * sizes.n_nodes
    return Estimate(
        memory=80 * sizes.n_links,
        disk=disk,
        seconds=(2e-5 * sizes.n_nodes + PART_SECONDS * n_parts) if params["on"] in ON_PAIRS else 0.0,
        n_parts=n_parts,
        assembling=80 * sizes.n_links,
        serial=0.05 + 5e-7 * runs * sizes.n_links + WRITE_SECONDS * disk,
        kernels="clustering.kernels.local_moving",
        compiling=6.0,
    )


STAGE = Stage(
    kind=KIND,
    kind_version=VERSION,
    code_version=1,
    parallel=True,
    split=split,
    partition=partition,
    assemble=assemble,
    estimate=estimate,
)
