"""FastRP of a graph that changed, from the powers of the graph as it was."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from graph.csr import CSRGraph
from graph.fastrp_change import Change
from graph.fastrp_powers import Powers
from graph.fastrp_start import next_source, start_panel
from graph.propagation import Walk, row_norms


def refreshed(
    before: Powers,
    graph: CSRGraph,
    *,
    features: npt.ArrayLike | None = None,
    initial: npt.ArrayLike | None = None,
    n_threads: int = 1,
) -> Powers:
    """`fastrp_powers` of a changed graph with the same params, from the powers of the graph as it was.

    Nodes are the same when their ids are. Only rows that a change can reach are computed: of nodes whose arcs changed,
    or that point to a node whose row of the hop before changed. In paper mode a changed degree changes how its
    neighbours hear a node. The bytes are those of `fastrp_powers`.
    """
    params, walk = before.params, Walk.over(graph, before.params.precision)
    own = start_panel(graph, params, 0, params.dim, features=features, initial=initial, n_threads=n_threads, own=True)
    change = Change.between(before.graph, before.walk, graph, walk)
    differs = change.starts(before.start, own)
    source, powers, n_made = own.source, [], []
    for old in before.rows:
        rows, made = change.step(source, old, differs, n_threads)
        source = next_source(walk, params, rows, row_norms([rows.squares]))
        differs = change.reads(next_source(before.walk, params, old, row_norms([old.squares])), source, made)
        powers.append(rows)
        n_made.append(int(np.count_nonzero(made)))
    return Powers(graph, params, walk, own, tuple(powers), tuple(n_made))
