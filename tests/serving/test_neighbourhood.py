"""Links among a few nodes against all arcs, and neighbourhoods of a real index."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifacts.graph import open_graph
from artifacts.publish import artifact_path
from artifacts.store import Store
from foundation.errors import InvalidQuery, UnknownId
from graph.csr import CSRGraph
from serving.engine import Engine
from serving.neighbourhood import links_among
from tests.strategies import graphs


def every_link(graph: CSRGraph, rows: list[int]) -> dict[tuple[int, int], float]:
    """By looking at every arc."""
    found: Counter[tuple[int, int]] = Counter()
    place = {row: at for at, row in enumerate(rows)}
    for src in range(graph.n_nodes):
        for arc in range(graph.indptr[src], graph.indptr[src + 1]):
            dst = int(graph.indices[arc])
            if src in place and dst in place and src != dst and (graph.directed or place[src] < place[dst]):
                found[place[src], place[dst]] += 1.0 if graph.weights is None else float(graph.weights[arc])
    return dict(found)


@given(graphs(parallel=True) | graphs(), st.data())
def test_every_link_among_the_nodes_is_found_once(graph: CSRGraph, data: st.DataObject) -> None:
    some = st.lists(st.integers(0, graph.n_nodes - 1), unique=True) if graph.n_nodes else st.just([])
    rows = data.draw(some, label="rows")
    links = links_among(graph, np.array(rows, dtype=np.int64))
    found = list(zip(links.sources.tolist(), links.targets.tolist(), strict=True))
    assert found == sorted(set(found))
    expected = every_link(graph, rows)
    assert dict(zip(found, links.weights.tolist(), strict=True)) == pytest.approx(expected)


@pytest.fixture(scope="module")
def engine(small_store: Store) -> Engine:
    return Engine.open(small_store, "small")


def test_a_neighbourhood_is_the_ranking_with_links_and_communities(engine: Engine, small_store: Store) -> None:
    seeds = {"n010": 1.0, "n015": 0.5}
    answer = engine.neighbourhood(seeds, k=40)
    ranking = engine.ppr([seeds], k=40)
    assert answer["error_bound"] == ranking["error_bound"]
    (hits,) = answer["results"]
    labels = engine.labels([hit["id"] for hit in hits])["results"]
    for hit, ranked, (labelled,) in zip(hits, ranking["results"][0], labels, strict=True):
        assert hit == {**ranked, "label": labelled["label"], "size": labelled["size"]}
    graph = open_graph(artifact_path(small_store, engine.release, "graph"))
    rows = [graph.node_ids.find(hit["id"]) for hit in hits]
    expected = every_link(graph, rows)
    assert len(expected) > 40
    found = {(link["source"], link["target"]): link["weight"] for link in answer["links"]}
    assert found == pytest.approx(expected)


def test_a_node_without_links_is_its_whole_neighbourhood(engine: Engine) -> None:
    answer = engine.neighbourhood({"virtual": 1.0}, k=1)
    assert [hit["id"] for hit in answer["results"][0]] == ["virtual"]
    assert answer["links"] == []


def test_seeds_that_cannot_be_are_refused(engine: Engine) -> None:
    with pytest.raises(UnknownId, match="n00x"):
        engine.neighbourhood({"n00x": 1.0})
    with pytest.raises(InvalidQuery, match="weight"):
        engine.neighbourhood({"n000": float("nan")})
