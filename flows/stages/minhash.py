"""Stage ``minhash``: neighbourhoods become signatures. A partition is a range of nodes.

The links of the graph are kept with the signatures, since communities are grown along both. Of an undirected graph
they are its own rows; of a directed one a first round lays out what its rows are not. A node's own membership is
never laid out: the loop that sketches a set can add its own number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from artifacts.artifact import ArtifactWriter
from artifacts.communities import SIGNATURES, VERSION
from artifacts.graph import open_graph
from artifacts.parts import Part, part_path, read_part
from clustering.minhash import MinHashParams, is_empty, minhash
from clustering.neighbourhoods import Sets, neighbourhoods
from flows.stages.costs import PART_SECONDS, WRITE_SECONDS, parts_of
from flows.stages.stage import Estimate, Findings, Job, Output, Range, Sizes, Stage
from foundation.threads import bounded_ranges
from graph.csr import CSRGraph

IN, BOTH = (0, 1), (1, 2)  # the partitions of the first round: who points to a node, and whom it points to as well
ROW_ELEMENTS = 4  # what a node costs beyond its neighbours, in neighbours


def split(job: Job) -> list[list[Range]]:
    """What the graph's rows are not; then ranges of nodes with about as many neighbours."""
    graph = open_graph(job.inputs["graph"])
    laid_out = []
    if graph.directed:
        laid_out = [IN, BOTH] if job.params["direction"] == "in" else [BOTH]
    return [laid_out, bounded_ranges(np.asarray(graph.indptr), job.part_nodes, ROW_ELEMENTS)]


def partition(job: Job, round_: int, start: int, stop: int) -> Output:
    """Neighbours of all nodes, or the signatures of nodes [start, stop)."""
    graph = open_graph(job.inputs["graph"])
    if round_ == 0:
        laid_out = neighbourhoods(graph, "in" if (start, stop) == IN else "both")
        return Output({"indptr": laid_out.indptr, "indices": laid_out.indices})
    sets, include_self = _sets(job, graph), bool(job.params["include_self"])
    params = MinHashParams(num_perm=job.params["num_perm"], seed=job.params["seed"])
    signatures = minhash(sets.indptr, sets.indices, params, start=start, stop=stop, include_self=include_self)
    return Output(
        {"signatures": signatures, "sizes": _sizes(sets, start, stop, include_self)},
        {"n_empty": int(np.count_nonzero(is_empty(signatures)))},
    )


def assemble(job: Job, writer: ArtifactWriter, parts: list[list[Part]]) -> Findings:
    """Lay the signatures end to end, beside the links."""
    laid_out, ranges = parts
    graph = open_graph(job.inputs["graph"])
    shape = (graph.n_nodes, int(job.params["num_perm"]))
    writer.pieces("signatures", (part.array("signatures") for part in ranges), np.uint32, shape)
    links = _laid_out(laid_out[-1]) if laid_out else neighbourhoods(graph, "both")
    writer.array("links_indptr", links.indptr)
    writer.array("links_indices", links.indices)
    sizes = np.concatenate([np.zeros(0, dtype=np.int32), *(part.array("sizes") for part in ranges)])
    return Findings(
        {
            "n_nodes": graph.n_nodes,
            "num_perm": shape[1],
            "n_empty_sets": sum(int(part.stats["n_empty"]) for part in ranges),
            "median_set_size": int(np.median(sizes)) if sizes.size else 0,
        }
    )


def _sets(job: Job, graph: CSRGraph) -> Sets:
    """The neighbourhoods of all nodes, rows ascending, without the nodes themselves; an arc may stand in them twice."""
    direction = job.params["direction"]
    if not graph.directed or direction == "out":
        return Sets(graph.indptr, graph.indices)
    return _laid_out(read_part(part_path(job.work, 0, *(IN if direction == "in" else BOTH))))


def _laid_out(part: Part) -> Sets:
    return Sets(part.array("indptr"), part.array("indices"))


def _sizes(sets: Sets, start: int, stop: int, include_self: bool) -> npt.NDArray[np.int32]:
    """How many different elements the sets [start, stop) have, themselves among them if asked for."""
    pointers = np.asarray(sets.indptr[start : stop + 1])
    elements = np.asarray(sets.indices[pointers[0] : pointers[-1]])
    owners = np.repeat(np.arange(stop - start), np.diff(pointers))
    counted = np.ones(elements.size, dtype=bool)
    np.logical_or(elements[1:] != elements[:-1], owners[1:] != owners[:-1], out=counted[1:])
    if include_self:
        counted &= elements != owners + start
    sizes = np.bincount(owners[counted], minlength=stop - start) + int(include_self)
    return sizes.astype(np.int32)


def row_bytes(job: Job) -> float:
    """A signature, and its copy while it is written."""
    return 8 * int(job.params["num_perm"])


def estimate(sizes: Sizes, params: Mapping[str, Any]) -> Estimate:
    """Four bytes a node and hash; an element meets a hash in 0.1 ns. The links of a directed graph are sorted first,
    on one core: 0.15 µs a link."""
    num_perm, n_nodes = int(params["num_perm"]), sizes.n_nodes
    signatures, links = 4 * num_perm * n_nodes, 4 * sizes.n_links + 8 * n_nodes
    n_parts = parts_of(n_nodes, sizes.part_nodes)
    elements = sizes.n_links if params["direction"] == "both" else sizes.n_edges
    laying_out = 1.5e-7 * sizes.n_links if sizes.directed else 0.0
    return Estimate(
        memory=max(2 * signatures // n_parts, 60 * sizes.n_links if sizes.directed else 0),
        disk=signatures + links,
        seconds=1e-10 * num_perm * (elements + n_nodes) + WRITE_SECONDS * signatures + PART_SECONDS * n_parts,
        n_parts=n_parts,
        shared=4 * sizes.n_links,
        assembling=signatures + links,
        serial=laying_out + WRITE_SECONDS * (signatures + links),
        work="stream",
        kernels="clustering.kernels.sketching",
        compiling=0.5,
    )


STAGE = Stage(
    kind=SIGNATURES,
    kind_version=VERSION,
    code_version=1,
    parallel=True,
    split=split,
    partition=partition,
    row_bytes=row_bytes,
    assemble=assemble,
    estimate=estimate,
)
