"""Several stores served as one: all their indexes, the first store's where names are equal."""

from __future__ import annotations

import shutil
from pathlib import Path

import httpx
import pytest

from artifacts.store import Store
from foundation.errors import InvalidParams, UnknownId
from serving.api import create_app
from serving.stores import Catalogs
from tests.serving.fake_engine import Opening, publish_version
from tests.serving.live import Api, running, until


@pytest.fixture
def first(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "first")


@pytest.fixture
def second(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "second")


def served(catalogs: Catalogs, index: str) -> str:
    return catalogs.ask(index).result(20).engine.version


def test_every_index_of_every_store_answers(first: Store, second: Store) -> None:
    versions = {"a": publish_version(first, 1, "a"), "b": publish_version(second, 2, "b")}
    with (
        running(create_app([first, second], opener=Opening())) as address,
        httpx.Client(base_url=address, timeout=30) as client,
    ):
        api = Api(client)
        until(lambda: api.get("/readyz").status_code == 200)
        assert {one["index"]: one["version"] for one in api.get("/v1/indexes").json()["indexes"]} == versions
        for index, version in versions.items():
            answer = api.post(f"/v1/indexes/{index}/similar", {"ids": ["ant"], "k": 1})
            assert answer.json()["version"] == version
            shown = api.get(f"/v1/indexes/{index}").json()
            assert [one["version"] for one in shown["versions"]] == [version]
        found = api.problem(api.post("/v1/indexes/c/similar", {"ids": ["ant"]}), 404)
        assert found["nearest"]
        lines = api.get("/metrics").text.splitlines()
        for index, version in versions.items():
            assert f'purlieu_index_served{{index="{index}",version="{version}"}} 1.0' in lines


def test_of_two_equal_names_the_first_store_has_it(first: Store, second: Store) -> None:
    catalogs = Catalogs([first, second], Opening(), look_seconds=0.0)
    later = publish_version(second, 2)
    assert served(catalogs, "demo") == later
    earlier = publish_version(first, 1)
    catalogs.look()
    until(lambda: served(catalogs, "demo") == earlier)
    assert [state.index for state in catalogs.states()] == ["demo"]
    assert [store.address for store, _ in catalogs.states_by_store()] == [first.address]
    shutil.rmtree(first.root / "indexes" / "demo")
    until(lambda: served(catalogs, "demo") == later)
    catalogs.close()


def test_what_no_store_has_is_unknown_with_the_nearest_of_any(first: Store, second: Store) -> None:
    publish_version(second, 2, "debian")
    catalogs = Catalogs([first, second], Opening())
    with pytest.raises(UnknownId) as found:
        catalogs.ask("debain")
    assert found.value.nearest == ("debian",)
    catalogs.close()


def test_a_store_cannot_be_served_twice_and_none_cannot_be_served(first: Store) -> None:
    for stores in ([], [first, first]):
        with pytest.raises(InvalidParams, match="one store or several different ones"):
            Catalogs(stores, Opening())


def test_a_store_that_goes_away_and_comes_back_needs_no_restart(first: Store, second: Store, tmp_path: Path) -> None:
    publish_version(first, 1)
    publish_version(second, 2, "other")
    app = create_app([first, second], opener=Opening(), look_seconds=0.0)
    with running(app) as address, httpx.Client(base_url=address, timeout=30) as client:
        api = Api(client)
        until(lambda: api.get("/readyz").status_code == 200)
        first.root.rename(tmp_path / "away")
        found = api.problem(api.get("/readyz"), 503)
        assert found["detail"] == "a store cannot be read: no store here"
        for number, index in enumerate(("demo", "other") * 3, 1):
            assert api.post(f"/v1/indexes/{index}/similar", {"ids": ["ant"] * number, "k": 1}).status_code == 200
        assert api.get("/v1/indexes").status_code == 200
        (tmp_path / "away").rename(first.root)
        assert api.get("/readyz").status_code == 200
        version = publish_version(first, 3)
        until(lambda: api.post("/v1/indexes/demo/similar", {"ids": ["ant"], "k": 1}).json()["version"] == version)
