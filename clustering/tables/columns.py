"""Which columns of other tables contain this column: where a join or a foreign key would find all its values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl

from clustering.containment import ContainmentIndex
from clustering.sets import Sets
from clustering.tables.hashing import hashed, is_null_hash
from clustering.tables.table import Table
from foundation.errors import InvalidInput, InvalidQuery


class ColumnName(NamedTuple):
    table: str
    column: str


class Container(NamedTuple):
    """A column, and the share of the asked column's different values that it has."""

    name: ColumnName
    containment: float


@dataclass(frozen=True, slots=True, eq=False)
class ColumnIndex:
    """Columns as sets of their different values, nulls left out, and who has which value."""

    names: tuple[ColumnName, ...]
    index: ContainmentIndex

    @classmethod
    def build(cls, tables: Iterable[Table]) -> ColumnIndex:
        """Of all columns of tables with different names.

        Raises
        ------
        InvalidInput
            On two tables of one name.
        """
        names, parts = column_sets(tables)
        return cls(names, ContainmentIndex.build(parts))

    def query(
        self, column: tuple[str, str] | pl.Series | Sequence[object], threshold: float = 1.0, k: int | None = None
    ) -> list[Container]:
        """Columns with at least ``threshold`` of the values, best first, ties in the order they were added.

        Parameters
        ----------
        column
            (table, column) of the index, which then is no answer itself, or values: a polars Series or a list.

        Raises
        ------
        InvalidQuery
            On an unknown column, a threshold outside [0, 1], or k below 1.
        """
        if isinstance(column, tuple):
            if column not in self.names:
                raise InvalidQuery(what=f"column {column!r}", fix="name a table and one of its columns")
            found = self.index.query(self.names.index(ColumnName(*column)), threshold, k)
        else:
            hashes = hashed(column if isinstance(column, pl.Series) else pl.Series("asked", column))
            found = self.index.query(np.unique(hashes[~is_null_hash(hashes)]), threshold, k)
        return [Container(self.names[i], float(share)) for i, share in zip(found.sets, found.containment, strict=True)]


def column_sets(tables: Iterable[Table]) -> tuple[tuple[ColumnName, ...], Sets]:
    """Names of all columns, and the different values of each as hashes, int64 and ascending."""
    names: list[ColumnName] = []
    members = [np.empty(0, dtype=np.int64)]
    for table in tables:
        if any(name.table == table.name for name in names):
            raise InvalidInput(source="tables", what=f"two are called {table.name!r}", fix="name them differently")
        for name, column in table.columns.items():
            names.append(ColumnName(table.name, name))
            members.append(np.unique(column.hashes[~is_null_hash(column.hashes)]))
    indptr = np.cumsum([part.size for part in members], dtype=np.int64)
    return tuple(names), Sets(indptr, np.concatenate(members))
