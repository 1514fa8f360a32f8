"""Explanations: what matched adds up to the score, and what brings two nodes together is what each question says."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from artifacts.corpus import open_corpus
from artifacts.graph import open_graph
from artifacts.lexical import open_lexical
from artifacts.multivector import open_multivectors, open_query_encoder
from artifacts.publish import artifact_path
from artifacts.store import Store
from foundation.errors import InvalidQuery, NotBuilt, UnknownId
from graph.pair import likely_ways
from serving import matching
from serving.engine import Engine
from vectors.tokens.maxsim import maxsim
from vectors.tokens.multivector import MultiVectors

TEXTS = ["Chess opponent", "convert a video stream", "number 17 game"]


def without_why(answer: dict[str, Any]) -> dict[str, Any]:
    results = [
        [{name: value for name, value in hit.items() if name != "why"} for hit in hits] for hits in answer["results"]
    ]
    return {**answer, "results": results}


@pytest.mark.parametrize("ranking", ["tokens", "words", "both"])
@pytest.mark.parametrize("rerank", [True, False])
def test_an_explained_answer_is_the_answer(both: Engine, ranking: str, rerank: bool) -> None:
    explained = both.search(TEXTS, k=6, ranking=ranking, rerank=rerank, explain=True)
    assert without_why(explained) == both.search(TEXTS, k=6, ranking=ranking, rerank=rerank)


def test_matches_of_tokens_add_up_to_the_score(both: Engine) -> None:
    for hits in both.search(TEXTS, k=20, ranking="tokens", explain=True)["results"]:
        for rank, hit in enumerate(hits, 1):
            tokens = hit["why"]["tokens"]
            assert sum(match["score"] for match in tokens) == pytest.approx(hit["score"], rel=1e-5)
            assert [match["query"] for match in tokens] == list(range(len(tokens)))
            assert hit["why"]["ranks"] == {"tokens": rank}
            assert hit["why"]["words"] == []


def test_words_add_up_to_the_score(both: Engine) -> None:
    for hits in both.search(TEXTS, k=20, ranking="words", explain=True)["results"]:
        for rank, hit in enumerate(hits, 1):
            words = hit["why"]["words"]
            assert sum(match["score"] for match in words) == pytest.approx(hit["score"], rel=1e-5)
            assert hit["why"]["ranks"] == {"words": rank}
            assert hit["why"]["tokens"] == []


def test_ranks_of_both_are_those_of_each(both: Engine) -> None:
    each = {name: both.search(TEXTS, k=300, ranking=name)["results"] for name in ("words", "tokens")}
    for number, hits in enumerate(both.search(TEXTS, k=15, explain=True)["results"]):
        by_words = {hit["id"]: (rank, hit["score"]) for rank, hit in enumerate(each["words"][number][:200], 1)}
        scored = [score for _, score in by_words.values()]
        floor = scored[-1] if len(scored) == 200 else 0.0
        by_tokens = []
        for hit in hits:
            rank, score = by_words.get(hit["id"], (None, floor))
            assert hit["why"]["ranks"].get("words") == rank
            by_tokens.append((hit["why"]["ranks"]["tokens"], hit["score"] - (score - floor) / (scored[0] - floor)))
            assert hit["why"]["tokens"]
        # What is not of the words is of the tokens: from 1 for the best down.
        shares = [share for _, share in sorted(by_tokens)]
        assert all(0 <= later <= earlier + 1e-6 for earlier, later in pairwise(shares))
        assert min(by_tokens)[0] != 1 or shares[0] == pytest.approx(1.0)


def test_tokens_are_written_as_in_the_texts(both: Engine, both_store: Store) -> None:
    corpus = open_corpus(artifact_path(both_store, both.release, "corpus"))
    for text, hits in zip(TEXTS, both.search(TEXTS, k=5, explain=True)["results"], strict=True):
        for hit in hits:
            *tokens, whole = hit["why"]["tokens"]
            assert (whole["query_token"], whole["document_token"]) == (None, None)  # the vectors of whole texts
            written = corpus.text(corpus.ids.find(hit["id"])).lower()
            assert all(match["query_token"] in text.lower() for match in tokens)
            assert all(match["document_token"] in written for match in tokens)
            same = [match for match in tokens if match["query_token"] == "chess"]
            assert all(match["document_token"] == "chess" for match in same if "chess" in written)


def test_token_vectors_are_explained_by_their_places(both: Engine, both_store: Store) -> None:
    encoded = open_query_encoder(artifact_path(both_store, both.release, "tokens")).encode_queries(TEXTS).vectors
    vectors = [encoded.doc(row) for row in range(len(TEXTS))]
    found = both.search(vectors=vectors, k=5, explain=True)["results"]
    for by_text, hits in zip(both.search(TEXTS, k=5, ranking="tokens", explain=True)["results"], found, strict=True):
        for one, hit in zip(by_text, hits, strict=True):
            assert all(match["query_token"] is None for match in hit["why"]["tokens"])
            for match in one["why"]["tokens"]:
                match["query_token"] = None
            assert hit == one


def test_more_matches_than_anybody_reads_are_refused(both: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "MAX_MATCHES", 10)
    with pytest.raises(InvalidQuery, match=r"tokens explained in 9 documents each; ask for at most"):
        both.search(["chess game"], k=9, explain=True)


# why two nodes are near


def test_each_part_is_what_its_own_question_says(both: Engine) -> None:
    a, b = "n004", "n009"
    answer = both.explain(a, b)
    assert [node["id"] for node in answer["nodes"]] == [a, b]
    lists = {
        "similar": both.similar([a, b], k=100)["results"],
        "ppr": both.ppr([{a: 1.0}, {b: 1.0}], k=100)["results"],
        "community": [both.community([node], size=100)["results"][0] for node in (a, b)],
    }
    assert answer["signals"].keys() == lists.keys()
    for name, hits_of in lists.items():
        for seen, hits, other in zip(answer["signals"][name], hits_of, (b, a), strict=True):
            expected = [(rank, hit["score"]) for rank, hit in enumerate(hits, 1) if hit["id"] == other]
            assert ([] if seen is None else [(seen["rank"], seen["score"])]) == expected
    assert any(seen for both_ways in answer["signals"].values() for seen in both_ways)
    paths = both.labels([a, b])["paths"]
    common = [step for step in paths[0] if step["label"] in {other["label"] for other in paths[1]}]
    assert answer["together"] == (common[0] if common else None)


def test_links_are_those_of_either_way(both: Engine, both_store: Store) -> None:
    links = open_graph(artifact_path(both_store, both.release, "graph.undirected"))
    find = both.node_ids.find
    for a, b in (("n004", "n009"), ("n000", "virtual"), ("n100", "n203")):
        answer = both.explain(a, b, k=100)
        neighbours = [set(links.indices[links.indptr[find(id)] : links.indptr[find(id) + 1]].tolist()) for id in (a, b)]
        assert {find(hit["id"]) for hit in answer["results"][0]} == (neighbours[0] & neighbours[1]) - {find(a), find(b)}
        ways, complete = likely_ways(links, links.out_weight(), find(a), find(b), 100)
        assert answer["complete"] == complete
        assert [[find(id) for id in path["ids"]] for path in answer["paths"]] == [list(way.nodes) for way in ways]
        assert [path["score"] for path in answer["paths"]] == [way.chance for way in ways]


def test_documents_are_compared_token_by_token_and_word_by_word(both: Engine, both_store: Store) -> None:
    paths = {stage: artifact_path(both_store, both.release, stage) for stage in ("corpus", "tokens", "lexical")}
    corpus, tokens = open_corpus(paths["corpus"]), open_multivectors(paths["tokens"])
    one, other = (corpus.ids.find(id) for id in ("n004", "n009"))
    found = both.explain("n004", "n009", k=100)["documents"]
    query = MultiVectors.from_list([tokens.doc(one)])
    score = float(maxsim(query, tokens, np.array([[other]]))[0, 0])
    assert found["score"] == pytest.approx(score, rel=1e-6)
    assert len(found["tokens"]) == query.n_tokens
    scores = [match["score"] for match in found["tokens"]]
    assert scores == sorted(scores, reverse=True)
    words = {match["word"]: match["score"] for match in found["words"]}
    assert words == open_lexical(paths["lexical"]).matches(corpus.text(one), other)
    few = both.explain("n004", "n009", k=2)
    assert few["documents"]["tokens"] == found["tokens"][:2]
    assert few["documents"]["score"] == found["score"]


def test_a_node_without_a_document_has_nothing_to_compare(both: Engine) -> None:
    answer = both.explain("n000", "virtual")
    assert answer["documents"] is None
    assert answer["paths"][0]["ids"] == ["n000", "virtual"]


@pytest.mark.parametrize("k", [0, 101, True, 2.0])
def test_what_cannot_be_explained_is_refused(both: Engine, k: Any) -> None:
    with pytest.raises(InvalidQuery, match="'n000' and 'n000' are one node; name two"):
        both.explain("n000", "n000")
    with pytest.raises(UnknownId, match="no node 'n00x'"):
        both.explain("n000", "n00x")
    with pytest.raises(InvalidQuery, match="ask for 1 to 100"):
        both.explain("n000", "n001", k=k)


def test_a_part_that_was_not_built_names_its_table(both: Engine, both_store: Store) -> None:
    left_out = ("labels", "powerwalk", "lsh")
    stages = {stage: name for stage, name in both.release.stages.items() if stage not in left_out}
    engine = Engine(both_store, dataclasses.replace(both.release, stages=stages))
    for by, table in (("label", "labels"), ("ppr", "powerwalk"), ("community", "communities")):
        with pytest.raises(NotBuilt) as found:
            engine.search(["chess"], within={"seeds": {"n000": 1.0}, "by": by})
        assert found.value.table == table
    answer = engine.explain("n004", "n009")
    assert list(answer["signals"]) == ["similar"]
    assert answer["together"] is None
