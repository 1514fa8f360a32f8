"""Kept answers: given again for the version that gave them, up to so many bytes."""

from __future__ import annotations

from pathlib import Path

import httpx
from hypothesis import given
from hypothesis import strategies as st

from artifacts.store import Store
from serving.api import create_app
from serving.cache import MAX_BODY, AnswerCache
from serving.limits import Limits
from tests.serving.fake_engine import Opening, publish_version
from tests.serving.live import running, until

DEMO = "/v1/indexes/demo"


@given(
    asked=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 900)), max_size=60),
    room=st.integers(0, 6000),
)
def test_it_gives_what_was_kept_and_never_takes_more_than_its_room(asked: list[tuple[int, int]], room: int) -> None:
    cache, sizes = AnswerCache(room), {}
    for number, size in asked:
        key = cache.key("i", "v", "similar", b"%d" % number)
        found = cache.get(key)
        assert found is None or found == b"x" * sizes[number]
        cache.keep(key, b"x" * size)
        if found is None:
            sizes[number] = size
        assert 0 <= cache.n_bytes <= room
    assert cache.hits + cache.misses == len(asked)


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    cache = AnswerCache(5 * (256 + 100))
    keys = [cache.key("i", "v", "q", b"%d" % number) for number in range(6)]
    for key in keys[:5]:
        cache.keep(key, b"x" * 100)
    assert cache.get(keys[0]) is not None
    cache.keep(keys[5], b"x" * 100)
    assert cache.get(keys[1]) is None
    assert all(cache.get(key) for key in (keys[0], *keys[2:]))


def test_keys_differ_with_everything_an_answer_depends_on() -> None:
    parts = ("i", "v", "q", b"body")
    other = ("j", "w", "r", b"bodz")
    keys = {AnswerCache.key(*parts)}
    for place in range(4):
        keys.add(AnswerCache.key(*(other[at] if at == place else parts[at] for at in range(4))))  # type: ignore[arg-type]
    assert len(keys) == 5


def test_a_question_is_answered_again_without_an_engine_until_the_version_changes(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    first = publish_version(store, 1)
    app = create_app(store, opener=Opening(), look_seconds=0.0)
    with running(app) as address, httpx.Client(base_url=address, timeout=30) as client:
        body = {"ids": ["ant"], "k": 2}
        answers = [client.post(f"{DEMO}/similar", json=body) for _ in range(3)]
        assert len({answer.content for answer in answers}) == 1
        assert answers[0].json()["version"] == first
        status = client.get("/v1/status").json()
        assert (status["calls"], status["cached"]["hits"], status["cached"]["answers"]) == (1, 2, 1)
        second = publish_version(store, 2)
        until(lambda: client.post(f"{DEMO}/similar", json=body).json()["version"] == second)
        assert client.post(f"{DEMO}/similar", json=body).json()["results"][0][0]["from"] == second


def test_errors_and_long_questions_are_not_kept(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    publish_version(store, 1)
    with running(create_app(store, opener=Opening())) as address, httpx.Client(base_url=address) as client:
        for _ in range(2):
            assert client.post(f"{DEMO}/similar", json={"ids": ["nobody"], "k": 1}).status_code == 404
            body = b'{"ids":["ant"],"k":1}'.ljust(MAX_BODY + 1)
            assert client.post(f"{DEMO}/similar", content=body).status_code == 200
        assert client.get("/v1/status").json()["cached"]["answers"] == 0


def test_without_room_nothing_is_kept_or_counted(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    publish_version(store, 1)
    app = create_app(store, opener=Opening(), limits=Limits(cache_bytes=0))
    with running(app) as address, httpx.Client(base_url=address) as client:
        for _ in range(2):
            client.post(f"{DEMO}/similar", json={"ids": ["ant"], "k": 1})
        cached = client.get("/v1/status").json()["cached"]
    assert cached == {"answers": 0, "bytes": 0, "hits": 0, "misses": 0}
