"""Stage ``features``: a file of numbers becomes one row for every node of the graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from artifacts.artifact import ArtifactWriter
from artifacts.features import KIND, VERSION, write_features
from artifacts.graph import open_graph
from artifacts.parts import Part
from flows.stages.costs import WRITE_SECONDS
from flows.stages.stage import Estimate, Findings, Job, Sizes, Stage
from graph.features import FeatureParams, read_features


def assemble(job: Job, writer: ArtifactWriter, parts: list[list[Part]]) -> Findings:
    """Read the source on the machine that runs the flow."""
    del parts
    ids = open_graph(job.inputs["graph"]).node_ids
    found = read_features(job.sources["features"], ids, FeatureParams(**job.params))
    return Findings(stats=write_features(writer, found))


def estimate(sizes: Sizes, params: Mapping[str, Any]) -> Estimate:
    """The file, its table in 64 bits, the nodes' rows of that and the result; 1 µs an id and 30 ns a number."""
    del params
    disk = 4 * sizes.n_features * sizes.n_nodes
    return Estimate(
        sizes.feature_bytes + (8 * sizes.n_features + 100) * (sizes.n_feature_rows + sizes.n_nodes) + disk,
        disk,
        0.1 + 1e-6 * sizes.n_feature_rows + 3e-8 * sizes.n_features * sizes.n_feature_rows + WRITE_SECONDS * disk,
        work="parse",
    )


STAGE = Stage(kind=KIND, kind_version=VERSION, code_version=1, assemble=assemble, estimate=estimate)
