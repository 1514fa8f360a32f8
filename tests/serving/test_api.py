"""The endpoints: shapes of answers, problems for everything else, and a description that is true."""

from __future__ import annotations

import http.client
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from artifacts.journal import JOURNAL, begin_attempt, end_attempt
from artifacts.store import Store
from foundation import errors
from foundation.errors import EngineError, InvalidParams
from serving import schemas
from serving.api import create_app
from serving.limits import Limits
from serving.problems import problem_of
from tests.serving.fake_engine import SECRET, FakeEngine, Opening, damage_version, publish_version
from tests.serving.live import PROBLEM, Api, running, until

DEMO = "/v1/indexes/demo"
URN = "urn:purlieu:problem:"
QUESTIONS = ("similar", "ppr", "community", "labels", "members", "search", "related", "explain")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store.create(tmp_path_factory.mktemp("api") / "store")
    publish_version(store, 1)
    publish_version(store, 2)
    publish_version(store, 3, "ranks", ("graph", "powerwalk"))
    publish_version(store, 4, "texts", ("corpus", "retriever"))
    return store


@pytest.fixture(scope="module")
def log() -> list[str]:
    return []


@pytest.fixture(scope="module")
def opening() -> Opening:
    return Opening()


@pytest.fixture(scope="module")
def api(store: Store, opening: Opening, log: list[str]) -> Iterator[Api]:
    app = create_app(store, opener=opening, log=log.append)
    with running(app) as address, httpx.Client(base_url=address, timeout=30) as client:
        yield Api(client)


@pytest.fixture(scope="module")
def version(api: Api) -> str:
    served: str = api.get(DEMO).json()["version"]
    return served


def hits(version: str, k: int, score: float = 1.0) -> list[dict[str, Any]]:
    return [{"id": id, "score": score, "from": version} for id in FakeEngine.ids[:k]]


def test_health_says_that_the_process_lives(api: Api) -> None:
    assert api.get("/healthz").json() == {"status": "ok"}


def test_readiness_names_what_is_open(api: Api) -> None:
    api.get(DEMO)
    until(lambda: api.get("/readyz").status_code == 200)
    assert api.get("/readyz").json() == {"status": "ready", "indexes": ["demo", "ranks", "texts"]}


def test_similar_answers_one_list_per_id(api: Api, version: str) -> None:
    answer = api.post(f"{DEMO}/similar", {"ids": ["ant", 7, "7"], "k": 2})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"index": "demo", "version": version, "results": [hits(version, 2)] * 3}


def test_similar_answers_one_list_per_vector(api: Api, version: str) -> None:
    answer = api.post(f"{DEMO}/similar", {"vectors": [[0.5, 1, -2e-3], [1, 2, 3]], "k": 1})
    assert answer.json()["results"] == [hits(version, 1, 0.5)] * 2


def test_ppr_answers_one_list_per_query_with_its_bounds(api: Api, version: str) -> None:
    queries = [{"seeds": {"ant": 1, "7": 0.5}}, {"seeds": {"c/d": 2.5}}]
    answer = api.post(f"{DEMO}/ppr", {"queries": queries, "k": 3}).json()
    assert answer == {
        "index": "demo",
        "version": version,
        "results": [hits(version, 3)] * 2,
        "error_bound": [0.25, 0.25],
        "residual": [0.25, 0.25],
        "notes": [],
    }
    assert api.post(f"{DEMO}/ppr", {"queries": queries, "k": 3, "rmax": 1e-6}).json()["error_bound"] == [1e-6, 1e-6]
    assert api.post(f"{DEMO}/ppr", {"queries": queries, "k": 3, "exact": True}).json()["error_bound"] == [0.0, 0.0]


def test_community_answers_one_list(api: Api, version: str) -> None:
    answer = api.post(f"{DEMO}/community", {"seeds": ["ant", 7], "size": 4}).json()
    assert answer["results"] == [hits(version, 4)]
    assert (answer["notes"], answer["conductance"], answer["density"]) == ([], 0.5, 1.0)


def test_labels_answer_one_hit_and_one_path_an_id(api: Api, version: str) -> None:
    answer = api.post(f"{DEMO}/labels", {"ids": ["ant", 7], "communities": 5}).json()
    assert [(hit["id"], hit["label"], hit["size"]) for (hit,) in answer["results"]] == [("ant", 0, 4), (7, 0, 4)]
    assert answer["paths"][1] == [
        {"label": 0, "size": 4, "density": None},
        {"label": 5, "size": 6, "density": 0.5},
    ]
    assert (answer["n_communities"], answer["n_left"], answer["notes"]) == (2, 5, [])


def test_members_answer_one_list(api: Api, version: str) -> None:
    answer = api.post(f"{DEMO}/members", {"label": 1, "k": 3}).json()
    assert answer["results"] == [hits(version, 3)]
    assert (answer["size"], answer["path"]) == (4, [{"label": 1, "size": 4, "density": None}])


def test_search_answers_texts_and_token_vectors(api: Api, version: str) -> None:
    assert api.post(f"{DEMO}/search", {"texts": ["a", "b"], "k": 1}).json()["results"] == [hits(version, 1, 2.0)] * 2
    plain = api.post(f"{DEMO}/search", {"texts": ["a"], "k": 1, "rerank": False}).json()
    assert plain["results"] == [hits(version, 1, 1.0)]
    vectors = [[[1, 2, 3], [4, 5, 6]], [[7, 8, 9]]]
    assert api.post(f"{DEMO}/search", {"vectors": vectors, "k": 1}).json()["results"] == [hits(version, 1, 2.0)] * 2


def test_a_search_says_how_many_documents_could_be_found(api: Api) -> None:
    assert api.post(f"{DEMO}/search", {"texts": ["a"], "k": 1}).json()["searched"] == 6
    for part in (
        {"where": {"section": ["x", 10**30, None, {"ge": True}]}},
        {"within": {"seeds": {"ant": 1}, "by": "label"}},
    ):
        assert api.post(f"{DEMO}/search", {"texts": ["a"], "k": 1, **part}).json()["searched"] == 3


def test_explained_documents_say_what_matched(api: Api) -> None:
    (found,) = api.post(f"{DEMO}/search", {"texts": ["a"], "k": 2, "explain": True}).json()["results"]
    assert [hit["why"]["ranks"] for hit in found] == [{"tokens": 1}] * 2
    assert found[0]["why"]["tokens"][0]["query_token"] == "a"
    (plain,) = api.post(f"{DEMO}/search", {"texts": ["a"], "k": 2}).json()["results"]
    assert not any("why" in hit for hit in plain)


def test_two_nodes_are_explained(api: Api, version: str) -> None:
    answer = api.post(f"{DEMO}/explain", {"a": "ant", "b": 7}).json()
    assert answer["version"] == version
    assert [(hit["id"], hit["weights"]) for hit in answer["results"][0]] == [("bee", [1.0, 2.0])]
    assert [node["id"] for node in answer["nodes"]] == ["ant", 7]
    assert answer["paths"] == [{"ids": ["ant", "bee", 7], "weights": [1.0, 2.0], "score": 0.25}]
    assert answer["signals"] == {"ppr": [{"rank": 2, "score": 0.25}, None]}


def test_nodes_are_found_by_prefix(api: Api, version: str) -> None:
    answer = api.get(f"{DEMO}/nodes", params={"prefix": "be", "limit": 5}).json()
    assert (answer["index"], answer["version"]) == ("demo", version)
    assert [node["id"] for node in answer["results"][0]] == ["bee", "bear"]
    assert [node["id"] for node in api.get(f"{DEMO}/nodes?prefix=c%2Fd").json()["results"][0]] == ["c/d"]
    assert len(api.get(f"{DEMO}/nodes").json()["results"][0]) == 6


def test_defaults_are_those_of_the_command_line(api: Api) -> None:
    detail = api.problem(api.post(f"{DEMO}/similar", {"ids": ["ant"]}), 422)["detail"]
    assert detail == "k = 10; ask for 1 to 6"
    assert len(api.post(f"{DEMO}/community", {"seeds": ["ant"]}).json()["results"][0]) == 6


def test_indexes_are_listed_with_what_they_answer(api: Api, version: str) -> None:
    until(lambda: api.get("/readyz").status_code == 200)
    listed = {one["index"]: one for one in api.get("/v1/indexes").json()["indexes"]}
    assert list(listed) == ["demo", "ranks", "texts"]
    assert listed["demo"]["version"] == version
    assert listed["demo"]["bytes"] > 0
    assert listed["demo"]["questions"] == ["similar", "ppr", "community", "labels", "members", "search"]
    assert listed["ranks"]["questions"] == ["ppr"]
    assert listed["demo"]["refused"] is None


def test_an_index_is_described_from_release_and_manifests(api: Api, store: Store, version: str) -> None:
    shown = api.get(DEMO).json()
    assert shown["version"] == version
    assert [one["served"] for one in shown["versions"]].count(True) == 1
    assert {one["version"] for one in shown["versions"]} == {version, publish_first(store)}
    stage = shown["stages"]["fastrp"]
    assert stage["params"] == {"value": 2, "dim": 8}
    assert stage["measured"] == {"recall@10": 0.97}
    assert stage["counts"] == {"n_nodes": 6}
    assert SECRET not in json.dumps(shown)
    assert str(store.root) not in json.dumps(shown)


def publish_first(store: Store) -> str:
    """Name of the version that came before the served one."""
    served = (store.root / "indexes" / "demo" / "CURRENT").read_text().strip()
    names = [path.stem for path in (store.root / "indexes" / "demo" / "versions").glob("*.json")]
    return next(name for name in names if name != served)


@pytest.mark.parametrize(
    "path", ["/assets", "/v1", "/v2/indexes", "/v1/indexes/", "/docs", "/redoc", "/v1/indexes/a/b/c"]
)
def test_what_is_not_there_is_a_problem(api: Api, path: str) -> None:
    found = api.problem(api.get(path), 404)
    assert found == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": f"nothing is at {path}; /openapi.json lists what there is",
    }


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/healthz", "GET"),
        ("DELETE", "/v1/indexes", "GET"),
        ("PUT", DEMO, "GET"),
        ("GET", f"{DEMO}/similar", "POST"),
        ("PATCH", f"{DEMO}/search", "POST"),
        ("OPTIONS", f"{DEMO}/ppr", "POST"),
    ],
)
def test_a_wrong_method_is_told_the_right_one(api: Api, method: str, path: str, allowed: str) -> None:
    response = api.client.request(method, path)
    found = api.problem(response, 405)
    assert response.headers["allow"] == allowed
    assert found["detail"] == f"{path} does not take {method}; it takes {allowed}"


@pytest.mark.parametrize("name", ["dmo", "..", "%2e%2e", ".hidden", "a%20b", "%C3%A9", "%FF", "x" * 300, "demo%00"])
def test_an_unknown_index_is_told_the_nearest(api: Api, name: str) -> None:
    connection = http.client.HTTPConnection(api.client.base_url.host, api.client.base_url.port, timeout=30)
    connection.request("POST", f"/v1/indexes/{name}/similar", body=b"{}")  # httpx would tidy the path
    response = connection.getresponse()
    found = json.loads(response.read())
    connection.close()
    assert (response.status, response.getheader("content-type")) == (404, PROBLEM)
    assert found["type"] == f"{URN}unknown-id"
    assert found["kind"] == "index"
    assert found["nearest"]
    assert "this store" in found["detail"]


def test_a_path_in_place_of_an_index_is_not_there(api: Api, store: Store) -> None:
    (store.root / "indexes" / "demo" / "deep").mkdir(exist_ok=True)
    found = api.problem(api.client.get("/v1/indexes/..%2Findexes%2Fdemo"), 404)
    assert found["type"] == "about:blank"


def test_an_unknown_node_is_told_the_nearest(api: Api) -> None:
    for path, body in (
        ("similar", {"ids": ["anto"], "k": 1}),
        ("ppr", {"queries": [{"seeds": {"anto": 1}}], "k": 1}),
        ("community", {"seeds": ["anto"], "size": 1}),
        ("labels", {"ids": ["anto"]}),
        ("neighbourhood", {"seeds": {"anto": 1}, "k": 1}),
        ("similar", {"ids": ["ant"], "near": {"anto": 1}, "k": 1}),
        ("search", {"texts": ["a"], "within": {"seeds": {"anto": 1}}, "k": 1}),
        ("explain", {"a": "ant", "b": "anto"}),
    ):
        found = api.problem(api.post(f"{DEMO}/{path}", body), 404)
        assert found["type"] == f"{URN}unknown-id"
        assert (found["kind"], found["id"], found["nearest"]) == ("node", "anto", ["ant", "bee"])
        assert found["detail"] == "no node 'anto' in index demo; the nearest are ant, bee"


@pytest.mark.parametrize(
    ("index", "question", "body", "table"),
    [
        ("ranks", "similar", {"ids": ["ant"]}, "fastrp"),
        ("ranks", "community", {"seeds": ["ant"]}, "communities"),
        ("ranks", "labels", {"ids": ["ant"]}, "labels"),
        ("texts", "members", {"label": 0}, "labels"),
        ("ranks", "search", {"texts": ["a"]}, "muvera"),
        ("texts", "ppr", {"queries": [{"seeds": {"ant": 1}}]}, "powerwalk"),
        ("texts", "neighbourhood", {"seeds": {"ant": 1}}, "powerwalk"),
        ("texts", "explain", {"a": "ant", "b": "bee"}, "graph"),
    ],
)
def test_a_question_the_index_was_not_built_for_says_so(
    api: Api, index: str, question: str, body: dict[str, Any], table: str
) -> None:
    found = api.problem(api.post(f"/v1/indexes/{index}/{question}", body), 404)
    assert found["type"] == f"{URN}not-built"
    assert found["questions"] == (["ppr"] if index == "ranks" else ["search"])
    assert found["detail"] == (
        f"index {index} was not built for {question}: its config has no table [{table}]; "
        f"add it and build again, or ask {found['questions'][0]}"
    )


def test_a_neighbourhood_is_one_list_and_its_links(api: Api, version: str) -> None:
    answer = api.post(f"{DEMO}/neighbourhood", {"seeds": {"ant": 1, "7": 0.5}, "k": 3}).json()
    assert answer["version"] == version
    assert [hit["id"] for hit in answer["results"][0]] == ["ant", "bee", "bear"]
    assert answer["links"] == [{"source": 0, "target": 1, "weight": 1.5}]


def test_the_map_is_a_file(api: Api) -> None:
    answer = api.get(f"{DEMO}/map")
    assert (answer.status_code, answer.content) == (200, b"a map")
    assert answer.headers["content-type"] == "application/octet-stream"


def test_an_index_without_embeddings_has_no_map(api: Api) -> None:
    found = api.problem(api.get("/v1/indexes/ranks/map"), 404)
    assert found["detail"].startswith("index ranks was not built for map: its config has no table [fastrp]; add it")


def test_an_index_without_a_graph_has_no_nodes(api: Api) -> None:
    found = api.problem(api.get("/v1/indexes/texts/nodes"), 404)
    assert found["detail"].startswith("index texts was not built for nodes: its config has no table [graph]; add it")


NO_FIELD = "there is no field 'topic' to filter by; there are 'section'"
INVALID: list[tuple[str, Any, str]] = [
    ("similar", {"ids": ["ant"], "wear": {"section": "x"}}, "wear: unknown; known are ids, vectors, k, where, near"),
    (
        "search",
        {"texts": ["a"], "wear": {}},
        "wear: unknown; known are texts, vectors, k, rerank, ranking, where, within, explain",
    ),
    ("similar", {"ids": ["ant"], "k": 1, "where": {"topic": "x"}}, NO_FIELD),
    ("search", {"texts": ["a"], "k": 1, "where": {"topic": "x"}}, NO_FIELD),
    ("search", {"texts": ["a"], "where": [1]}, "where: Input should be an object"),
    (
        "search",
        {"texts": ["a"], "where": {"section": ["x"] * 1001}},
        "where: a filter compares with at most 1,000 values",
    ),
    ("similar", {"ids": ["ant"], "near": {}}, "near: Dictionary should have at least 1 item after validation, not 0"),
    ("similar", {"ids": ["ant"], "near": {"ant": 0}}, "near.ant: Input should be greater than 0"),
    ("search", {"texts": ["a"], "within": {}}, "within.seeds: is required"),
    ("search", {"texts": ["a"], "within": {"seeds": {"ant": 1}, "of": 2}}, "within.of: unknown"),
    (
        "search",
        {"texts": ["a"], "within": {"seeds": {"ant": 1}, "by": "likeness"}},
        "within.by: Input should be 'ppr', 'community' or 'label'",
    ),
    (
        "search",
        {"texts": ["a"], "within": {"seeds": {"ant": 1}, "size": 0}},
        "within.size: Input should be greater than or equal to 1",
    ),
    ("search", {"texts": ["a"], "explain": 1}, "explain: Input should be a valid boolean"),
    (
        "search",
        {"texts": ["a"] * 1000, "k": 2, "explain": True},
        "1000 queries for 2 explained answers each; ask for at most 1,000 explained answers in one request, all "
        "queries together",
    ),
    ("explain", {"a": "ant"}, "b: is required"),
    ("explain", {"a": "ant", "b": "ant"}, "'ant' and 'ant' are one node; name two"),
    ("explain", {"a": "ant", "b": 1.5}, "b: an id is a string of at most 4,096 characters, or an integer of 64 bits"),
    ("explain", {"a": "ant", "b": "bee", "k": 101}, "k: Input should be less than or equal to 100"),
    ("ppr", {"queries": [{"seeds": {"ant": 1}, "exact": True}]}, "queries.0.exact: unknown"),
    ("similar", {}, "similar takes ids or vectors; pass exactly one of them"),
    ("similar", {"ids": ["ant"], "vectors": [[1, 2, 3]]}, "similar takes ids or vectors; pass exactly one of them"),
    ("similar", {"ids": []}, "ids: List should have at least 1 item after validation, not 0"),
    ("similar", {"ids": "ant"}, "ids: Input should be a valid array"),
    ("similar", {"ids": [True]}, "ids.0: an id is a string of at most 4,096 characters, or an integer of 64 bits"),
    ("similar", {"ids": [1.5]}, "ids.0: an id is a string of at most 4,096 characters, or an integer of 64 bits"),
    ("similar", {"ids": [2**63]}, "ids.0: an id is a string of at most 4,096 characters, or an integer of 64 bits"),
    (
        "similar",
        {"ids": ["x" * 5000]},
        "ids.0: an id is a string of at most 4,096 characters, or an integer of 64 bits",
    ),
    ("similar", {"ids": ["ant"] * 1001, "k": 1}, "ids: List should have at most 1000 items after validation, not 1001"),
    ("similar", {"ids": ["ant"], "k": 0}, "k: Input should be greater than or equal to 1"),
    ("similar", {"ids": ["ant"], "k": 10**30}, "k: Input should be less than or equal to 100000"),
    ("similar", {"ids": ["ant"], "k": "3"}, "k: Input should be a valid integer"),
    ("similar", {"ids": ["ant"], "k": True}, "k: Input should be a valid integer"),
    ("similar", {"ids": ["ant"], "k": 7}, "k = 7; ask for 1 to 6"),
    (
        "similar",
        {"ids": ["ant"] * 1000, "k": 101},
        "1000 queries for 101 answers each; ask for at most 100,000 answers in one request, all queries together",
    ),
    ("similar", {"vectors": [[1, 2, 3], [1, 2]]}, "vectors: vectors of different widths: 2 and 3 numbers"),
    ("similar", {"vectors": [[]]}, "vectors.0: List should have at least 1 item after validation, not 0"),
    ("similar", {"vectors": [[1, "2", 3]]}, "vectors.0.1: Input should be a valid number"),
    ("similar", {"vectors": [[1e39, 2, 3]]}, "vectors.0.0: Input should be less than or equal to 3.402823466e+38"),
    ("similar", {"vectors": [[1, 2]], "k": 1}, "vectors of 2 numbers; pass 3"),
    ("similar", [1], "the body: Input should be an object"),
    ("ppr", {"queries": []}, "queries: List should have at least 1 item after validation, not 0"),
    ("ppr", {}, "queries: is required"),
    (
        "ppr",
        {"queries": [{"seeds": {}}]},
        "queries.0.seeds: Dictionary should have at least 1 item after validation, not 0",
    ),
    ("ppr", {"queries": [{"seeds": {"ant": 0}}]}, "queries.0.seeds.ant: Input should be greater than 0"),
    ("ppr", {"queries": [{"seeds": {"ant": -1}}]}, "queries.0.seeds.ant: Input should be greater than 0"),
    ("ppr", {"queries": [{"seeds": {"ant": "1"}}]}, "queries.0.seeds.ant: Input should be a valid number"),
    ("ppr", {"queries": [{"seeds": {"ant": 1}}], "exact": 1}, "exact: Input should be a valid boolean"),
    ("ppr", {"queries": [{"seeds": {"ant": 1}}], "rmax": 0}, "rmax: Input should be greater than or equal to 1e-08"),
    ("ppr", {"queries": [{"seeds": {"ant": 1}}], "rmax": 2.0}, "rmax: Input should be less than or equal to 1"),
    ("community", {"seeds": []}, "seeds: List should have at least 1 item after validation, not 0"),
    ("community", {"seeds": ["ant"], "size": -1}, "size: Input should be greater than or equal to 1"),
    ("labels", {"ids": []}, "ids: List should have at least 1 item after validation, not 0"),
    ("labels", {"ids": ["ant"], "communities": 0}, "communities: Input should be greater than or equal to 1"),
    ("members", {}, "label: is required"),
    ("members", {"label": -1}, "label: Input should be greater than or equal to 0"),
    ("members", {"label": 3, "k": 1}, "community 3 of 3; 2 were found, numbered from 0; their merges follow"),
    ("neighbourhood", {}, "seeds: is required"),
    (
        "neighbourhood",
        {"seeds": {}},
        "seeds: Dictionary should have at least 1 item after validation, not 0",
    ),
    ("neighbourhood", {"seeds": {"ant": -1}}, "seeds.ant: Input should be greater than 0"),
    ("neighbourhood", {"seeds": {"ant": 1}, "k": 501}, "k: Input should be less than or equal to 500"),
    ("neighbourhood", {"seeds": {"ant": 1}, "exact": True}, "exact: unknown; known are seeds, k"),
    ("search", {"texts": [""], "k": 1}, "an empty text; pass some words"),
    ("search", {"texts": ["x" * 100_001]}, "texts.0: String should have at most 100000 characters"),
    ("search", {"vectors": [[[1, 2], [1]]]}, "vectors: vectors of different widths: 1 and 2 numbers"),
    ("search", {"vectors": [[]]}, "vectors.0: List should have at least 1 item after validation, not 0"),
]


@pytest.mark.parametrize(("question", "body", "detail"), INVALID)
def test_what_cannot_be_answered_is_refused_and_says_why(api: Api, question: str, body: Any, detail: str) -> None:
    found = api.problem(api.post(f"{DEMO}/{question}", body), 422)
    assert found["type"] in {f"{URN}invalid-request", f"{URN}invalid-query"}
    assert found["detail"] == detail


def test_errors_point_into_the_body(api: Api) -> None:
    found = api.problem(api.post(f"{DEMO}/ppr", {"queries": [{"seeds": {"c/d~é": -1, "ant": 0}}], "k": 0}), 422)
    assert [error["pointer"] for error in found["errors"]] == [
        "#/queries/0/seeds/c~1d~0%C3%A9",
        "#/queries/0/seeds/ant",
        "#/k",
    ]


def test_a_million_mistakes_are_one_error(api: Api) -> None:
    body = b'{"vectors":[[' + b"null," * 60_000 + b"1]]}"
    found = api.problem(api.client.post(f"{DEMO}/similar", content=body), 422)
    assert len(found["errors"]) == 1
    many = {f"key{number}": 1 for number in range(1000)}
    assert len(api.problem(api.post(f"{DEMO}/similar", many), 422)["errors"]) == 20


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"ids=ant",
        b'{"ids":["ant"]',
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b'{"ids":["\\ud800"]}',
        b'{"ids":["\xff"]}',
        b"[" * 100_000,
        b'{"k":' + b"9" * 5000 + b"}",
    ],
)
def test_what_is_no_json_is_a_bad_request(api: Api, body: bytes) -> None:
    found = api.problem(api.post(f"{DEMO}/similar", json=None, content=body), 400)
    assert found["type"] == f"{URN}not-json"
    assert found["detail"].startswith("the body is not JSON: ")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_numbers_that_are_not_finite_are_refused(api: Api, number: str) -> None:
    for question, body in (
        ("similar", f'{{"vectors":[[{number},1,2]]}}'),
        ("search", f'{{"vectors":[[[{number},1,2]]]}}'),
        ("ppr", f'{{"queries":[{{"seeds":{{"ant":{number}}}}}]}}'),
        ("similar", f'{{"ids":[{number}]}}'),
        ("similar", f'{{"ids":["ant"],"k":{number}}}'),
        ("similar", f'{{"ids":["ant"],"where":{{"section":[{number}]}}}}'),
        ("search", f'{{"texts":["a"],"where":{{"section":{{"ge":{number}}}}}}}'),
        ("search", f'{{"texts":["a"],"within":{{"seeds":{{"ant":{number}}}}}}}'),
    ):
        api.problem(api.post(f"{DEMO}/{question}", json=None, content=body.encode()), 422)


def test_a_body_needs_no_content_type(api: Api) -> None:
    body = b'{"ids":["ant"],"k":1}'
    for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded", ""):
        answer = api.post(f"{DEMO}/similar", json=None, content=body, headers={"Content-Type": kind})
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("limit=0", "limit: Input should be greater than or equal to 1"),
        ("limit=1001", "limit: Input should be less than or equal to 1000"),
        ("limit=many", "limit: Input should be a valid integer, unable to parse string as an integer"),
        ("limt=5", "limt: unknown"),
        ("where=x", "where: unknown"),
    ],
)
def test_parameters_are_checked(api: Api, query: str, detail: str) -> None:
    found = api.problem(api.get(f"{DEMO}/nodes?{query}"), 422)
    assert found["detail"] == detail
    assert found["errors"][0]["parameter"] == query.partition("=")[0]


def test_a_large_body_is_refused_by_its_declared_and_by_its_real_size(api: Api) -> None:
    declared = api.post(f"{DEMO}/similar", json=None, content=b" " * (schemas.MAX_BODY + 1))
    assert api.problem(declared, 413)["type"] == f"{URN}too-large"

    def pieces() -> Iterator[bytes]:
        for _ in range(schemas.MAX_BODY // 2**20 + 2):
            yield b" " * 2**20

    assert api.problem(api.post(f"{DEMO}/similar", json=None, content=pieces()), 413)["detail"] == (
        "the body has more than 16,777,216 bytes; send several smaller requests"
    )
    fits = api.post(f"{DEMO}/similar", json=None, content=b'{"ids":["ant"],"k":1}'.ljust(schemas.MAX_BODY))
    assert fits.status_code == 200


def test_a_client_that_sends_all_before_it_reads_learns_that_its_body_is_too_large(api: Api) -> None:
    connection = http.client.HTTPConnection(api.client.base_url.host, api.client.base_url.port, timeout=30)
    connection.request("POST", f"{DEMO}/similar", body=b" " * (schemas.MAX_BODY + 2**20))
    assert connection.getresponse().status == 413
    connection.close()


def test_an_unexpected_error_tells_nothing_of_the_inside(api: Api) -> None:
    found = api.problem(api.post(f"{DEMO}/similar", {"ids": ["!unexpected"], "k": 1}), 500)
    assert found == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "detail": "an unexpected error; the server's log has it",
    }


def test_an_unexpected_error_is_logged_in_full_and_leaves_the_connection_open(api: Api, log: list[str]) -> None:
    port = api.client.base_url.port
    connection = http.client.HTTPConnection(api.client.base_url.host, port, timeout=30)
    for id, status in (("!unexpected", 500), ("ant", 200), ("!unexpected", 500), ("ant", 200)):
        connection.request("POST", f"{DEMO}/similar", body=json.dumps({"ids": [id], "k": 1}))
        held = connection.sock
        response = connection.getresponse()
        response.read()
        assert (response.status, connection.sock) == (status, held)
    connection.close()
    told = [line for line in log if line.startswith(f"POST {DEMO}/similar: unexpected RuntimeError\nTraceback")]
    assert told
    assert SECRET in told[-1]


def test_a_damaged_index_is_unavailable_and_keeps_its_place_to_itself(api: Api, log: list[str]) -> None:
    found = api.problem(api.post(f"{DEMO}/similar", {"ids": ["!corrupt"], "k": 1}), 503)
    assert found["type"] == f"{URN}index-unavailable"
    assert found["detail"] == "the index cannot be read: its SHA-256 is not the manifest's"
    assert any("ArtifactCorrupt" in line and SECRET in line for line in log)


def test_an_iteration_that_does_not_end_is_ours(api: Api) -> None:
    body = {"queries": [{"seeds": {"bear": 1}}], "k": 1, "exact": True}
    found = api.problem(api.post(f"{DEMO}/ppr", body), 500)
    assert found["type"] == f"{URN}not-converged"


def test_a_score_that_is_not_finite_is_not_answered(store: Store) -> None:
    class Broken(FakeEngine):
        def similar(self, *_: Any, **__: Any) -> dict[str, Any]:
            return self._answer(1, 1, score=float("nan"))

    def opener(store: Store, index: str, version: str) -> FakeEngine:
        return Broken(Opening()(store, index, version).release)

    with running(create_app(store, opener=opener)) as address, httpx.Client(base_url=address) as client:
        api = Api(client)
        api.problem(api.post(f"{DEMO}/similar", {"ids": ["ant"]}), 500)


def test_every_error_of_the_engine_is_a_problem_with_the_right_side_to_blame() -> None:
    made: dict[str, EngineError] = {
        "InvalidParams": errors.InvalidParams(name="k", value=1, allowed="2"),
        "InvalidConfig": errors.InvalidConfig(path=SECRET, key="k", what="w", fix="f"),
        "InvalidInput": errors.InvalidInput(source="s", what="w", fix="f"),
        "InvalidQuery": errors.InvalidQuery(what="w", fix="f"),
        "UnknownId": errors.UnknownId(kind="node", id="a", where="index demo"),
        "NotBuilt": errors.NotBuilt(index="demo", question="search", table="muvera"),
        "MissingExtra": errors.MissingExtra(feature="f", package="p", extra="e"),
        "ArtifactMissing": errors.ArtifactMissing(path=SECRET, what="w", fix="f"),
        "ArtifactCorrupt": errors.ArtifactCorrupt(path=SECRET, what="w"),
        "ArtifactVersion": errors.ArtifactVersion(path=SECRET, found=9, readable=(1,)),
        "StoreUnavailable": errors.StoreUnavailable(path=SECRET, what="w", fix="f"),
        "StoreLocked": errors.StoreLocked(path=SECRET, holder="h"),
        "ClusterUnavailable": errors.ClusterUnavailable(address=SECRET, what="w"),
        "SourceUnavailable": errors.SourceUnavailable(source=SECRET, what="w"),
        "GateFailed": errors.GateFailed(index="i", version="v", failed=("f",)),
        "ClusterMismatch": errors.ClusterMismatch(worker=SECRET, what="w", fix="f"),
        "PartitionFailed": errors.PartitionFailed(stage="s", start=0, stop=1, what=SECRET, fix="f"),
        "StageTimeout": errors.StageTimeout(stage="s", seconds=1.0),
        "ServerUnavailable": errors.ServerUnavailable(address=SECRET, what="w", fix="f"),
        "NotOffered": errors.NotOffered(what=SECRET, fix="f"),
        "ServiceFailed": errors.ServiceFailed(address=SECRET, status=429, what="w"),
        "TargetMissed": errors.TargetMissed(target="recall", asked=1.0, best=0.5, candidate="c"),
        "NotConverged": errors.NotConverged(algorithm="a", residual=1.0, tol=0.1, n_iter=1),
    }
    assert set(made) == {kind.__name__ for kind in EngineError.__subclasses__()}
    statuses = {name: problem_of(error).status for name, error in made.items()}
    assert {name for name, status in statuses.items() if status < 500} == {
        "InvalidParams",
        "InvalidInput",
        "InvalidQuery",
        "UnknownId",
        "NotBuilt",
    }
    assert statuses["UnknownId"] == statuses["NotBuilt"] == 404
    assert {name for name, status in statuses.items() if status == 503} == {
        "ArtifactMissing",
        "ArtifactCorrupt",
        "ArtifactVersion",
        "StoreUnavailable",
    }
    assert all(SECRET not in problem_of(error).model_dump_json() for error in made.values())


def test_keys_are_required_for_every_question_and_for_nothing_else(store: Store) -> None:
    app = create_app(store, opener=Opening(), api_keys=frozenset({"first-key", "second-key"}))
    with running(app) as address, httpx.Client(base_url=address) as client:
        api = Api(client)
        for path in ("/healthz", "/metrics", "/openapi.json"):
            assert client.get(path).status_code == 200
        asked = [("GET", "/v1/indexes"), ("GET", DEMO), ("GET", f"{DEMO}/nodes"), ("GET", f"{DEMO}/nodes?limit=x")]
        asked += [("POST", f"{DEMO}/{question}") for question in QUESTIONS]
        asked += [("GET", "/v1/indexes/unknown"), ("GET", "/v1/status"), ("POST", "/v1/reload")]
        for method, path in asked:
            response = api.get(path) if method == "GET" else api.post(path, {"no": "such"})
            found = api.problem(response, 401)
            assert found["type"] == f"{URN}unauthorized"
            assert response.headers["www-authenticate"] == "Bearer"
        wrong = ["Bearer first-ke", "Bearer first-key2", "Bearer FIRST-KEY", "Basic first-key", "first-key", "Bearer é"]
        for header in wrong:
            api.problem(api.get(DEMO, headers={"Authorization": header.encode()}), 401)
        refused = api.get(DEMO, headers={"Authorization": "Bearer wrong"})
        assert refused.headers["www-authenticate"] == 'Bearer error="invalid_token"'
        for key in ("first-key", "second-key"):
            assert api.get(DEMO, headers={"Authorization": f"Bearer {key}"}).status_code == 200
        operation = api.document["paths"]["/v1/indexes/{index}/similar"]["post"]
        assert operation["security"] == [{"HTTPBearer": []}]
        assert "security" not in api.document["paths"]["/healthz"]["get"]


def test_no_keys_at_all_cannot_be_required(store: Store) -> None:
    with pytest.raises(InvalidParams, match="at least one key"):
        create_app(store, api_keys=frozenset())


def test_the_pool_is_bounded_and_the_process_answers_while_it_is_full(store: Store) -> None:
    opening = Opening()
    app = create_app(store, opener=opening, limits=Limits(threads=3, lanes=3, batch=1))
    with running(app) as address, httpx.Client(base_url=address, timeout=60) as client:
        client.get(DEMO)
        engine = next(engine for engine in opening.engines if engine.index == "demo")
        body = {"ids": ["!slow"], "k": 1}
        statuses: list[int] = []

        def ask() -> None:
            statuses.append(httpx.post(f"{address}{DEMO}/similar", json=body, timeout=60).status_code)

        askers = [threading.Thread(target=ask) for _ in range(6)]
        for asker in askers:
            asker.start()
        try:
            until(lambda: engine.busy == 3)
            assert client.get("/healthz").status_code == 200
        finally:
            opening.gate.set()
            for asker in askers:
                asker.join(60)
        assert statuses == [200] * len(askers)
        assert engine.most_busy == 3


def test_metrics_count_by_route_and_status(store: Store) -> None:
    with running(create_app(store, opener=Opening())) as address, httpx.Client(base_url=address) as client:
        api = Api(client)
        for _ in range(3):
            api.post(f"{DEMO}/similar", {"ids": ["ant"], "k": 1})
        api.post(f"{DEMO}/similar", {"ids": ["nobody"], "k": 1})
        api.post(f"{DEMO}/similar", {"ids": ["!unexpected"], "k": 1})
        for path in ("/secret/a", "/secret/b"):
            client.get(path)
        version = api.get(DEMO).json()["version"]
        lines = api.get("/metrics").text.splitlines()
        route = 'route="/v1/indexes/{index}/similar"'
        assert f'purlieu_http_requests_total{{{route},status="200"}} 3.0' in lines
        assert f'purlieu_http_requests_total{{{route},status="404"}} 1.0' in lines
        assert f'purlieu_http_requests_total{{{route},status="500"}} 1.0' in lines
        assert f'purlieu_http_request_seconds_count{{{route},status="200"}} 3.0' in lines
        assert 'purlieu_http_requests_total{route="unmatched",status="404"} 2.0' in lines
        assert f'purlieu_index_served{{index="demo",version="{version}"}} 1.0' in lines
        assert 'purlieu_index_refusals_total{index="demo"} 0.0' in lines
        assert not any("secret" in line for line in lines)


def test_metrics_say_how_old_the_answers_are(store: Store) -> None:
    def age(text: str, name: str) -> float | None:
        found = re.search(rf'(?m)^{name}{{index="demo"[^}}]*}} (\S+)$', text)
        return float(found[1]) if found else None

    with running(create_app(store, opener=Opening())) as address, httpx.Client(base_url=address) as client:
        client.post(f"{DEMO}/similar", json={"ids": ["ant"], "k": 1})
        before = client.get("/metrics").text
        assert (age(before, "purlieu_index_age_seconds") or -1) >= 0
        assert age(before, "purlieu_index_last_success_age_seconds") is None
        number = begin_attempt(store, "demo")
        end_attempt(store, "demo", number, "unchanged", 1.0, version="v", error=None)
        assert age(client.get("/metrics").text, "purlieu_index_last_success_age_seconds") is not None
        (store.root / "indexes" / "demo" / JOURNAL).write_text("not a journal")
        after = client.get("/metrics").text
        assert age(after, "purlieu_index_last_success_age_seconds") is None
        assert age(after, "purlieu_index_age_seconds") is not None


def test_two_apps_do_not_share_figures(store: Store) -> None:
    first, second = (create_app(store, opener=Opening()) for _ in range(2))
    with running(first) as address:
        httpx.get(f"{address}/healthz")
    assert b'route="/healthz"' in first.state.service.metrics.text()
    assert b'route="/healthz"' not in second.state.service.metrics.text()


def test_an_index_that_cannot_be_opened_is_unavailable_and_not_ready(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    version = publish_version(store, 1)
    damage_version(store, "demo", version)
    with running(create_app(store, opener=Opening())) as address, httpx.Client(base_url=address) as client:
        api = Api(client)
        for _ in range(2):
            found = api.problem(api.post(f"{DEMO}/similar", {"ids": ["ant"]}), 503)
            assert found["detail"].startswith("the index cannot be read: the manifest is not JSON")
            assert str(store.root) not in json.dumps(found)
        assert api.problem(api.get("/readyz"), 503)["detail"] == "none of the indexes could be opened"
        (listed,) = api.get("/v1/indexes").json()["indexes"]
        assert (listed["version"], listed["refused"], listed["questions"]) == (None, version, [])
        publish_version(store, 2, "other")
        until(lambda: api.get("/readyz").status_code == 200)
        assert api.get("/readyz").json()["indexes"] == ["other"]


def test_an_empty_store_is_ready(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    with running(create_app(store, opener=Opening())) as address, httpx.Client(base_url=address) as client:
        api = Api(client)
        assert api.get("/readyz").json() == {"status": "ready", "indexes": []}
        assert api.get("/v1/indexes").json() == {"indexes": []}
        assert api.problem(api.get(DEMO), 404)["nearest"] == []


def test_readiness_waits_for_the_first_opening_and_so_does_a_question(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    publish_version(store, 1)
    opening = Opening()
    opening.delay.clear()
    with running(create_app(store, opener=opening)) as address, httpx.Client(base_url=address, timeout=30) as client:
        api = Api(client)
        assert api.problem(api.get("/readyz"), 503)["detail"] == "being opened: demo"
        answers: list[int] = []
        body = {"ids": ["ant"], "k": 1}
        askers = [
            threading.Thread(
                target=lambda: answers.append(httpx.post(f"{address}{DEMO}/similar", json=body).status_code)
            )
            for _ in range(12)
        ]
        for asker in askers:
            asker.start()
        assert api.get("/v1/indexes").json()["indexes"][0]["version"] is None  # the pool is not full of who waits
        opening.delay.set()
        for asker in askers:
            asker.join(30)
        assert answers == [200] * len(askers)
        assert len(opening.opened) == 1


def test_the_description_is_whole(api: Api) -> None:
    document = api.document
    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) == {
        "/healthz",
        "/readyz",
        "/metrics",
        "/v1/status",
        "/v1/reload",
        "/v1/indexes",
        "/v1/indexes/{index}",
        "/v1/indexes/{index}/nodes",
        "/v1/indexes/{index}/similar",
        "/v1/indexes/{index}/ppr",
        "/v1/indexes/{index}/community",
        "/v1/indexes/{index}/labels",
        "/v1/indexes/{index}/members",
        "/v1/indexes/{index}/neighbourhood",
        "/v1/indexes/{index}/map",
        "/v1/indexes/{index}/search",
        "/v1/indexes/{index}/related",
        "/v1/indexes/{index}/explain",
    }
    names = set()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            names.add(operation["operationId"])
            assert operation["description"], path
            for status, response in operation["responses"].items():
                (kind,) = response["content"]
                assert response["content"][kind]["schema"], (path, status)
                assert (kind == "application/problem+json") == (int(status) >= 400), (path, status)
            assert ("requestBody" in operation) == (method == "post" and "{index}" in path)
            given = {parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "path"}
            assert given == ({"index"} if "{index}" in path else set())
    assert len(names) == len(document["paths"])
    assert set(document["paths"]["/v1/indexes/{index}/similar"]["post"]["responses"]) == {
        "200",
        "400",
        "404",
        "408",
        "413",
        "422",
        "429",
        "500",
        "503",
        "504",
    }


def test_every_schema_of_the_description_is_one_and_every_reference_leads_somewhere(api: Api) -> None:
    known = api.document["components"]["schemas"]
    for schema in known.values():
        Draft202012Validator.check_schema(schema)

    def references(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            if "$ref" in node:
                yield node["$ref"]
            for value in node.values():
                yield from references(value)
        elif isinstance(node, list):
            for value in node:
                yield from references(value)

    found = set(references(api.document))
    assert found == {f"#/components/schemas/{name}" for name in known}


def test_every_field_of_a_body_is_explained(api: Api) -> None:
    for name in ("SimilarRequest", "PPRRequest", "CommunityRequest", "SearchRequest", "Within", "ExplainRequest"):
        schema = api.document["components"]["schemas"][name]
        assert schema["additionalProperties"] is False
        assert all("description" in field for field in schema["properties"].values())
        assert any("examples" in field for field in schema["properties"].values())
