"""Ids of a graph's nodes from Python values."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput
from foundation.ids import Ids, IntegerIds, StringIds


def integer_ids(values: npt.NDArray[np.int64]) -> IntegerIds:
    """Ids over sorted unique int64; no array is kept when they are exactly 0 … n-1."""
    identity = values.size == 0 or (values[0] == 0 and values[-1] == values.size - 1)
    return IntegerIds(values.size, None if identity else values)


def rows_of_ids(nodes: Sequence[Hashable]) -> tuple[Ids, dict[Hashable, int]]:
    """Sorted ids of ``nodes`` and the row of each.

    All integers that fit int64 stay integers; otherwise every node becomes its ``str``, which must then be unique.

    Raises
    ------
    InvalidInput
        When two nodes have one text.
    """
    if all(_is_int64(node) for node in nodes):
        ordered = sorted(nodes)  # type: ignore[type-var]  # all integers here
        return integer_ids(np.array(ordered, dtype=np.int64)), {node: row for row, node in enumerate(ordered)}
    pairs = sorted(((str(node), node) for node in nodes), key=lambda pair: pair[0])
    for (text, before), (after_text, after) in itertools.pairwise(pairs):
        if text == after_text:
            what = f"nodes {before!r} and {after!r} have one text, {text!r}"
            raise InvalidInput(source="graph", what=what, fix="rename one: ids are all integers or all strings")
    return StringIds.from_sorted([text for text, _ in pairs]), {node: row for row, (_, node) in enumerate(pairs)}


def _is_int64(node: object) -> bool:
    return isinstance(node, int | np.integer) and not isinstance(node, bool) and -(2**63) <= int(node) < 2**63
