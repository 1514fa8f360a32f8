"""How much there is to build: from manifests where a stage is built, else from a sample of its source."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from flows.graph_tables import FeaturesTable
from flows.planned import PlannedStage
from flows.settings import Config
from flows.stages.stage import Sizes
from flows.stages.tokens import TOKENS_A_BYTE
from graph.edge_list import estimate_edges, is_table
from graph.features import estimate_features
from vectors.corpus.read import estimate_docs
from vectors.fde.encode import FDEParams

TOKEN_DIM = 128  # matters only to encodings without projection

Stats = Mapping[str, Mapping[str, Any]]


def sizes_of(config: Config, stats: Stats) -> Sizes:
    """Counts of the whole build; ``stats`` are those in the manifests of the stages that are there."""
    sizes = Sizes(part_nodes=config.runtime.part_nodes, part_docs=config.runtime.part_docs)
    if config.graph is not None:
        sizes = _with_graph(sizes, config, stats)
    if config.fastrp is not None and config.fastrp.features is not None:
        sizes = _with_features(sizes, config.fastrp.features, stats)
    if config.corpus is not None:
        sizes = _with_corpus(sizes, config, stats)
    return dataclasses.replace(
        sizes,
        node_dim=config.fastrp.params.dim if config.fastrp is not None else 0,
        doc_dim=_doc_dim(config.muvera.params) if config.muvera is not None else 0,
    )


def _doc_dim(params: FDEParams) -> int:
    return params.fde_dim(max(TOKEN_DIM, params.d_whole + 1))


def seen_by(stage: PlannedStage, sizes: Sizes, stats: Stats) -> Sizes:
    """The same with the arcs of the graph this stage reads, or makes: those of an orientation are not the input's."""
    name = stage.name if stage.name.startswith("graph") else stage.inputs.get("graph", "")
    n_edges = sizes.n_links if name == "graph.undirected" else sizes.n_edges
    if name in stats:
        n_edges = int(stats[name]["n_edges"])
    return dataclasses.replace(sizes, n_edges=n_edges, directed=sizes.directed and name != "graph.undirected")


def _with_graph(sizes: Sizes, config: Config, stats: Stats) -> Sizes:
    assert config.graph is not None
    source, params = config.graph.source, config.graph.params
    table = is_table(source, params)
    if "graph" in stats:
        known = stats["graph"]
        n_nodes, n_edges, n_lines = int(known["n_nodes"]), int(known["n_edges"]), int(known["report"]["n_lines"])
    else:
        n_lines, n_nodes = estimate_edges(source, params)
        n_edges = n_lines if params.directed else 2 * n_lines
    return dataclasses.replace(
        sizes,
        n_nodes=n_nodes,
        n_edges=n_edges,
        n_links=2 * n_edges if params.directed else n_edges,
        n_lines=n_lines,
        table=table,
        directed=params.directed,
        weighted=params.weighted and (params.weight is not None or params.type_weights is not None),
    )


def _with_features(sizes: Sizes, table: FeaturesTable, stats: Stats) -> Sizes:
    found = estimate_features(table.source, table.params)
    n_rows, n_features = found.n_rows, found.n_features
    if "features" in stats:
        n_rows, n_features = int(stats["features"]["n_rows"]), int(stats["features"]["n_features"])
    return dataclasses.replace(
        sizes,
        n_features=n_features,
        n_feature_rows=n_rows,
        feature_bytes=found.n_bytes,
        feature_form=found.form,
    )


def _with_corpus(sizes: Sizes, config: Config, stats: Stats) -> Sizes:
    assert config.corpus is not None
    if "corpus" in stats:
        n_docs, text_bytes = int(stats["corpus"]["n_docs"]), int(stats["corpus"]["report"]["text_bytes"])
    else:
        n_docs, text_bytes = estimate_docs(config.corpus.source, config.corpus.params)
    n_tokens = min(int(TOKENS_A_BYTE * text_bytes), config.corpus.encoder.max_tokens * n_docs)
    if "tokens" in stats:
        n_tokens = int(stats["tokens"]["n_tokens"])
    return dataclasses.replace(sizes, n_docs=n_docs, text_bytes=text_bytes, n_tokens=n_tokens)
