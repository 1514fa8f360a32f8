"""Fingerprints: taken from the ledger only where nothing can have changed, and held to while a build reads."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from artifacts.directory import Directory
from artifacts.store import Store
from flows.ledger import LARGEST, NAME, Ledger, read_ledger, write_ledger
from flows.marks import SETTLED_NS, read_mark
from flows.sources import Sources
from foundation.errors import InvalidInput


def later() -> int:
    """A clock by which everything written so far has settled."""
    return time.time_ns() + 2 * SETTLED_NS


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "store")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "docs.jsonl"
    path.write_text("first")
    return path


def remembered(store: Store, source: Path | str, now: int | None = None) -> None:
    sources = Sources(now=later if now is None else lambda: now)
    sources.fingerprint(str(source))
    sources.remember(store)


def known(store: Store) -> Ledger:
    return read_ledger(store.place)


def test_a_source_that_looks_as_it_did_is_not_read_again(store: Store, source: Path) -> None:
    remembered(store, source)
    sources = Sources(known(store), now=later)
    assert sources.fingerprint(str(source)) == sha("first")
    assert not sources.seen[str(source)].read


def test_every_source_is_read_when_times_are_not_trusted(store: Store, source: Path) -> None:
    remembered(store, source)
    sources = Sources(known(store), trust=False, now=later)
    assert sources.fingerprint(str(source)) == sha("first")
    assert sources.seen[str(source)].read


def test_an_edit_within_a_tick_of_the_clock_is_noticed(store: Store, source: Path) -> None:
    mark = read_mark(str(source))
    assert mark is not None
    assert mark.changed_ns is not None
    remembered(store, source, now=mark.changed_ns + SETTLED_NS - 1)
    assert known(store).sources == {}
    assert known(store).sizes == {sha("first"): 5}
    source.write_text("other")  # of the same size
    os.utime(source, ns=(mark.changed_ns, mark.changed_ns))
    assert Sources(known(store), now=later).fingerprint(str(source)) == sha("other")


def test_an_edit_that_restores_size_and_time_is_noticed_by_the_time_of_the_inode(store: Store, source: Path) -> None:
    before = source.stat()
    remembered(store, source)
    time.sleep(0.02)  # more than a tick
    source.write_text("other")
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (source.stat().st_mtime_ns, source.stat().st_size) == (before.st_mtime_ns, before.st_size)
    assert Sources(known(store), now=later).fingerprint(str(source)) == sha("other")


def test_times_in_the_future_are_not_trusted(store: Store, source: Path) -> None:
    remembered(store, source)
    set_back = Sources(known(store), now=lambda: time.time_ns() - 3600 * 10**9)
    set_back.fingerprint(str(source))
    assert set_back.seen[str(source)].read
    os.utime(source, (time.time() + 1e6, time.time() + 1e6))
    remembered(store, source)
    ahead = Sources(known(store), now=later)
    ahead.fingerprint(str(source))
    assert ahead.seen[str(source)].read


def test_a_file_replaced_by_one_of_equal_size_and_time_is_noticed(store: Store, source: Path) -> None:
    remembered(store, source)
    twin = source.with_name("twin")
    twin.write_text("other")
    os.utime(twin, ns=(source.stat().st_atime_ns, source.stat().st_mtime_ns))
    twin.replace(source)
    assert Sources(known(store), now=later).fingerprint(str(source)) == sha("other")


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-30]),
        lambda path: path.write_text(path.read_text().replace(sha("first")[:8], "00000000")),
        lambda path: path.write_text("[1, 2]"),
        lambda path: path.write_text(path.read_text().replace('"format_version": 1', '"format_version": 2')),
        lambda path: path.write_bytes(b"\xff\xfe" + path.read_bytes()),
        lambda path: (path.unlink(), path.mkdir()),
    ],
    ids=["empty", "cut", "a lie about a hash", "no table", "another version", "no text", "a directory"],
)
def test_a_damaged_ledger_is_passed_over(store: Store, source: Path, damage: object) -> None:
    remembered(store, source)
    damage(store.root / NAME)  # type: ignore[operator]
    assert known(store) == Ledger()
    sources = Sources(known(store), now=later)
    assert sources.fingerprint(str(source)) == sha("first")
    assert sources.seen[str(source)].read


def test_a_damaged_ledger_is_written_anew(store: Store, source: Path) -> None:
    (store.root / NAME).write_text("{")
    remembered(store, source)
    assert known(store).sources[str(source)]["sha256"] == sha("first")


def test_what_other_builds_found_stays_in_the_ledger(store: Store, source: Path, tmp_path: Path) -> None:
    (tmp_path / "edges.tsv").write_text("a\tb\n")
    remembered(store, source)
    remembered(store, tmp_path / "edges.tsv")
    assert set(known(store).sources) == {str(source), str(tmp_path / "edges.tsv")}
    written = (store.root / NAME).stat().st_mtime_ns
    again = Sources(known(store), now=later)
    again.fingerprint(str(source))
    again.remember(store)
    assert (store.root / NAME).stat().st_mtime_ns == written


def test_the_ledger_keeps_the_latest_entries_only(tmp_path: Path) -> None:
    many = Ledger(sizes={str(number): number for number in range(LARGEST)})
    joined = many.joined(Ledger(sizes={"new": 1}))
    assert len(joined.sizes) == LARGEST
    assert "new" in joined.sizes
    assert "0" not in joined.sizes
    write_ledger(Directory(tmp_path), joined)
    assert read_ledger(Directory(tmp_path)) == joined
    assert json.loads((tmp_path / NAME).read_text())["format_version"] == 1


def test_a_source_that_grows_while_it_is_hashed_is_refused(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed = hashlib.sha256

    def growing() -> object:
        with source.open("a") as file:
            file.write(" and more")
        return hashed()

    monkeypatch.setattr("flows.sources.hashlib.sha256", growing)
    with pytest.raises(InvalidInput, match=r"docs\.jsonl: changed while it was read; run again"):
        Sources().fingerprint(str(source))


@pytest.mark.parametrize("trust", [True, False])
@pytest.mark.parametrize("now", [time.time_ns, later], ids=["young", "settled"])
def test_a_source_that_changes_after_it_was_hashed_is_refused(source: Path, trust: bool, now: object) -> None:
    sources = Sources(trust=trust, now=now)  # type: ignore[arg-type]
    sources.fingerprint(str(source))
    sources.check(str(source))
    source.touch()
    sources.check(str(source))  # another time, the same content
    source.write_text("other")
    with pytest.raises(InvalidInput, match="changed while it was read"):
        sources.check(str(source))
    source.unlink()
    with pytest.raises(InvalidInput, match="no such file"):
        sources.check(str(source))


def test_one_build_sees_one_fingerprint(source: Path) -> None:
    sources = Sources()
    first = sources.fingerprint(str(source))
    source.write_text("other")
    assert sources.fingerprint(str(source)) == first


@pytest.mark.parametrize("name", ["", "nowhere/docs.jsonl"])
def test_what_is_no_file_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInput, match=r"is a directory|no such file"):
        Sources().fingerprint(str(tmp_path / name))


class TaggedFiles(MemoryFileSystem):
    """Files in memory at a place that tells what `told` says."""

    protocol = "tagged"
    store: ClassVar[dict[str, object]] = {}
    told: ClassVar[dict[str, object]] = {}

    def info(self, path: str, **options: object) -> dict[str, object]:
        return {**super().info(path, **options), **self.told}


@pytest.fixture
def tagged() -> Iterator[type[TaggedFiles]]:
    fsspec.register_implementation("tagged", TaggedFiles, clobber=True)
    with fsspec.open("tagged://bucket/docs.jsonl", "wb") as file:
        file.write(b"first")
    yield TaggedFiles
    TaggedFiles.store.clear()
    TaggedFiles.told = {}


URL = "tagged://bucket/docs.jsonl"


@pytest.mark.parametrize(
    ("told", "is_read"),
    [
        ({}, True),
        ({"ETag": '"5d41"'}, False),
        ({"etag": "5d41"}, False),
        ({"ETag": 'W/"5d41"'}, True),
        ({"ETag": 'W/"5d41"', "LastModified": datetime(2026, 1, 1, tzinfo=UTC)}, False),
        ({"LastModified": datetime(2026, 1, 1)}, False),  # some places leave out the zone
        ({"last_modified": "Thu, 01 Jan 2026 00:00:00 GMT"}, False),
        ({"updated": "2026-01-01T00:00:00+00:00"}, False),
        ({"mtime": 1_767_225_600.0}, False),
        ({"mtime": 4_000_000_000.0}, True),
        ({"LastModified": "some day"}, True),
        ({"size": None, "ETag": '"5d41"'}, True),
    ],
    ids=str,
)
def test_an_object_is_read_again_unless_its_place_vouches_for_it(
    store: Store, tagged: type[TaggedFiles], told: dict[str, object], is_read: bool
) -> None:
    tagged.told = told
    remembered(store, URL)
    sources = Sources(known(store), now=later)
    assert sources.fingerprint(URL) == sha("first")
    assert sources.seen[URL].read == is_read


@pytest.mark.parametrize("told", [{"ETag": '"77aa"'}, {}], ids=["another tag", "no tag"])
def test_a_changed_object_is_noticed(store: Store, tagged: type[TaggedFiles], told: dict[str, object]) -> None:
    tagged.told = {"ETag": '"5d41"'}
    remembered(store, URL)
    sources = Sources(known(store), now=later)
    sources.fingerprint(URL)
    with fsspec.open(URL, "wb") as file:
        file.write(b"other")
    tagged.told = told
    with pytest.raises(InvalidInput, match="changed while it was read"):
        sources.check(URL)
    assert Sources(known(store), now=later).fingerprint(URL) == sha("other")


def test_a_missing_object_is_refused(tagged: type[TaggedFiles]) -> None:
    with pytest.raises(InvalidInput, match="no such file"):
        Sources().fingerprint("tagged://bucket/nothing")


def test_a_file_url_is_the_file(store: Store, source: Path) -> None:
    remembered(store, f"file://{source}")
    sources = Sources(known(store), now=later)
    assert sources.fingerprint(f"file://{source}") == sha("first")
    assert not sources.seen[f"file://{source}"].read


def test_a_copy_kept_elsewhere_is_always_read(tagged: type[TaggedFiles]) -> None:
    tagged.told = {"ETag": '"5d41"'}
    assert read_mark(URL) is not None
    assert read_mark(f"simplecache::{URL}") is None
