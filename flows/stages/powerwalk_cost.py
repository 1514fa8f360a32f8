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
from graph.powerwalk.candidates import HUBS, PLAIN, SWEPT, entries_of, n_hubs_of, sized, wants_walks
from graph.powerwalk.choice import TRIED
from graph.powerwalk.layout import Layout
from graph.powerwalk.measure import HELD_OUT, REACH

HUBS_A_NODE = 1 / 16  # of a partition: a hub takes as long as the walks of so many nodes, or longer
_ALL_HUBS = 2e6  # arcs both ways from which all hubs are kept
_PROMISING = 0.3  # of the work of all candidates
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
    """Held-out sources of one partition: more where they take no longer than the partition itself."""
    return 5 if n_nodes < 1 << 17 else 2


def row_bytes(job: Job) -> float:
    """Of what a partition computes per node, once while it is collected and once as the part that is written."""
    params = PowerWalkParams(**job.params["index"])
    visits = params.n_walks / (1 - params.damping)
    walks = min(float(visits), float(params.max_entries or visits)) if wants_walks(params) else 0.0
    hubs = 4 * params.max_hub_entries * HUBS_A_NODE if params.method in ("auto", "hubs") else 0.0
    return 16 * max(walks, hubs, 1.0)


def estimate(sizes: Sizes, params: Mapping[str, Any]) -> Estimate:
    """What is kept is known only after measuring. Along directed arcs it mostly was all hubs; both ways, where a
    background answers for much, the more the larger the graph."""
    n_nodes, n_edges = sizes.n_nodes, sizes.n_edges
    least = least_layout(n_nodes, n_edges, weighted=sizes.weighted, directed=sizes.directed)
    index = sized(least, PowerWalkParams(**params["index"]))
    layout = sum(array.nbytes for array in least.arrays().values()) + (8 * n_nodes if sizes.directed else 0)
    n_hubs, entries = n_hubs_of(least, index), min(index.max_hub_entries, max(1, n_nodes))
    longest = 4 if sizes.directed and index.method == "auto" else 1  # so many times fewer hubs have lists so long
    hubs, listed = 8 * n_hubs * entries // longest, 8 * int(np.minimum(entries_of(least, n_hubs, index), n_nodes).sum())
    walks = int(6 * _distinct_visits(sizes, index) + 12) * n_nodes if wants_walks(index) else 0
    share = 1.0 if sizes.directed or index.method == "hubs" else min(1.0, n_edges / _ALL_HUBS)
    disk = layout + int(share * hubs) + (walks if index.method == "powerwalk" else 0)
    n_sources = HELD_OUT if n_nodes >= REACH else 0
    n_measuring = parts_of(min(n_sources, TRIED), sources_at_once(n_nodes)) + parts_of(
        max(0, n_sources - TRIED), sources_at_once(n_nodes)
    )
    hubs_at_once, n_ranges = max(1, int(sizes.part_nodes * HUBS_A_NODE)), parts_of(n_nodes, sizes.part_nodes)
    n_parts = 3 + parts_of(n_hubs, hubs_at_once) + n_ranges + n_measuring
    one_hub = _push_seconds(sizes, index.hub_rmax) + _sweeping_seconds(sizes, index.hub_sweeps)
    return Estimate(
        memory=max(
            2 * listed * min(hubs_at_once, n_hubs) // max(1, n_hubs), 3 * walks // n_ranges, listed // 2, walks // 2,
            (160 + 8 * sources_at_once(n_nodes) + (180 if index.hub_sweeps else 0)) * n_nodes,
        ) + (12 << 20),
        disk=disk,
        seconds=n_hubs * one_hub + (walks > 0) * _walk_seconds(sizes, index)
        + _measuring_seconds(n_sources, sizes, index) + 2 * WRITE_SECONDS * (listed + walks) + PART_SECONDS * n_parts,
        n_parts=max(n_measuring, n_ranges),
        shared=2 * layout + listed + walks + (8 * n_edges if sizes.weighted else 0),
        assembling=2 * disk + listed + walks,
        serial=7e-8 * n_edges + 1e-6 * n_nodes + WRITE_SECONDS * (layout + disk),
        kernels="graph.kernels.answer",
        compiling=15.0,
    )  # fmt: skip


def _push_seconds(sizes: Sizes, rmax: float) -> float:
    """A push walks some 1 / rmax arcs of 4.5 ns, or every arc four times if these are fewer; half to twice was seen."""
    return 4.5e-9 * min(1 / max(rmax, 1e-9), 4.0 * sizes.n_edges) * (DIRECTED_SHARE if sizes.directed else 1.0)


def _sweeping_seconds(sizes: Sizes, n_sweeps: int) -> float:
    """Of one hub of sixteen that share a step: 0.16 ns an arc, and 6 ns a node to begin and to find the largest."""
    if not n_sweeps or sizes.directed:
        return 0.0
    return (n_sweeps + 1) * 1.6e-10 * sizes.n_edges + 6e-9 * sizes.n_nodes


def _walk_seconds(sizes: Sizes, index: PowerWalkParams) -> float:
    """A step takes 40 ns."""
    steps = index.n_walks * index.damping / (1 - index.damping) * sizes.n_nodes
    return 4e-8 * steps * (DIRECTED_SHARE if sizes.directed else 1.0)


def _measuring_seconds(n_sources: int, sizes: Sizes, index: PowerWalkParams) -> float:
    """80 sweeps for each exact ranking; for each candidate an answer, a push and a look at every node each, and for
    each index the room for queries. Most of it are the smallest rmax, and the candidates that are dropped."""
    sweeps = 80 * (5e-10 * sizes.n_edges + 3e-9 * sizes.n_nodes)
    plain, with_hubs = (sum(_push_seconds(sizes, rmax / 2.5) for rmax, _ in efforts) for efforts in (PLAIN, HUBS))
    ends = 2 if index.method != "powerwalk" and not sizes.directed else 1
    times = {"auto": (ends, 5 if sizes.directed else 3), "hubs": (0, ends)}.get(index.method, (ends, 0))
    answers = times[0] * len(PLAIN) + times[1] * len(HUBS)
    pushes = times[0] * plain + times[1] * with_hubs
    if index.method in ("auto", "push"):
        answers += times[0] * len(SWEPT)
        pushes += times[0] * sum(n_sweeps for _, n_sweeps in SWEPT) * (1e-9 * sizes.n_edges + 5e-9 * sizes.n_nodes)
    answering = pushes + answers * (5e-5 + 8e-9 * sizes.n_nodes) + 3e-8 * sum(times) * sizes.n_nodes
    n_tried = min(n_sources, TRIED)
    return n_sources * sweeps + (n_tried + _PROMISING * (n_sources - n_tried)) * answering


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
