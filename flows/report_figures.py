"""The charts of a report: distributions read from the artifacts, frontiers from what was measured.

Everything is bounded: of a large index rows and bands are sampled, evenly, so that equal artifacts give equal charts.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from artifacts.artifact import Artifact
from artifacts.communities import READABLE as TABLES_READABLE
from artifacts.communities import TABLES
from artifacts.graph import open_graph
from artifacts.manifest import read_manifest
from artifacts.powerwalk import KIND, READABLE, WALKS
from artifacts.publish import Release, artifact_path
from artifacts.store import Store
from flows.report_blocks import Bars, Chart, Curve, Section
from foundation.threads import even_ranges
from graph.csr import CSRGraph

COUNTED_EDGES = 200_000_000  # of a larger graph only out-degrees are shown
COUNTED_AT_ONCE = 1 << 24
WALKED_NODES = 20_000
BANDS = 16
_STEPS = 12  # bars of a distribution over an even scale


def artifact_sections(store: Store, release: Release) -> list[Section]:
    """A section for each thing there is something to show of."""
    found: list[Section] = []
    for stage, title, draw in (
        ("graph", "The graph", degree_chart),
        ("powerwalk", "Walks", walk_chart),
        ("lsh", "Communities", bucket_chart),
    ):
        if stage in release.stages:
            chart = draw(artifact_path(store, release, stage))
            found += [Section(title, [chart])] if chart is not None else []
    curves = frontier_charts(release.measured, lambda stage: artifact_path(store, release, stage))
    return [*found, *([Section("Recall and effort", curves)] if curves else [])]


def degree_chart(path: Path) -> Bars | None:
    """Nodes by degree, in classes that double."""
    graph = open_graph(path)
    if graph.n_nodes == 0:
        return None
    degrees = {"out-degree" if graph.directed else "degree": graph.out_degree()}
    if graph.directed and graph.n_edges <= COUNTED_EDGES:
        degrees["in-degree"] = _in_degrees(graph)
    return _doubling("degrees", "Degree distribution", "edges of a node, from this to the next mark", "nodes", degrees)


def walk_chart(path: Path) -> Bars | None:
    """Mean length of the walks from sampled nodes: visits in a fingerprint, those that were cut off included."""
    artifact = Artifact.open(path, KIND, READABLE)
    # Walks are as many as there was space for, which the stats say.
    params = {**artifact.manifest.params["index"], **artifact.manifest.stats}
    prefix = "" if artifact.manifest.kind_version == 1 else WALKS
    if artifact.manifest.stats["n_nodes"] == 0 or not artifact.has(f"{prefix}indptr"):
        return None
    indptr, counts, lost = (artifact.array(prefix + name) for name in ("indptr", "counts", "lost"))
    n_nodes = indptr.size - 1
    rows = np.arange(0, n_nodes, -(-n_nodes // WALKED_NODES))
    visits = np.array([int(counts[indptr[row] : indptr[row + 1]].sum(dtype=np.int64)) for row in rows.tolist()])
    n_walks = artifact.array(f"{prefix}walks")[rows] if params.get("allotment") == "degree" else params["n_walks"]
    lengths = visits / n_walks + lost[rows] / (1 - params["damping"])
    expected = params["damping"] / (1 - params["damping"])
    top = max(float(lengths.max()), 1.0)
    edges = np.linspace(0, top, _STEPS + 1)
    return Bars(
        name="walks",
        title="Walk lengths",
        x="mean steps of a node's walks",
        y="nodes",
        labels=[f"{low:.2f}–{high:.2f}" for low, high in itertools.pairwise(edges)],
        series={"": np.histogram(lengths, edges)[0].tolist()},
        note=f"Walks that never meet a dead end take {expected:.2f} steps on average; shorter ones ended at one.",
    )


def bucket_chart(path: Path) -> Bars | None:
    """Buckets by members, in classes that double: who shares one is a candidate of the other's community."""
    keys = Artifact.open(path, TABLES, TABLES_READABLE).array("keys")
    if keys.size == 0:
        return None
    sizes = []
    for band in np.unique(np.linspace(0, keys.shape[0] - 1, BANDS).astype(int)).tolist():
        starts = np.flatnonzero(np.concatenate(([True], keys[band, 1:] != keys[band, :-1])))
        sizes.append(np.diff(starts, append=keys.shape[1]))
    note = f"Of {min(BANDS, keys.shape[0])} of {keys.shape[0]} bands."
    return _doubling(
        "communities",
        "Community sizes",
        "members of a bucket, from this to the next mark",
        "buckets",
        {"": np.concatenate(sizes)},
        note,
    )


def frontier_charts(measured: Mapping[str, Any], path: Callable[[str], Path]) -> list[Chart]:
    """What recall costs: the beams, or the numbers of candidates, that were tried."""
    charts: list[Chart] = []
    for stage, found in sorted(measured.items()):
        if stage == "powerwalk":
            charts += [ranking_chart(found, read_manifest(path(stage)).params["index"])] if "frontier" in found else []
            continue
        if found.get("tried"):
            charts.append(form_chart(stage, found))
            continue
        points = [(float(effort), float(recall)) for effort, recall in found.get("frontier", ())]
        if not points:
            continue
        if stage == "retriever":
            asked = float(read_manifest(path(stage)).params["retriever"]["recall"])
            title, effort, chosen = "Recall of document search", "candidates reranked", found["n_candidates"]
        else:
            asked, chosen = float(found["asked"]), found["ef_search"]
            title, effort = f"Recall of {stage}", "ef_search, width of the beam"
        charts.append(
            Curve(
                name=f"frontier-{stage.replace('.', '-')}",
                title=title,
                x=effort,
                y="recall@10",
                points=points,
                chosen=float(chosen),
                asked=asked,
            )
        )
    return charts


def form_chart(stage: str, found: Mapping[str, Any]) -> Curve:
    """Recall of every form of an index by its counted work; the line is the form that was taken, over all rows."""
    points: list[tuple[float, float]] = []
    others: list[tuple[float, float]] = []
    taken = _taken(found)
    for form in found["tried"]:
        into = points if form is taken else others
        into.extend((float(cost), float(recall)) for *_, recall, cost in form["points"])
    cost, recall = float(found["cost"]), float(found["recall"])
    return Curve(
        name=f"frontier-{stage.replace('.', '-')}",
        title=f"Recall of {stage}",
        x="counted microseconds a query",
        y="recall@10",
        points=sorted(points) or [(cost, recall)],
        others=others,
        chosen=cost,
        asked=float(found["asked"]),
        note=f"Kept: {found['kind']} of {found['storage']}. Dots that no line joins are other forms, most on a sample.",
    )


def _taken(found: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Of the forms that were tried over all rows the one that was taken; a kind may be there in two widths."""

    def away(form: Mapping[str, Any]) -> float:
        return min((abs(float(cost) - float(found["cost"])) for *_, cost in form["points"]), default=math.inf)

    whole = [form for form in found["tried"] if (form["kind"], form["n_rows"]) == (found["kind"], found["n_rows"])]
    return min(whole, key=away, default=None)


def ranking_chart(found: Mapping[str, Any], params: Mapping[str, Any]) -> Curve:
    """Precision of rankings by the work of a query; the line joins the candidates that none beats in both."""
    rows = sorted(found["frontier"], key=lambda row: (row["work"], -row["precision"]))
    points, others = [], []
    best = -1.0
    for row in rows:
        point = float(row["work"]), float(row["precision"])
        if row["precision"] > best or row["kept"]:
            points.append(point)
        else:
            others.append(point)
        best = max(best, row["precision"])
    (chosen,) = (float(row["work"]) for row in rows if row["kept"])
    return Curve(
        name="frontier-powerwalk",
        title="Precision of rankings",
        x="work of a query, microseconds by rule of thumb",
        y="precision@50",
        points=points,
        others=others,
        chosen=chosen,
        asked=params["precision"],
        note=f"Kept: {found['kept']}. Dots that no line joins were measured too.",
    )


def stage_charts(stages: Sequence[Mapping[str, Any]]) -> list[Chart]:
    """Seconds and memory of the stages that were built."""
    built = [stage for stage in stages if stage["state"] != "cached"]
    if not built:
        return []
    labels = [stage["name"] for stage in built]
    bars: list[Chart] = [
        Bars(
            name="seconds",
            title="Time per stage",
            x="seconds",
            y="",
            labels=labels,
            series={"": [stage["seconds"] for stage in built]},
            across=True,
        )
    ]
    if any(stage["peak_memory"] for stage in built):
        bars.append(
            Bars(
                name="memory",
                title="Peak memory per stage",
                x="MiB of the process that held most",
                y="",
                labels=labels,
                series={"": [stage["peak_memory"] / 2**20 for stage in built]},
                across=True,
            )
        )
    return bars


def _in_degrees(graph: CSRGraph) -> npt.NDArray[np.int64]:
    """Counted in pieces: NumPy counts a copy, of eight bytes an arc."""
    counts = np.zeros(graph.n_nodes, dtype=np.int64)
    for start, stop in even_ranges(graph.n_edges, COUNTED_AT_ONCE):
        counts += np.bincount(graph.indices[start:stop], minlength=graph.n_nodes)
    return counts


def _doubling(name: str, title: str, x: str, y: str, values: Mapping[str, npt.NDArray[Any]], note: str = "") -> Bars:
    """Counts of 0, 1, 2 to 3, 4 to 7, …; a class is labelled with its least value."""
    classes = {series: np.bincount(np.frexp(found)[1]) for series, found in values.items()}
    n = max(found.size for found in classes.values())
    first = 0 if any(found[0] for found in classes.values()) else 1
    labels = ["0", *(f"{2**power:,}" for power in range(n - 1))][first:]
    padded = {series: np.pad(found, (0, n - found.size))[first:].tolist() for series, found in classes.items()}
    return Bars(name=name, title=title, x=x, y=y, labels=labels, series=padded, log=True, note=note)
