"""How a file of node features is to be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from foundation.errors import InvalidParams

Missing = Literal["error", "zero", "mean"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureParams:
    """Everything that decides what a file means: equal params on equal bytes and ids give equal features.

    Attributes
    ----------
    feature_id : column that holds the ids of the nodes; None is the first column
    feature_columns : columns to use, in this order; None is all others that hold numbers, in the order of the file
    missing_features : for a node without a row: "error", "zero" in every column, or the column's "mean"
    standardize : give every column mean 0 and variance 1 over the nodes that have a row, and 0 where it is constant
    """

    feature_id: str | None = None
    feature_columns: tuple[str, ...] | None = None
    missing_features: Missing = "error"
    standardize: bool = True

    def __post_init__(self) -> None:
        given: object = self.feature_columns
        if isinstance(given, list):
            object.__setattr__(self, "feature_columns", tuple(given))
        columns = self.feature_columns
        is_list = isinstance(columns, tuple) and bool(columns) and all(isinstance(name, str) for name in columns)
        for name, holds, allowed in (
            ("feature_id", self.feature_id is None or self.feature_id != "", "a column's name, or nothing"),
            ("feature_columns", columns is None or is_list, "names of columns, or nothing"),
            ("feature_columns", not is_list or len(set(columns or ())) == len(columns or ()), "every column once"),
            ("feature_columns", not is_list or self.feature_id not in (columns or ()), "columns beside feature_id"),
            ("missing_features", self.missing_features in get_args(Missing), '"error", "zero" or "mean"'),
            ("standardize", isinstance(self.standardize, bool), "true or false"),
        ):
            if not holds:
                raise InvalidParams(name=name, value=getattr(self, name), allowed=allowed)
