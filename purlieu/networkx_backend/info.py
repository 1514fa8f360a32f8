"""What NetworkX is told while it is imported: which functions there are. Imports nothing, so that it costs nothing."""

from __future__ import annotations

from typing import Any, NamedTuple


class Offered(NamedTuple):
    """Where one of NetworkX's functions lives, and what its help says of ours.

    ``module`` holds a function of the same name, over a `graphs.BackendGraph`, and ``refuse_<name>``: given the
    arguments of a call it says in a few words why not to run it, or None.
    """

    module: str
    docs: str


# To add a function: a line here, the two functions in the module it names, and the file of NetworkX's own tests in
# tests/purlieu/test_networkx_suite.py.
OFFERED: dict[str, Offered] = {
    "pagerank": Offered(
        module="purlieu.networkx_backend.link_analysis",
        docs="Power iteration on compiled loops, in float64, with NetworkX's test of convergence. Refuses weights and\n"
        "distributions that are negative or not finite, alpha outside [0, 1] and tol that is not positive.\n"
        "``nx.config.backends.purlieu.n_threads`` sets the number of threads; it changes no bit of the answer.",
    ),
    "core_number": Offered(module="purlieu.networkx_backend.cores", docs="Peeling on compiled loops."),
    "triangles": Offered(
        module="purlieu.networkx_backend.clustering",
        docs="Compiled loops over edges that point to the end of higher degree. Only for ``nodes=None``.",
    ),
    "transitivity": Offered(
        module="purlieu.networkx_backend.clustering",
        docs="From the triangles of all nodes. Only for undirected graphs without parallel edges.",
    ),
    "clustering": Offered(
        module="purlieu.networkx_backend.clustering",
        docs="From the triangles of all nodes. Only for ``nodes=None``, ``weight=None`` and undirected graphs.",
    ),
}


def get_info() -> dict[str, Any]:
    """The entry point ``networkx.backend_info``."""
    return {
        "backend_name": "purlieu",
        "project": "purlieu",
        "package": "purlieu.networkx_backend",
        "short_summary": "Compiled loops over CSR arrays.",
        "functions": {name: {"additional_docs": offered.docs} for name, offered in OFFERED.items()},
        "default_config": {"n_threads": 1},
    }
