"""Stage ``lsh``: signatures become bucket tables. A partition is a range of bands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from artifacts.artifact import ArtifactWriter
from artifacts.communities import TABLES, VERSION, open_links, open_signatures
from artifacts.parts import Part
from clustering.buckets import BANDS_AT_ONCE, BucketReport, band_tables, bucket_report, join_reports
from clustering.communities import CommunityParams
from clustering.fill import sampled_fill
from clustering.lsh import LSHIndex
from flows.stages.costs import PART_SECONDS, parts_of
from flows.stages.stage import Estimate, Findings, Job, Output, Range, Sizes, Stage
from foundation.threads import even_ranges

PART_BYTES = 1 << 30  # of the entries being sorted; above it a partition takes fewer bands
ENTRY_BYTES = 24  # packed key and node, the same sorted apart, and as they are written


def split(job: Job) -> list[list[Range]]:
    """Even ranges of bands."""
    n_nodes, num_perm = open_signatures(job.inputs["signatures"]).shape
    n_bands, _ = CommunityParams(**job.params).lsh_params().banding(num_perm)
    return [even_ranges(n_bands, _bands_at_once(n_nodes))]


def _bands_at_once(n_nodes: int) -> int:
    return min(BANDS_AT_ONCE, max(1, PART_BYTES // (ENTRY_BYTES * max(1, n_nodes))))


def partition(job: Job, round_: int, start: int, stop: int) -> Output:
    """The tables of bands [start, stop), and the count of their buckets."""
    del round_
    signatures, params = open_signatures(job.inputs["signatures"]), CommunityParams(**job.params).lsh_params()
    keys, nodes = band_tables(signatures, params, start, stop)
    report = bucket_report(keys, params.bucket_cap or signatures.shape[0])
    return Output({"keys": keys, "nodes": nodes}, report._asdict())


def assemble(job: Job, writer: ArtifactWriter, parts: list[list[Part]]) -> Findings:
    """Stack the bands."""
    ranges = parts[0]
    shape = (ranges[-1].stop, ranges[0].array("nodes").shape[1])
    writer.pieces("keys", (part.array("keys") for part in ranges), np.uint32, shape)
    writer.pieces("nodes", (part.array("nodes") for part in ranges), np.int32, shape)
    report = join_reports([BucketReport(**part.stats) for part in ranges])
    params, signatures = CommunityParams(**job.params), open_signatures(job.inputs["signatures"])
    index = LSHIndex(signatures, writer.written("keys"), writer.written("nodes"), params.lsh_params())
    n_bands, n_rows = params.lsh_params().banding(signatures.shape[1])
    fill = sampled_fill(index, params.size, open_links(job.inputs["signatures"]).indptr)
    counts = {"n_bands": n_bands, "n_rows": n_rows, "n_filled": shape[1], **report._asdict()}
    return Findings(stats={**counts, "size": params.size, **fill._asdict()})


def estimate(sizes: Sizes, params: Mapping[str, Any]) -> Estimate:
    """Eight bytes a node and band; packing and sorting an entry takes 50 ns."""
    n_bands, _ = CommunityParams(**params).lsh_params().banding(int(params["num_perm"]))
    entries, n_parts = n_bands * sizes.n_nodes, parts_of(n_bands, _bands_at_once(sizes.n_nodes))
    return Estimate(
        memory=ENTRY_BYTES * entries // n_parts,
        disk=8 * entries,
        seconds=5e-8 * entries + PART_SECONDS * n_parts,
        n_parts=n_parts,
        shared=4 * int(params["num_perm"]) * sizes.n_nodes,
        assembling=8 * entries,
        serial=1.2e-8 * entries,
        work="stream",
        kernels="clustering.kernels.banding",
        compiling=0.3,
    )


STAGE = Stage(
    kind=TABLES,
    kind_version=VERSION,
    code_version=2,
    parallel=True,
    split=split,
    partition=partition,
    assemble=assemble,
    estimate=estimate,
)
