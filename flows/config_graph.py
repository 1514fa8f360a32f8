"""The graph that a config's ``[fastrp]`` embeds, outside a build: the built artifact, or the source read again."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from artifacts.graph import KIND, open_graph
from artifacts.store import Store
from flows.graph_tables import FastRPTable
from flows.plan import plan
from flows.settings import Config
from flows.sources import Sources
from foundation.errors import InvalidConfig
from graph.csr import CSRGraph
from graph.edge_list import read_graph
from graph.fastrp import FastRPParams
from graph.features import read_features
from graph.orientation import oriented

DEFAULT = FastRPTable(orientation="undirected", params=FastRPParams())


def fastrp_table(config: Config) -> FastRPTable:
    """``[fastrp]``, or what it would be if it were empty."""
    return config.fastrp or DEFAULT


def fastrp_graph(config: Config, path: str, store: Store | None) -> CSRGraph:
    """The graph in the orientation of `fastrp_table`, memory-mapped where ``store`` holds it.

    Raises
    ------
    InvalidConfig
        For a config without a graph; ``path`` is named.
    InvalidInput, ArtifactCorrupt, ArtifactVersion
    """
    if config.graph is None:
        raise InvalidConfig(path=path, key="graph", what="no such table", fix="name the graph to tune on")
    table = fastrp_table(config)
    if store is not None:
        only = Config(name=config.name, raw=config.raw, graph=config.graph, fastrp=table, runtime=config.runtime)
        stages = {stage.name: stage for stage in plan(only, Sources.of(store, trust=config.runtime.trust_mtime))}
        wanted = stages[stages["fastrp"].inputs["graph"]]
        if (built := store.find(KIND, wanted.digest)) is not None:
            return open_graph(store.bring(built))
    return oriented(read_graph(config.graph.source, config.graph.params), table.orientation)


def fastrp_features(table: FastRPTable, graph: CSRGraph) -> npt.NDArray[np.float32] | None:
    """Features of the nodes as ``table`` names them, read from their source; None where it names none."""
    if table.features is None:
        return None
    return read_features(table.features.source, graph.node_ids, table.features.params).values
