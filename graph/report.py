"""What reading a graph dropped, merged and decided."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphReport:
    """What happened between the input and the graph; every policy counts what it touched.

    Attributes
    ----------
    n_lines : arcs or lines of data read, whatever became of them (comments, blanks and the header are not data)
    n_rejected : lines skipped because they could not be used
    n_dropped_types : lines left out because their type weighs 0
    n_zero_weight : arcs left out because they weigh 0
    n_self_loops : arcs from a node to itself, kept or not
    n_duplicates : arcs that repeated an earlier one, merged or not
    type_counts : lines of every type, by name
    notes : decisions taken while reading, for people
    """

    n_lines: int = 0
    n_rejected: int = 0
    n_dropped_types: int = 0
    n_zero_weight: int = 0
    n_self_loops: int = 0
    n_duplicates: int = 0
    type_counts: tuple[tuple[str, int], ...] = ()
    notes: tuple[str, ...] = ()
