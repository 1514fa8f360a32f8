"""The catalog: one version at a time, swapped whole, never for a worse one."""

from __future__ import annotations

import gc
import os
import threading
import time
import weakref
from collections import Counter
from concurrent.futures import Future
from pathlib import Path

import httpx
import pytest

from artifacts.publish import CURRENT, collect_garbage, point_current, publish, read_release
from artifacts.store import Store
from foundation.errors import ArtifactCorrupt, ArtifactMissing, StoreUnavailable, UnknownId
from serving.api import create_app
from serving.catalog import Catalog
from serving.opener import Served
from serving.stores import Catalogs
from tests.serving.fake_engine import Opening, damage_version, publish_version
from tests.serving.live import running, until


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "store")


def eager(store: Store, opening: Opening, log: list[str] | None = None, retry_seconds: float = 1000.0) -> Catalog:
    """A catalog that looks at every request."""
    told = [] if log is None else log
    return Catalog(store, opening, look_seconds=0.0, retry_seconds=retry_seconds, log=told.append)


def served(catalog: Catalog | Catalogs, index: str = "demo") -> str:
    return catalog.ask(index).result(20).engine.version


def settled(catalog: Catalog) -> None:
    """Wait until nothing is being opened."""
    catalog.look()
    until(lambda: not any(state.opening for state in catalog.states()))


def test_an_index_is_opened_and_warmed_once_for_all_who_ask(store: Store) -> None:
    version = publish_version(store, 1)
    opening = Opening()
    catalog = eager(store, opening)
    found: list[Served] = []
    askers = [threading.Thread(target=lambda: found.append(catalog.ask("demo").result(20))) for _ in range(8)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(20)
    assert opening.opened == [version]
    assert len({id(one) for one in found}) == 1
    assert opening.engines[0].warmed
    assert found[0].manifests["fastrp"].params["value"] == 1


def test_a_new_version_takes_over_without_a_restart(store: Store) -> None:
    first = publish_version(store, 1)
    catalog = eager(store, Opening())
    assert served(catalog) == first
    second = publish_version(store, 2)
    until(lambda: served(catalog) == second)
    point_current(store, "demo", first)  # a rollback is no different
    until(lambda: served(catalog) == first)


def test_the_old_version_answers_while_the_new_one_is_opened(store: Store) -> None:
    first = publish_version(store, 1)
    opening = Opening()
    catalog = eager(store, opening)
    assert served(catalog) == first
    opening.delay.clear()
    second = publish_version(store, 2)
    for _ in range(50):
        answer = catalog.ask("demo")
        assert answer.done()
        assert answer.result().engine.version == first
    until(lambda: opening.opened == [first, second])
    opening.delay.set()
    until(lambda: served(catalog) == second)
    assert opening.opened == [first, second]


def test_a_pointer_that_moves_on_during_an_opening_is_followed_to_its_end(store: Store) -> None:
    opening = Opening()
    catalog = eager(store, opening)
    publish_version(store, 1)
    served(catalog)
    opening.delay.clear()
    publish_version(store, 2)
    catalog.look()
    until(lambda: len(opening.opened) == 2)
    third = publish_version(store, 3)
    catalog.look()
    opening.delay.set()
    until(lambda: served(catalog) == third)


def test_a_version_that_was_rolled_back_while_it_opened_never_serves(store: Store) -> None:
    first = publish_version(store, 1)
    opening, log = Opening(), list[str]()
    catalog = eager(store, opening, log)
    assert served(catalog) == first
    opening.delay.clear()
    second = publish_version(store, 2)
    catalog.look()
    until(lambda: opening.opened == [first, second])
    point_current(store, "demo", first)
    opening.delay.set()
    settled(catalog)
    assert served(catalog) == first
    assert log == [f"index demo: serving version {first}"]
    gc.collect()
    assert [state.refused for state in catalog.states()] == [None]


def test_the_old_engine_goes_when_the_last_request_that_holds_it_ends(store: Store) -> None:
    publish_version(store, 1)
    opening = Opening()
    catalog = eager(store, opening)
    held = catalog.ask("demo").result(20).engine
    old = weakref.ref(held)
    opening.engines.clear()
    second = publish_version(store, 2)
    until(lambda: served(catalog) == second)
    gc.collect()
    assert old() is held
    assert held.similar(["ant"], k=1)["version"] != second
    del held
    gc.collect()
    assert old() is None


def test_an_old_engine_goes_with_its_last_answer_and_needs_no_collector(store: Store) -> None:
    publish_version(store, 1)
    opening = Opening()
    refusals = [
        ({"ids": ["nobody"]}, 404),
        ({"ids": ["ant"], "k": 99}, 422),
        ({"ids": ["!corrupt"]}, 503),
        ({"ids": ["ant"], "where": {"unknown": 1}}, 422),
    ]
    gc.collect()
    gc.disable()  # what is in a circle stays
    try:
        app = create_app(store, opener=opening, look_seconds=0.0)
        with running(app) as address, httpx.Client(base_url=address, timeout=60) as client:
            assert client.post("/v1/indexes/demo/similar", json={"ids": ["ant"], "k": 1}).status_code == 200
            old = weakref.ref(opening.engines.pop())
            for body, status in refusals:
                assert client.post("/v1/indexes/demo/similar", json={"k": 1} | body).status_code == status
            new = publish_version(store, 2)
            until(lambda: served(app.state.service.catalog) == new)
            until(lambda: old() is None)
    finally:
        gc.enable()


def test_a_pointer_is_looked_at_a_few_times_a_second_only(store: Store) -> None:
    first = publish_version(store, 1)
    opening = Opening()
    catalog = Catalog(store, opening, look_seconds=1000.0)
    assert served(catalog) == first
    publish_version(store, 2)
    for _ in range(100):
        assert served(catalog) == first
    assert opening.opened == [first]


def test_two_replacements_that_look_alike_to_the_file_system_are_told_apart(store: Store) -> None:
    first, second = publish_version(store, 1), publish_version(store, 2)
    catalog = eager(store, Opening())
    assert served(catalog) == second
    pointer = store.root / "indexes" / "demo" / CURRENT
    before = pointer.stat()
    pointer.write_text(f"{first}\n")
    os.utime(pointer, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (pointer.stat().st_ino, pointer.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    until(lambda: served(catalog) == first)


def test_a_pointer_that_cannot_be_read_stops_no_version_that_is_open(store: Store) -> None:
    first = publish_version(store, 1)
    catalog = eager(store, Opening())
    assert served(catalog) == first
    pointer = store.root / "indexes" / "demo" / CURRENT
    text = pointer.read_text()
    pointer.unlink()
    pointer.mkdir()
    assert served(catalog) == first
    catalog.look()
    with pytest.raises(StoreUnavailable, match="the pointer of index demo cannot be read"):
        eager(store, Opening()).ask("demo")
    pointer.rmdir()
    pointer.write_text(text)
    assert served(catalog) == first


def test_a_version_forced_anew_is_opened_again(store: Store) -> None:
    version = publish_version(store, 1)
    opening = Opening()
    catalog = eager(store, opening)
    before = catalog.ask("demo").result(20)
    assert publish_version(store, 1) == version
    until(lambda: catalog.ask("demo").result() is not before)
    assert served(catalog) == version


def test_a_damaged_new_version_is_refused_and_the_old_one_goes_on(store: Store) -> None:
    first = publish_version(store, 1)
    log: list[str] = []
    catalog = eager(store, Opening(), log)
    assert served(catalog) == first
    second = publish_version(store, 2)
    damage_version(store, "demo", second)
    settled(catalog)
    (state,) = catalog.states()
    assert served(catalog) == first
    assert state.refused is not None
    assert (state.refused.version, state.n_refused) == (second, 1)
    assert isinstance(state.refused.error, ArtifactCorrupt)
    assert log[-1].startswith(f"index demo: version {second} refused, version {first} goes on: ")
    third = publish_version(store, 3)
    until(lambda: served(catalog) == third)
    assert catalog.states()[0].refused is None
    assert log[-1] == f"index demo: serving version {third}"


@pytest.mark.parametrize("text", ["nowhere\n", "", "\xff", "a\nb"])
def test_a_pointer_to_nowhere_is_refused_and_the_old_version_goes_on(store: Store, text: str) -> None:
    first = publish_version(store, 1)
    catalog = eager(store, Opening())
    assert served(catalog) == first
    aside = store.root / "indexes" / "demo" / "aside"
    aside.write_bytes(text.encode("latin-1"))
    aside.replace(store.root / "indexes" / "demo" / CURRENT)
    settled(catalog)
    assert catalog.states()[0].refused is not None
    assert served(catalog) == first


def test_a_damaged_release_is_refused_and_does_not_hide_the_other_versions(store: Store) -> None:
    first = publish_version(store, 1)
    catalog = eager(store, Opening())
    assert served(catalog) == first
    second = publish_version(store, 2)
    (store.root / "indexes" / "demo" / "versions" / f"{second}.json").write_text('{"format_version": 1}')
    settled(catalog)
    assert served(catalog) == first
    assert [release.version for release in catalog.releases("demo")] == [first]


def test_an_opener_that_fails_in_any_way_is_a_refusal(store: Store) -> None:
    first = publish_version(store, 1)
    opening = Opening()
    log: list[str] = []
    catalog = eager(store, opening, log)
    assert served(catalog) == first
    for value, error in enumerate((MemoryError(), ImportError("no module\nnamed x"), ValueError("/private")), 2):
        version = publish_version(store, value)
        opening.failing[version] = error
        settled(catalog)
        assert served(catalog) == first
        refused = catalog.states()[0].refused
        assert refused is not None
        assert refused.error.what == f"version {version} cannot be opened ({type(error).__name__})"
        assert "\n" not in log[-1]
        assert " ".join(str(error).split()) in log[-1]


def test_an_index_that_never_opened_says_why_and_is_tried_again(store: Store) -> None:
    version = publish_version(store, 1)
    opening = Opening()
    opening.failing[version] = ArtifactMissing(path="/private", what="the artifact is not there", fix="build again")
    catalog = eager(store, opening, retry_seconds=0.0)
    for _ in range(3):
        with pytest.raises(ArtifactMissing, match="the artifact is not there"):
            served(catalog)
    opening.failing.clear()
    settled(catalog)
    until(lambda: catalog.states()[0].served is not None)
    assert served(catalog) == version


def test_a_refused_version_is_left_alone_for_a_while(store: Store) -> None:
    version = publish_version(store, 1)
    opening = Opening()
    opening.failing[version] = ValueError()
    catalog = eager(store, opening)
    for _ in range(20):
        with pytest.raises(ArtifactCorrupt):
            served(catalog)
    assert opening.opened == [version]


def test_indexes_that_appear_later_are_found(store: Store) -> None:
    catalog = eager(store, Opening())
    with pytest.raises(UnknownId, match="no index 'demo' in this store; check the spelling"):
        catalog.ask("demo")
    version = publish_version(store, 1)
    assert served(catalog) == version
    publish_version(store, 2, "other")
    settled(catalog)
    assert [state.index for state in catalog.states()] == ["demo", "other"]


def test_an_index_without_a_pointer_is_not_there(store: Store) -> None:
    publish_version(store, 1)
    catalog = eager(store, Opening())
    served(catalog)
    (store.root / "indexes" / "demo" / CURRENT).unlink()
    with pytest.raises(UnknownId):
        catalog.ask("demo")
    assert catalog.names() == []
    assert catalog.states() == []


@pytest.mark.parametrize("name", ["", "..", "../demo", "demo/", ".", "a\0b", "demo@1", "x" * 101])
def test_a_name_that_cannot_be_an_index_is_unknown(store: Store, name: str) -> None:
    publish_version(store, 1)
    with pytest.raises(UnknownId) as found:
        eager(store, Opening()).ask(name)
    assert (found.value.kind, found.value.nearest) == ("index", ("demo",))


def test_who_gives_up_waiting_does_not_stop_the_others(store: Store) -> None:
    version = publish_version(store, 1)
    opening = Opening()
    opening.delay.clear()
    catalog = eager(store, opening)
    waiting: Future[Served] = catalog.ask("demo")
    assert not waiting.cancel()
    opening.delay.set()
    assert waiting.result(20).engine.version == version


def test_closing_waits_for_openings_and_begins_no_more(store: Store) -> None:
    publish_version(store, 1)
    opening = Opening()
    catalog = eager(store, opening)
    waiting = catalog.ask("demo")
    catalog.close()
    assert waiting.done()
    publish_version(store, 2)
    catalog.look()
    assert len(opening.opened) == 1


def test_a_version_that_gc_removed_goes_on_until_the_next_one(store: Store) -> None:
    first = publish_version(store, 1)
    opening = Opening()
    catalog = eager(store, opening)
    assert served(catalog) == first
    opening.delay.clear()
    second = publish_version(store, 2)
    collect_garbage(store, 1)
    assert served(catalog) == first
    opening.delay.set()
    until(lambda: served(catalog) == second)


def test_answers_stay_whole_while_versions_change_under_load(store: Store) -> None:
    versions = [publish_version(store, value) for value in range(4)]
    releases = [read_release(store, "demo", version) for version in versions]
    app = create_app(store, opener=Opening(), look_seconds=0.0)
    seen: Counter[str] = Counter()
    failures: list[str] = []
    stop = threading.Event()
    counting = threading.Lock()

    def ask(address: str, path: str, body: dict[str, object]) -> None:
        with httpx.Client(base_url=address, timeout=60) as client:
            while not stop.is_set():
                response = client.post(f"/v1/indexes/demo/{path}", json=body)
                if response.status_code != 200:
                    failures.append(response.text)
                    return
                answer = response.json()
                parts = {hit["from"] for hits in answer["results"] for hit in hits}
                with counting:
                    seen[answer["version"]] += 1
                if parts != {answer["version"]} or answer["version"] not in versions:
                    failures.append(response.text)

    with running(app) as address:
        asked: list[tuple[str, dict[str, object]]] = [
            ("similar", {"ids": ["ant", 7, "bee"], "k": 5}),
            ("ppr", {"queries": [{"seeds": {"ant": 1}}] * 3, "k": 5}),
            ("community", {"seeds": ["ant"], "size": 5}),
            ("labels", {"ids": ["ant", 7]}),
            ("members", {"label": 1, "k": 5}),
            ("search", {"texts": ["a", "b"], "k": 5}),
        ]
        askers = [threading.Thread(target=ask, args=(address, path, body)) for path, body in asked]
        for asker in askers:
            asker.start()
        deadline = time.monotonic() + 60
        flips = 0
        while flips < 60 or len(seen) < len(versions) or sum(seen.values()) < 200:
            release = releases[flips % len(releases)]
            if flips % 7 == 0:  # published as a build does it, not only pointed at
                publish(store, "demo", release.config, release.stages, release.version)
            else:
                point_current(store, "demo", release.version)
            flips += 1
            time.sleep(0.005)
            assert time.monotonic() < deadline, (flips, seen)
            if failures:
                break
        stop.set()
        for asker in askers:
            asker.join(60)
        last = releases[(flips - 1) % len(releases)].version
        with httpx.Client(base_url=address, timeout=60) as client:
            until(lambda: client.get("/v1/indexes/demo").json()["version"] == last)
    assert not failures
    assert set(seen) == set(versions)


def test_a_refused_version_shows_in_the_metrics_and_the_description(store: Store) -> None:
    first = publish_version(store, 1)
    with (
        running(create_app(store, opener=Opening(), look_seconds=0.0)) as address,
        httpx.Client(base_url=address) as client,
    ):
        assert client.get("/v1/indexes/demo").json()["refused"] is None
        second = publish_version(store, 2)
        damage_version(store, "demo", second)
        until(lambda: client.get("/v1/indexes/demo").json()["refused"] is not None)
        shown = client.get("/v1/indexes/demo").json()
        assert shown["version"] == first
        assert shown["refused"]["version"] == second
        assert "the manifest is not JSON" in shown["refused"]["reason"]
        lines = client.get("/metrics").text.splitlines()
        assert f'purlieu_index_refused{{index="demo",version="{second}"}} 1.0' in lines
        assert f'purlieu_index_served{{index="demo",version="{first}"}} 1.0' in lines
        assert 'purlieu_index_refusals_total{index="demo"} 1.0' in lines
        assert client.get("/readyz").status_code == 200
        third = publish_version(store, 3)
        until(lambda: client.get("/v1/indexes/demo").json()["version"] == third)
        lines = client.get("/metrics").text.splitlines()
        assert f'purlieu_index_served{{index="demo",version="{third}"}} 1.0' in lines
        assert not any(line.startswith("purlieu_index_refused{") for line in lines)
        assert not any(first in line for line in lines)
