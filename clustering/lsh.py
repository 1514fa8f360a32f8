"""Locality sensitive hashing of minhash signatures: who may be similar, without looking at everybody.

Signatures are cut into bands; sets that agree in all slots of a band share a bucket of it, and whoever shares a
bucket with the query is a candidate. A band's table is two parallel arrays, the bucket keys in ascending order and
the nodes in the same order, so a bucket is a run found by binary search and everything can be memory-mapped.
Sets without elements are in no bucket.

Source: Indyk & Motwani, STOC 1998; for neighbourhoods of a graph: Chamberlain et al., arXiv:1601.03958.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from clustering.banding import LSHParams
from clustering.kernels.banding import copy_buckets, find_buckets, pack_keys
from clustering.minhash import Signatures, estimate_jaccard, is_empty, standard_error
from clustering.ordering import best_first
from clustering.sets import frozen
from foundation.errors import InvalidInput, InvalidQuery
from foundation.threads import even_ranges, run_ranges

Keys = npt.NDArray[np.uint32]
Nodes = npt.NDArray[np.int32]

# Bands made in one pass over the signatures: of two rows each they fill one cache line.
BANDS_AT_ONCE = 8


class Candidates(NamedTuple):
    """``nodes`` int32 ascending; in how many (query, band) pairs each was met, int64; members cut off by the cap."""

    nodes: Nodes
    n_met: npt.NDArray[np.int64]
    n_cut: int


class Neighbours(NamedTuple):
    """Best first, ties by node: int32 nodes, estimated Jaccard similarity and its standard error, float64."""

    nodes: Nodes
    similarity: npt.NDArray[np.float64]
    standard_error: npt.NDArray[np.float64]


class BucketReport(NamedTuple):
    """Over all bands: buckets, members of the largest one, buckets above the cap, memberships beyond it."""

    n_buckets: int
    largest: int
    n_over_cap: int
    n_cut: int


def band_tables(signatures: Signatures, params: LSHParams, start: int, stop: int) -> tuple[Keys, Nodes]:
    """Tables of the bands ``start … stop - 1``: (keys, nodes), both (stop - start, number of non-empty sets).

    Needs 8 bytes per entry on top of the result. A table depends on the signatures, the split and its band only.
    """
    n_bands, n_rows = params.banding(signatures.shape[1])
    if not 0 <= start <= stop <= n_bands:
        raise InvalidInput(source="bands", what=f"bands {start} … {stop} of {n_bands}", fix="ask for a range of bands")
    filled = np.flatnonzero(~is_empty(signatures)).astype(np.int32)
    packed = np.empty((stop - start, filled.size), dtype=np.uint64)
    pack_keys(frozen(signatures), frozen(filled), n_rows, start, packed)
    packed.sort(axis=1)
    return (packed >> np.uint64(32)).astype(np.uint32), packed.astype(np.uint32).view(np.int32)


def bucket_report(keys: Keys, cap: int) -> BucketReport:
    """Count the buckets of some bands, uint32 (n_bands, n_filled): one pass over the keys."""
    n_buckets = largest = n_over_cap = n_cut = 0
    for band in keys:
        starts = np.flatnonzero(np.concatenate(([True], band[1:] != band[:-1]))) if band.size else np.empty(0, int)
        sizes = np.diff(starts, append=band.size)
        beyond = sizes[sizes > cap] - cap
        n_buckets, n_over_cap, n_cut = n_buckets + sizes.size, n_over_cap + beyond.size, n_cut + int(beyond.sum())
        largest = max(largest, int(sizes.max(initial=0)))
    return BucketReport(n_buckets, largest, n_over_cap, n_cut)


def join_reports(reports: Sequence[BucketReport]) -> BucketReport:
    """The report of all bands from those of one or more groups of them."""
    n_buckets, largest, n_over_cap, n_cut = zip(*reports, strict=True)
    return BucketReport(sum(n_buckets), max(largest), sum(n_over_cap), sum(n_cut))


def band_table(signatures: Signatures, params: LSHParams, band: int) -> tuple[Keys, Nodes]:
    """Table of one band: keys ascending uint32, and nodes int32, ties ascending; both (number of non-empty sets,)."""
    keys, nodes = band_tables(signatures, params, band, band + 1)
    return keys[0], nodes[0]


@dataclass(frozen=True, slots=True, eq=False)
class LSHIndex:
    """Bucket tables over the signatures they were made from.

    Attributes
    ----------
    signatures : uint32, shape (n_nodes, num_perm), with num_perm >= n_bands * n_rows
    keys, nodes : uint32 and int32, shape (n_bands, n_filled): the rows of `band_table`, band by band
    params : what the tables were made with
    """

    signatures: Signatures
    keys: Keys
    nodes: Nodes
    params: LSHParams

    def __post_init__(self) -> None:
        n_bands, _ = self.params.banding(self.num_perm)
        if self.keys.ndim != 2 or self.keys.shape != self.nodes.shape or self.keys.shape[0] != n_bands:
            raise InvalidInput(
                source="bucket tables",
                what=f"keys {self.keys.shape}, nodes {self.nodes.shape} for {n_bands} bands",
                fix="stack one band_table per band",
            )
        for name in ("signatures", "keys", "nodes"):
            object.__setattr__(self, name, frozen(getattr(self, name)))

    @classmethod
    def build(cls, signatures: Signatures, params: LSHParams, *, n_threads: int = 1) -> LSHIndex:
        """All tables of ``signatures``, uint32 (n_nodes, num_perm)."""
        n_bands, _ = params.banding(signatures.shape[1])
        n_filled = int(np.count_nonzero(~is_empty(signatures)))
        keys = np.empty((n_bands, n_filled), dtype=np.uint32)
        nodes = np.empty((n_bands, n_filled), dtype=np.int32)

        def work(start: int, stop: int) -> None:
            keys[start:stop], nodes[start:stop] = band_tables(signatures, params, start, stop)

        run_ranges(work, even_ranges(n_bands, BANDS_AT_ONCE), n_threads)
        return cls(signatures, keys, nodes, params)

    @property
    def n_nodes(self) -> int:
        return int(self.signatures.shape[0])

    @property
    def num_perm(self) -> int:
        return int(self.signatures.shape[1])

    def collide(self, signatures: Signatures) -> Candidates:
        """Everybody who shares a bucket with any of ``signatures``, uint32 (n_queries, num_perm)."""
        n_bands, n_rows = self.params.banding(self.num_perm)
        queries = np.flatnonzero(~is_empty(signatures)).astype(np.int32)
        packed = np.empty((n_bands, queries.size), dtype=np.uint64)
        pack_keys(frozen(signatures), frozen(queries), n_rows, 0, packed)
        wanted = (packed >> np.uint64(32)).astype(np.uint32)
        starts, stops = np.empty(wanted.shape, dtype=np.int64), np.empty(wanted.shape, dtype=np.int64)
        find_buckets(self.keys, wanted, starts, stops)
        sizes = stops - starts
        cap = self.params.bucket_cap or self.n_nodes
        n_taken = int(np.minimum(sizes, cap).sum())
        members = np.empty(n_taken, dtype=np.int32)
        copy_buckets(self.nodes, wanted, starts, stops, cap, members)
        nodes, n_met = np.unique(members, return_counts=True)
        return Candidates(nodes, n_met, int(sizes.sum()) - n_taken)

    def candidates(self, query: int | Signatures) -> Nodes:
        """Candidates of a node (itself left out) or of a signature, ascending int32.

        Raises
        ------
        InvalidQuery
            On an unknown node, or a signature of another length.
        """
        signature, own = self._resolve(query)
        nodes = self.collide(signature).nodes
        return nodes if own is None else nodes[nodes != own]

    def top(self, query: int | Signatures, k: int) -> Neighbours:
        """The ``k`` candidates most similar to a node (itself left out) or a signature; fewer when there are fewer.

        For a set that is no node, pass ``signature_of(elements, params)`` with the params of the signatures.

        Raises
        ------
        InvalidQuery
            On an unknown node, a signature of another length, or k below 1.
        """
        if k < 1:
            raise InvalidQuery(what=f"k = {k}", fix="ask for 1 or more")
        signature, _ = self._resolve(query)
        nodes = self.candidates(query)
        similarity = estimate_jaccard(self.signatures[nodes], signature)[:, 0]
        best = best_first(similarity, nodes, k)
        return Neighbours(nodes[best], similarity[best], standard_error(similarity[best], self.num_perm))

    def bucket_report(self) -> BucketReport:
        """Count the buckets, and what the cap keeps from queries: one pass over the keys."""
        return bucket_report(self.keys, self.params.bucket_cap or self.n_nodes)

    def _resolve(self, query: int | Signatures) -> tuple[Signatures, int | None]:
        """The query's signature as (1, num_perm), and its node if it is one."""
        if isinstance(query, np.ndarray):
            if query.shape != (self.num_perm,) or query.dtype != np.uint32:
                raise InvalidQuery(
                    what=f"a signature of {query.dtype} and shape {query.shape}", fix=f"pass uint32 ({self.num_perm},)"
                )
            return query[None, :], None
        if not 0 <= query < self.n_nodes:
            raise InvalidQuery(what=f"node {query} of {self.n_nodes}", fix="rows count from 0")
        return self.signatures[query : query + 1], int(query)
