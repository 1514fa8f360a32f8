"""What the blend of steps learns from residuals, and that it never does harm."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.acceleration import Acceleration


@given(st.lists(st.tuples(*[st.floats(0, 2)] * 3), min_size=1, max_size=40), st.sampled_from([0.0, 0.5, 0.85, 0.99]))
def test_a_column_learns_from_itself_alone(residuals: list[tuple[float, float, float]], damping: float) -> None:
    together, apart = Acceleration(damping, 3), [Acceleration(damping, 1) for _ in range(3)]
    for row in residuals:
        blend = together.learn(np.array(row))
        assert ((blend >= 1) & (blend < 2)).all()
        for column, alone in enumerate(apart):
            assert alone.learn(np.array([row[column]])).tobytes() == blend[column : column + 1].tobytes()


@pytest.mark.parametrize("graph", [nx.path_graph(200), nx.cycle_graph(101), nx.complete_graph(30), nx.star_graph(50)])
@pytest.mark.parametrize("damping", [0.5, 0.85, 0.97])
def test_error_shrinks_at_least_as_fast_as_by_plain_steps(graph: nx.Graph, damping: float) -> None:
    adjacency = nx.to_numpy_array(graph)
    degree = adjacency.sum(axis=1)
    step = damping * adjacency / degree  # column-stochastic times the damping
    restart = np.eye(len(degree))[0] * (1 - damping)
    truth = np.linalg.solve(np.eye(len(degree)) - step, restart)
    rank, before, blend, pace = np.eye(len(degree))[0], np.zeros(len(degree)), 1.0, Acceleration(damping, 1)

    def error() -> float:
        return float(np.sqrt(((rank - truth) ** 2 / degree).sum()))  # the norm in which a step is symmetric

    first = error()
    for n_steps in range(1, 60):
        following = step @ rank + restart
        residual = np.abs(following - rank).sum()
        rank, before = blend * following + (1 - blend) * before, rank
        blend = float(pace.learn(np.array([residual]))[0])
        assert error() <= first * damping**n_steps + 1e-14
