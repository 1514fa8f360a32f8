"""Requests asked together get, byte for byte, what they would have got alone; and fail alone."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artifacts.embedding import open_embedding
from artifacts.multivector import open_query_encoder
from artifacts.publish import artifact_path
from artifacts.store import Store
from serving import asking
from serving.api import create_app
from serving.asking import PPR, SEARCH, SIMILAR, Question
from serving.engine import Engine
from serving.limits import Limits
from tests.serving.fake_engine import Opening, publish_version
from tests.serving.live import running, until

IDS = [f"n{number:03d}" for number in range(0, 300, 7)] + ["virtual"]
WORDS = ["chess", "video codec", "music player sound", "web proxy", "compiler library source", "number 17 game"]
NOT_TIMED = settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def engine(small_store: Store) -> Engine:
    engine = Engine.open(small_store, "small")
    engine.warm()
    return engine


def told(outcome: bytes | BaseException) -> bytes | str:
    return outcome if isinstance(outcome, bytes) else f"{type(outcome).__name__}: {outcome}"


def check_together(engine: Any, question: Question, bodies: list[dict[str, Any]]) -> list[bytes | str]:
    """Ask each alone and all that may be asked together; the answers must be the same bytes."""
    jobs = [question.job(engine, question.model.model_validate_json(orjson.dumps(body))) for body in bodies]
    alone = [told(job.run([job.what])[0]) for job in jobs]
    assert len({job.group for job in jobs}) == 1
    assert jobs[0].group is not None
    together = [told(outcome) for outcome in jobs[0].run([job.what for job in jobs])]
    assert together == alone
    return alone


requests_of_ids = st.lists(st.lists(st.sampled_from(IDS), min_size=1, max_size=4), min_size=1, max_size=8)
seeds = st.dictionaries(st.sampled_from(IDS), st.floats(0.001, 100), min_size=1, max_size=3)
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3)


@NOT_TIMED
@given(ids=requests_of_ids, k=st.sampled_from([1, 3, 10, 200]))
def test_similar_nodes_are_the_same_alone_and_together(engine: Engine, ids: list[list[str]], k: int) -> None:
    check_together(engine, SIMILAR, [{"ids": some, "k": k} for some in ids])


@NOT_TIMED
@given(
    rows=st.lists(st.lists(st.integers(0, 299), min_size=1, max_size=3), min_size=1, max_size=8), noise=st.integers()
)
def test_nodes_near_vectors_are_the_same_alone_and_together(
    engine: Engine, small_store: Store, rows: list[list[int]], noise: int
) -> None:
    embedding = np.asarray(open_embedding(artifact_path(small_store, engine.release, "fastrp")))
    random = np.random.default_rng(abs(noise))
    vectors = [embedding[some] + random.normal(0, 0.05, (len(some), embedding.shape[1])) for some in rows]
    check_together(engine, SIMILAR, [{"vectors": some.tolist(), "k": 9} for some in vectors])


@NOT_TIMED
@given(
    queries=st.lists(st.lists(seeds, min_size=1, max_size=3), min_size=1, max_size=6), k=st.sampled_from([1, 10, 250])
)
def test_rankings_their_bounds_and_notes_are_the_same_alone_and_together(
    engine: Engine, queries: list[list[dict[str, float]]], k: int
) -> None:
    check_together(engine, PPR, [{"queries": [{"seeds": one} for one in some], "k": k} for some in queries])


def test_notes_number_the_queries_of_their_own_request(engine: Engine) -> None:
    bodies = [{"queries": [{"seeds": {"n000": 1}}, {"seeds": {"virtual": 1}}], "k": 200} for _ in range(3)]
    answers = [orjson.loads(answer) for answer in check_together(engine, PPR, bodies)]
    assert all(any(note.startswith("query 2:") for note in answer["notes"]) for answer in answers)
    assert not any(note.startswith(("query 3", "query 4")) for answer in answers for note in answer["notes"])


@NOT_TIMED
@given(requests=st.lists(texts, min_size=1, max_size=6), k=st.sampled_from([1, 8, 300]), rerank=st.booleans())
def test_documents_are_the_same_alone_and_together(
    engine: Engine, requests: list[list[str]], k: int, rerank: bool
) -> None:
    check_together(engine, SEARCH, [{"texts": some, "k": k, "rerank": rerank} for some in requests])


@NOT_TIMED
@given(
    ids=requests_of_ids,
    where=st.sampled_from([None, {"topic": "chess"}, {"not": {"topic": ["music", "video"]}}]),
    near=st.one_of(st.none(), seeds),
)
def test_filtered_and_weighed_nodes_are_the_same_alone_and_together(
    both: Engine, ids: list[list[str]], where: dict[str, Any] | None, near: dict[str, float] | None
) -> None:
    check_together(both, SIMILAR, [{"ids": some, "k": 6, "where": where, "near": near} for some in ids])


@NOT_TIMED
@given(
    requests=st.lists(texts, min_size=1, max_size=6),
    where=st.sampled_from([None, {"topic": "chess"}, {"topic": {"ge": "m"}}]),
    within=st.sampled_from([None, {"by": "community", "size": 30}, {"size": 50}, {"by": "label"}]),
    ranking=st.sampled_from([None, "tokens", "words", "both"]),
    rerank=st.booleans(),
    explain=st.booleans(),
)
def test_documents_of_a_part_explained_are_the_same_alone_and_together(
    both: Engine, requests: list[list[str]], where: Any, within: Any, ranking: Any, rerank: bool, explain: bool
) -> None:
    part = None if within is None else {"seeds": {"n004": 1.0, "n010": 0.5}, **within}
    how = {"k": 5, "where": where, "within": part, "ranking": ranking, "rerank": rerank, "explain": explain}
    check_together(both, SEARCH, [{"texts": some, **how} for some in requests])


def test_token_vectors_explained_are_the_same_alone_and_together(both: Engine, both_store: Store) -> None:
    encoder = open_query_encoder(artifact_path(both_store, both.release, "tokens"))
    encoded = encoder.encode_queries(WORDS).vectors
    vectors = [[np.asarray(encoded.doc(number)).tolist()] for number in range(len(WORDS))]
    how = {"k": 4, "explain": True, "where": {"topic": ["chess", "music"]}}
    check_together(both, SEARCH, [{"vectors": one, **how} for one in vectors])


def test_documents_near_token_vectors_are_the_same_alone_and_together(engine: Engine, small_store: Store) -> None:
    encoder = open_query_encoder(artifact_path(small_store, engine.release, "tokens"))
    encoded = encoder.encode_queries(WORDS).vectors
    bodies = [{"vectors": [np.asarray(encoded.doc(number)).tolist()], "k": 7} for number in range(len(WORDS))]
    check_together(engine, SEARCH, bodies)


@pytest.mark.parametrize(
    ("question", "bodies"),
    [
        (SIMILAR, [{"ids": ["n000"]}, {"ids": ["nobody"]}, {"ids": ["n007", "n008"]}]),
        (SIMILAR, [{"vectors": [[1.0] * 3]}, {"vectors": [[2.0] * 3]}]),
        (PPR, [{"queries": [{"seeds": {"n000": 1}}]}, {"queries": [{"seeds": {"nil": 1}}]}]),
        (SEARCH, [{"texts": ["chess"]}, {"texts": ["chess", " "]}, {"texts": ["video"]}]),
        (SIMILAR, [{"ids": ["n000"], "k": 5000}, {"ids": ["n001"], "k": 5000}]),
        (SIMILAR, [{"ids": ["n000"], "where": {"year": 3}}, {"ids": ["n001"], "where": {"year": 3}}]),
        (SIMILAR, [{"ids": ["n000"], "near": {"nobody": 1}}, {"ids": ["n001"], "near": {"nobody": 1}}]),
        (SEARCH, [{"texts": ["chess"], "within": {"seeds": {"nil": 1}}}] * 2),
    ],
)
def test_what_cannot_be_answered_fails_alone(engine: Engine, question: Question, bodies: list[dict[str, Any]]) -> None:
    outcomes = check_together(engine, question, bodies)
    assert any(isinstance(outcome, str) for outcome in outcomes)


class Named:
    """All that a job asks of an engine before it runs."""

    index = "demo"


def kind_of(question: Question, body: dict[str, Any], engine: Any = Named) -> Any:
    return question.job(engine, question.model.model_validate_json(orjson.dumps(body))).group


def test_only_what_differs_in_its_queries_alone_is_asked_together() -> None:
    base, kinds = kind_of(SIMILAR, {"ids": ["a"], "k": 3}), [kind_of(SEARCH, {"texts": ["a"]})]
    assert base == kind_of(SIMILAR, {"ids": ["b", "c"], "k": 3})
    assert base != kind_of(SIMILAR, {"ids": ["a"], "k": 4})
    assert base != kind_of(SIMILAR, {"ids": ["a"], "k": 3}, engine=Named())
    assert base != kind_of(SIMILAR, {"vectors": [[1.0]], "k": 3})
    assert kind_of(SIMILAR, {"vectors": [[1.0]]}) != kind_of(SIMILAR, {"vectors": [[1.0, 2.0]]})
    ranked = kind_of(PPR, {"queries": [{"seeds": {"a": 1}}]})
    assert ranked != kind_of(PPR, {"queries": [{"seeds": {"a": 1}}], "rmax": 0.1})
    assert kind_of(PPR, {"queries": [{"seeds": {"a": 1}}], "exact": True}) is None
    assert kind_of(SEARCH, {"texts": ["a"]}) != kind_of(SEARCH, {"texts": ["a"], "rerank": False})
    for different in (
        {"ranking": "words"},
        {"where": {"topic": "chess"}},
        {"where": {"topic": "music"}},
        {"within": {"seeds": {"a": 1}}},
        {"within": {"seeds": {"a": 2}}},
        {"within": {"seeds": {"a": 1}, "by": "community"}},
        {"within": {"seeds": {"a": 1}, "size": 9}},
        {"explain": True},
    ):
        asked = kind_of(SEARCH, {"texts": ["a"], **different})
        assert asked == kind_of(SEARCH, {"texts": ["b", "c"], **different})
        kinds.append(asked)
    assert len(set(kinds)) == len(kinds)
    near = kind_of(SIMILAR, {"ids": ["a"], "k": 3, "near": {"b": 1.0}})
    filtered = kind_of(SIMILAR, {"ids": ["a"], "k": 3, "where": {"topic": 3}})
    assert len({base, near, filtered, kind_of(SIMILAR, {"ids": ["a"], "k": 3, "near": {"b": 2.0}})}) == 4
    assert kind_of(SIMILAR, {}) is None
    assert kind_of(asking.EXPLAIN, {"a": "x", "b": "y"}) is None
    assert kind_of(asking.COMMUNITY, {"seeds": ["a"]}) is None


def test_what_takes_long_is_known_before_it_begins() -> None:
    def heavy(question: Question, body: dict[str, Any]) -> bool:
        job = question.job(Named(), question.model.model_validate_json(orjson.dumps(body)))
        assert (job.kind is None) == job.heavy
        return job.heavy

    assert not heavy(SIMILAR, {"ids": ["a"] * 100})
    assert heavy(SIMILAR, {"ids": ["a"] * 101})
    assert heavy(SIMILAR, {"ids": ["a"], "k": 50_000})
    assert heavy(PPR, {"queries": [{"seeds": {"a": 1}}], "exact": True})
    assert not heavy(SEARCH, {"texts": ["a"], "k": 1000})
    assert not heavy(SEARCH, {"texts": ["a"], "k": 1000, "explain": True})
    assert heavy(SEARCH, {"texts": ["a"] * 101, "explain": True, "k": 1})


def test_requests_that_wait_for_one_call_are_answered_by_the_next(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    publish_version(store, 1)
    opening = Opening()
    limits = Limits(threads=2, lanes=1, cache_bytes=0)
    with running(create_app(store, opener=opening, limits=limits)) as address:
        ask = f"{address}/v1/indexes/demo/similar"
        httpx.get(f"{address}/v1/indexes/demo")
        answers: dict[int, httpx.Response] = {}

        def one(number: int, ids: list[str]) -> None:
            answers[number] = httpx.post(ask, json={"ids": ids, "k": 2}, timeout=60)

        bodies = [["!slow"], ["ant"], ["bee", "cat"], ["nobody"], ["bear"]]
        askers = [threading.Thread(target=one, args=pair) for pair in enumerate(bodies)]
        askers[0].start()
        until(lambda: opening.engines[0].busy == 1)
        for asker in askers[1:]:
            asker.start()
        until(lambda: httpx.get(f"{address}/v1/status").json()["waiting"] == 4)
        opening.gate.set()
        for asker in askers:
            asker.join(60)
        status = httpx.get(f"{address}/v1/status").json()
    assert (status["calls"], status["questions"]) == (2, 5)
    assert [answers[number].status_code for number in range(5)] == [200, 200, 200, 404, 200]
    assert [len(answers[number].json()["results"]) for number in (0, 1, 2, 4)] == [1, 1, 2, 1]
