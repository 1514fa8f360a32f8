"""Ids that look like one that is not there."""

from __future__ import annotations

from foundation.ids import Ids

POOL = 20_000  # ids compared at most, so that a typo costs milliseconds on any graph
COUNT = 3


def nearest_ids(ids: Ids, wanted: str) -> tuple[str, ...]:
    """Up to three known ids closest to ``wanted``; of equally close ones those that share more of its beginning."""
    import os.path

    from rapidfuzz import fuzz, process

    pool: list[str] = []
    for length in range(len(wanted), -1, -1):
        rows = ids.prefix(wanted[:length], POOL)
        if len(rows) >= COUNT or length == 0:
            pool = [str(ids[row]) for row in rows]
        if len(pool) >= 200 or length == 0:
            break
    found = process.extract(wanted, pool, scorer=fuzz.ratio, limit=None, score_cutoff=50)
    shared = {match: len(os.path.commonprefix((wanted, match))) for match, _, _ in found}  # noqa: RUF071  # characters
    found.sort(key=lambda match: (-match[1], -shared[match[0]]))
    return tuple(match for match, _, _ in found[:COUNT])
