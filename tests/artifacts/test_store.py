"""The store: artifacts appear whole, releases are swapped in one step, nothing named is ever lost."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artifacts.artifact import Artifact, ArtifactWriter
from artifacts.disk import write_file
from artifacts.manifest import MANIFEST, digest_of, read_manifest
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
from artifacts.store import Store, index_name, object_name
from foundation.errors import (
    ArtifactCorrupt,
    ArtifactMissing,
    ArtifactVersion,
    EngineError,
    InvalidParams,
    StoreLocked,
    StoreUnavailable,
    UnknownId,
)


def make(store: Store, value: int, kind: str = "numbers") -> Path:
    """An artifact that holds ``value``."""
    digest = digest_of({"value": value})
    writer = ArtifactWriter(store.work_dir(digest) / "assembled")
    writer.array("values", np.full(100, value, dtype=np.int64))
    writer.file("note.txt", b"hello")
    name = store.next_name(kind, digest)
    writer.publish(
        store.place,
        object_name(name),
        kind=kind,
        kind_version=1,
        stage="numbers",
        code_version=1,
        digest=digest,
        params={"value": value},
        inputs={},
        stats={"n": 100},
        measured={"recall": 0.5},
    )
    return store.bring(name)


def release(store: Store, value: int, index: str = "demo") -> str:
    path = make(store, value)
    version = version_name(index, {"numbers": digest_of({"value": value})})
    publish(store, index, {"name": index}, {"numbers": path.name}, version)
    return version


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "store")


def test_an_artifact_comes_back_with_its_facts(store: Store) -> None:
    artifact = Artifact.open(make(store, 3), "numbers", (1,))
    assert artifact.manifest.params == {"value": 3}
    np.testing.assert_array_equal(artifact.array("values"), np.full(100, 3))
    assert artifact.file("note.txt").read_bytes() == b"hello"
    assert artifact.damage() == []


def test_equal_artifacts_have_equal_manifests(tmp_path: Path) -> None:
    texts = [(make(Store.create(tmp_path / name), 3) / MANIFEST).read_bytes() for name in ("a", "b")]
    assert texts[0] == texts[1]


def test_an_artifact_of_another_kind_or_version_is_refused(store: Store) -> None:
    path = make(store, 3)
    with pytest.raises(ArtifactCorrupt, match="is a 'numbers' artifact where 'graph' is needed"):
        Artifact.open(path, "graph", (1,))
    with pytest.raises(ArtifactVersion, match="format version 1 cannot be read, this program reads 2"):
        Artifact.open(path, "numbers", (2,))


def test_an_artifact_without_manifest_is_not_found(store: Store) -> None:
    path = make(store, 3)
    (path / MANIFEST).unlink()
    assert store.find("numbers", digest_of({"value": 3})) is None
    with pytest.raises(ArtifactMissing):
        Artifact.open(path, "numbers", (1,))


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_manifest_raises_our_error_or_reads_the_same(store: Store, data: st.DataObject) -> None:
    found = store.find("numbers", digest_of({"value": 9}))
    path = store.bring(found) if found else make(store, 9)
    good = (path / MANIFEST).read_bytes()
    raw = bytearray(good)
    if data.draw(st.booleans(), label="truncate"):
        raw = raw[: data.draw(st.integers(0, len(raw) - 1), label="length")]
    else:
        raw[data.draw(st.integers(0, len(raw) - 1), label="where")] ^= data.draw(st.integers(1, 255), label="flip")
    try:
        (path / MANIFEST).write_bytes(raw)
        artifact = Artifact.open(path, "numbers", (1,))
        artifact.damage()
        artifact.array("values")
    except EngineError:
        pass
    finally:
        (path / MANIFEST).write_bytes(good)


def test_damage_names_the_file(store: Store) -> None:
    path = make(store, 3)
    file = path / "values.npy"
    raw = bytearray(file.read_bytes())
    raw[-1] ^= 1
    file.write_bytes(raw)
    assert read_manifest(path).n_bytes == file.stat().st_size + 5
    (line,) = Artifact(path, read_manifest(path)).damage()
    assert line == f"{file}: its SHA-256 is not the manifest's"


def test_publish_points_at_the_new_version_and_keeps_the_old(store: Store) -> None:
    first, second = release(store, 1), release(store, 2)
    assert current_version(store, "demo") == second
    assert read_release(store, "demo").version == second
    assert read_release(store, "demo", first[:6]).version == first
    assert {entry.version for entry in releases(store, "demo")} == {first, second}
    point_current(store, "demo", first)
    assert read_release(store, "demo").version == first


def test_publish_refuses_damaged_artifacts_and_leaves_the_pointer(store: Store) -> None:
    first = release(store, 1)
    path = make(store, 2)
    (path / "note.txt").write_bytes(b"hellO")
    with pytest.raises(ArtifactCorrupt, match="build again with --force numbers"):
        publish(store, "demo", {}, {"numbers": path.name}, "0" * 12)
    assert current_version(store, "demo") == first


def test_a_reader_never_sees_a_torn_pointer(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    first = release(store, 1)
    second = release(store, 2)
    point_current(store, "demo", first)

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", crash)
    with pytest.raises(KeyboardInterrupt):
        point_current(store, "demo", second)
    monkeypatch.undo()
    assert read_release(store, "demo").version == first


def test_unknown_index_and_version_name_what_there_is(store: Store) -> None:
    version = release(store, 1)
    with pytest.raises(UnknownId, match=r"no index 'demi' in .*; the nearest are demo"):
        read_release(store, "demi")
    with pytest.raises(UnknownId, match=f"no version 'beef' in index demo; the nearest are {version}"):
        read_release(store, "demo", "beef")


def test_damage_of_a_release_counts_all_files(store: Store) -> None:
    release(store, 1)
    assert damage(store, read_release(store, "demo")) == (2, [])


def test_gc_keeps_the_served_and_the_newest(store: Store) -> None:
    first = release(store, 1)
    for value in (2, 3, 4):
        last = release(store, value)
    stray = make(store, 99)
    point_current(store, "demo", first)
    removed, freed = collect_garbage(store, keep=1)
    kept = {entry.version for entry in releases(store, "demo")}
    assert kept >= {first}
    assert len(kept) <= 2
    assert kept <= {first, last, *(entry for entry in kept)}
    assert not stray.exists()
    assert stray.name in removed
    assert freed > 0
    for entry in releases(store, "demo"):
        assert damage(store, entry) == (2, [])


def test_gc_does_not_run_beside_a_build(store: Store) -> None:
    release(store, 1)
    with store.building("demo"), pytest.raises(StoreLocked):
        collect_garbage(store, keep=1)


def test_a_second_build_of_the_same_index_is_told_who_builds(store: Store) -> None:
    with (
        store.building("demo"),
        store.building("other"),
        pytest.raises(StoreLocked, match=f"process {os.getpid()} .*building demo"),
        store.building("demo"),
    ):
        pass


def test_a_store_of_another_format_version_is_refused(tmp_path: Path) -> None:
    Store.create(tmp_path / "store")
    (tmp_path / "store" / "store.json").write_text(json.dumps({"format_version": 99}))
    with pytest.raises(ArtifactVersion, match="format version 99 cannot be read, this program reads 1"):
        Store.open(tmp_path / "store")


def test_no_store_and_a_strange_directory_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ArtifactMissing, match="no store here; build one with"):
        Store.open(tmp_path / "nowhere")
    (tmp_path / "store.json").write_text("{}")
    with pytest.raises(ArtifactCorrupt, match="not the mark of a store"):
        Store.open(tmp_path)


def test_a_file_where_the_store_should_be_is_refused(tmp_path: Path) -> None:
    write_file(tmp_path / "file", b"")
    with pytest.raises(StoreUnavailable, match="a file stands where a directory is needed"):
        Store.create(tmp_path / "file")


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "..", "a b", "x" * 101])
def test_an_index_name_that_is_no_file_name_is_refused(store: Store, name: str) -> None:
    with pytest.raises(InvalidParams):
        index_name(name)


def test_a_forced_rebuild_takes_the_next_number(store: Store) -> None:
    path = make(store, 3)
    again = make(store, 3)
    assert (path.suffix, again.suffix) == (".0", ".1")
    assert store.find("numbers", digest_of({"value": 3})) == again.name
