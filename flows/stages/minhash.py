"""Stage ``minhash``: neighbourhoods become signatures. A partition is a range of nodes.

A first round with one part lays out the sets, which all others read; the links of the graph are kept with the
signatures, since communities are grown along both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from artifacts.artifact import ArtifactWriter
from artifacts.communities import SIGNATURES, VERSION
from artifacts.graph import open_graph
from artifacts.parts import Part, part_path, read_part
from clustering.minhash import MinHashParams, is_empty, minhash
from clustering.neighbourhoods import neighbourhoods
from flows.stages.stage import Estimate, Findings, Job, Output, Range, Sizes, Stage
from foundation.threads import even_ranges


def split(job: Job) -> list[list[Range]]:
    """The sets, then even ranges of nodes."""
    n_nodes = open_graph(job.inputs["graph"]).n_nodes
    return [[(0, n_nodes)], even_ranges(n_nodes, job.part_nodes)]


def partition(job: Job, round_: int, start: int, stop: int) -> Output:
    """The sets of all nodes, or the signatures of nodes [start, stop)."""
    if round_ == 0:
        graph = open_graph(job.inputs["graph"])
        sets = neighbourhoods(graph, job.params["direction"], job.params["include_self"])
        links = neighbourhoods(graph, "both")
        return Output(
            {
                "sets_indptr": sets.indptr,
                "sets_indices": sets.indices,
                "links_indptr": links.indptr,
                "links_indices": links.indices,
            }
        )
    part = read_part(part_path(job.work, 0, *split(job)[0][0]))
    params = MinHashParams(num_perm=job.params["num_perm"], seed=job.params["seed"])
    signatures = minhash(part.array("sets_indptr"), part.array("sets_indices"), params, start=start, stop=stop)
    return Output({"signatures": signatures}, {"n_empty": int(np.count_nonzero(is_empty(signatures)))})


def assemble(job: Job, writer: ArtifactWriter, parts: list[list[Part]]) -> Findings:
    """Lay the signatures end to end, beside the links."""
    (sets,), ranges = parts
    shape = (sets.stop, int(job.params["num_perm"]))
    writer.pieces("signatures", (part.array("signatures") for part in ranges), np.uint32, shape)
    for name in ("links_indptr", "links_indices"):
        writer.array(name, sets.array(name))
    sizes = np.diff(sets.array("sets_indptr"))
    return Findings(
        {
            "n_nodes": sets.stop,
            "num_perm": shape[1],
            "n_empty_sets": sum(int(part.stats["n_empty"]) for part in ranges),
            "median_set_size": int(np.median(sizes)) if sizes.size else 0,
        }
    )


def row_bytes(job: Job) -> float:
    """A signature, and its copy while it is written."""
    return 8 * int(job.params["num_perm"])


def estimate(sizes: Sizes, params: Mapping[str, Any]) -> Estimate:
    """Four bytes a node and hash; time goes with elements times hashes."""
    num_perm = int(params["num_perm"])
    return Estimate(
        60 * sizes.n_edges + 4 * num_perm * sizes.n_nodes,
        4 * num_perm * sizes.n_nodes + 8 * sizes.n_edges,
        2e-10 * num_perm * 2 * sizes.n_edges + 3e-7 * sizes.n_edges,
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
