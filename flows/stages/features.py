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
    params = {name: value for name, value in job.params.items() if name != "format"}  # of the source's name
    found = read_features(job.sources["features"], ids, FeatureParams(**params))
    return Findings(stats=write_features(writer, found))


def estimate(sizes: Sizes, params: Mapping[str, Any]) -> Estimate:
    """The file, its table in 64 bits, the nodes' rows of that and the result; 1 µs an id and 40 ns a number.

    Parsing a byte takes 16 ns in a text of fields and 30 ns in JSON, whose numbers are objects of 70 bytes at first.
    """
    del params
    per_byte, per_number = {"columns": (0.0, 8), "fields": (1.6e-8, 8), "json": (3e-8, 70)}[sizes.feature_form]
    disk = 4 * sizes.n_features * sizes.n_nodes
    numbers = sizes.n_features * sizes.n_feature_rows
    return Estimate(
        sizes.feature_bytes + per_number * numbers + 100 * sizes.n_feature_rows + 3 * disk + 100 * sizes.n_nodes,
        disk,
        0.1 + 1e-6 * sizes.n_feature_rows + 4e-8 * numbers + per_byte * sizes.feature_bytes + WRITE_SECONDS * disk,
        work="parse",
    )


STAGE = Stage(kind=KIND, kind_version=VERSION, code_version=1, assemble=assemble, estimate=estimate)
