"""Which tables contain which: a child whose columns are among a parent's and whose rows are among its rows.

Every row of the child equals a row of the parent in the child's columns, as sets: how often a row occurs does not
count. Nulls equal nulls. A pair goes through four stages that only ever drop what is not contained:

1. schemas: the child's (name, kind) pairs are among the parent's, found by who has the rarest ones;
2. bounds: no column of the child goes beyond the parent's least or greatest value, or has nulls where that has none;
3. a sample of the child's rows, drawn with replacement, is looked for in the parent. A child of which a share f is
   contained passes with probability f^n_sampled;
4. all rows, by hashes.

Source: the stages of R2D2 (Shah et al., arXiv:2312.13427), with inverted lists for the first and a check of all rows
at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from clustering.containment import ContainmentIndex
from clustering.sets import from_lists
from clustering.tables.hashing import Hashes, row_hashes
from clustering.tables.table import Table
from foundation.errors import InvalidInput, InvalidParams
from foundation.seeds import stream


class Pair(NamedTuple):
    """Numbers of two tables."""

    parent: int
    child: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LakeParams:
    """Rows of every child looked for before all are (0 for none), and the seed they are drawn by."""

    n_sampled: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.n_sampled, bool) or not isinstance(self.n_sampled, int) or self.n_sampled < 0:
            raise InvalidParams(name="n_sampled", value=self.n_sampled, allowed="an integer of 0 or more")


class Contained(NamedTuple):
    """Pairs left after each stage, in ascending order; ``pairs`` are those that are contained."""

    by_schema: tuple[Pair, ...]
    by_bounds: tuple[Pair, ...]
    by_sample: tuple[Pair, ...]
    pairs: tuple[Pair, ...]


def contained_tables(tables: Sequence[Table], params: LakeParams) -> Contained:
    """Every pair of tables of which the second is contained in the first. Tables without columns take no part.

    Raises
    ------
    InvalidInput
        On two tables of one name.
    """
    names = [table.name for table in tables]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidInput(source="tables", what=f"two are called {twice!r}", fix="name them differently")
    by_schema = tuple(schema_pairs(tables))
    by_bounds = tuple(pair for pair in by_schema if is_within_bounds(tables[pair.parent], tables[pair.child]))
    by_sample = tuple(pair for pair in by_bounds if _has_sample(tables, pair, params))
    rows: dict[tuple[int, tuple[str, ...]], Hashes] = {}

    def distinct(table: int, columns: tuple[str, ...]) -> Hashes:
        """Kept, since many children have the same columns."""
        if (table, columns) not in rows:
            rows[table, columns] = np.unique(_rows(tables[table], columns))
        return rows[table, columns]

    def has_all(pair: Pair) -> bool:
        columns = tuple(tables[pair.child].columns)
        return has_members(distinct(pair.parent, columns), distinct(pair.child, columns))

    return Contained(by_schema, by_bounds, by_sample, tuple(pair for pair in by_sample if has_all(pair)))


def schema_pairs(tables: Sequence[Table]) -> list[Pair]:
    """Pairs by whose schemas the second could be contained in the first."""
    numbers: dict[tuple[str, str], int] = {}
    schemas = [[numbers.setdefault(column, len(numbers)) for column in sorted(table.schema)] for table in tables]
    index = ContainmentIndex.build(from_lists(schemas))
    return sorted(Pair(int(parent), child) for child in range(len(tables)) for parent in index.query(child, 1.0).sets)


def is_within_bounds(parent: Table, child: Table) -> bool:
    """Whether every column of the child could be in the parent's, by least and greatest values, nulls and NaN."""
    if not child.n_rows:
        return True
    for name, inner in child.columns.items():
        outer = parent.columns[name]
        if (inner.has_null and not outer.has_null) or (inner.has_nan and not outer.has_nan):
            return False
        if inner.least is not None and (
            outer.least is None or inner.least < outer.least or inner.greatest > outer.greatest
        ):
            return False
    return True


def has_members(members: Hashes, wanted: Hashes) -> bool:
    """Whether all of ``wanted`` are among ``members``, both ascending."""
    places = np.searchsorted(members, wanted)
    return bool(np.all(places < members.size) and np.all(members[places] == wanted))


def _has_sample(tables: Sequence[Table], pair: Pair, params: LakeParams) -> bool:
    """Whether the sampled rows of the child are in the parent.

    The parent's rows are sifted column by column, so that few of them meet more than the first one.
    """
    parent, child = tables[pair.parent], tables[pair.child]
    if not params.n_sampled or not child.n_rows:
        return True
    drawn = stream(params.seed, "tables.sample", pair.child).integers(0, child.n_rows, params.n_sampled)
    sample = {name: column.hashes[drawn] for name, column in child.columns.items()}
    left = np.arange(parent.n_rows)
    for name in sorted(sample, key=lambda name: (-np.unique(sample[name]).size, name)):
        wanted, values = np.unique(sample[name]), parent.columns[name].hashes[left]
        left = left[wanted[np.minimum(np.searchsorted(wanted, values), wanted.size - 1)] == values]
    sifted = row_hashes([parent.columns[name].hashes[left] for name in sample])
    return has_members(np.unique(sifted), np.unique(row_hashes(list(sample.values()))))


def _rows(table: Table, columns: tuple[str, ...]) -> Hashes:
    return row_hashes([table.columns[name].hashes for name in columns])
