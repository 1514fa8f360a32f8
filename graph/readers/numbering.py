"""Ids to rows, in bulk: rows are the ranks of the sorted ids."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from foundation.errors import InvalidInput
from foundation.ids import Ids, StringIds
from graph.ids import integer_ids
from graph.kernels.interning import fill_slots, intern_keys
from graph.kernels.ranking import look_up, mark, pack, rank_packed
from graph.readers.batches import Batch

_Rows = npt.NDArray[Any]
_SEEDS = (0x51AB, 0xC0DE5)
_SLICE = 1 << 20
# A bit map of the ids costs less than a hash table while they fill this share of their range.
_DENSE = 1 / 16


class Interner:
    """Codes for 128-bit keys, in order of first appearance."""

    def __init__(self) -> None:
        self.n_known = 0
        self._slots = np.full(1 << 12, -1, dtype=np.int32)
        self._known = np.empty((1 << 11, 2), dtype=np.uint64)
        self._fresh = np.empty(1 << 11, dtype=np.int64)

    def codes(
        self, keys: npt.NDArray[np.uint64], checks: npt.NDArray[np.uint64]
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        """Code of every key, and the positions where codes not met before appeared."""
        codes = np.empty(keys.size, dtype=np.int32)
        n_before, position = self.n_known, 0
        while position < keys.size:
            position, self.n_known = intern_keys(
                keys, checks, position, self._slots, self._known, self.n_known, codes, self._fresh
            )
            if position < keys.size:
                self._grow()
        return codes, self._fresh[n_before : self.n_known].copy()

    def _grow(self) -> None:
        if self._slots.size >= 1 << 32:
            raise InvalidInput(source="ids", what="more than 2**31 distinct ids", fix="number the nodes 0 … n-1 first")
        self._slots = np.full(4 * self._slots.size, -1, dtype=np.int32)
        self._known = np.concatenate((self._known, np.empty((3 * self._known.shape[0], 2), dtype=np.uint64)))
        self._fresh = np.concatenate((self._fresh, np.empty(3 * self._fresh.size, dtype=np.int64)))
        fill_slots(self._known, self.n_known, self._slots)


class IntegerNumbering:
    """Collects the ends of edges that are int64."""

    def __init__(self) -> None:
        self._src: list[_Rows] = []
        self._dst: list[_Rows] = []

    def add(self, batch: Batch) -> None:
        self._src.append(_narrow(np.asarray(batch.src)))
        self._dst.append(_narrow(np.asarray(batch.dst)))

    def finish(self) -> tuple[Ids, _Rows, _Rows]:
        """Sorted ids, and the rows of both ends of every edge."""
        src, dst = _joined(self._src), _joined(self._dst)
        if src.size == 0:
            return integer_ids(np.empty(0, dtype=np.int64)), src, dst
        low, high = min(int(src.min()), int(dst.min())), max(int(src.max()), int(dst.max()))
        if (high - low + 1) * _DENSE > 2 * src.size:
            shift = (2 * src.size).bit_length()
            if shift <= 31 and (high - low).bit_length() + shift <= 64:
                return _sorted(src, dst, low, shift)
            return self._sparse(src, dst)
        present = np.zeros(high - low + 1, dtype=bool)
        mark(src, low, present)
        mark(dst, low, present)
        n_nodes = int(np.count_nonzero(present))
        rank = np.cumsum(present, dtype=np.int32 if n_nodes < 2**31 else np.int64)
        np.subtract(rank, 1, out=rank)
        rows = np.empty(src.size, dtype=rank.dtype), np.empty(dst.size, dtype=rank.dtype)
        look_up(src, low, rank, rows[0])
        look_up(dst, low, rank, rows[1])
        return integer_ids(np.flatnonzero(present) + low), *rows

    def _sparse(self, src: _Rows, dst: _Rows) -> tuple[Ids, _Rows, _Rows]:
        interner = Interner()
        values: list[_Rows] = []
        coded = []
        for ends in (src, dst):
            codes = np.empty(ends.size, dtype=np.int32)
            for start in range(0, ends.size, _SLICE):
                part = ends[start : start + _SLICE].astype(np.int64)
                keys = pl.Series(part).hash(_SEEDS[0]).to_numpy()
                codes[start : start + _SLICE], fresh = interner.codes(keys, part.view(np.uint64))
                values.append(part[fresh])
            coded.append(codes)
        distinct = np.concatenate(values)
        order = np.argsort(distinct)
        rank = _inverse(order)
        return integer_ids(distinct[order]), rank[coded[0]], rank[coded[1]]


def _sorted(src: _Rows, dst: _Rows, low: int, shift: int) -> tuple[Ids, _Rows, _Rows]:
    """By sorting each id with its position in one word: half the time of a table that does not fit the cache."""
    packed = np.empty(2 * src.size, dtype=np.uint64)
    pack(src, low, shift, 0, packed)
    pack(dst, low, shift, src.size, packed)
    packed.sort()
    rows, ids = np.empty(packed.size, dtype=np.int32), np.empty(packed.size, dtype=np.int64)
    n_nodes = rank_packed(packed, low, shift, rows, ids)
    return integer_ids(ids[:n_nodes].copy()), rows[: src.size], rows[src.size :]


class StringNumbering:
    """Collects the ends of edges that are strings, keeping each string once.

    Two strings are one id when two 64-bit hashes of them agree. Among a billion ids the chance that two differ and
    are taken for one is below 1e-20.
    """

    def __init__(self) -> None:
        self._interner = Interner()
        self._texts: list[pl.Series] = []
        self._src: list[_Rows] = []
        self._dst: list[_Rows] = []

    def add(self, batch: Batch) -> None:
        for ends, coded in ((pl.Series(batch.src), self._src), (pl.Series(batch.dst), self._dst)):
            keys, checks = (ends.hash(seed).to_numpy() for seed in _SEEDS)
            codes, fresh = self._interner.codes(keys, checks)
            coded.append(codes)
            self._texts.append(ends.gather(fresh))

    def finish(self) -> tuple[Ids, _Rows, _Rows]:
        """Ids sorted by their UTF-8 bytes, and the rows of both ends of every edge."""
        texts = pl.concat(self._texts) if self._texts else pl.Series(dtype=pl.String)
        order = texts.arg_sort().to_numpy()
        rank = _inverse(order)
        return string_ids(texts.gather(order)), rank[_joined(self._src)], rank[_joined(self._dst)]


def string_ids(texts: pl.Series) -> StringIds:
    """Ids over unique strings already sorted by their UTF-8 bytes."""
    offsets = np.zeros(texts.len() + 1, dtype=np.int64)
    np.cumsum(texts.str.len_bytes().to_numpy(), out=offsets[1:])
    slices = (texts.slice(start, _SLICE) for start in range(0, texts.len(), _SLICE))
    parts = [part.str.join("").item().encode() for part in slices]
    return StringIds(np.frombuffer(b"".join(parts), dtype=np.uint8), offsets)


def _inverse(order: _Rows) -> npt.NDArray[np.int32]:
    rank = np.empty(order.size, dtype=np.int32)
    rank[order] = np.arange(order.size, dtype=np.int32)
    return rank


def _narrow(values: _Rows) -> _Rows:
    """As int32 where that holds them."""
    fits = values.size == 0 or (values.min() >= -(2**31) and values.max() < 2**31)
    return values.astype(np.int32) if fits else values


def _joined(parts: list[_Rows]) -> _Rows:
    joined = np.concatenate(parts) if parts else np.empty(0, dtype=np.int32)
    parts.clear()
    return joined
