"""Whole answers of an engine over a small index, held against brute force, exact algorithms and each other."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from artifacts.corpus import open_corpus
from artifacts.embedding import open_embedding
from artifacts.graph import open_graph
from artifacts.multivector import open_multivectors, open_query_encoder
from artifacts.publish import artifact_path
from artifacts.store import Store
from clustering.evaluation import adjusted_rand_index
from flows.run import run_build
from flows.settings import read_config
from foundation.errors import InvalidQuery, NotBuilt, UnknownId
from graph.ppr import PPRParams, personalized_pagerank
from serving import ppr
from serving.engine import Engine
from tests.small import N_NODES, TOPICS
from vectors.corpus.read import Corpus
from vectors.tokens.maxsim import exact_top
from vectors.tokens.multivector import MultiVectors

N_GRAPH = N_NODES  # one of the corpus has no edge, "virtual" has an edge and no document
WIDTH = 128  # of token vectors: a word of 64 and its neighbours
LONELY = f"n{N_NODES - 1:03d}"  # a node of the corpus alone: no edge names it
Hits = list[dict[str, Any]]

GRAPH_ONLY = """
name = "links"
[graph]
source = "edges.tsv"
[powerwalk]
n_walks = 10
[communities]
num_perm = 32
"""
CORPUS_ONLY = """
name = "texts"
[corpus]
source = "docs.jsonl"
text = ["title", "text"]
encoder = { kind = "static", dim = 32 }
[muvera]
num_repetitions = 4
k_sim = 2
d_proj = 8
n_heldout = 10
"""
NO_NEIGHBOURS = """
name = "vectors"
[graph]
source = "edges.tsv"
[fastrp]
dim = 16
"""


@pytest.fixture(scope="module")
def engine(small_store: Store) -> Engine:
    return Engine.open(small_store, "small")


@pytest.fixture(scope="module")
def embedding(small_store: Store, engine: Engine) -> npt.NDArray[np.float32]:
    return open_embedding(artifact_path(small_store, engine.release, "fastrp"))


@pytest.fixture(scope="module")
def corpus(small_store: Store, engine: Engine) -> Corpus:
    return open_corpus(artifact_path(small_store, engine.release, "corpus"))


@pytest.fixture(scope="module")
def tokens(small_store: Store, engine: Engine) -> MultiVectors:
    return open_multivectors(artifact_path(small_store, engine.release, "tokens"))


@pytest.fixture(scope="module")
def build(small_config: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Engine]:
    """``build(config, *overrides)``: an engine over the small sources under another config."""

    def make(text: str, *overrides: str) -> Engine:
        directory = tmp_path_factory.mktemp("variant")
        for name in ("edges.tsv", "docs.jsonl"):
            shutil.copy(small_config.parent / name, directory / name)
        (directory / "config.toml").write_text(text)
        config = read_config(directory / "config.toml", overrides)
        store = Store.create(directory / "store")
        run_build(config, store)
        return Engine.open(store.root, config.name)

    return make


def ids(hits: Hits) -> list[str]:
    return [hit["id"] for hit in hits]


def scores(hits: Hits) -> list[float]:
    return [hit["score"] for hit in hits]


def topic(id: str) -> int:
    """The planted group of a node; "virtual" hangs on one of the first."""
    return 0 if id == "virtual" else int(id[1:]) % len(TOPICS)


ASKED: dict[str, Callable[[Engine], dict[str, Any]]] = {
    "similar by ids": lambda engine: engine.similar(["n000", "n001"], k=4),
    "similar by vectors": lambda engine: engine.similar(vectors=np.ones((2, 128)), k=4),
    "ppr": lambda engine: engine.ppr([{"n000": 1.0}, {"n001": 1.0, "n002": 2.0}], k=4),
    "ppr exact": lambda engine: engine.ppr([{"n000": 1.0}, {"n001": 1.0}], k=4, exact=True),
    "community": lambda engine: engine.community(["n000", "n005"], size=4),
    "labels": lambda engine: engine.labels(["n000", "n001"]),
    "members": lambda engine: engine.members(0, k=4),
    "search by texts": lambda engine: engine.search(["chess", "music player"], k=4),
    "search by vectors": lambda engine: engine.search(vectors=[np.ones((3, WIDTH)), np.ones((1, WIDTH))], k=4),
    "search without rerank": lambda engine: engine.search(["chess", "music player"], k=4, rerank=False),
}
MORE = {
    "ppr": {"error_bound", "residual", "notes"},
    "community": {"notes", "conductance", "density", "isolated", "heat_lost"},
    "labels": {"paths", "n_communities", "n_left", "notes"},
    "members": {"size", "path"},
    "search": {"searched"},
}


@pytest.mark.parametrize("question", ASKED)
def test_every_answer_has_the_shape_that_was_promised(engine: Engine, question: str) -> None:
    answer = ASKED[question](engine)
    again = json.loads(json.dumps(answer, allow_nan=False))
    assert again == answer
    assert (answer["index"], answer["version"]) == ("small", engine.version)
    assert answer.keys() - {"index", "version", "results"} == MORE.get(question.split()[0], set())
    assert len(answer["results"]) == (1 if question in ("community", "members") else 2)
    for hits in answer["results"]:
        assert len(hits) == (1 if question == "labels" else 4)
        assert len(set(ids(hits))) == len(hits)
        for hit in hits:
            assert {"id", "score"} <= hit.keys()
            assert type(hit["id"]) is str
            assert type(hit["score"]) is float
        if question != "community":
            assert scores(hits) == sorted(scores(hits), reverse=True)


def test_fields_of_documents_stand_beside_hits(engine: Engine, corpus: Corpus) -> None:
    asked = [hits for ask in ASKED.values() for hits in ask(engine)["results"]]
    described = [hit for hits in asked for hit in hits if hit["id"] != "virtual"]
    for hit in described:
        doc = corpus.ids.find(hit["id"])
        assert hit["title"] == corpus.fields["title"][doc]
        assert hit["topic"] == TOPICS[topic(hit["id"])].split()[0]


def test_a_node_without_a_document_has_no_fields(engine: Engine) -> None:
    assert engine.nodes("virtual") == [{"id": "virtual"}]
    assert engine.ppr([{"virtual": 1.0}], k=1)["results"] == [[{"id": "virtual", "score": pytest.approx(1.0)}]]


# similar


def test_similar_by_id_is_similar_by_its_row_without_itself(engine: Engine, embedding: npt.NDArray[np.float32]) -> None:
    asked = [f"n{node:03d}" for node in range(0, N_NODES - 1, 29)]
    rows = [engine.node_ids.find(id) for id in asked]
    by_vector = engine.similar(vectors=embedding[rows], k=12)["results"]
    for id, hits, near in zip(asked, engine.similar(asked, k=10)["results"], by_vector, strict=True):
        assert id not in ids(hits)
        assert id in ids(near)
        assert hits == [hit for hit in near if hit["id"] != id][:10]


def test_similar_finds_what_comparing_with_every_node_finds(engine: Engine, embedding: npt.NDArray[np.float32]) -> None:
    asked = [f"n{node:03d}" for node in range(0, N_NODES - 1, 3)]
    rows = np.array([engine.node_ids.find(id) for id in asked])
    unit = embedding / np.maximum(np.linalg.norm(embedding, axis=1, keepdims=True), 1e-30)
    cosine = unit @ unit[rows].T
    cosine[rows, np.arange(rows.size)] = -np.inf
    kth = np.sort(cosine, axis=0)[-10]
    found = engine.similar(asked, k=10)["results"]
    right = 0
    for query, hits in enumerate(found):
        values = cosine[[engine.node_ids.find(id) for id in ids(hits)], query]
        np.testing.assert_allclose(scores(hits), values, atol=1e-5)
        right += int(np.count_nonzero(values >= kth[query] - 1e-6))
    assert right / (10 * len(asked)) >= engine.release.measured["ann.nodes"]["asked"]


def test_similar_nodes_come_from_the_planted_group(engine: Engine) -> None:
    asked = [f"n{node:03d}" for node in range(0, N_NODES - 1, 7)]
    found = engine.similar(asked, k=10)["results"]
    same = [topic(hit["id"]) == topic(id) for id, hits in zip(asked, found, strict=True) for hit in hits]
    assert np.mean(same) > 0.9


def test_over_distances_a_higher_score_is_still_better(build: Callable[..., Engine]) -> None:
    engine = build(NO_NEIGHBOURS + '[ann.nodes]\nmetric = "l2"\nkind = "flat"\n')
    vector = open_embedding(artifact_path(engine._store, engine.release, "fastrp"))[:1]
    hits = engine.similar(vectors=vector, k=5)["results"][0]
    assert scores(hits)[0] == pytest.approx(0.0, abs=1e-6)
    assert scores(hits) == sorted(scores(hits), reverse=True)
    assert scores(hits)[-1] < 0


# ppr


def exact_ranks(store: Store, engine: Engine, query: dict[str, float]) -> npt.NDArray[np.float64]:
    graph = open_graph(artifact_path(store, engine.release, "graph"))
    seeds = {engine.node_ids.find(id): weight for id, weight in query.items()}
    return personalized_pagerank(graph, seeds, PPRParams(tol=1e-12))


QUERIES: tuple[dict[str, float], ...] = ({"n000": 1.0}, {"n003": 1.0, "n004": 3.0}, {"n100": 0.001, "n201": 0.002})


@pytest.mark.parametrize("query", QUERIES)
def test_exact_rankings_are_those_of_power_iteration(small_store: Store, engine: Engine, query: Any) -> None:
    truth = exact_ranks(small_store, engine, query)
    answer = engine.ppr([query], k=N_GRAPH, exact=True)
    hits = answer["results"][0]
    rows = [engine.node_ids.find(id) for id in ids(hits)]
    assert len(rows) == np.count_nonzero(truth)
    np.testing.assert_allclose(scores(hits), truth[rows], rtol=1e-6, atol=1e-9)
    assert (np.diff(truth[rows]) <= 1e-9).all()
    assert answer["error_bound"][0] < 1e-6
    assert answer["residual"] == [0.0]


@pytest.mark.parametrize("query", QUERIES)
def test_estimated_rankings_are_within_the_bound_they_state(small_store: Store, engine: Engine, query: Any) -> None:
    truth = exact_ranks(small_store, engine, query)
    answer = engine.ppr([query], k=N_GRAPH)
    estimate = np.zeros_like(truth)
    for hit in answer["results"][0]:
        estimate[engine.node_ids.find(hit["id"])] = hit["score"]
    distance = np.abs(estimate - truth).sum()
    assert 0 < distance <= answer["error_bound"][0] < 2
    usual = engine.release.measured["powerwalk"]["mean_l1"]  # of single seeds; the bound is a worst case
    assert distance < 2 * usual < 0.5
    assert 0 < answer["residual"][0] <= 1


def test_weights_of_seeds_matter_and_only_their_proportions(engine: Engine) -> None:
    first, second, scaled = engine.ppr(
        [{"n000": 9.0, "n001": 1.0}, {"n000": 1.0, "n001": 9.0}, {"n000": 0.9, "n001": 0.1}], k=20
    )["results"]
    assert (ids(first)[0], ids(second)[0]) == ("n000", "n001")
    assert first != second
    assert ids(first) == ids(scaled)
    np.testing.assert_allclose(scores(first), scores(scaled), rtol=1e-5)


def test_an_id_written_twice_in_two_ways_counts_twice(build: Callable[..., Engine], tmp_path: Path) -> None:
    numbers = tmp_path / "numbers.tsv"
    numbers.write_text("".join(f"{node}\t{(node * 7 + 1) % 20}\n{node}\t{(node + 3) % 20}\n" for node in range(20)))
    engine = build(GRAPH_ONLY.replace("edges.tsv", str(numbers)))
    assert type(engine.nodes(limit=1)[0]["id"]) is int
    twice, weighted = engine.ppr([{7: 1.0, "7": 1.0, "8": 1.0}, {"7": 2.0, 8: 1.0}], k=20)["results"]
    assert twice == weighted


def test_a_thousand_queries_in_one_call_are_what_they_are_alone(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    queries: list[dict[str | int, float]] = [
        {f"n{number % 299:03d}": 1.0, f"n{number * 7 % 299:03d}": 0.5 + number / 1000} for number in range(1, 1001)
    ]
    together = engine.ppr(queries, k=12)
    monkeypatch.setattr(ppr, "_AT_ONCE", 12 * 96)  # answers of one block: the last of 11 is shorter
    split = engine.ppr(queries, k=12)
    assert split == together
    assert len(together["results"]) == len(together["error_bound"]) == len(together["residual"]) == 1000
    for number in range(0, 1000, 83):
        alone = engine.ppr([queries[number]], k=12)
        assert alone["results"][0] == together["results"][number]
        assert alone["error_bound"][0] == together["error_bound"][number]


def test_a_list_shorter_than_k_is_told_and_why(build: Callable[..., Engine], tmp_path: Path) -> None:
    edges = tmp_path / "islands.tsv"
    edges.write_text("a\tb\nb\tc\nc\ta\n" + "".join(f"x{node}\tx{(node + 1) % 30}\n" for node in range(30)))
    engine = build(GRAPH_ONLY.replace("edges.tsv", str(edges)))
    for exact in (False, True):
        answer = engine.ppr([{"a": 1.0}, {"x0": 1.0}, {"b": 1.0, "c": 1.0}], k=5, exact=exact)
        assert [len(hits) for hits in answer["results"]] == [3, 5, 3]
        first, second = answer["notes"]
        assert first.startswith("query 1: 3 of 5 nodes; no")
        assert second.startswith("query 3: 3 of 5 nodes; no")
        assert ("no walk leads to any other" in first) == exact or answer["residual"][0] == 0
    assert engine.ppr([{"a": 1.0}], k=3)["notes"] == []


@pytest.mark.parametrize("query", QUERIES)
def test_a_smaller_rmax_comes_closer_and_a_larger_one_does_less(
    small_store: Store, engine: Engine, query: dict[str | int, float]
) -> None:
    truth = exact_ranks(small_store, engine, query)  # type: ignore[arg-type]  # ids of this index are strings
    distances, bounds = [], []
    for rmax in (1e-2, 1e-4, 1e-8):
        answer = engine.ppr([query], k=N_GRAPH, rmax=rmax)
        estimate = np.zeros_like(truth)
        for hit in answer["results"][0]:
            estimate[engine.node_ids.find(hit["id"])] = hit["score"]
        distances.append(np.abs(estimate - truth).sum())
        bounds.append(answer["error_bound"][0])
    assert bounds == sorted(bounds, reverse=True)
    assert distances[0] > 10 * distances[2]
    assert all(distance <= bound for distance, bound in zip(distances, bounds, strict=True))


# community


def test_a_community_begins_with_its_seeds_and_has_the_asked_size(engine: Engine) -> None:
    for seeds in (["n010"], ["n012", "n002", "n007"]):
        for size in (len(seeds), 10, 40):
            hits = engine.community(seeds, size=size)["results"][0]
            assert ids(hits)[: len(seeds)] == seeds
            assert len(hits) == len(set(ids(hits))) == size


def test_a_community_is_the_planted_group(engine: Engine) -> None:
    hits = engine.community(["n010", "n015"], size=40)["results"][0]
    assert np.mean([topic(id) == 0 for id in ids(hits)]) > 0.75  # by chance 0.2


def test_repeated_seeds_count_once(engine: Engine) -> None:
    assert engine.community(["n010", "n010"], size=9) == engine.community(["n010"], size=9)


def test_seeds_without_neighbours_are_named_by_id(engine: Engine) -> None:
    with pytest.raises(UnknownId):
        engine.community([LONELY], size=3)  # without an edge it is no node at all


def test_an_isolated_seed_is_reported_by_its_id(build: Callable[..., Engine], tmp_path: Path) -> None:
    edges = tmp_path / "edges.tsv"
    ring = "".join(f"a{node:02d}\ta{(node + step) % 20:02d}\n" for node in range(20) for step in (1, 2))
    edges.write_text(ring + "alone\talone\n")
    text = GRAPH_ONLY.replace('source = "edges.tsv"', f'source = "{edges}"\nself_loops = "drop"')
    engine = build(text)
    answer = engine.community(["a00", "alone"], size=6)
    assert answer["isolated"] == ["alone"]
    assert len(answer["results"][0]) == 6
    assert any("1 of 2 seeds" in note for note in answer["notes"])
    assert engine.community(["a00"], size=6)["isolated"] == []
    only = engine.community(["alone"], size=6)
    assert ids(only["results"][0]) == ["alone"]
    assert only["notes"]


@pytest.mark.parametrize("method", [None, "ppr", "initial_avgs", "minrank"])
def test_more_members_are_those_of_one_large_community(engine: Engine, method: str | None) -> None:
    whole = engine.community(["n010", "n005"], size=30, method=method)
    for sizes in ([10, 1, 19], [2, 28]):
        hits: Hits = []
        for size in sizes:
            answer = engine.community(["n010", "n005"], size=size, after=len(hits), method=method)
            hits += answer["results"][0]
        assert hits == whole["results"][0]
        assert {**answer, "results": []} == {**whole, "results": []}
    again = engine.community(["n010", "n005"], size=20, after=10, method=method)  # what was kept is used up
    assert again["results"][0] == whole["results"][0][10:]
    beyond = engine.community(["n010", "n005"], size=5, after=N_GRAPH, method=method)
    assert beyond["results"] == [[]]


def test_methods_and_places_that_are_not_there_are_refused(engine: Engine) -> None:
    with pytest.raises(InvalidQuery, match="method 'best'; ask for one of blend"):
        engine.community(["n010"], method="best")
    with pytest.raises(InvalidQuery, match="after = -1"):
        engine.community(["n010"], after=-1)


# labels and members


def test_a_node_is_a_member_of_its_community_and_of_all_it_merges_into(engine: Engine) -> None:
    for node in ("n010", "n123", "virtual"):
        answer = engine.labels([node])
        ((hit,),), (path,) = answer["results"], answer["paths"]
        assert hit["label"] == path[0]["label"] < answer["n_communities"]
        assert path[0]["density"] is None
        sizes, densities = [step["size"] for step in path], [step["density"] for step in path[1:]]
        assert sizes == sorted(sizes)
        assert densities == sorted(densities, reverse=True)
        for step in path:
            found = engine.members(step["label"], k=N_GRAPH)
            assert found["size"] == step["size"] == len(found["results"][0])
            assert node in ids(found["results"][0])
            assert found["path"][0] == step


def test_communities_of_the_whole_graph_are_the_planted_groups(engine: Engine) -> None:
    nodes = [f"n{node:03d}" for node in range(N_NODES - 1)]
    labels = [hit["label"] for (hit,) in engine.labels(nodes, communities=len(TOPICS))["results"]]
    assert adjusted_rand_index(np.array(labels), np.array([topic(node) for node in nodes])) > 0.9
    assert len({hit["label"] for (hit,) in engine.labels(nodes, communities=1)["results"]}) == 1


def test_members_with_the_most_weight_inside_come_first(engine: Engine) -> None:
    for label in range(engine.labels(["n000"])["n_communities"]):
        hits = engine.members(label, k=20)["results"][0]
        assert scores(hits) == sorted(scores(hits), reverse=True)
        own = {hit["id"]: hit["score"] for (hit,) in engine.labels(ids(hits))["results"]}
        assert own == {hit["id"]: hit["score"] for hit in hits}


def test_cohesion_is_in_range(engine: Engine) -> None:
    answer = engine.community(["n010"], size=40)
    for name in ("conductance", "density", "heat_lost"):
        assert type(answer[name]) is float
        assert 0 <= answer[name] <= 1


# search


def held_out(corpus: Corpus) -> list[int]:
    return list(range(0, N_NODES, 6))


def test_search_finds_what_scoring_every_document_finds(
    small_store: Store, engine: Engine, corpus: Corpus, tokens: MultiVectors
) -> None:
    texts = [f"{corpus.fields['title'][doc]} number {doc}" for doc in held_out(corpus)]
    encoder = open_query_encoder(artifact_path(small_store, engine.release, "tokens"))
    docs, values = exact_top(encoder.encode_queries(texts).vectors, tokens, 10)
    found = engine.search(texts, k=10)["results"]
    best = [hits[0]["score"] >= float(top[0]) - 1e-5 for hits, top in zip(found, values, strict=True)]
    assert np.mean(best) >= 0.95
    kth = values[:, -1]
    right = [score >= kth[query] - 1e-5 for query, hits in enumerate(found) for score in scores(hits)]
    assert np.mean(right) >= 0.9
    # An answer can be missing, never mis-scored.
    exact = dict(zip(((q, d) for q in range(len(texts)) for d in docs[q].tolist()), values.ravel(), strict=True))
    for query, hits in enumerate(found):
        for hit in hits:
            known = exact.get((query, corpus.ids.find(hit["id"])))
            assert known is None or hit["score"] == pytest.approx(float(known), rel=1e-5)


def test_search_finds_the_topic(engine: Engine) -> None:
    for number, words in enumerate(TOPICS):
        hits = engine.search([words], k=10)["results"][0]
        assert all(topic(id) == number for id in ids(hits))


def test_without_rerank_scores_are_those_of_the_encodings(engine: Engine) -> None:
    texts = ["chess opponent", "music sound album"]
    ranked = engine.search(texts, k=10)["results"]
    plain = engine.search(texts, k=10, rerank=False)["results"]
    for one, other in zip(ranked, plain, strict=True):
        assert scores(one) != scores(other)
        assert scores(other) == sorted(scores(other), reverse=True)


def test_vectors_of_the_encoder_give_the_answer_of_the_text(small_store: Store, engine: Engine) -> None:
    texts = ["chess opponent", "convert video", "proxy for web requests"]
    encoded = open_query_encoder(artifact_path(small_store, engine.release, "tokens")).encode_queries(texts).vectors
    vectors = [encoded.doc(row) for row in range(len(texts))]
    for rerank in (True, False):
        assert engine.search(vectors=vectors, k=7, rerank=rerank) == engine.search(texts, k=7, rerank=rerank)


# queries together and apart


@pytest.mark.parametrize("exact", [False, True])
def test_a_query_alone_is_answered_as_in_a_batch(engine: Engine, exact: bool) -> None:
    nodes = ["n000", "n007", "n150", "virtual"]
    together = engine.similar(nodes, k=9)["results"]
    assert together == [engine.similar([node], k=9)["results"][0] for node in nodes]
    ranked = engine.ppr([{node: 1.0} for node in nodes], k=9, exact=exact)
    apart = [engine.ppr([{node: 1.0}], k=9, exact=exact) for node in nodes]
    assert ranked["results"] == [answer["results"][0] for answer in apart]
    assert ranked["error_bound"] == [answer["error_bound"][0] for answer in apart]
    texts = ["chess", "music player sound", "web server", "source code library compiler"]
    found = engine.search(texts, k=9, rerank=exact)["results"]
    assert found == [engine.search([text], k=9, rerank=exact)["results"][0] for text in texts]


def test_no_queries_are_no_answers(engine: Engine) -> None:
    for answer in (engine.similar([]), engine.ppr([]), engine.search([])):
        assert answer["results"] == []


# nodes


def test_nodes_by_prefix_come_in_id_order(engine: Engine) -> None:
    assert ids(engine.nodes("n01", limit=4)) == ["n010", "n011", "n012", "n013"]
    assert len(engine.nodes("n01", limit=50)) == 10
    assert ids(engine.nodes("", limit=2)) == ["n000", "n001"]
    assert ids(engine.nodes("v")) == ["virtual"]
    assert engine.nodes("nothing") == []
    assert engine.nodes("n000")[0]["topic"] == "video"


# what is refused


def test_unknown_ids_are_told_the_nearest(engine: Engine) -> None:
    for ask in (
        lambda: engine.similar(["n000", "n01x"]),
        lambda: engine.ppr([{"n01x": 1.0}]),
        lambda: engine.community(["n01x"]),
    ):
        with pytest.raises(UnknownId) as found:
            ask()
        assert (found.value.kind, found.value.id) == ("node", "n01x")
        assert all(id.startswith("n01") for id in found.value.nearest)
        assert "no node 'n01x' in index small; the nearest are n01" in str(found.value)
    with pytest.raises(UnknownId) as found:
        engine.similar(["virtaul"])
    assert found.value.nearest == ("virtual",)


@pytest.mark.parametrize("k", [0, -1, N_GRAPH + 1, 2.0, True, "3"])
def test_a_k_out_of_range_says_the_range(engine: Engine, k: Any) -> None:
    for ask in (
        lambda: engine.similar(vectors=np.ones((1, 128)), k=k),
        lambda: engine.ppr([{"n000": 1.0}], k=k),
        lambda: engine.community(["n000"], size=k),
        lambda: engine.search(["chess"], k=k),
    ):
        with pytest.raises(InvalidQuery, match=r"= .*ask for 1 to 300: there are 300"):
            ask()


def test_the_largest_k_is_answered(engine: Engine) -> None:
    n_nodes = len(engine.nodes(limit=1000))
    assert n_nodes == N_GRAPH
    assert len(engine.similar(["n000"], k=n_nodes - 1)["results"][0]) > 0.95 * n_nodes
    with pytest.raises(InvalidQuery, match=f"there are {n_nodes - 1} other nodes"):
        engine.similar(["n000"], k=n_nodes)
    assert len(engine.search(["chess"], k=N_NODES)["results"][0]) > 0.95 * N_NODES
    assert len(engine.community(["n000"], size=n_nodes)["results"][0]) > 0.9 * n_nodes


REFUSED: dict[str, Callable[[Engine], Any]] = {
    "pass exactly one": lambda engine: engine.similar(),
    "pass exactly one of them": lambda engine: engine.search(["a"], vectors=[np.ones((1, WIDTH))]),
    "rows of 128 numbers": lambda engine: engine.similar(vectors=np.ones((2, 127))),
    "not a matrix of numbers": lambda engine: engine.similar(vectors=[["a"]]),
    "NaN|finite": lambda engine: engine.similar(vectors=np.full((1, 128), np.nan)),
    "text 1 is empty": lambda engine: engine.search(["chess", " "]),
    "finite vectors": lambda engine: engine.search(vectors=[np.full((1, WIDTH), np.inf)]),
    r"query 1 has shape \(1, 64\)": lambda engine: engine.search(vectors=[np.ones((1, WIDTH)), np.ones((1, 64))]),
    r"query 0 has shape \(0, 128\)": lambda engine: engine.search(vectors=[np.ones((0, WIDTH))]),
    "weights are positive": lambda engine: engine.ppr([{"n000": 0.0}]),
    "seed 7 has weight nan": lambda engine: engine.ppr([{7: float("nan")}]),
    "seed 'n000' has weight -1": lambda engine: engine.ppr([{"n000": -1}]),
    "rmax = 0.0; use 1e-08 to 1": lambda engine: engine.ppr([{"n000": 1.0}], rmax=0.0),
    "rmax = nan; use 1e-08 to 1": lambda engine: engine.ppr([{"n000": 1.0}], rmax=float("nan")),
    "weights are positive, finite": lambda engine: engine.ppr([{"n000": float("inf")}]),
    "empty|at least one": lambda engine: engine.ppr([{}]),
    "name at least one node": lambda engine: engine.community([]),
    "size = 1 with 2 seeds": lambda engine: engine.community(["n000", "n001"], size=1),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_cannot_be_answered_is_refused_in_one_line(engine: Engine, message: str) -> None:
    with pytest.raises(InvalidQuery, match=message) as found:
        REFUSED[message](engine)
    assert "\n" not in str(found.value)


# versions, parts, warmth


def test_an_engine_keeps_its_version_when_another_is_published(small_config: Path, tmp_path: Path) -> None:
    shutil.copytree(small_config.parent, tmp_path / "sources")
    store = Store.create(tmp_path / "store")
    config = tmp_path / "sources" / small_config.name
    run_build(read_config(config), store)
    lazy, warm = Engine.open(store, "small"), Engine.open(store, "small")
    warm.warm()
    before = warm.similar(["n000"], k=5)
    run_build(read_config(config, ("fastrp.seed=5",)), store)
    after = Engine.open(store, "small")
    assert after.version != warm.version
    assert after.similar(["n000"], k=5)["results"] != before["results"]
    assert after.community(["n000"], size=5)["results"] == warm.community(["n000"], size=5)["results"]
    pinned = Engine.open(store, "small", warm.version[:6])
    for engine in (lazy, warm, pinned):
        assert engine.similar(["n000"], k=5) == before
        assert engine.community(["n000"], size=5)["version"] == before["version"]


def test_warming_opens_everything_and_changes_no_answer(small_store: Store, engine: Engine) -> None:
    fresh = Engine.open(str(small_store.root), "small")
    assert fresh.questions == ("similar", "ppr", "community", "labels", "members", "search")
    fresh.warm()
    for ask in ASKED.values():
        assert ask(fresh) == ask(engine)


def test_an_unknown_index_or_version_is_told_the_known_ones(small_store: Store) -> None:
    with pytest.raises(UnknownId, match=r"no index 'smal' in .*nearest are small"):
        Engine.open(small_store, "smal")
    with pytest.raises(UnknownId, match="no version 'zzz' in index small"):
        Engine.open(small_store, "small", "zzz")


def refusal(ask: Callable[[], Any]) -> str:
    with pytest.raises(NotBuilt) as found:
        ask()
    return str(found.value)


def test_an_index_of_links_alone_answers_for_links_and_says_what_it_lacks(build: Callable[..., Engine]) -> None:
    engine = build(GRAPH_ONLY)
    engine.warm()
    assert engine.questions == ("ppr", "community")
    assert engine.nodes("n000") == [{"id": "n000"}]
    assert ids(engine.ppr([{"n000": 1.0}], k=3)["results"][0])[0] == "n000"
    assert engine.community(["n000"], size=3)["results"][0][0].keys() == {"id", "score"}
    lacks = (
        "index links was not built for {}: its config has no table [{}]; add it and build again, or ask ppr, community"
    )
    assert refusal(lambda: engine.similar(["n000"])) == lacks.format("similar", "fastrp")
    assert refusal(lambda: engine.search(["chess"])) == lacks.format("search", "muvera")


def test_embeddings_without_an_index_of_neighbours_name_the_table(build: Callable[..., Engine]) -> None:
    engine = build(NO_NEIGHBOURS)
    engine.warm()
    assert engine.questions == ()
    assert refusal(lambda: engine.similar(["n000"])) == (
        "index vectors was not built for similar: its config has no table [ann.nodes]; add it and build again"
    )


def test_an_index_of_texts_alone_answers_for_texts_and_says_what_it_lacks(build: Callable[..., Engine]) -> None:
    engine = build(CORPUS_ONLY)
    engine.warm()
    assert engine.questions == ("search",)
    assert all(topic(id) == 4 for id in ids(engine.search(["chess board game"], k=5)["results"][0]))
    lacks = "index texts was not built for {}: its config has no table [{}]; add it and build again, or ask search"
    assert refusal(lambda: engine.nodes()) == lacks.format("nodes", "graph")
    assert refusal(lambda: engine.similar(["n000"])) == lacks.format("similar", "fastrp")
    assert refusal(lambda: engine.ppr([{"n000": 1.0}])) == lacks.format("ppr", "powerwalk")
    assert refusal(lambda: engine.community(["n000"])) == lacks.format("community", "communities")


def test_an_index_of_one_node_can_be_opened_and_asked(build: Callable[..., Engine], tmp_path: Path) -> None:
    edges = tmp_path / "one.tsv"
    edges.write_text("only\tonly\n")
    text = GRAPH_ONLY.replace("edges.tsv", str(edges)) + '[fastrp]\ndim = 8\n[ann.nodes]\nkind = "flat"\n'
    engine = build(text)
    engine.warm()
    assert ids(engine.ppr([{"only": 1.0}], k=1)["results"][0]) == ["only"]
    assert ids(engine.community(["only"], size=1)["results"][0]) == ["only"]
    assert engine.similar(["only"])["results"] == [[]]
    with pytest.raises(InvalidQuery, match="there are 0 other nodes"):
        engine.similar(["only"], k=51)
