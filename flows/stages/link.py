"""Stage ``link``: which document belongs to which node, by equal id. Ids on one side only are legal and counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from artifacts.artifact import ArtifactWriter
from artifacts.corpus import open_corpus
from artifacts.graph import open_graph
from artifacts.link import KIND, VERSION, link_ids, write_link
from artifacts.parts import Part
from flows.stages.stage import Estimate, Findings, Job, Sizes, Stage


def assemble(job: Job, writer: ArtifactWriter, parts: list[list[Part]]) -> Findings:
    """Merge the two sorted columns of ids."""
    del parts
    nodes, docs = open_graph(job.inputs["graph"]).node_ids, open_corpus(job.inputs["corpus"]).ids
    return Findings(stats=write_link(writer, link_ids(nodes, docs), len(docs)))


def estimate(sizes: Sizes, params: Mapping[str, Any]) -> Estimate:
    """Both columns of ids as Python values: 1 µs an id."""
    del params
    both = sizes.n_nodes + sizes.n_docs
    return Estimate(150 * both, 8 * sizes.n_nodes, 0.02 + 1e-6 * both, work="parse")


STAGE = Stage(kind=KIND, kind_version=VERSION, code_version=1, assemble=assemble, estimate=estimate)
