"""Which sets contain this one: exact containment queries, as for columns that could be joined.

The containment of Q in X is |Q ∩ X| / |Q|. A set that reaches the threshold t has at least ⌈t |Q|⌉ of Q's elements,
hence one at least of any |Q| - ⌈t |Q|⌉ + 1 of them. Only the lists of who has the rarest so many are read, and whoever
stands there is counted exactly. Nothing is missed, whatever the sizes: a signature of a large set says little about a
small one inside it, which is where sketched containment loses its recall (docs/sketches.md compares).

Sources: the prefix filter of Chaudhuri, Ganti, Kaushik, ICDE 2006; for columns: Zhu et al., SIGMOD 2019 (JOSIE). The
sketched way: Zhu et al., VLDB 2016 (LSH Ensemble).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from clustering.kernels.overlap import count_shared
from clustering.ordering import best_first
from clustering.sets import Sets, canonical, check_sets, from_lists, frozen
from foundation.errors import InvalidInput, InvalidQuery


class Containers(NamedTuple):
    """Best first, ties by set: int32 sets, share of the query they have, float64; how many sets were counted."""

    sets: npt.NDArray[np.int32]
    containment: npt.NDArray[np.float64]
    n_counted: int


@dataclass(frozen=True, slots=True, eq=False)
class ContainmentIndex:
    """Sets and, for every element, who has it; all of it arrays that may be memory-mapped.

    Attributes
    ----------
    sets : elements ascending, each once: see `clustering.sets.canonical`
    values : the different elements, ascending
    starts, owners : int64 (n_values + 1,) and int32: the sets with element i are ``owners[starts[i]:starts[i + 1]]``
    """

    sets: Sets
    values: npt.NDArray[Any]
    starts: npt.NDArray[np.int64]
    owners: npt.NDArray[np.int32]

    def __post_init__(self) -> None:
        check_sets(*self.sets, 0, self.n_sets)
        if self.starts.shape != (self.values.size + 1,) or self.owners.size != self.starts[-1]:
            raise InvalidInput(
                source="containment index",
                what=f"{self.values.size} elements, {self.starts.size} offsets, {self.owners.size} owners",
                fix="build it from sets",
            )
        object.__setattr__(self, "sets", Sets(frozen(self.sets.indptr), frozen(self.sets.indices)))

    @classmethod
    def build(cls, sets: Sets) -> ContainmentIndex:
        """Index a family of sets of integers; needs some 30 bytes an element while it works, keeps 4 to 20."""
        ordered = canonical(sets)
        pointers = np.asarray(ordered.indptr)
        members = np.asarray(ordered.indices[pointers[0] : pointers[-1]])
        owners = np.repeat(np.arange(pointers.size - 1, dtype=np.int32), np.diff(pointers))
        order = np.argsort(members, kind="stable")
        members = members[order]
        first = np.flatnonzero(np.concatenate(([True], members[1:] != members[:-1]))) if members.size else order
        starts = np.append(first, members.size).astype(np.int64)
        return cls(ordered, members[first], starts, owners[order])

    @property
    def n_sets(self) -> int:
        return int(self.sets.indptr.size - 1)

    def query(self, members: Collection[int] | int, threshold: float, k: int | None = None) -> Containers:
        """Sets with at least ``threshold`` of the elements, and with one at least.

        Parameters
        ----------
        members
            The elements, or the number of a set of the index, which then is no answer itself. Repeated elements count
            once. Without elements there is no answer.
        threshold
            In [0, 1]: 1 for sets that have all of them, 0 for those that have any.
        k
            Only the best so many.

        Raises
        ------
        InvalidQuery
            On a threshold outside [0, 1], k below 1, or an unknown set.
        InvalidInput
            On elements that are no integers.
        """
        if isinstance(threshold, bool) or not 0 <= threshold <= 1:
            raise InvalidQuery(what=f"threshold = {threshold}", fix="ask for a share from 0 to 1")
        if k is not None and k < 1:
            raise InvalidQuery(what=f"k = {k}", fix="ask for 1 or more, or for all")
        asked, own = self._elements(members)
        if asked.size == 0:
            return Containers(np.empty(0, dtype=np.int32), np.empty(0), 0)
        # 0.07 · 100 is 7.000000000000001: what is a whole number but for rounding needs no more.
        least = max(1, int(np.ceil(threshold * asked.size - 1e-9)))
        found = self._sharing_rarest(asked, asked.size - least + 1)
        sizes = self.sets.indptr[found + 1] - self.sets.indptr[found]
        found = found[(sizes >= least) & (found != own)]
        shared = np.empty(found.size, dtype=np.int64)
        count_shared(frozen(asked), found, self.sets.indptr, self.sets.indices, shared)
        kept = shared >= least
        share, nodes = shared[kept] / asked.size, found[kept]
        best = best_first(share, nodes, k)
        return Containers(nodes[best].astype(np.int32), share[best], found.size)

    def _elements(self, members: Collection[int] | int) -> tuple[npt.NDArray[Any], int]:
        """Elements asked for, ascending, of a type that compares with the index's; and the set they are of, or -1."""
        if not isinstance(members, Collection):
            if not 0 <= members < self.n_sets:
                raise InvalidQuery(what=f"set {members} of {self.n_sets}", fix="sets count from 0")
            start, stop = self.sets.indptr[members : members + 2]
            return self.sets.indices[start:stop], int(members)
        if isinstance(members, np.ndarray):
            asked = np.unique(members) if np.issubdtype(members.dtype, np.integer) else members
            check_sets(np.array([0, asked.size], dtype=np.int64), asked, 0, 1)
        else:
            asked = canonical(from_lists([members])).indices
        return asked.astype(np.uint64 if self.values.dtype == np.uint64 else np.int64), -1

    def _sharing_rarest(self, asked: npt.NDArray[Any], n_rarest: int) -> npt.NDArray[np.int64]:
        """Sets with one at least of the ``n_rarest`` elements that the fewest sets have, ascending."""
        places = np.searchsorted(self.values, asked)
        known = np.zeros(asked.size, dtype=bool)
        inside = places < self.values.size
        known[inside] = self.values[places[inside]] == asked[inside]
        lengths = np.zeros(asked.size, dtype=np.int64)
        lengths[known] = self.starts[places[known] + 1] - self.starts[places[known]]
        rarest = np.argsort(lengths, kind="stable")[:n_rarest]
        read = places[rarest[lengths[rarest] > 0]]
        lists = [self.owners[self.starts[place] : self.starts[place + 1]] for place in read]
        return np.unique(np.concatenate([np.empty(0, dtype=np.int32), *lists])).astype(np.int64)


def estimated_containment(
    similarity: npt.ArrayLike, n_query: npt.ArrayLike, n_members: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """Containment of a query of ``n_query`` elements in sets of ``n_members``, from Jaccard similarities: at most 1.

    |Q ∩ X| = J (|Q| + |X|) / (1 + J). An error e of J becomes about e (|Q| + |X|) / |Q|: much for a small query.
    """
    jaccard, asked = np.asarray(similarity, dtype=np.float64), np.asarray(n_query, dtype=np.float64)
    shared = jaccard * (asked + np.asarray(n_members)) / (1 + jaccard)
    return np.asarray(np.minimum(shared / np.maximum(asked, 1), 1.0))
