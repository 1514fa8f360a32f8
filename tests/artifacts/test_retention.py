"""Retention: old versions go in the order they were made, and never what is served or still named."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artifacts.artifact import ArtifactWriter
from artifacts.manifest import digest_of, sealed, unsealed
from artifacts.publish import current_version, damage, point_current, read_release, releases, write_release
from artifacts.reports import write_report
from artifacts.retention import RetentionParams, apply_retention
from artifacts.store import Store, object_name
from foundation.errors import ArtifactCorrupt, InvalidParams, StoreLocked


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "store")


def artifact(store: Store, value: int) -> Path:
    """An artifact that holds ``value``; the one there is, if there is one."""
    digest = digest_of({"value": value})
    if (existing := store.find("numbers", digest)) is not None:
        return store.bring(existing)
    writer = ArtifactWriter(store.work_dir(digest) / "assembled")
    writer.array("values", np.full(100, value))
    name = store.next_name("numbers", digest)
    writer.publish(
        store.place,
        object_name(name),
        kind="numbers",
        kind_version=1,
        stage="numbers",
        code_version=1,
        digest=digest,
        params={},
        inputs={},
        stats={},
        measured={},
    )
    return store.bring(name)


def release(
    store: Store, value: int, *, index: str = "demo", created: str | None = None, served: bool = True, shared: int = 0
) -> str:
    """A version of ``index`` with an artifact of its own and one that it shares with others."""
    version = f"{value:012x}"
    stages = {"own": artifact(store, value), "shared": artifact(store, 1_000_000 + shared)}
    write_release(store, index, {"name": index}, {stage: path.name for stage, path in stages.items()}, version)
    if created is not None:
        path = store.root / "indexes" / index / "versions" / f"{version}.json"
        path.write_text(sealed(unsealed(json.loads(path.read_text())) | {"created": created}))
    if served:
        point_current(store, index, version)
    outcome = "published" if served else "withheld"
    write_report(store, index, version, {"json": json.dumps({"outcome": outcome}), "md": "text"})
    return version


def days_ago(days: float) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="seconds")


def kept(store: Store, index: str = "demo") -> set[str]:
    """Versions that are there; each must be whole, and the served one among them."""
    found = releases(store, index)
    assert all(damage(store, entry)[1] == [] for entry in found)
    served = current_version(store, index)
    assert served is None or served in {entry.version for entry in found}
    return {entry.version for entry in found}


def test_without_limits_nothing_goes(store: Store) -> None:
    versions = [release(store, value) for value in range(4)]
    assert apply_retention(store, "demo", RetentionParams()) == ([], 0)
    assert kept(store) == set(versions)


def test_as_many_stay_as_asked_besides_the_served(store: Store) -> None:
    versions = [release(store, value, created=days_ago(10 - value)) for value in range(5)]
    removed, freed = apply_retention(store, "demo", RetentionParams(keep=2))
    assert removed == versions[:2]
    assert freed > 1600
    assert kept(store) == set(versions[2:])
    assert sorted(path.name for path in (store.root / "indexes" / "demo" / "reports").iterdir()) == sorted(
        f"{version}.{form}" for version in versions[2:] for form in ("json", "md")
    )
    assert apply_retention(store, "demo", RetentionParams(keep=2)) == ([], 0)


def test_what_goes_takes_only_its_own_artifacts(store: Store) -> None:
    old, new = (release(store, value, created=days_ago(9 - value)) for value in (1, 2))
    release(store, 3, created=days_ago(1))
    stray, other = artifact(store, 77), release(store, 1, index="other")
    work = store.work_dir("f" * 32)
    work.mkdir(parents=True)
    removed, _ = apply_retention(store, "demo", RetentionParams(keep=1))
    assert removed == [old]
    assert artifact(store, 1).exists()  # the other index names it
    assert kept(store, "other") == {other}
    assert new in kept(store)
    assert stray.exists()
    assert work.exists()
    (store.root / "indexes" / "other" / "versions" / f"{other}.json").unlink()
    release(store, 4)
    assert apply_retention(store, "demo", RetentionParams(keep=1))[0] == [new]
    assert store.find("numbers", digest_of({"value": 2})) is None


def test_age_keeps_the_young_beyond_the_number(store: Store) -> None:
    ages = (40, 30, 20, 10, 5, 1)
    versions = [release(store, value, created=days_ago(age)) for value, age in enumerate(ages)]
    assert apply_retention(store, "demo", RetentionParams(keep=1, keep_days=15))[0] == versions[:3]
    assert apply_retention(store, "demo", RetentionParams(keep_days=7))[0] == versions[3:4]
    assert kept(store) == set(versions[4:])


def test_the_served_version_stays_however_old_it_is(store: Store) -> None:
    versions = [release(store, value, created=days_ago(100 - value)) for value in range(5)]
    point_current(store, "demo", versions[0])
    assert apply_retention(store, "demo", RetentionParams(keep=1))[0] == versions[1:4]
    assert kept(store) == {versions[0], versions[4]}


def test_the_version_served_until_now_stays_once_more(store: Store) -> None:
    versions = [release(store, value, created=days_ago(100 - value)) for value in range(4)]
    params = RetentionParams(keep=1)
    assert apply_retention(store, "demo", params, before=versions[0])[0] == [versions[1]]
    assert apply_retention(store, "demo", params)[0] == [versions[0]]


def test_withheld_versions_do_not_push_out_the_published(store: Store) -> None:
    good = [release(store, value, created=days_ago(50 - value)) for value in range(3)]
    withheld = [release(store, 10 + value, created=days_ago(20 - value), served=False) for value in range(4)]
    assert apply_retention(store, "demo", RetentionParams(keep=1))[0] == [good[0], *withheld[:3]]
    assert kept(store) == {good[1], good[2], withheld[3]}


def test_order_is_that_of_the_builds_though_the_clock_went_back(store: Store) -> None:
    params = RetentionParams(keep=2)
    first = release(store, 1, created=days_ago(-400))  # a clock more than a year ahead
    apply_retention(store, "demo", params)
    second = release(store, 2, created=days_ago(-399))
    apply_retention(store, "demo", params, before=first)
    third = release(store, 3, created=days_ago(0))  # set right
    assert apply_retention(store, "demo", params, before=second) == ([], 0)
    fourth = release(store, 4, created=days_ago(0))
    assert apply_retention(store, "demo", params, before=third)[0] == [first]
    release(store, 5, created=days_ago(0))
    assert apply_retention(store, "demo", params, before=fourth)[0] == [second]


def test_an_old_version_served_again_counts_as_new(store: Store) -> None:
    params = RetentionParams(keep=2)
    versions = [release(store, value, created=days_ago(9 - value)) for value in range(3)]
    apply_retention(store, "demo", params)
    point_current(store, "demo", versions[0])
    apply_retention(store, "demo", params)
    fourth = release(store, 3, created=days_ago(1))
    assert apply_retention(store, "demo", params, before=versions[0])[0] == [versions[1]]
    assert kept(store) == {versions[0], versions[2], fourth}


@pytest.mark.parametrize("created", ["2999-01-01T00:00:00+00:00", "", "yesterday", "2026-02-30"])
def test_a_time_that_cannot_be_is_not_old(store: Store, created: str) -> None:
    odd = release(store, 1, created=created)
    release(store, 2)
    assert apply_retention(store, "demo", RetentionParams(keep_days=0.5)) == ([], 0)
    assert odd in kept(store)


def test_a_damaged_memory_of_the_order_gives_way_to_times(store: Store) -> None:
    versions = [release(store, value, created=days_ago(9 - n)) for n, value in enumerate((3, 1, 2))]
    (store.root / "indexes" / "demo" / "order.json").write_text("{")
    assert apply_retention(store, "demo", RetentionParams(keep=1))[0] == [versions[0]]


@pytest.mark.parametrize("index", ["demo", "other"])
def test_a_damaged_release_keeps_everything(store: Store, index: str) -> None:
    versions = [release(store, value) for value in range(4)]
    broken = release(store, 50, index=index)
    point_current(store, "demo", versions[-1])
    path = store.root / "indexes" / index / "versions" / f"{broken}.json"
    path.write_text(path.read_text()[:40])
    before = sorted(path.name for path in store.objects.iterdir())
    with pytest.raises(ArtifactCorrupt, match=broken):
        apply_retention(store, "demo", RetentionParams(keep=1))
    assert sorted(path.name for path in store.objects.iterdir()) == before
    assert all((store.root / "indexes" / "demo" / "versions" / f"{version}.json").exists() for version in versions)


@pytest.mark.parametrize("pointer", ["f" * 12, ""])
def test_a_pointer_to_nothing_keeps_everything(store: Store, pointer: str) -> None:
    versions = [release(store, value) for value in range(4)]
    point_current(store, "demo", pointer)
    assert apply_retention(store, "demo", RetentionParams(keep=1)) == ([], 0)
    assert {entry.version for entry in releases(store, "demo")} == set(versions)


def test_it_does_not_run_beside_a_build(store: Store) -> None:
    versions = [release(store, value) for value in range(3)]
    with store.building("other"), pytest.raises(StoreLocked, match="locked by"):
        apply_retention(store, "demo", RetentionParams(keep=1))
    assert kept(store) == set(versions)


@pytest.mark.parametrize(("name", "value"), [("keep", 0), ("keep", -1), ("keep_days", -1.0), ("keep_days", 1e9)])
def test_limits_that_would_harm_are_refused(name: str, value: float) -> None:
    with pytest.raises(InvalidParams, match=name):
        RetentionParams(**{name: value})  # type: ignore[arg-type]


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    return tmp_path / "scratch"


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    nights=st.lists(st.tuples(st.floats(-500, 500), st.booleans(), st.integers(0, 2)), min_size=1, max_size=8),
    keep=st.one_of(st.none(), st.integers(1, 3)),
    keep_days=st.one_of(st.none(), st.floats(0, 300)),
)
def test_whatever_the_clock_says_the_served_version_is_whole(
    scratch: Path, nights: list[tuple[float, bool, int]], keep: int | None, keep_days: float | None
) -> None:
    shutil.rmtree(scratch, ignore_errors=True)
    store = Store.create(scratch)
    params = RetentionParams(keep=keep, keep_days=keep_days)
    for value, (age, served, shared) in enumerate(nights):
        before = current_version(store, "demo")
        built = release(store, value, created=days_ago(age), served=served, shared=shared)
        there = {entry.version for entry in releases(store, "demo")}
        removed, _ = apply_retention(store, "demo", params, before=before)
        left = kept(store)
        assert left == there - set(removed)
        assert {version for version in (before, current_version(store, "demo")) if version} <= left
        if keep is not None:
            assert built in left
            assert len(left) >= min(len(there), keep)
    assert current_version(store, "demo") is None or read_release(store, "demo")
