"""Graphs whose communities are known: the Debian archive that ships, and others where ../shared/data is present."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import networkx as nx
import numpy as np
import numpy.typing as npt
import polars as pl
import scipy.io
import scipy.sparse
import zstandard

from foundation.ids import StringIds
from foundation.seeds import stream
from graph.csr import CSRGraph

ROOT = Path(__file__).resolve().parents[1]
Members = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """A graph, its communities of usable size and all of them, and how many members are given away as seeds."""

    name: str
    graph: CSRGraph
    communities: list[Members]
    everyone: list[Members]
    n_seeds: int


def shared(relative: str) -> Path | None:
    """A file of the data that does not ship, if it is there."""
    found = (above / "shared" / "data" / relative for above in ROOT.parents[:2])
    return next((path for path in found if path.exists()), None)


def labelled_graphs() -> Iterator[Labelled]:
    """All that are present, the small ones first."""
    for loader in (_books, _football, _email, _cora, _dblp):
        if (known := loader()) is not None:
            yield known
    yield debian("section")
    yield debian("name")


def email() -> Labelled | None:
    """E-mail among the departments of an institute, directed, with self-loops (SNAP email-Eu-core)."""
    return _email()


def football() -> Labelled | None:
    """Games of colleges, by conference."""
    return _football()


def books() -> Labelled | None:
    """Books on politics bought together, by leaning."""
    return _books()


def dblp() -> Labelled | None:
    """Co-authorship; communities are venues, which overlap."""
    return _dblp()


def debian(by: str) -> Labelled:
    """Dependencies of packages. Communities are sections, or names with the same first two words ("python3-django")."""
    folder = ROOT / "data" / "debian"
    text = zstandard.decompress((folder / "dependencies.tsv.zst").read_bytes())
    arcs = pl.read_csv(text, separator="\t", quote_char=None).filter(~pl.col("type").is_in(["Breaks", "Conflicts"]))
    names = sorted({*arcs["src"], *arcs["dst"]}, key=str.encode)
    row = {name: i for i, name in enumerate(names)}
    src, dst = ([row[name] for name in arcs[end]] for end in ("src", "dst"))
    graph = CSRGraph.from_edges(src, dst, node_ids=StringIds.from_sorted(names), duplicates="first")
    lines = zstandard.decompress((folder / "packages.jsonl.zst").read_bytes()).splitlines()
    labels = []
    for package in map(json.loads, lines):
        words = package["_id"].split("-")
        label = package["section"] if by == "section" else "-".join(words[:2])
        if package["_id"] in row and (by == "section" or len(words) > 1):
            labels.append((label, row[package["_id"]]))
    limits = (60, 1000) if by == "section" else (10, 200)
    return _labelled(f"debian, by {by}", graph, _grouped(labels), limits, 3)


def _email() -> Labelled | None:
    arcs, labels = shared("graphs/email-Eu-core.txt"), shared("graphs/email-Eu-core-department-labels.txt")
    if arcs is None or labels is None:
        return None
    ends = np.loadtxt(arcs, dtype=np.int64)
    department = np.loadtxt(labels, dtype=np.int64, skiprows=1)
    graph = CSRGraph.from_edges(ends[:, 0], ends[:, 1], n_nodes=len(department), duplicates="first")
    groups = _grouped((int(label), int(node)) for node, label in department)
    return _labelled("email-Eu-core", graph, groups, (26, 1000), 5)


def _dblp() -> Labelled | None:
    known, covers = dblp_graph(), shared("graphs/dblp.cmty.gz")
    if known is None or covers is None:
        return None
    groups = [np.array(line.split(), dtype=np.int64) for line in gzip.decompress(covers.read_bytes()).splitlines()]
    return _labelled("dblp", known, groups, (15, 500), 5)


def citations(name: str) -> Labelled | None:
    """Papers and their topics, undirected: "cora" or "citeseer"."""
    if (path := shared(f"graphs/{name}.npz")) is None:
        return None
    with np.load(path, allow_pickle=True) as data:
        parts = data["adj_data"], data["adj_indices"], data["adj_indptr"]
        arcs = scipy.sparse.csr_array(parts, shape=tuple(data["adj_shape"])).tocoo()
        labels = data["labels"]
    src, dst = arcs.coords
    graph = CSRGraph.from_edges(src, dst, n_nodes=labels.size, directed=False, duplicates="first", self_loops="drop")
    groups = _grouped((int(label), node) for node, label in enumerate(labels))
    return _labelled(name, graph, groups, (10, 1000), 5)


def _cora() -> Labelled | None:
    return citations("cora")


def _football() -> Labelled | None:
    return _gml("football")


def _books() -> Labelled | None:
    return _gml("polbooks")


def _gml(name: str) -> Labelled | None:
    if (path := shared(f"graphs/{name}.gml")) is None:
        return None
    drawn = nx.read_gml(path)
    graph = CSRGraph.from_networkx(drawn)
    groups = _grouped((str(value), graph.node_ids.find(node)) for node, value in drawn.nodes(data="value"))
    return _labelled(name, graph, groups, (8, 100), 3)


def _labelled(name: str, graph: CSRGraph, groups: list[Members], limits: tuple[int, int], n_seeds: int) -> Labelled:
    usable = _of_size(groups, *limits)
    return Labelled(name=name, graph=graph, communities=usable, everyone=groups, n_seeds=n_seeds)


def _grouped(labels: Iterable[tuple[object, int]]) -> list[Members]:
    groups: defaultdict[object, list[int]] = defaultdict(list)
    for label, node in labels:
        groups[label].append(node)
    return [np.array(members, dtype=np.int64) for members in groups.values()]


def _of_size(groups: list[Members], least: int, most: int, n_groups: int = 60) -> list[Members]:
    """At most ``n_groups`` groups, drawn from those of usable size."""
    usable = [members for members in groups if least <= members.size <= most]
    if len(usable) <= n_groups:
        return usable
    drawn = stream(0, "benchmarks.labelled").permutation(len(usable))[:n_groups]
    return [usable[i] for i in sorted(drawn.tolist())]


@dataclass(frozen=True, kw_only=True)
class Classified:
    """An undirected graph whose nodes have labels to predict: ``labels`` is bool, shape (n_nodes, n_labels)."""

    name: str
    graph: CSRGraph
    labels: npt.NDArray[np.bool_]


CLASSIFIED = {
    "blogcatalog": "graphs/blogcatalog.mat",
    "ppi": "graphs/ppi.mat",
    "wikipedia": "graphs/wikipedia-pos.mat",
    "pubmed": "graphs/pubmed.npz",
    "dblp": "graphs/dblp.cmty.gz",
}


def classified(name: str) -> Classified | None:
    """One of `CLASSIFIED`, if its file is there."""
    if (path := shared(CLASSIFIED[name])) is None:
        return None
    if name == "pubmed":
        return _pubmed(path)
    if name == "dblp":
        known = dblp_graph()
        groups = [np.array(line.split(), dtype=np.int64) for line in gzip.decompress(path.read_bytes()).splitlines()]
        return None if known is None else Classified(name=name, graph=known, labels=_members(groups, known.n_nodes))
    content = scipy.io.loadmat(path)
    graph = CSRGraph.from_scipy(content["network"], directed=False)
    return Classified(name=name, graph=graph, labels=np.asarray(content["group"].todense(), dtype=bool))


def _pubmed(path: Path) -> Classified:
    with np.load(path) as data:
        src, dst, label = data["src"], data["dst"], data["y"]
        n_nodes = int(data["n"])
    graph = CSRGraph.from_edges(src, dst, n_nodes=n_nodes, directed=False, duplicates="first", self_loops="drop")
    return Classified(name="pubmed", graph=graph, labels=label[:, None] == np.unique(label))


def dblp_graph() -> CSRGraph | None:
    """Co-authorship, undirected."""
    if (path := shared("graphs/dblp.ungraph.gz")) is None:
        return None
    ends = np.array(gzip.decompress(path.read_bytes()).split(), dtype=np.int64).reshape(-1, 2)
    return CSRGraph.from_edges(ends[:, 0], ends[:, 1], directed=False, duplicates="first", self_loops="drop")


def _members(groups: list[Members], n_nodes: int) -> npt.NDArray[np.bool_]:
    members = np.zeros((n_nodes, len(groups)), dtype=bool)
    for label, nodes in enumerate(groups):
        members[nodes, label] = True
    return members
