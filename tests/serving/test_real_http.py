"""The service over real engines: each endpoint answers exactly what the engine answers."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from artifacts.embedding import open_embedding
from artifacts.multivector import open_query_encoder
from artifacts.publish import artifact_path, point_current
from artifacts.store import Store
from flows.run import run_build
from flows.settings import read_config
from serving.api import create_app
from serving.engine import Engine
from tests.serving.live import Api, running, until

ROOT = Path(__file__).parents[2]
SMALL = "/v1/indexes/small"


@pytest.fixture(scope="module")
def engine(small_store: Store) -> Engine:
    return Engine.open(small_store, "small")


@pytest.fixture(scope="module")
def api(small_store: Store) -> Iterator[Api]:
    with running(create_app(small_store)) as address, httpx.Client(base_url=address, timeout=60) as client:
        until(lambda: client.get("/readyz").status_code == 200, 60)
        yield Api(client)


QUESTIONS: list[tuple[str, dict[str, Any], Callable[[Engine], dict[str, Any]]]] = [
    ("similar", {"ids": ["n000", "n017"], "k": 7}, lambda engine: engine.similar(["n000", "n017"], k=7)),
    ("similar", {"ids": ["n000"]}, lambda engine: engine.similar(["n000"])),
    (
        "ppr",
        {"queries": [{"seeds": {"n000": 2, "n004": 0.5}}, {"seeds": {"virtual": 1}}], "k": 9},
        lambda engine: engine.ppr([{"n000": 2.0, "n004": 0.5}, {"virtual": 1.0}], k=9),
    ),
    (
        "ppr",
        {"queries": [{"seeds": {"n003": 1}}], "exact": True},
        lambda engine: engine.ppr([{"n003": 1.0}], exact=True),
    ),
    ("community", {"seeds": ["n010", "n015"], "size": 30}, lambda engine: engine.community(["n010", "n015"], size=30)),
    ("community", {"seeds": ["n010"]}, lambda engine: engine.community(["n010"])),
    (
        "neighbourhood",
        {"seeds": {"n010": 1, "n015": 0.5}, "k": 30},
        lambda engine: engine.neighbourhood({"n010": 1.0, "n015": 0.5}, k=30),
    ),
    ("search", {"texts": ["chess", "video"], "k": 6}, lambda engine: engine.search(["chess", "video"], k=6)),
    (
        "search",
        {"texts": ["chess"], "k": 6, "rerank": False},
        lambda engine: engine.search(["chess"], k=6, rerank=False),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("question", "body", "ask"), QUESTIONS)
def test_an_endpoint_answers_what_the_engine_answers(
    api: Api, engine: Engine, question: str, body: dict[str, Any], ask: Callable[[Engine], dict[str, Any]]
) -> None:
    response = api.post(f"{SMALL}/{question}", body)
    assert response.status_code == 200
    assert response.json() == ask(engine)


def test_vectors_travel_without_loss(api: Api, engine: Engine, small_store: Store) -> None:
    row = open_embedding(artifact_path(small_store, engine.release, "fastrp"))[5:7]
    response = api.post(f"{SMALL}/similar", {"vectors": row.tolist(), "k": 8})
    assert response.json() == engine.similar(vectors=row, k=8)
    encoder = open_query_encoder(artifact_path(small_store, engine.release, "tokens"))
    query = np.asarray(encoder.encode_queries(["music player"]).vectors.doc(0))
    response = api.post(f"{SMALL}/search", {"vectors": [query.tolist()], "k": 8})
    assert response.json() == engine.search(["music player"], k=8)


def test_the_map_travels_as_the_engine_made_it(api: Api, engine: Engine) -> None:
    assert api.get(f"{SMALL}/map").content == engine.map_file()


def test_nodes_are_looked_up_by_prefix(api: Api, engine: Engine) -> None:
    answer = api.get(f"{SMALL}/nodes", params={"prefix": "n02", "limit": 5}).json()
    assert answer == {"index": "small", "version": engine.version, "results": [engine.nodes("n02", limit=5)]}


def test_the_index_is_described_as_it_was_built(api: Api, engine: Engine) -> None:
    (summary,) = api.get("/v1/indexes").json()["indexes"]
    assert summary["questions"] == list(engine.questions)
    found = api.get(SMALL).json()
    assert found["version"] == engine.version
    assert found["stages"].keys() == engine.release.stages.keys()
    assert found["stages"]["ann.nodes"]["measured"]["recall"] == engine.release.measured["ann.nodes"]["recall"]
    assert found["stages"]["graph"]["counts"]["n_nodes"] == engine.release.stats["graph"]["n_nodes"]
    assert found["bytes"] == engine.release.n_bytes > 0


@pytest.mark.parametrize(
    ("question", "body", "status", "text"),
    [
        ("similar", {"ids": ["n00x"]}, 404, "no node 'n00x' in index small; the nearest are n00"),
        ("ppr", {"queries": [{"seeds": {"n000": 1}}], "k": 5000}, 422, "ask for 1 to 300"),
        ("similar", {"vectors": [[1, 2]]}, 422, "rows of 128 numbers"),
        ("search", {"vectors": [[[1, 2]]]}, 422, "pass finite vectors (n_tokens, 128)"),
        ("search", {"texts": [" "]}, 422, "text 0 is empty"),
        ("community", {"seeds": ["n000", "n001"], "size": 1}, 422, "size = 1 with 2 seeds"),
    ],
)
def test_what_the_engine_refuses_is_the_callers_problem(
    api: Api, question: str, body: dict[str, Any], status: int, text: str
) -> None:
    assert text in api.problem(api.post(f"{SMALL}/{question}", body), status)["detail"]


def test_a_new_version_is_picked_up_and_a_rollback_too(small_config: Path, small_store: Store, tmp_path: Path) -> None:
    shutil.copytree(small_store.root, tmp_path / "store")
    store = Store.open(tmp_path / "store")
    old = Engine.open(store, "small")
    with (
        running(create_app(store, look_seconds=0.01)) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        api = Api(client)

        def ask() -> dict[str, Any]:
            response = api.post(f"{SMALL}/similar", {"ids": ["n000"], "k": 5})
            assert response.status_code == 200
            return response.json()

        assert ask() == old.similar(["n000"], k=5)
        run_build(read_config(small_config, ("fastrp.seed=9",)), store)
        new = Engine.open(store, "small")
        assert new.version != old.version
        answers = {old.version: old.similar(["n000"], k=5), new.version: new.similar(["n000"], k=5)}

        def has_become(version: str) -> bool:
            answer = ask()
            assert answer == answers[answer["version"]]
            return answer["version"] == version

        until(lambda: has_become(new.version), 60)
        assert {one["version"] for one in api.get(SMALL).json()["versions"]} == answers.keys()
        point_current(store, "small", old.version)
        until(lambda: has_become(old.version), 60)


def test_the_command_serves_a_built_index_and_ends_when_told(small_store: Store, engine: Engine) -> None:
    process = subprocess.Popen(
        [
            sys.executable,
            "-P",
            "-W",
            "error",
            "-m",
            "purlieu.main",
            "serve",
            "--store",
            str(small_store.root),
            "--port",
            "0",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        assert process.stderr is not None
        address = re.search(r"http://\S+", line := process.stderr.readline())
        assert address, line
        body = {"texts": ["chess"], "k": 5}
        answer = httpx.post(f"{address[0]}{SMALL}/search", json=body, timeout=120).json()
        assert answer == engine.search(["chess"], k=5)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (0, "")
        assert err == f"purlieu: index small: serving version {engine.version}\n"
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()
