"""Communities of a whole graph in a build: what the library gives, for any partitions, on every kind of graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from artifacts.artifact import Artifact
from artifacts.communities import open_communities
from artifacts.graph import open_graph
from artifacts.labels import KIND, LINKAGE, READABLE, open_labels
from artifacts.manifest import MANIFEST
from artifacts.publish import artifact_path, read_release
from artifacts.store import Store
from clustering.community_graph import community_graph
from clustering.global_communities import GlobalParams, find_communities
from clustering.hierarchy import hierarchy
from flows.run import run_build
from flows.settings import read_config
from foundation.errors import InvalidConfig

CONFIG = """
name = "groups"
[graph]
source = "edges.tsv"
[communities]
num_perm = 32
[labels]
"""
N_NODES = 300
KINDS = ("links", "weighted_links", "similarity", "both")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Six groups of fifty nodes, each linked to five of its own and one of any."""
    random = np.random.default_rng(4)
    lines = []
    for node in range(N_NODES):
        own = node // 50 * 50 + random.integers(0, 50, 5)
        lines += [f"n{node:03d}\tn{other:03d}\n" for other in (*own, random.integers(0, N_NODES)) if other != node]
    (tmp_path / "edges.tsv").write_text("".join(lines))
    (tmp_path / "groups.toml").write_text(CONFIG)
    return tmp_path / "groups.toml"


def build(config: Path, root: Path, *overrides: str) -> Store:
    store = Store.create(root)
    run_build(read_config(config, overrides), store)
    return store


def path_of(store: Store, stage: str) -> Path:
    return artifact_path(store, read_release(store, "groups"), stage)


@pytest.mark.parametrize("on", KINDS)
def test_a_build_gives_what_the_library_gives_for_any_partitions(config: Path, tmp_path: Path, on: str) -> None:
    wanted = (f"labels.on={on}", "labels.threshold=0.1", "labels.n_runs=3")
    store = build(config, tmp_path / "store", *wanted)
    graph, params = open_graph(path_of(store, "graph")), GlobalParams(on=on, threshold=0.1, n_runs=3)  # type: ignore[arg-type]  # one of KINDS
    index = open_communities(path_of(store, "minhash"), path_of(store, "lsh")).lsh
    searched = community_graph(graph, index, params)
    found = find_communities(searched.weights, params, links=searched.links)
    artifact, made = Artifact.open(path_of(store, "labels"), KIND, READABLE), open_labels(path_of(store, "labels"))
    assert np.array_equal(made.labels, found.labels)
    assert np.array_equal(artifact.array(LINKAGE), hierarchy(searched.links, found.labels).linkage)
    assert artifact.manifest.stats["n_communities"] == found.n_communities == made.n_communities
    other = build(config, tmp_path / "other", *wanted, "runtime.part_nodes=37", "runtime.workers=3")
    assert (path_of(other, "labels") / MANIFEST).read_bytes() == (path_of(store, "labels") / MANIFEST).read_bytes()


def test_modularity_and_the_share_inside_are_those_of_the_links(config: Path, tmp_path: Path) -> None:
    import networkx as nx

    store = build(config, tmp_path / "store")
    measured = read_release(store, "groups").measured["labels"]
    labels = open_labels(path_of(store, "labels")).labels
    graph: nx.Graph[int] = nx.Graph()
    ids = open_graph(path_of(store, "graph")).node_ids
    graph.add_nodes_from(range(N_NODES))
    for line in (config.parent / "edges.tsv").read_text().splitlines():
        ends = sorted(ids.find(name) for name in line.split("\t"))
        weight = graph.get_edge_data(*ends, {"weight": 0})["weight"] + 1
        graph.add_edge(*ends, weight=weight)
    groups = [set(np.flatnonzero(labels == label).tolist()) for label in range(labels.max() + 1)]
    assert measured["modularity"] == pytest.approx(nx.community.modularity(graph, groups), abs=1e-6)
    inside = sum(data["weight"] for u, v, data in graph.edges(data=True) if labels[u] == labels[v])
    assert measured["links_inside"] == pytest.approx(inside / graph.size("weight"), abs=1e-6)


def test_similar_pairs_need_signatures(config: Path) -> None:
    lone = CONFIG.replace("[communities]\nnum_perm = 32\n", "")
    config.write_text(lone)
    assert read_config(config).labels == GlobalParams()
    for on in KINDS[1:]:
        with pytest.raises(InvalidConfig, match=r'labels\.on.*needs the table \[communities\].*on = "links"'):
            read_config(config, (f"labels.on={on}",))


def test_a_graph_without_edges_and_a_single_link_can_be_built(tmp_path: Path) -> None:
    (tmp_path / "groups.toml").write_text(CONFIG)
    for number, text in enumerate(("a\ta\n", "a\tb\n")):
        (tmp_path / "edges.tsv").write_text(text)
        for on in KINDS:
            store = build(tmp_path / "groups.toml", tmp_path / f"store{number}{on}", f"labels.on={on}")
            made = open_labels(path_of(store, "labels"))
            assert made.labels.size == number + 1
            assert made.n_communities >= 1
