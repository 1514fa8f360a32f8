"""Ids of a graph's nodes from Python values."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from foundation.ids import Ids, IntegerIds, StringIds


def rows_of_ids(nodes: Sequence[Hashable]) -> tuple[Ids, dict[Hashable, int]]:
    """Sorted ids of ``nodes`` and the row of each.

    All integers that fit int64 stay integers; anything else becomes its ``str``, which must then be unique.
    """
    if all(isinstance(node, int) and not isinstance(node, bool) and abs(node) < 2**63 for node in nodes):
        ordered = sorted(nodes)  # type: ignore[type-var]  # all integers here
        values = np.array(ordered, dtype=np.int64)
        identity = bool(values.size) and values[0] == 0 and values[-1] == values.size - 1
        ids: Ids = IntegerIds(values.size, None if identity or not values.size else values)
        return ids, {node: row for row, node in enumerate(ordered)}
    pairs = sorted(((str(node), node) for node in nodes), key=lambda pair: pair[0])
    return StringIds.from_sorted([text for text, _ in pairs]), {node: row for row, (_, node) in enumerate(pairs)}
