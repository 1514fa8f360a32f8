"""Stage ``lsh``: signatures become bucket tables. A partition is a range of bands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from artifacts.artifact import ArtifactWriter
from artifacts.communities import TABLES, VERSION, open_signatures
from artifacts.parts import Part
from clustering.communities import CommunityParams
from clustering.lsh import BANDS_AT_ONCE, LSHIndex, band_tables
from flows.stages.stage import Estimate, Findings, Job, Output, Range, Sizes, Stage
from foundation.threads import even_ranges


def split(job: Job) -> list[list[Range]]:
    """Even ranges of bands."""
    n_bands, _ = CommunityParams(**job.params).lsh_params().banding(open_signatures(job.inputs["signatures"]).shape[1])
    return [even_ranges(n_bands, BANDS_AT_ONCE)]


def partition(job: Job, round_: int, start: int, stop: int) -> Output:
    """The tables of bands [start, stop)."""
    del round_
    keys, nodes = band_tables(
        open_signatures(job.inputs["signatures"]), CommunityParams(**job.params).lsh_params(), start, stop
    )
    return Output({"keys": keys, "nodes": nodes})


def assemble(job: Job, writer: ArtifactWriter, parts: list[list[Part]]) -> Findings:
    """Stack the bands."""
    ranges = parts[0]
    shape = (ranges[-1].stop, ranges[0].array("nodes").shape[1])
    writer.pieces("keys", (part.array("keys") for part in ranges), np.uint32, shape)
    writer.pieces("nodes", (part.array("nodes") for part in ranges), np.int32, shape)
    params = CommunityParams(**job.params).lsh_params()
    signatures = open_signatures(job.inputs["signatures"])
    keys = np.concatenate([part.array("keys") for part in ranges])
    nodes = np.concatenate([part.array("nodes") for part in ranges])
    report = LSHIndex(signatures, keys, nodes, params).bucket_report()
    n_bands, n_rows = params.banding(signatures.shape[1])
    return Findings(stats={"n_bands": n_bands, "n_rows": n_rows, "n_filled": shape[1], **report._asdict()})


def estimate(sizes: Sizes, params: Mapping[str, Any]) -> Estimate:
    """Eight bytes a node and band."""
    n_bands = int(params["n_bands"] or 64)
    return Estimate(24 * n_bands * sizes.n_nodes, 8 * n_bands * sizes.n_nodes, 1e-7 * n_bands * sizes.n_nodes)


STAGE = Stage(
    kind=TABLES,
    kind_version=VERSION,
    code_version=1,
    parallel=True,
    split=split,
    partition=partition,
    assemble=assemble,
    estimate=estimate,
)
