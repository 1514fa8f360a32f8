"""A store in a bucket of a real S3 server: the promises of a directory, over a network that fails."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from artifacts.artifact import Artifact, ArtifactWriter
from artifacts.bucket import Bucket
from artifacts.manifest import MANIFEST, digest_of
from artifacts.publish import (
    collect_garbage,
    current_version,
    damage,
    point_current,
    publish,
    read_release,
    releases,
    version_name,
)
from artifacts.store import Store, object_name
from foundation.errors import (
    ArtifactCorrupt,
    ArtifactMissing,
    InvalidParams,
    StoreLocked,
    StoreUnavailable,
)
from tests.faulty_s3 import FaultyS3
from tests.s3_server import S3Server, reachable, s3_server


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as running, reachable(running):
        yield running


@pytest.fixture
def store(server: S3Server, tmp_path: Path) -> Store:
    return Store.create(f"{server.bucket()}/deep/store", cache=tmp_path / "cache")


def make(store: Store, value: int, n: int = 100) -> str:
    digest = digest_of({"value": value})
    writer = ArtifactWriter(store.work_dir(digest) / "assembled")
    writer.array("values", np.full(n, value, dtype=np.int64))
    name = store.next_name("numbers", digest)
    writer.publish(
        store.place,
        object_name(name),
        kind="numbers",
        kind_version=1,
        stage="numbers",
        code_version=1,
        digest=digest,
        params={"value": value},
        inputs={},
        stats={},
        measured={},
    )
    return name


def release(store: Store, value: int) -> str:
    name = make(store, value)
    version = version_name("demo", {"numbers": digest_of({"value": value})})
    publish(store, "demo", {"name": "demo"}, {"numbers": name}, version)
    return version


def ask_for(seconds: float, check: Callable[[], None]) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        check()
        time.sleep(0.05)


def elsewhere(store: Store, tmp_path: Path, limit: int | None = None) -> Store:
    """The same store as another machine sees it: nothing cached."""
    return Store.open(store.address, cache=tmp_path / "elsewhere", cache_limit=limit)


def test_what_one_machine_publishes_another_reads(store: Store, tmp_path: Path) -> None:
    first, second = release(store, 1), release(store, 2)
    there = elsewhere(store, tmp_path)
    assert there.index_names() == ["demo"]
    assert {found.version for found in releases(there, "demo")} == {first, second}
    assert current_version(there, "demo") == second
    path = there.bring(read_release(there, "demo").stages["numbers"])
    assert path.is_relative_to(tmp_path / "elsewhere")
    np.testing.assert_array_equal(Artifact.open(path, "numbers", (1,)).array("values"), np.full(100, 2))
    assert damage(there, read_release(there, "demo")) == (1, [])
    point_current(there, "demo", first)
    assert current_version(store, "demo") == first


def test_a_pointer_has_a_new_stamp_after_every_write(store: Store) -> None:
    stamps = []
    for version in ("a", "b", "a"):
        store.place.write("indexes/demo/CURRENT", version.encode())
        stamps.append(store.place.stamp("indexes/demo/CURRENT"))
    assert stamps[0] != stamps[1]
    assert store.place.stamp("indexes/demo/NOTHING") is None


def test_an_artifact_without_its_manifest_is_not_there(store: Store, tmp_path: Path) -> None:
    name = make(store, 3)
    store.place.remove(f"{object_name(name)}/{MANIFEST}")
    assert store.find("numbers", digest_of({"value": 3})) is None
    with pytest.raises(ArtifactMissing):
        elsewhere(store, tmp_path).bring(name)


def test_a_second_delivery_of_the_same_name_is_refused(store: Store, tmp_path: Path) -> None:
    name = make(store, 3)
    (tmp_path / "aside").mkdir()
    (tmp_path / "aside" / MANIFEST).write_text("{}")
    with pytest.raises(FileExistsError):
        store.place.deliver(tmp_path / "aside", object_name(name), MANIFEST)


def test_a_forced_rebuild_takes_the_next_number(store: Store) -> None:
    assert [make(store, 3).rpartition(".")[2] for _ in range(2)] == ["0", "1"]


def test_gc_keeps_what_is_named(store: Store, tmp_path: Path) -> None:
    versions = [release(store, value) for value in (1, 2, 3)]
    stray = make(store, 99)
    point_current(store, "demo", versions[0])
    removed, freed = collect_garbage(store, keep=1)
    assert stray in removed
    assert freed > 0
    there = elsewhere(store, tmp_path)
    kept = releases(there, "demo")
    assert versions[0] in {found.version for found in kept}
    assert all(damage(there, found) == (1, []) for found in kept)


def test_a_flipped_byte_in_the_bucket_is_found_and_never_mapped(store: Store, tmp_path: Path) -> None:
    release(store, 1)
    name = f"{object_name(read_release(store, 'demo').stages['numbers'])}/values.npy"
    raw = bytearray(store.place.read(name))
    raw[-1] ^= 1
    store.place.write(name, bytes(raw))
    there = elsewhere(store, tmp_path)
    _, bad = damage(there, read_release(there, "demo"))
    assert bad == [f"numbers: {store.address}/{name}: its SHA-256 is not the manifest's"]
    with pytest.raises(ArtifactCorrupt, match="its SHA-256 is not the recorded one"):
        there.bring(name.split("/")[1])


@pytest.mark.parametrize("fault", ["error", "cut", "flip", "drop"])
def test_a_network_that_fails_now_and_then_is_asked_again(server: S3Server, tmp_path: Path, fault: str) -> None:
    url = f"{server.bucket()}/store"
    with FaultyS3(server.url).running() as proxy, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", proxy.url)
        turn = itertools.count()
        proxy.plan = lambda method, path: (
            fault if (fault != "flip" or path.endswith(".npy")) and next(turn) % 3 == 0 else None
        )
        near = Store.create(url, cache=tmp_path / "near")
        version = release(near, 1)
        far = Store.open(url, cache=tmp_path / "far")
        found = read_release(far, "demo")
        assert found.version == version
        values = Artifact.open(far.bring(found.stages["numbers"]), "numbers", (1,)).array("values")
        np.testing.assert_array_equal(values, np.full(100, 1))
        assert proxy.faults > 0


def test_a_network_that_is_gone_is_one_line(server: S3Server, tmp_path: Path) -> None:
    url = f"{server.bucket()}/store"
    store = Store.create(url, cache=tmp_path / "cache")
    with FaultyS3(server.url).running() as proxy, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", proxy.url)
        proxy.plan = lambda method, path: "error"
        with pytest.raises(StoreUnavailable, match="not reachable") as caught:
            Store.open(url, cache=tmp_path / "cache")
        assert "Errno" not in str(caught.value)
    assert store.checked() is store


def test_missing_credentials_are_one_line_soon(server: S3Server, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("AWS_ACCESS_KEY_ID")
        patch.delenv("AWS_SECRET_ACCESS_KEY")
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
        patch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
        with pytest.raises(StoreUnavailable, match=r"no credentials .*set AWS_ACCESS_KEY_ID"):
            Store.open(f"{server.bucket()}/store", cache=tmp_path / "cache")


@pytest.mark.parametrize("url", ["gs://bucket/store", "s3://", "http://somewhere/store"])
def test_a_place_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(InvalidParams, match="allowed: a directory, or s3://bucket/prefix"):
        Store.at(url)


def test_a_cache_drops_what_was_used_longest_ago(store: Store, tmp_path: Path) -> None:
    names = [make(store, value, 10_000) for value in range(4)]
    there = elsewhere(store, tmp_path, limit=200_000)  # two artifacts of 80 kB
    for name in names:
        there.bring(name)
        there.close()
    assert isinstance(there.place, Bucket)
    held = {path.name for path in (there.root / "objects").iterdir()}
    assert held == set(names[2:])
    np.testing.assert_array_equal(
        Artifact.open(there.bring(names[0]), "numbers", (1,)).array("values"), np.zeros(10_000)
    )


def test_a_cache_keeps_what_is_in_use_and_says_when_it_is_full(store: Store, tmp_path: Path) -> None:
    names = [make(store, value, 10_000) for value in range(3)]
    there, other = elsewhere(store, tmp_path, limit=200_000), elsewhere(store, tmp_path, limit=200_000)
    there.bring(names[0])
    there.bring(names[1])
    with pytest.raises(StoreUnavailable, match="raise cache_limit"):
        other.bring(names[2])
    there.close()
    assert other.bring(names[2]).is_dir()


def test_leases_exclude_and_are_given_back(store: Store, tmp_path: Path) -> None:
    there = elsewhere(store, tmp_path)
    with store.building("demo") as check:
        check()
        with there.building("other"):
            pass
        with pytest.raises(StoreLocked, match="building demo"), there.building("demo"):
            pass
        with pytest.raises(StoreLocked), there.collecting():
            pass
    with there.building("demo"):
        pass
    with there.collecting():
        pass
    assert store.place.names("locks") == []


def test_a_lease_of_a_process_that_is_gone_is_taken(store: Store) -> None:
    from artifacts.leases import _whoami

    facts = {**_whoami(), "born": 1, "purpose": "building demo", "since": "then"}
    store.place.write("locks/index-demo/sole", json.dumps(facts).encode())
    with store.building("demo"):
        pass


def test_a_lease_that_stands_still_is_taken_and_its_holder_learns_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("artifacts.leases.DEAD_SECONDS", 1.0)
    facts = {"pid": 1, "host": "far", "space": "another machine", "purpose": "building demo", "since": "then"}
    store.place.write("locks/index-demo/sole", json.dumps(facts).encode())
    told: list[str] = []
    with store.building("demo", on_wait=told.append):
        assert told == ["process 1 on far (building demo, since then)"]


def test_a_holder_whose_lease_was_taken_is_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("artifacts.leases.BEAT_SECONDS", 0.05)
    with store.building("demo") as check:
        store.place.write("locks/index-demo/sole", b'{"pid": 1, "token": "another"}')
        with pytest.raises(StoreLocked, match="did not answer for too long"):
            ask_for(20, check)
