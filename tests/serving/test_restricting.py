"""Filters and parts of the graph: nothing outside is ever answered, what is inside as by brute force."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artifacts.corpus import open_corpus
from artifacts.embedding import open_embedding
from artifacts.lexical import open_lexical
from artifacts.multivector import open_multivectors, open_query_encoder
from artifacts.publish import artifact_path
from artifacts.store import Store
from flows.run import run_build
from flows.settings import read_config
from foundation.errors import InvalidQuery, NotBuilt, UnknownId
from serving import hybrid
from serving.engine import Engine
from tests.small import N_NODES
from vectors.corpus.filters import matching_rows
from vectors.corpus.read import Corpus
from vectors.fusion import fuse_scores
from vectors.tokens.maxsim import maxsim

QUICK = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXTS = ["chess opponent", "convert video", "music player", "number 17 game"]
WHERES: list[dict[str, Any]] = [
    {"topic": "chess"},
    {"topic": ["chess", "music"]},
    {"topic": {"ge": "m"}},
    {"not": {"topic": "chess"}},
    {"or": [{"topic": "video"}, {"title": {"lt": "c"}}]},
    {"topic": "chess", "title": "chess game"},
    {"topic": "nothing of the kind"},
    {"topic": []},
]
Hits = list[dict[str, Any]]


@pytest.fixture(scope="module")
def part(both_store: Store, both: Engine) -> Callable[[str], Path]:
    return lambda stage: artifact_path(both_store, both.release, stage)


@pytest.fixture(scope="module")
def corpus(part: Callable[[str], Path]) -> Corpus:
    return open_corpus(part("corpus"))


@pytest.fixture(params=[True, False], ids=["all scored", "candidates"])
def narrow(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether a filter counts as narrow; of the whole index all are."""
    if not request.param:
        monkeypatch.setattr(hybrid, "NARROW", 0)
    return bool(request.param)


def ids(hits: Hits) -> list[str]:
    return [hit["id"] for hit in hits]


def allowed_ids(corpus: Corpus, where: dict[str, Any]) -> set[str]:
    rows = matching_rows(where, corpus.fields, corpus.n_docs)
    return {str(corpus.ids[int(row)]) for row in np.flatnonzero(rows)}


# where


@QUICK
@given(
    where=st.sampled_from(WHERES),
    ranking=st.sampled_from(["tokens", "words", "both", None]),
    rerank=st.booleans(),
    k=st.sampled_from([1, 5, 40, 300]),
    texts=st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3),
)
def test_no_document_outside_the_filter_is_ever_found(
    narrow: bool,
    both: Engine,
    corpus: Corpus,
    where: dict[str, Any],
    ranking: str,
    rerank: bool,
    k: int,
    texts: list[str],
) -> None:
    allowed = allowed_ids(corpus, where)
    answer = both.search(texts, k=k, rerank=rerank, ranking=ranking, where=where)
    assert answer["searched"] == len(allowed)
    for hits in answer["results"]:
        assert set(ids(hits)) <= allowed
        assert len(hits) == len(set(ids(hits)))
        if ranking != "words":
            assert len(hits) == min(k, len(allowed))


@pytest.mark.parametrize("where", WHERES)
def test_filtered_words_are_the_whole_list_without_the_others(
    both: Engine, corpus: Corpus, where: dict[str, Any]
) -> None:
    allowed = allowed_ids(corpus, where)
    everything = both.search(TEXTS, k=N_NODES, ranking="words")["results"]
    filtered = both.search(TEXTS, k=7, ranking="words", where=where)["results"]
    for whole, some in zip(everything, filtered, strict=True):
        assert some == [hit for hit in whole if hit["id"] in allowed][:7]


def test_filtered_tokens_find_what_scoring_every_document_inside_finds(
    narrow: bool, both: Engine, corpus: Corpus
) -> None:
    everything = both.search(TEXTS, k=N_NODES, ranking="tokens")["results"]
    right = n_wanted = 0
    for where in WHERES:
        allowed = allowed_ids(corpus, where)
        for whole, some in zip(everything, both.search(TEXTS, ranking="tokens", where=where)["results"], strict=True):
            inside = [hit for hit in whole if hit["id"] in allowed]
            assert some == [hit for hit in inside if hit in some]  # in order, and with the very scores
            right += sum(hit["score"] >= inside[:10][-1]["score"] for hit in some)
            n_wanted += len(inside[:10])
    assert right / n_wanted >= (1.0 if narrow else 0.9)  # what the index was asked for


def test_both_rankings_are_filtered_before_they_are_fused(both: Engine) -> None:
    where = {"topic": "music"}
    words, tokens = (both.search(TEXTS, k=200, ranking=name, where=where)["results"] for name in ("words", "tokens"))
    found = both.search(TEXTS, k=9, where=where)["results"]
    for by_words, by_tokens, hits in zip(words, tokens, found, strict=True):
        names = sorted({*ids(by_words), *ids(by_tokens)})
        lists = [
            np.array([[names.index(id) for id in ids(one)]], dtype=np.int64).reshape(1, -1)
            for one in (by_words, by_tokens)
        ]
        scores = [np.array([[hit["score"] for hit in one]]) for one in (by_words, by_tokens)]
        fused = fuse_scores(lists, scores, 9, floors=[np.array([0.0]) if len(by_words) < 200 else None, None])
        assert ids(hits) == [names[row] for row in fused.rows[0]]
        assert [hit["score"] for hit in hits] == pytest.approx(fused.scores[0].tolist())


@pytest.mark.usefixtures("narrow")
def test_token_vectors_are_filtered_too(both: Engine, part: Callable[[str], Path]) -> None:
    encoded = open_query_encoder(part("tokens")).encode_queries(TEXTS).vectors
    vectors = [encoded.doc(row) for row in range(len(TEXTS))]
    for rerank in (True, False):
        asked: dict[str, Any] = {"k": 6, "rerank": rerank, "where": {"topic": "chess"}}
        by_text = both.search(TEXTS, ranking="tokens", **asked)
        assert both.search(vectors=vectors, **asked) == by_text


@pytest.mark.parametrize("where", WHERES)
def test_similar_nodes_are_filtered_by_the_fields_of_their_documents(
    both: Engine, corpus: Corpus, part: Callable[[str], Path], where: dict[str, Any]
) -> None:
    allowed = allowed_ids(corpus, where)
    if "not" in where:
        allowed |= {"virtual"}  # has no document, hence no field
    allowed -= {f"n{N_NODES - 1:03d}"}  # a document that is no node
    embedding = np.asarray(open_embedding(part("fastrp")))
    unit = embedding / np.maximum(np.linalg.norm(embedding, axis=1, keepdims=True), 1e-30)
    for node in ("n004", "n100", "virtual"):
        (hits,) = both.similar([node], k=6, where=where)["results"]
        cosine = unit @ unit[both.node_ids.find(node)]
        others = sorted((float(cosine[both.node_ids.find(id)]) for id in allowed - {node}), reverse=True)
        assert set(ids(hits)) <= allowed - {node}
        assert len(hits) == min(6, len(others))
        np.testing.assert_allclose([hit["score"] for hit in hits], others[: len(hits)], atol=1e-5)


def test_an_empty_condition_is_none(both: Engine) -> None:
    assert both.search(["chess"], where={}) == both.search(["chess"])
    assert both.similar(["n000"], where={}) == both.similar(["n000"])


# near


def test_near_seeds_both_ranks_make_the_score(both: Engine) -> None:
    ranked = both.ppr([{"n005": 1.0, "n010": 2.0}], k=300)["results"][0]
    chance = {hit["id"]: hit["score"] for hit in ranked}
    (hits,) = both.similar(["n010"], k=299, near={"n005": 1.0, "n010": 2.0})["results"]
    (alike,) = both.similar(["n010"], k=299)["results"]
    likeness = {hit["id"]: hit["score"] for hit in alike}
    assert set(ids(hits)) == set(chance) - {"n010"}
    by_ppr = [id for id in chance if id != "n010"]
    by_likeness = [hit["id"] for hit in sorted(hits, key=lambda hit: -hit["similarity"])]
    for hit in hits:
        assert hit["ppr"] == chance[hit["id"]]
        if hit["id"] in likeness:
            assert hit["similarity"] == pytest.approx(likeness[hit["id"]], abs=1e-6)
        assert hit["ranks"]["ppr"] == by_ppr.index(hit["id"]) + 1
        found = by_likeness[hit["ranks"]["similar"] - 1]
        assert hit["similarity"] == next(one["similarity"] for one in hits if one["id"] == found)
        assert hit["score"] == pytest.approx(1 / (60 + hit["ranks"]["ppr"]) + 1 / (60 + hit["ranks"]["similar"]))
    scores = [hit["score"] for hit in hits]
    assert scores == sorted(scores, reverse=True)


def test_near_seeds_vectors_and_filters_are_heeded(both: Engine, part: Callable[[str], Path]) -> None:
    row = both.node_ids.find("n010")
    vector = np.asarray(open_embedding(part("fastrp"))[row : row + 1])
    (hits,) = both.similar(vectors=vector, k=5, near={"n004": 1.0}, where={"topic": "chess"})["results"]
    assert hits
    assert all(hit["topic"] == "chess" for hit in hits)
    assert hits == both.similar(["n010"], k=5, near={"n004": 1.0}, where={"topic": "chess"})["results"][0]


# within


def members(both: Engine, within: dict[str, Any]) -> set[str]:
    """Ids of the nodes of a part of the graph, by the questions that give them."""
    seeds, size = within["seeds"], within.get("size", 100)
    match within.get("by", "ppr"):
        case "ppr":
            return set(ids(both.ppr([seeds], k=size)["results"][0]))
        case "community":
            return set(ids(both.community(list(seeds), size=size)["results"][0]))
        case _:
            labels = {hit["label"] for (hit,) in both.labels(list(seeds))["results"]}
            return {id for label in labels for id in ids(both.members(label, k=N_NODES)["results"][0])}


WITHINS: list[dict[str, Any]] = [
    {"seeds": {"n004": 1.0}},
    {"seeds": {"n004": 1.0, "n010": 3.0}, "by": "ppr", "size": 30},
    {"seeds": {"n004": 1.0}, "by": "community", "size": 25},
    {"seeds": {"n004": 1.0, "n011": 1.0}, "by": "label"},
    {"seeds": {"virtual": 1.0}, "size": 1},
]


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("within", WITHINS)
def test_a_part_of_the_graph_is_searched_alone_and_wholly(
    both: Engine,
    corpus: Corpus,
    part: Callable[[str], Path],
    within: dict[str, Any],
    exact: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not exact:
        monkeypatch.setattr(hybrid, "EXACT", 0)  # as a part of very many documents is searched
    rows = np.array(sorted(row for id in members(both, within) if (row := corpus.ids.find(id)) >= 0), dtype=np.int64)
    encoded = open_query_encoder(part("tokens")).encode_queries(TEXTS).vectors
    scores = maxsim(encoded, open_multivectors(part("tokens")), np.tile(rows, (len(TEXTS), 1)))
    answer = both.search(TEXTS, k=300, ranking="tokens", within=within)
    assert answer["searched"] == rows.size
    for of_query, hits in zip(scores, answer["results"], strict=True):
        best = np.lexsort((rows, -of_query))
        assert ids(hits) == [str(corpus.ids[int(row)]) for row in rows[best]]
        assert [hit["score"] for hit in hits] == of_query[best].tolist()
    allowed = np.zeros(corpus.n_docs, dtype=np.bool_)
    allowed[rows] = True
    docs, _ = open_lexical(part("lexical")).search(TEXTS, 20, allowed=allowed)
    by_words = both.search(TEXTS, k=20, ranking="words", within=within)["results"]
    assert [ids(hits) for hits in by_words] == [[str(corpus.ids[int(doc)]) for doc in row if doc >= 0] for row in docs]
    for hits in both.search(TEXTS, k=20, within=within)["results"]:
        assert {corpus.ids.find(id) for id in ids(hits)} <= set(rows.tolist())


def test_a_filter_narrows_a_part_further(both: Engine, corpus: Corpus) -> None:
    within, where = {"seeds": {"n004": 1.0}, "size": 80}, {"title": {"ge": "c", "lt": "o"}}
    answer = both.search(["chess"], k=80, ranking="tokens", within=within, where=where)
    inside = members(both, within) & allowed_ids(corpus, where)
    assert 0 < answer["searched"] == len(inside) < 80
    assert set(ids(answer["results"][0])) == inside


# what is refused


REFUSED: dict[str, Callable[[Engine], Any]] = {
    "there is no field 'topc' to filter by; did you mean 'topic'": lambda e: e.search(["a"], where={"topc": "x"}),
    "there is no field 'year' to filter by": lambda e: e.similar(["n000"], where={"year": 3}),
    "the field holds strings, the filter asks for 3": lambda e: e.search(["a"], where={"topic": 3}),
    "'topic' holds strings, its range ends at 3": lambda e: e.similar(["n000"], where={"topic": {"ge": 3}}),
    "'topic' is compared with nothing": lambda e: e.search(["a"], where={"topic": None}),
    r"^\['topic'\] is no condition": lambda e: e.search(["a"], where=["topic"]),
    r"^\[\] is no condition": lambda e: e.similar(["n000"], where=[]),
    "near names no node": lambda e: e.similar(["n000"], near={}),
    "seed 'n000' has weight 0": lambda e: e.similar(["n000"], near={"n000": 0}),
    "within has no seeds": lambda e: e.search(["a"], within={}),
    "within has no seeds; write": lambda e: e.search(["a"], within={"seeds": ["n000"]}),
    "within has 'sizes'; it is made of seeds, by and size": lambda e: e.search(["a"], within={"sizes": 3}),
    "within by 'likeness'; choose ppr": lambda e: e.search(["a"], within={"seeds": {"n000": 1}, "by": "likeness"}),
    "within by label has a size": lambda e: e.search(["a"], within={"seeds": {"n000": 1}, "by": "label", "size": 3}),
    "size = 0; ask for 1 to 300": lambda e: e.search(["a"], within={"seeds": {"n000": 1}, "size": 0}),
    "size = 1 with 2 seeds": lambda e: e.search(
        ["a"], within={"seeds": {"n000": 1, "n001": 1}, "by": "community", "size": 1}
    ),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_cannot_be_asked_is_refused_in_one_line(both: Engine, message: str) -> None:
    with pytest.raises(InvalidQuery, match=message) as found:
        REFUSED[message](both)
    assert "\n" not in str(found.value)


def test_unknown_seeds_are_told_the_nearest(both: Engine) -> None:
    for ask in (
        lambda: both.search(["a"], within={"seeds": {"n00x": 1.0}}),
        lambda: both.similar(["n000"], near={"n00x": 1.0}),
    ):
        with pytest.raises(UnknownId, match="no node 'n00x' in index small; the nearest are n00"):
            ask()


def test_an_index_of_texts_alone_has_no_part_of_a_graph(small_config: Path, tmp_path: Path) -> None:
    (tmp_path / "docs.jsonl").write_bytes((small_config.parent / "docs.jsonl").read_bytes())
    config = tmp_path / "texts.toml"
    config.write_text('name = "texts"\n[corpus]\nsource = "docs.jsonl"\nfields = ["topic"]\n[lexical]\n')
    store = Store.create(tmp_path / "store")
    run_build(read_config(config), store)
    engine = Engine.open(store, "texts")
    (hits,) = engine.search(["chess"], k=5, where={"topic": "chess"})["results"]
    assert {hit["topic"] for hit in hits} == {"chess"}
    with pytest.raises(InvalidQuery, match="this index lacks the documents of nodes; build it with both"):
        engine.search(["chess"], within={"seeds": {"n000": 1.0}})


def test_an_index_of_links_alone_has_no_fields(small_config: Path, tmp_path: Path) -> None:
    (tmp_path / "edges.tsv").write_bytes((small_config.parent / "edges.tsv").read_bytes())
    config = tmp_path / "links.toml"
    config.write_text('name = "links"\n[graph]\nsource = "edges.tsv"\n[fastrp]\ndim = 8\n[ann.nodes]\nkind = "flat"\n')
    store = Store.create(tmp_path / "store")
    run_build(read_config(config), store)
    engine = Engine.open(store, "links")
    with pytest.raises(InvalidQuery, match="this index lacks the fields to filter nodes by"):
        engine.similar(["n000"], where={"topic": "chess"})
    with pytest.raises(NotBuilt, match="was not built for ppr"):
        engine.similar(["n000"], near={"n001": 1.0})
    answer = engine.explain("n000", "virtual")
    assert (answer["documents"], answer["together"]) == (None, None)
    assert list(answer["signals"]) == ["similar"]
