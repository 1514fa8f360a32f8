"""An index that grows: vectors are appended as segments, deleted by tombstones, and put together again when asked.

``current.json``         which segments there are and which ids are deleted; replaced as a whole, so whoever opens the
                         directory sees the state before a change or after it
``segment-000001/``      an `ANNIndex`, and ``ids.npy``: int64 (n,), ascending, the id of each of its rows
``deleted-000002.npy``   int64, ascending: ids that are deleted and still lie in a segment

Numbers are those of the change (generation) that wrote the file. Files never change, so an opened index stays what it
was.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from foundation.errors import ArtifactMissing, InvalidInput, InvalidQuery, StoreUnavailable, UnknownId
from vectors.ann.exact import best_k
from vectors.ann.index import ANNIndex, ANNParams
from vectors.ann.params import stated
from vectors.ann.segment_files import CURRENT, file_hash, locked, read_array, read_state, write_array, write_state
from vectors.metrics import Float32s, Int64s, check_k, parse_exclude

_TRIES: Final = 5  # to open while somebody prunes


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Segment:
    """An index, the id of each of its rows, and which of them are alive (None: all)."""

    name: str
    index: ANNIndex
    ids: Int64s
    alive: npt.NDArray[np.bool_] | None


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SegmentedIndex:
    """One state of a growing index; changes give another one and leave this as it is.

    Attributes
    ----------
    generation : changes made before this state
    next_id : the id the next vector gets; ids are never used again
    deleted : int64, ascending; ids deleted and not yet compacted away
    """

    directory: Path
    params: ANNParams
    segments: Sequence[Segment]
    deleted: Int64s
    generation: int
    next_id: int

    @classmethod
    def create(
        cls, directory: Path | str, vectors: npt.NDArray[Any], params: ANNParams | None = None, *, n_threads: int = 1
    ) -> SegmentedIndex:
        """Index ``vectors`` under the ids 0, 1, …; the directory must not hold such an index yet.

        Raises
        ------
        InvalidInput
            When there is one.
        """
        place = Path(directory)
        try:
            place.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            what = f"cannot be made ({error.strerror})"
            raise StoreUnavailable(path=str(place), what=what, fix="check permissions") from error
        if (place / CURRENT).exists():
            raise InvalidInput(
                source=str(place), what="holds an index already", fix="open it, or take another directory"
            )
        empty = cls(
            directory=place,
            params=params or ANNParams(),
            segments=(),
            deleted=np.zeros(0, dtype=np.int64),
            generation=0,
            next_id=0,
        )
        return empty._with_segment(vectors, np.arange(len(vectors)), n_threads)

    @classmethod
    def open(cls, directory: Path | str, *, verify: bool = True) -> SegmentedIndex:
        """The state that was current when this was called.

        Raises
        ------
        ArtifactMissing, ArtifactCorrupt, ArtifactVersion
            For a file that is not there, differs from what was written, or is of another format version.
        """
        place = Path(directory)
        for attempt in range(_TRIES):
            document = read_state(place)
            try:
                return _opened(cls, place, document, verify)
            except ArtifactMissing:
                # A newer state may have been put in place, and the files of this one removed, in between.
                if attempt + 1 == _TRIES or read_state(place)["generation"] == document["generation"]:
                    raise
        raise AssertionError("the loop returns or raises")

    @property
    def n_rows(self) -> int:
        """Vectors that can be found."""
        return sum(segment.ids.size for segment in self.segments) - self.deleted.size

    def search(
        self, queries: npt.ArrayLike, k: int = 10, *, exclude: npt.ArrayLike | None = None, n_threads: int = 1
    ) -> tuple[Int64s, Float32s]:
        """As `ANNIndex.search`, of the vectors that are alive; ids take the place of rows."""
        check_k(k)
        asked = np.asarray(queries)
        left_out = parse_exclude(exclude, asked.shape[0] if asked.ndim == 2 else 0)
        found = []
        for segment in self.segments:
            rows, values = segment.index.search(asked, k + left_out.shape[1], where=segment.alive, n_threads=n_threads)
            query_of, rank = np.nonzero(rows >= 0)
            found.append((query_of, segment.ids[rows[query_of, rank]], values[query_of, rank]))
        return best_k(found, asked.shape[0], k, left_out, self.params.metric)

    def append(self, vectors: npt.NDArray[Any], *, n_threads: int = 1) -> tuple[SegmentedIndex, Int64s]:
        """The state with more vectors, and their ids.

        Raises
        ------
        InvalidInput
            When they are of another width than those that are there.
        """
        dim = self.segments[0].index.dim
        if vectors.ndim != 2 or vectors.shape[1] != dim:
            raise InvalidInput(
                source="vectors",
                what=f"shape {vectors.shape}, the index's have width {dim}",
                fix="pass rows of that width",
            )
        ids = self.next_id + np.arange(len(vectors))
        return self._with_segment(vectors, ids, n_threads), ids

    def delete(self, ids: npt.ArrayLike) -> SegmentedIndex:
        """The state without some ids; those deleted before may be among them.

        Raises
        ------
        UnknownId
            For an id that never was or is gone for good.
        """
        given = np.unique(np.asarray(ids, dtype=np.int64))
        known = np.concatenate([segment.ids for segment in self.segments])
        unknown = np.setdiff1d(given, known)
        if unknown.size:
            raise UnknownId(kind="vector", id=str(unknown[0]), where=str(self.directory))
        deleted = np.union1d(self.deleted, given)
        with locked(self.directory):
            self._check_current()
            self._publish([segment.name for segment in self.segments], deleted, self.next_id)
        return SegmentedIndex.open(self.directory, verify=False)

    def compact(self, *, n_threads: int = 1) -> SegmentedIndex:
        """The state with one segment of everything alive, built from the vectors as they are stored.

        Under cosine those are of length one, and lengths are rounded anew: values may change in their last bit.
        """
        ids, rows = [], []
        for segment in self.segments:
            alive = np.arange(segment.ids.size) if segment.alive is None else np.flatnonzero(segment.alive)
            ids.append(segment.ids[alive])
            rows.append(_stored_rows(segment.index)[alive])
        every, order = np.concatenate(ids), np.argsort(np.concatenate(ids))
        return self._with_segment(np.concatenate(rows)[order], every[order], n_threads, alone=True)

    def prune(self) -> list[str]:
        """Remove the files of earlier states from the disk, and tell which; states that are open keep theirs."""
        with locked(self.directory):
            current = read_state(self.directory)
            named = {segment["name"] for segment in current["segments"]} | {current["deleted"]["name"]}
            gone = [
                path
                for pattern in ("segment-*", "deleted-*")
                for path in sorted(self.directory.glob(pattern))
                if path.name not in named
            ]
            for path in gone:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            return [path.name for path in gone]

    def _with_segment(
        self, vectors: npt.NDArray[Any], ids: Int64s, n_threads: int, *, alone: bool = False
    ) -> SegmentedIndex:
        name, place = f"segment-{self.generation + 1:06d}", self.directory
        index = ANNIndex.build(vectors, self.params, n_threads=n_threads)
        names = [name] if alone else [*(segment.name for segment in self.segments), name]
        next_id = max(self.next_id, int(ids[-1]) + 1 if ids.size else 0)
        with locked(place):
            self._check_current()
            index.save(place / name)
            write_array(place / name / "ids.npy", ids)
            self._publish(names, np.zeros(0, dtype=np.int64) if alone else self.deleted, next_id)
        return SegmentedIndex.open(place, verify=False)

    def _publish(self, names: Sequence[str], deleted: Int64s, next_id: int) -> None:
        """Make a state the current one; the caller holds the lock."""
        number, place = self.generation + 1, self.directory
        tombstones = f"deleted-{number:06d}.npy"
        write_array(place / tombstones, deleted)
        body = {
            "params": stated(self.params),
            "generation": number,
            "next_id": next_id,
            "segments": [{"name": name, "ids": file_hash(place / name / "ids.npy")} for name in names],
            "deleted": {"name": tombstones, "sha256": file_hash(place / tombstones)},
        }
        write_state(place, body)

    def _check_current(self) -> None:
        """Refuse to change a state that somebody has changed already: their change would be lost."""
        path = self.directory / CURRENT
        found = read_state(self.directory)["generation"] if path.exists() else 0
        if found != self.generation:
            raise InvalidQuery(
                what=f"{self.directory} is at change {found}, this state at {self.generation}", fix="open it again"
            )


def _opened(cls: type[SegmentedIndex], place: Path, document: dict[str, Any], verify: bool) -> SegmentedIndex:
    deleted = read_array(place / document["deleted"]["name"], document["deleted"]["sha256"], verify=verify)
    segments = []
    for told in document["segments"]:
        ids = read_array(place / told["name"] / "ids.npy", told["ids"], verify=verify)
        alive = ~np.isin(ids, deleted, assume_unique=True)
        index = ANNIndex.open(place / told["name"], verify=verify)
        segments.append(Segment(name=told["name"], index=index, ids=ids, alive=None if alive.all() else alive))
    return cls(
        directory=place,
        params=ANNParams(**document["params"]),
        segments=segments,
        deleted=deleted,
        generation=document["generation"],
        next_id=document["next_id"],
    )


def _stored_rows(index: ANNIndex) -> Float32s:
    """Every row of an index as it is stored, float32 (n_rows, dim)."""
    rows = np.empty((index.n_rows, index.dim), dtype=np.float32)
    for shard in index.shards:
        rows[shard.ids] = shard.vectors.take(np.arange(len(shard.ids)))
        rows[shard.copies[:, 1]] = rows[shard.copies[:, 0]]
    return rows
