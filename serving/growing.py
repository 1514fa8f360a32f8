"""Communities that are asked for more members, without starting over."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, final

from clustering.communities import CommunityIndex
from clustering.growth import CommunityResult, Growth
from foundation.errors import InvalidQuery

KEPT = 16  # growths, each of up to 24 bytes a node of the graph

_Key = tuple[tuple[int, ...], str | None, int]


@final
class Growths:
    """Answers from an index, and what it takes to go on from the latest of them. Safe to ask from several threads."""

    def __init__(self, index: CommunityIndex) -> None:
        self._index = index
        self._kept: OrderedDict[_Key, Growth] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """Members of an answer unless it asks for another number."""
        return self._index.params.size

    def members(self, seeds: Sequence[int], size: int, method: Any, after: int) -> CommunityResult:
        """``size`` members after the first ``after``, the same ones whether the growth was kept or begins anew.

        Raises
        ------
        InvalidQuery
            As `CommunityIndex.query`, and on a negative ``after``.
        """
        if isinstance(after, bool) or not isinstance(after, int) or after < 0:
            raise InvalidQuery(what=f"after = {after!r}", fix="ask for the members after the first 0 or more")
        asked, chosen = tuple(seeds), method
        with self._lock:
            growth = self._kept.pop((asked, chosen, after), None) if after else None
        if growth is None:
            if after == 0:
                self._check_size(asked, size)
            growth = self._index.grow(list(asked), chosen)
            if after:
                growth.more(after)
        result = growth.more(size)
        if result.nodes.size:
            with self._lock:
                self._kept[asked, chosen, after + size] = growth
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
        return result

    def _check_size(self, seeds: Sequence[int], size: int) -> None:
        n_seeds = len(set(seeds))
        if size < n_seeds:
            what = f"size = {size} with {n_seeds} seeds"
            raise InvalidQuery(what=what, fix=f"seeds are members: ask for {n_seeds} or more")
