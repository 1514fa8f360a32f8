"""A text built in chunks, one numbering and ranges of rows gives the artifact that reading it whole gives."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from artifacts.artifact import ArtifactWriter
from artifacts.directory import Directory
from artifacts.graph import open_graph
from artifacts.parts import part_path, read_part, write_part
from artifacts.store import Store
from flows.run import run_build
from flows.settings import Config, read_config
from flows.stages import graph as stage
from flows.stages.stage import Job
from foundation.errors import EngineError
from graph import assembly
from graph.edge_list import ReadParams
from tests.graph_files import COMPRESSORS

ROOT = Path(__file__).parents[3]
Result = tuple[Any, ...]


def made(source: Path, work: Path, params: ReadParams, chunk: int | None) -> Result:
    """Statistics and files of the artifact, or the error; ``chunk`` is a chunk's size, None reads the source whole."""
    sources = {"edges": str(source)}
    asked = dataclasses.asdict(params)
    job = Job(inputs={}, sources=sources, params=asked, work=work, part_nodes=1, part_docs=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)  # hundreds of small files
        patch.setattr(stage, "NODE_BYTES", 0)
        patch.setattr(stage, "LEAST_BYTES", chunk or 1 << 40)
        try:
            rounds = stage.split(job)
            parts = []
            for number, spans in enumerate(rounds):
                for start, stop in random.Random(0).sample(spans, len(spans)):
                    output = stage.partition(job, number, start, stop)
                    name = f"parts/{number}-{start}-{stop}"
                    write_part(Directory(work), name, start, stop, output.arrays, output.stats)
                parts.append([read_part(part_path(work, number, *span)) for span in spans])
            writer = ArtifactWriter(work / "out")
            stats = stage.assemble(job, writer, parts).stats
        except EngineError as error:
            return type(error).__name__, str(error)
    return json.dumps(stats, sort_keys=True), dict(sorted(writer._files.items())), bool(rounds)


def same(source: Path, params: ReadParams, chunk: int) -> Result:
    """What reading it whole gives, after a look that both ways give it."""
    with tempfile.TemporaryDirectory() as folder:
        whole = made(source, Path(folder) / "whole", params, None)
        parts = made(source, Path(folder) / "parts", params, chunk)
    assert parts[:2] == whole[:2]
    return parts


NODES = ["0", "1", "2", "3", "7", "12", "-4", "007", "123456789012", "9223372036854775807"]
STRANGE = ["#x", "", "  ", "1", "1 2 3 4 5", "x 1 1", "2 y 1", "é 1 1", "1 2 n/a", "1 2 -1", "+1 2 1", "1 1 0", "2 1 1e-60"]
WEIGHTS = ["1", "1", "1.0", "2", "0.5", "0", "3e38", "0.1234567890123456789", ".5", "1e-3"]


@st.composite
def texts(draw: st.DrawFn) -> tuple[str, ReadParams]:
    """Lines with loops, duplicates, weights or none, and a few that are odd, anywhere."""
    weighted = draw(st.booleans())
    nodes = st.sampled_from(draw(st.sampled_from([NODES[:4], NODES, ["a", "b", "aa", "é", "1"]])))
    weights = st.sampled_from(["1"]) if draw(st.booleans()) else st.sampled_from(WEIGHTS)
    line = st.tuples(nodes, nodes, weights) if weighted else st.tuples(nodes, nodes)
    lines = draw(st.lists(line.map(" ".join), min_size=1, max_size=25))
    for odd in draw(st.lists(st.sampled_from(STRANGE), max_size=3)):
        lines.insert(draw(st.integers(1, len(lines))), odd)
    if draw(st.booleans()):
        lines.insert(0, "src dst weight" if weighted else "src dst")
    params = ReadParams(
        delimiter=" ",
        weight=2 if weighted else None,
        directed=draw(st.booleans()),
        duplicates=draw(st.sampled_from(["sum", "first", "max", "keep", "error"])),
        self_loops=draw(st.sampled_from(["keep", "drop", "error"])),
        on_error=draw(st.sampled_from(["stop", "skip", "skip", "skip"])),
        max_errors=draw(st.sampled_from([0, 1, 2, 1000, 1000])),
    )
    return "\n".join(lines) + draw(st.sampled_from(["", "\n", "\n\n"])), params


@settings(deadline=None, max_examples=150)
@given(drawn=texts(), chunk=st.sampled_from([10, 40, 100]), packed=st.booleans())
@example(drawn=("1 2\n" * 9 + "1 x\n2 007\n", ReadParams(delimiter=" ")), chunk=10, packed=False)
@example(drawn=("1 2\n" * 9 + "1 x\n2 007\n", ReadParams(delimiter=" ")), chunk=10, packed=True)
def test_chunks_give_what_the_whole_gives(drawn: tuple[str, ReadParams], chunk: int, packed: bool) -> None:
    text, params = drawn
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / ("edges.txt.gz" if packed else "edges.txt")
        source.write_bytes(COMPRESSORS[".gz"](text.encode()) if packed else text.encode())
        same(source, params, chunk)
