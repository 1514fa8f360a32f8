"""What the stage ``powerwalk`` takes: sizes before anything is built, time, memory and disk."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from flows.stages.costs import PART_SECONDS, WRITE_SECONDS, parts_of
from flows.stages.stage import Estimate, Job, Sizes
from graph.powerwalk import PowerWalkParams
from graph.powerwalk.choice import entries_of, n_hubs_of, sized, wants_walks
from graph.powerwalk.layout import Layout
from graph.powerwalk.measure import HELD_OUT, REACH

HUBS_A_NODE = 1 / 16  # of a partition: a hub takes as long as the walks of so many nodes, or longer
DIRECTED_SHARE = 0.6  # of the steps that walks along directed arcs take before a node without any: 0.3 to 1 was seen


def least_layout(n_nodes: int, n_edges: int, *, weighted: bool, directed: bool) -> Layout:
    """A layout of zeros that takes no memory and is as large as that of such a graph, or a little smaller."""

    def zeros(size: int, dtype: type[Any]) -> npt.NDArray[Any]:
        return np.broadcast_to(np.zeros(1, dtype=dtype), size)

    both_ways = 0 if directed else n_nodes
    return Layout(
        order=zeros(n_nodes, np.int32), place=zeros(n_nodes, np.int32), indptr=zeros(n_nodes + 1, np.int64),
        indices=zeros(n_edges, np.int32), weights=zeros(n_edges if weighted else 0, np.float32),
        out_weight=zeros(n_nodes if weighted else 0, np.float64), totals=zeros(0, np.float64),
        component=zeros(both_ways, np.int32), starts=zeros(min(1, both_ways), np.int64),
        stationary=zeros(both_ways, np.float64),
    )  # fmt: skip


def sources_at_once(n_nodes: int) -> int:
    """Held-out sources of one partition: more where one alone would take no longer than the partition itself."""
    return 5 if n_nodes < 1 << 17 else 1


def row_bytes(job: Job) -> float:
    """Of what a partition computes per node, once while it is collected and once as the part that is written."""
    params = PowerWalkParams(**job.params["index"])
    visits = params.n_walks / (1 - params.damping)
    walks = min(float(visits), float(params.max_entries or visits)) if wants_walks(params) else 0.0
    hubs = 4 * params.max_hub_entries * HUBS_A_NODE if params.method in ("auto", "hubs") else 0.0
    return 16 * max(walks, hubs, 1.0)


def estimate(sizes: Sizes, params: Mapping[str, Any]) -> Estimate:
    """Calibrated on R-MAT, BA and dependency graphs of 2**11 to 2**17 nodes."""
    n_nodes, n_edges = sizes.n_nodes, sizes.n_edges
    least = least_layout(n_nodes, n_edges, weighted=sizes.weighted, directed=sizes.directed)
    index = sized(least, PowerWalkParams(**params["index"]))
    layout = sum(array.nbytes for array in least.arrays().values()) + (8 * n_nodes if sizes.directed else 0)
    n_hubs = n_hubs_of(least, index)
    hubs = 8 * int(np.minimum(entries_of(n_hubs, index), n_nodes).sum()) + 28 * n_hubs
    walked = wants_walks(index)
    walks = int(6 * _distinct_visits(sizes, index) * n_nodes) + 12 * n_nodes if walked else 0
    n_sources = HELD_OUT if n_nodes >= REACH else 0
    n_ranges = parts_of(n_hubs, max(1, int(sizes.part_nodes * HUBS_A_NODE))) + parts_of(n_nodes, sizes.part_nodes)
    disk = layout + (
        hubs if index.method == "hubs" else walks if index.method == "powerwalk" else _KEPT * (hubs + walks)
    )
    seconds = (
        _hub_seconds(sizes, index, n_hubs)
        + _walk_seconds(sizes, index) * walked
        + n_sources * _source_seconds(sizes, index)
    )
    return Estimate(
        memory=_per_part(), disk=int(disk), seconds=seconds, n_parts=1, shared=0, assembling=0, serial=0.0,
        kernels="graph.kernels.answer", compiling=12.0,
    )  # fmt: skip


def _distinct_visits(sizes: Sizes, index: PowerWalkParams) -> float:
    """How many nodes the walks from one node visit, of those that are stored.

    ``w`` walkers on ``d**step`` nodes (or all there are) find ``N (1 - exp(-w / N))`` of them. What the steps have in
    common takes a quarter off; along directed arcs most walks end early. Dense communities have fewer, to a third.
    """
    degree = max(1.0, sizes.n_edges / max(1, sizes.n_nodes))
    walkers, reached, found = float(index.n_walks), 1.0, 0.0
    while (walkers := walkers * index.damping) > 0.1:
        reached = min(reached * degree, float(max(1, sizes.n_nodes)))
        found += reached * -math.expm1(-walkers / reached)
    most = min(float(sizes.n_nodes), float(index.max_entries or sizes.n_nodes))
    return min(most, 0.75 * found * (DIRECTED_SHARE if sizes.directed else 1.0))
