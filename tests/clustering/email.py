"""The e-mail graph of a research institute with its departments, and the paper's protocol on it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from clustering.evaluation import recall_curve_area
from graph.csr import CSRGraph
from tests.shared_data import shared_data

Members = npt.NDArray[np.int64]
# The restarts of the paper's code.
RESTARTS = (451235, 35631241, 2315, 346213456, 134)


def email_eu_core() -> tuple[CSRGraph, list[Members]]:
    """The directed graph with its self-loops, and its departments."""
    arcs = np.loadtxt(shared_data("graphs/email-Eu-core.txt"), dtype=np.int64)
    labels = np.loadtxt(shared_data("graphs/email-Eu-core-department-labels.txt"), dtype=np.int64, skiprows=1)
    department = np.empty(len(labels), dtype=np.int64)
    department[labels[:, 0]] = labels[:, 1]
    graph = CSRGraph.from_edges(arcs[:, 0], arcs[:, 1], n_nodes=len(labels), duplicates="first")
    return graph, [np.flatnonzero(department == label) for label in np.unique(department)]


def mean_recall_area(departments: list[Members], grow: Callable[[Members, int], Members]) -> float:
    """Mean area under the recall curve: departments above 25 members, five restarts, five seeds each."""
    areas = []
    for members in departments:
        if members.size <= 25:
            continue
        for restart in RESTARTS:
            seeds = np.random.RandomState(restart).choice(members, 5, replace=False)
            areas.append(recall_curve_area(grow(seeds, members.size), members, seeds))
    return float(np.mean(areas))
