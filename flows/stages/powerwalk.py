"""Stage ``powerwalk``: an index for personalised PageRank, measured and chosen.

Rounds: the graph laid out; rankings of ranges of hubs; walks of ranges of nodes; each of both as one whole, so that it
can be mapped; and for a few of the held-out sources at a time their exact rankings, and beside them the answers of all
candidates; on the rest of the sources only of those that are promising then. The artifact holds what was kept.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt

from artifacts.artifact import ArtifactWriter
from artifacts.graph import open_graph
from artifacts.parts import Part, part_path, read_part
from artifacts.powerwalk import KIND, VERSION, write_powerwalk
from flows.stages.powerwalk_cost import HUBS_A_NODE, estimate, least_layout, row_bytes, sources_at_once
from flows.stages.stage import Findings, Job, Output, Range, Stage
from foundation.threads import even_ranges
from graph.csr import CSRGraph
from graph.powerwalk import Fingerprints, PowerWalkParams, fingerprints
from graph.powerwalk.candidates import (
    Material,
    candidates,
    entries_of,
    hubs_of,
    n_hubs_of,
    sized,
    wants_walks,
)
from graph.powerwalk.choice import TRIED, Measured, choose, exact, marked, means, promising
from graph.powerwalk.hubs import HubVectors, hub_vectors
from graph.powerwalk.layout import Layout
from graph.powerwalk.measure import HELD_OUT, Quality, held_out, measure
from graph.walk_tables import arc_aliases

LAYOUT, HUBS, WALKS, WHOLE, FIRST, REST = range(6)  # rounds
_THE_HUBS, _THE_WALKS = (0, 1), (1, 2)  # ranges of the round WHOLE
_QUALITIES = tuple(field.name for field in fields(Quality))


def split(job: Job) -> list[list[Range]]:
    """All nodes; ranges of hubs; ranges of nodes; what there is of both; ranges of held-out sources, in two turns."""
    graph, params = open_graph(job.inputs["graph"]), _params(job)
    hubs, walks = _ranges(job, graph)
    wholes = [whole for whole, ranges in ((_THE_HUBS, hubs), (_THE_WALKS, walks)) if ranges]
    return [[(0, graph.n_nodes)], hubs, walks, wholes, *_turns(len(_sources(graph, params)), graph.n_nodes)]


def _turns(n_sources: int, n_nodes: int) -> tuple[list[Range], list[Range]]:
    """Ranges of the sources that all candidates are measured on, and of those after."""
    n_first, size = min(TRIED, n_sources), sources_at_once(n_nodes)
    rest = [(n_first + start, n_first + stop) for start, stop in even_ranges(n_sources - n_first, size)]
    return even_ranges(n_first, size), rest


def _ranges(job: Job, graph: CSRGraph) -> tuple[list[Range], list[Range]]:
    """Of hubs and of nodes to walk from, as many as there can be: the graph is not laid out yet, and may take more."""
    least = least_layout(graph.n_nodes, graph.n_edges, weighted=graph.weights is not None, directed=graph.directed)
    params = sized(least, _params(job))
    hubs = even_ranges(n_hubs_of(least, params), max(1, int(job.part_nodes * HUBS_A_NODE)))
    return hubs, (even_ranges(graph.n_nodes, job.part_nodes) or [(0, 0)]) if wants_walks(params) else []


def partition(job: Job, round_: int, start: int, stop: int) -> Output:
    """One range of one round; nothing for hubs and walks that turned out to be too many for the space."""
    graph = open_graph(job.inputs["graph"])
    if round_ == LAYOUT:
        return Output(_laid_out(graph, _params(job)))
    laid_out = read_part(part_path(job.work, LAYOUT, 0, graph.n_nodes))
    layout = _layout(laid_out)
    params = sized(layout, _params(job))
    if round_ == HUBS:
        chosen = laid_out.array("hubs")
        return Output(
            hub_vectors(
                layout, chosen[start:stop], damping=params.damping, rmax=params.hub_rmax, n_sweeps=params.hub_sweeps,
                max_entries=entries_of(layout, chosen.size, params)[start:stop],
            ).arrays()
        )  # fmt: skip
    if round_ == WALKS:
        if not wants_walks(params):
            return Output({})
        aliases = laid_out.array("aliases") if graph.weights is not None else None
        return Output(fingerprints(graph, params, start, stop, aliases=aliases).arrays())
    if round_ == WHOLE:
        of_hubs = (start, stop) == _THE_HUBS
        ranges = _ranges(job, graph)[0 if of_hubs else 1]
        parts = [read_part(part_path(job.work, HUBS if of_hubs else WALKS, *span)) for span in ranges]
        return Output(_whole(parts))
    material, sources = _material(job, graph, params, layout), _sources(graph, params)
    going = None
    if round_ == REST:
        first, _ = _turns(len(sources), graph.n_nodes)
        going = promising(_means(material, [read_part(part_path(job.work, FIRST, *span)) for span in first]), material)
    return Output({"found": _measured(material, sources[start:stop], going)})


def _laid_out(graph: CSRGraph, params: PowerWalkParams) -> dict[str, npt.NDArray[Any]]:
    """The layout, the hubs chosen in it, and for walks along weights their aliases."""
    layout = Layout.of(graph, params.damping)
    params = sized(layout, params)
    arrays = {**layout.arrays(), "hubs": hubs_of(layout, params)}
    if graph.weights is not None and wants_walks(params):
        arrays["aliases"] = arc_aliases(graph)
    return arrays


def _whole(parts: list[Part]) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """Rows of all parts, one array at a time; parts without arrays make a whole without."""
    for name in parts[0].arrays():
        arrays = [part.array(name) for part in parts]
        if name == "indptr":
            starts = np.cumsum([0, *(array[-1] for array in arrays)])
            arrays = [arrays[0][:1], *(array[1:] + start for array, start in zip(arrays, starts, strict=False))]
        yield name, np.concatenate(arrays)


def _sources(graph: CSRGraph, params: PowerWalkParams) -> list[int]:
    return [source for source, _ in zip(held_out(graph, params.seed), range(HELD_OUT), strict=False)]


def _measured(material: Material, sources: list[int], going: list[int] | None) -> npt.NDArray[np.float64]:
    """Qualities of the candidates at the places ``going``, or of all, as seen from each source.

    float64 (n_sources, n_candidates, n_qualities), NaN where nothing was measured.
    """
    truth = np.stack([rank for _, rank in exact(material.graph, sources, material.params)])
    asked = list(candidates(material))
    found = np.full((len(sources), len(asked), len(_QUALITIES)), np.nan)
    for _, group in itertools.groupby(going or range(len(asked)), key=lambda place: asked[place].parts):
        index = None
        for place in group:
            index = index or material.index(asked[place])  # one at a time: each has room for queries of its own
            for row, quality in enumerate(measure(index, asked[place].effort, sources, truth)):
                found[row, place] = [getattr(quality, name) for name in _QUALITIES]
    return found


def assemble(job: Job, writer: ArtifactWriter, parts: list[list[Part]]) -> Findings:
    """Choose by the means over all sources, and write what the choice needs."""
    graph = open_graph(job.inputs["graph"])
    layout = _layout(parts[LAYOUT][0])
    material = _material(job, graph, sized(layout, _params(job)), layout)
    frontier = _means(material, [*parts[FIRST], *parts[REST]])
    kept = choose(frontier, material)
    hubs, start = [], 0
    for part in parts[HUBS] if kept.n_hubs else ():
        some = HubVectors(**part.arrays())
        hubs.append(some.first(max(0, kept.n_hubs - start), kept.hub_entries))
        start += some.n_hubs
    walks = material.fingerprints if kept.walks else None
    counts = write_powerwalk(writer, layout, hubs, walks, kept)
    stats = {**counts, "n_walks": material.params.n_walks}
    if not frontier:
        return Findings(stats, {"n_sources": 0})
    best = next(one for one in frontier if one.candidate == kept)
    measured = {
        "kept": str(kept),
        "precision_at_50": round(best.quality.precision, 4),
        "rag_at_50": round(best.quality.rag_at_50, 5),
        "rag_at_100": round(best.quality.rag, 5),
        "mean_l1": round(best.quality.l1, 5),
        "mean_error_bound": round(best.quality.error_bound, 5),
        "index_bytes": round(best.index_bytes, 1),
        "n_sources": best.n_sources,
        "frontier": [one.row() for one in marked(frontier, material)],
    }
    return Findings(stats, measured)


def _means(material: Material, parts: list[Part]) -> list[Measured]:
    """All candidates with their means over the sources, in the order these were drawn; empty without sources."""
    if not parts:
        return []
    found = np.concatenate([part.array("found") for part in parts])
    return means(
        material,
        [
            [Quality(**dict(zip(_QUALITIES, row, strict=True))) for row in rows[~np.isnan(rows[:, 0])].tolist()]
            for rows in found.transpose(1, 0, 2)
        ],
    )


def _material(job: Job, graph: CSRGraph, params: PowerWalkParams, layout: Layout) -> Material:
    """What candidates are parts of, mapped from the parts of the round WHOLE."""
    planned_hubs, planned_walks = _ranges(job, graph)
    hubs: HubVectors | None = None
    walks: Fingerprints | None = None
    if planned_hubs:
        part = read_part(part_path(job.work, WHOLE, *_THE_HUBS))
        hubs = HubVectors(**part.arrays())
    if planned_walks and wants_walks(params):
        part = read_part(part_path(job.work, WHOLE, *_THE_WALKS))
        walks = Fingerprints(**part.arrays())
    return Material(
        graph=graph, params=params, layout=layout, hubs=hubs if hubs is not None and hubs.n_hubs else None,
        fingerprints=walks,
    )  # fmt: skip


def _layout(part: Part) -> Layout:
    return Layout(**{field.name: part.array(field.name) for field in fields(Layout)})


def _params(job: Job) -> PowerWalkParams:
    return PowerWalkParams(**job.params["index"])


STAGE = Stage(
    kind=KIND,
    kind_version=VERSION,
    code_version=4,
    parallel=True,
    split=split,
    partition=partition,
    row_bytes=row_bytes,
    assemble=assemble,
    estimate=estimate,
    looks_back=5,
)
