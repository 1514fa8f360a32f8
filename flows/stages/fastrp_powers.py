"""Stage ``fastrp.powers``: the powers of a graph, kept, so that other weights need no other walk.

A partition is a panel of columns over the whole graph, in rounds as those of the stage ``fastrp``. Where the graph is
not the served version's, each panel takes the rows that the change cannot reach from the powers of then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

from artifacts.artifact import ArtifactWriter
from artifacts.graph import open_graph
from artifacts.parts import Part, part_path, read_part
from artifacts.powers import KIND, VERSION, Block, KeptPowers, open_powers, write_powers
from flows.stages.costs import PART_SECONDS, WRITE_SECONDS
from flows.stages.fastrp import ITEM, arcs_bytes, named, norms_of, panels_of, rows_of, walking_seconds
from flows.stages.stage import ROWS, ROWS_REUSED, Estimate, Findings, Job, Output, Range, Sizes, Stage
from graph.csr import CSRGraph
from graph.fastrp_change import Change, Mask
from graph.fastrp_params import FastRPParams
from graph.fastrp_start import drawn_factors, next_source, start_panel
from graph.propagation import GROUP, Rows, Stored, Walk, padded, row_norms


def params_of(params: FastRPParams) -> dict[str, Any]:
    """What decides the powers: of the weights only how many there are, and nothing of ``self_influence``."""
    decisive = asdict(params) | {"n_hops": len(params.iteration_weights)}
    del decisive["iteration_weights"], decisive["self_influence"]
    return decisive


def split(job: Job) -> list[list[Range]]:
    """One round in paper mode, one per hop in GDS mode."""
    params = _params(job.params)
    n_rounds = 1 if params.mode == "paper" else max(1, len(params.iteration_weights))
    return [panels_of(open_graph(job.inputs["graph"]).n_nodes, params.dim)] * n_rounds


def partition(job: Job, round_: int, start: int, stop: int) -> Output:
    """All powers of columns [start, stop) in paper mode, the next one in GDS mode; with the first, the own rows."""
    graph, params = open_graph(job.inputs["graph"]), _params(job.params)
    walk = Walk.over(graph, params.precision)
    before = _Before.of(job, params, graph, walk) if job.previous else None
    arrays: dict[str, npt.NDArray[Any]] = {}
    differs: Mask = np.empty(0, dtype=np.bool_)
    if round_ == 0:
        first = start_panel(graph, params, start, stop)
        assert first.rows is not None  # self_influence asks for them
        source, arrays = first.source, named(first.rows, 0)
        if before is not None and first.drawn is not None:
            differs = before.change.draws(*before.drawn, first.sparsity, first.drawn)
    else:
        rows = rows_of(read_part(part_path(job.work, round_ - 1, start, stop)), round_)
        norms = norms_of(job.work, round_, panels_of(graph.n_nodes, params.dim))
        source = next_source(walk, params, rows, norms)
        if before is not None:  # every row is compared: who made that part may have had another version before him
            differs = before.change.reads(before.source(round_, start, stop), source)
    n_hops = len(params.iteration_weights)
    last = n_hops if params.mode == "paper" else min(round_ + 1, n_hops)
    n_made = 0
    for hop in range(round_ + 1, last + 1):
        if before is None:
            rows, made = walk.step(source), np.ones(graph.n_nodes, dtype=np.bool_)
        else:
            rows, made = before.change.step(source, before.rows(hop, start, stop), differs)
        arrays |= named(rows, hop)
        n_made += int(np.count_nonzero(made & (walk.places >= 0)))
        if hop < last:  # in paper mode, where the next hop does not ask for norms
            source = next_source(walk, params, rows, row_norms([rows.squares]))
            if before is not None:
                differs = before.change.reads(before.source(hop, start, stop), source, made)
    n_rows = walk.n_places * max(0, last - round_)
    return Output(arrays, {ROWS: n_rows, ROWS_REUSED: n_rows - n_made})


def assemble(job: Job, writer: ArtifactWriter, parts: list[list[Part]]) -> Findings:
    """Put the panels side by side."""
    params = _params(job.params)
    gds = params.mode == "gds"
    hops: list[list[Block]] = [
        [rows_of(part, hop) for part in parts[max(0, hop - 1) if gds else 0]]
        for hop in range(len(params.iteration_weights) + 1)
    ]
    return Findings(write_powers(writer, hops, open_graph(job.inputs["graph"]).n_nodes, params.dim))


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Before:
    """The served version's powers, and what the change of the graph leaves of them."""

    change: Change
    drawn: tuple[float, npt.NDArray[np.float32]]
    powers: KeptPowers
    params: FastRPParams

    @classmethod
    def of(cls, job: Job, params: FastRPParams, graph: CSRGraph, walk: Walk) -> _Before:
        old = open_graph(job.previous["graph"])
        change = Change.between(old, Walk.over(old, params.precision), graph, walk)
        return cls(change, drawn_factors(old, params), open_powers(job.previous["self"]), params)

    def rows(self, hop: int, start: int, stop: int) -> Rows:
        return Rows(*self.powers.panel(hop, start, stop))

    def source(self, hop: int, start: int, stop: int) -> Stored:
        """What the hop after ``hop`` read then."""
        norms = row_norms([self.powers.block(hop)[2]])
        return next_source(self.change.old_walk, self.params, self.rows(hop, start, stop), norms)


def _params(params: Mapping[str, Any]) -> FastRPParams:
    """With the nodes' own rows, which any ``self_influence`` may ask for later."""
    shared = {name: value for name, value in params.items() if name != "n_hops"}
    return FastRPParams(**shared, iteration_weights=(1.0,) * params["n_hops"], self_influence=1.0)


def estimate(sizes: Sizes, params: Mapping[str, Any]) -> Estimate:
    """All hops are walked, written as panels and written once more as a whole.

    A worker holds its panel of the own rows and of all powers, or in GDS mode of two, and room for one more.
    """
    wanted = _params(params)
    hops, width = len(wanted.iteration_weights), padded(wanted.dim)
    item, beside = ITEM[wanted.precision], 12 * width // GROUP
    power, own = sizes.n_nodes * (width * item + beside), sizes.n_nodes * (width + beside)
    disk = hops * power + own
    panels = panels_of(sizes.n_nodes, wanted.dim)
    gds = wanted.mode == "gds"
    return Estimate(
        memory=(own + ((1 if gds else hops) + 2) * power) // len(panels),
        disk=disk,
        seconds=walking_seconds(sizes, max(1, hops), wanted.dim, item)
        + (WRITE_SECONDS * disk + PART_SECONDS * len(panels) * (max(1, hops) if gds else 1)),
        n_parts=len(panels),
        shared=arcs_bytes(sizes),
        assembling=disk,
        serial=WRITE_SECONDS * disk,
        kernels="graph.kernels.propagate",
        compiling=6.0,
    )


STAGE = Stage(
    kind=KIND,
    kind_version=VERSION,
    code_version=1,
    parallel=True,
    compares=("graph",),
    split=split,
    partition=partition,
    assemble=assemble,
    estimate=estimate,
)
