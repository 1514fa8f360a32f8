"""Bucket tables: who agrees with whom in all slots of a band.

A band's table is two parallel arrays, the bucket keys in ascending order and the nodes in the same order, so that a
bucket is a run of equal keys and everything can be memory-mapped. Sets without elements are in no bucket.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from clustering.banding import LSHParams
from clustering.kernels.banding import pack_keys, unpack_entries
from clustering.minhash import Signatures, is_empty
from clustering.sets import frozen
from foundation.errors import InvalidInput
from foundation.threads import even_ranges, run_ranges

Keys = npt.NDArray[np.uint32]
Nodes = npt.NDArray[np.int32]

# Bands made in one pass over the signatures: of two rows each they fill one cache line.
BANDS_AT_ONCE = 8


class BucketReport(NamedTuple):
    """Over all bands: buckets, members of the largest one, buckets above the cap, memberships beyond it."""

    n_buckets: int
    largest: int
    n_over_cap: int
    n_cut: int


def band_tables(
    signatures: Signatures, params: LSHParams, start: int, stop: int, *, n_threads: int = 1
) -> tuple[Keys, Nodes]:
    """Tables of the bands ``start … stop - 1``: (keys, nodes), both (stop - start, number of non-empty sets).

    Needs 8 bytes per entry of `BANDS_AT_ONCE` bands and thread on top of the result. A table depends on the
    signatures, the split and its band only.
    """
    n_bands, n_rows = params.banding(signatures.shape[1])
    if not 0 <= start <= stop <= n_bands:
        raise InvalidInput(source="bands", what=f"bands {start} … {stop} of {n_bands}", fix="ask for a range of bands")
    rows, filled = frozen(signatures), frozen(np.flatnonzero(~is_empty(signatures)).astype(np.int32))
    keys = np.empty((stop - start, filled.size), dtype=np.uint32)
    nodes = np.empty((stop - start, filled.size), dtype=np.int32)

    def work(first: int, last: int) -> None:
        packed = np.empty((last - first, filled.size), dtype=np.uint64)
        pack_keys(rows, filled, n_rows, start + first, packed)
        packed.sort(axis=1)
        unpack_entries(packed, keys[first:last], nodes[first:last])

    run_ranges(work, even_ranges(stop - start, BANDS_AT_ONCE), n_threads)
    return keys, nodes


def band_table(signatures: Signatures, params: LSHParams, band: int) -> tuple[Keys, Nodes]:
    """Table of one band: keys ascending uint32, and nodes int32, ties ascending; both (number of non-empty sets,)."""
    keys, nodes = band_tables(signatures, params, band, band + 1)
    return keys[0], nodes[0]


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
