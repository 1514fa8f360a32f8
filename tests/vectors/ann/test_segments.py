"""A growing index against a plain one over what is alive, its states, its writers and its files."""

from __future__ import annotations

import dataclasses
import fcntl
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.errors import (
    ArtifactCorrupt,
    ArtifactMissing,
    ArtifactVersion,
    InvalidInput,
    InvalidQuery,
    StoreLocked,
    StoreUnavailable,
    UnknownId,
)
from tests.vectors.ann.test_index import mixture
from vectors.ann import segments as ann_segments
from vectors.ann.exact import exact_top_k
from vectors.ann.params import ANNParams
from vectors.ann.segments import SegmentedIndex

PARAMS = ANNParams(metric="l2", kind="flat")


def expected(vectors: npt.NDArray[Any], alive: list[int], queries: npt.NDArray[Any], k: int) -> Any:
    """Brute force over what is alive."""
    ids = np.array(sorted(alive), dtype=np.int64)
    rows, values = exact_top_k(vectors[ids], queries, k, metric="l2")
    return np.where(rows >= 0, ids[rows] if ids.size else -1, -1), values


@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_after_any_changes_it_answers_like_an_index_of_what_is_alive(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    draw = np.random.default_rng(data.draw(st.integers(0, 99), label="seed"))
    vectors = draw.integers(-2, 3, (60, 3)).astype(np.float32)
    first = data.draw(st.integers(0, 12), label="first")
    index = SegmentedIndex.create(tmp_path_factory.mktemp("growing"), vectors[:first], PARAMS)
    alive, n = set(range(first)), first
    for _ in range(data.draw(st.integers(0, 5), label="changes")):
        change = data.draw(st.sampled_from(["append", "delete", "compact", "prune", "open"]), label="change")
        if change == "append":
            more = data.draw(st.integers(0, 9), label="more")
            index, ids = index.append(vectors[n : n + more])
            assert ids.tolist() == list(range(n, n + more))
            alive |= set(ids.tolist())
            n += more
        elif change == "delete" and alive:
            gone = data.draw(st.lists(st.sampled_from(sorted(alive)), max_size=6), label="gone")
            index = index.delete(gone)
            alive -= set(gone)
        elif change == "compact":
            index = index.compact()
            assert len(index.segments) == 1
            assert index.deleted.size == 0
        elif change == "prune":
            index.prune()
        else:
            index = SegmentedIndex.open(index.directory)
    assert index.n_rows == len(alive)
    rows, values = index.search(vectors[:10], 7)
    true_rows, true_values = expected(vectors, list(alive), vectors[:10], 7)
    assert rows.tobytes() == true_rows.tobytes()
    assert values.tobytes() == true_values.tobytes()


@pytest.mark.parametrize("kind", ["hnsw", "ivf", "rabitq"])
def test_other_kinds_find_most_and_nothing_that_is_deleted(kind: Any, tmp_path: Path) -> None:
    both = mixture(3100, 32, 30)
    params = dataclasses.replace(PARAMS, kind=kind)
    index = SegmentedIndex.create(tmp_path, both[:2000], params)
    index, _ = index.append(both[2000:3000])
    gone = np.arange(0, 3000, 5)
    index = index.delete(gone)
    rows, values = index.search(both[3000:], 10)
    assert not np.isin(rows, gone).any()
    _, true = expected(both, sorted(set(range(3000)) - set(gone.tolist())), both[3000:], 10)
    assert (values <= true[:, 9:]).mean() >= 0.9
    compacted = index.compact()
    assert compacted.n_rows == 2400
    assert (compacted.search(both[3000:], 10)[1] <= true[:, 9:]).mean() >= 0.9


def test_a_state_that_is_open_stays_what_it_was(tmp_path: Path) -> None:
    vectors = mixture(300, 8, 5)
    before = SegmentedIndex.create(tmp_path, vectors[:200], PARAMS)
    answer = before.search(vectors[:20], 5)
    after, _ = before.append(vectors[200:])
    after = after.delete([0, 1, 2, 250]).compact()
    assert set(after.prune()) == {
        "segment-000001",
        "segment-000002",
        "deleted-000001.npy",
        "deleted-000002.npy",
        "deleted-000003.npy",
    }
    again = before.search(vectors[:20], 5)
    assert (answer[0].tobytes(), answer[1].tobytes()) == (again[0].tobytes(), again[1].tobytes())
    assert SegmentedIndex.open(tmp_path).generation == after.generation == 4


def test_opening_while_somebody_prunes_takes_the_newer_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = mixture(300, 8, 5)
    index = SegmentedIndex.create(tmp_path, vectors[:200], PARAMS)
    reading = ann_segments.read_state
    states: list[Any] = []

    def read_then_change(place: Path) -> Any:
        found = reading(place)
        states.append(found)
        if len(states) == 1:
            monkeypatch.setattr(ann_segments, "read_state", reading)
            index.compact().prune()
            monkeypatch.setattr(ann_segments, "read_state", read_then_change)
        return found

    monkeypatch.setattr(ann_segments, "read_state", read_then_change)
    assert SegmentedIndex.open(tmp_path).generation == 2
    assert [state["generation"] for state in states] == [1, 2, 2]


def test_ids_are_never_used_again(tmp_path: Path) -> None:
    vectors = mixture(60, 4, 3)
    index = SegmentedIndex.create(tmp_path, vectors[:50], PARAMS).delete([48, 49]).compact()
    _, ids = index.append(vectors[50:])
    assert ids.tolist() == list(range(50, 60))


def test_deleted_and_excluded_ids_stay_out(tmp_path: Path) -> None:
    vectors = mixture(50, 4, 3)
    index = SegmentedIndex.create(tmp_path, vectors, PARAMS).delete([7])
    rows, _ = index.search(vectors[[7, 9]], 3, exclude=[8, 9])
    assert 7 not in rows
    assert 9 not in rows[1]
    assert index.delete([7, 7]).n_rows == 49


def test_a_change_to_a_state_that_is_not_current_is_refused(tmp_path: Path) -> None:
    vectors = mixture(50, 4, 3)
    old = SegmentedIndex.create(tmp_path, vectors, PARAMS)
    old.delete([1])
    for change in (lambda: old.delete([2]), lambda: old.append(vectors), old.compact):
        with pytest.raises(InvalidQuery, match="open it again"):
            change()
    assert SegmentedIndex.open(tmp_path).n_rows == 49


def test_a_second_writer_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    vectors = mixture(50, 4, 3)
    index = SegmentedIndex.create(tmp_path, vectors, PARAMS)
    with (tmp_path / "lock").open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        for change in (lambda: index.delete([2]), lambda: index.append(vectors), index.prune):
            with pytest.raises(StoreLocked, match="another writer"):
                change()
    assert index.delete([2]).n_rows == 49


def test_a_writer_that_dies_leaves_the_state_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = mixture(80, 4, 3)
    index = SegmentedIndex.create(tmp_path, vectors[:50], PARAMS)

    def die(*given: Any) -> None:
        raise KeyboardInterrupt

    for step in ("write_array", "write_state"):
        with monkeypatch.context() as patch:
            patch.setattr(ann_segments, step, die)
            with pytest.raises(KeyboardInterrupt):
                index.append(vectors[50:])
        assert SegmentedIndex.open(tmp_path).n_rows == 50
    assert index.append(vectors[50:])[0].n_rows == 80


@pytest.mark.parametrize(
    "name", ["current.json", "segment-000001/ids.npy", "deleted-000002.npy", "segment-000001/ann.json"]
)
def test_damage_is_noticed(name: str, tmp_path: Path) -> None:
    SegmentedIndex.create(tmp_path, mixture(50, 4, 3), PARAMS).delete([3])
    path = tmp_path / name
    content = path.read_bytes()
    path.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    with pytest.raises(ArtifactCorrupt):
        SegmentedIndex.open(tmp_path)
    path.unlink()
    with pytest.raises(ArtifactMissing):
        SegmentedIndex.open(tmp_path)


def test_another_version_and_other_documents_are_refused(tmp_path: Path) -> None:
    SegmentedIndex.create(tmp_path, mixture(50, 4, 3), PARAMS)
    path = tmp_path / "current.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps(document | {"format_version": 2}))
    with pytest.raises(ArtifactVersion):
        SegmentedIndex.open(tmp_path)
    path.write_text("[]")
    with pytest.raises(ArtifactCorrupt):
        SegmentedIndex.open(tmp_path)


def test_what_cannot_be_done_is_refused(tmp_path: Path) -> None:
    vectors = mixture(50, 4, 3)
    index = SegmentedIndex.create(tmp_path / "one", vectors, PARAMS)
    with pytest.raises(InvalidInput, match="holds an index already"):
        SegmentedIndex.create(tmp_path / "one", vectors, PARAMS)
    with pytest.raises(UnknownId, match="'50'"):
        index.delete([3, 50])
    with pytest.raises(InvalidInput):
        index.append(vectors * np.nan)
    with pytest.raises(InvalidInput, match="width"):
        index.append(vectors[:, :3])
    with pytest.raises(InvalidQuery, match="k = 0"):
        index.search(vectors, 0)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable):
        SegmentedIndex.create(tmp_path / "file" / "index", vectors, PARAMS)
