"""A text built in chunks, one numbering and ranges of rows gives the artifact that reading it whole gives."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import random
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
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
from foundation.errors import EngineError, StoreUnavailable
from graph import assembly
from graph.edge_list import ReadParams
from graph.ingest import range_numbering, rows
from graph.readers import pieces
from tests.flows.killing import Kill
from tests.graph_files import COMPRESSORS

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
STRANGE = [
    "#x",
    "",
    "  ",
    "1",
    "1 2 3 4 5",
    "x 1 1",
    "2 y 1",
    "é 1 1",
    "1 2 n/a",
    "1 2 -1",
    "+1 2 1",
    "1 1 0",
    "2 1 1e-60",
]
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
@given(drawn=texts(), chunk=st.sampled_from([10, 40, 100]), head=st.sampled_from([8, 8192]), packed=st.booleans())
@example(drawn=("1 2\n" * 9 + "1 x\n2 007\n", ReadParams(delimiter=" ")), chunk=10, head=8, packed=False)
@example(drawn=("1 2\n" * 9 + "1 x\n2 007\n", ReadParams(delimiter=" ")), chunk=10, head=8, packed=True)
@example(drawn=("1 2\n7 007\n1 x\n", ReadParams(delimiter=" ", self_loops="error")), chunk=10, head=4, packed=False)
def test_chunks_give_what_the_whole_gives(drawn: tuple[str, ReadParams], chunk: int, head: int, packed: bool) -> None:
    """Where a string comes after the ``head``, chunks of integers are made again."""
    text, params = drawn
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "_HEAD", head)
        source = Path(folder) / ("edges.txt.gz" if packed else "edges.txt")
        source.write_bytes(COMPRESSORS[".gz"](text.encode()) if packed else text.encode())
        same(source, params, chunk)


def test_the_property_sees_graphs_and_errors_in_many_chunks(tmp_path: Path) -> None:
    """Guards it against a split that always says there is one chunk, and against policies that always refuse."""
    source = tmp_path / "edges.txt"
    source.write_text("".join(f"{i % 7} {i * 5 % 11} {1 + i % 3}\n" for i in range(100)))
    assert same(source, ReadParams(weight=2), 64)[2] is True
    for policy in ("duplicates", "self_loops"):
        kind, said = same(source, ReadParams(weight=2, **{policy: "error"}), 64)  # type: ignore[arg-type]
        assert kind == "InvalidInput"
        assert "line " in said


@pytest.mark.parametrize("integers", [True, False])
def test_types_are_weighed_dropped_and_counted_across_chunks(tmp_path: Path, integers: bool) -> None:
    ends = ("{} {}" if integers else "n{} n{}").format
    lines = [f"{ends(i % 9, i * i % 13)} {'xyz'[i % 3]}\n" for i in range(200)]
    (tmp_path / "edges.txt").write_text("".join(lines))
    table = (("x", 1.0), ("y", 0.0), ("*", 0.5))
    assert same(tmp_path / "edges.txt", ReadParams(type=2, type_weights=table), 100)[2]
    refused = same(tmp_path / "edges.txt", ReadParams(type=2, type_weights=(("x", 1.0),)), 100)
    assert refused[1].endswith(
        "types without a weight: 'y' (67 lines), 'z' (66 lines); "
        "add 'y' to type_weights, or '*' for every other type (0 drops it)"
    )


@pytest.mark.parametrize("bad", [[3], [150, 20], [199, 198, 21]])
@pytest.mark.parametrize("packed", [True, False])
def test_the_first_bad_line_of_the_file_is_named(tmp_path: Path, bad: list[int], packed: bool) -> None:
    lines = [f"{i} {i + 1}" for i in range(200)]
    for line in bad:
        lines[line - 1] = f"{line}"
    data = "\n".join(lines).encode()
    source = tmp_path / ("e.txt.zst" if packed else "e.txt")
    source.write_bytes(COMPRESSORS[".zst"](data) if packed else data)
    assert f"{source}, line {min(bad)}: one column, '{min(bad)}'" in same(source, ReadParams(), 64)[1]
    last = f"it is rejection {len(bad)}, more than max_errors = {len(bad) - 1}"
    refused = same(source, ReadParams(on_error="skip", max_errors=len(bad) - 1), 64)[1]
    assert f"{source}, line {max(bad)}: " in refused
    assert last in refused
    stats = json.loads(same(source, ReadParams(on_error="skip", max_errors=len(bad)), 64)[0])
    assert stats["report"]["n_rejected"] == len(bad)


@pytest.mark.parametrize("directed", [True, False])
def test_more_nodes_than_int32_holds_make_wide_indices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, directed: bool
) -> None:
    ids = [2**62 - 1, -(2**63), 5, 2**40, 0, 2**31, 2**62 - 2]
    source = tmp_path / "sparse.txt"
    source.write_text("".join(f"{ids[i % 7]} {ids[i * 3 % 5]}\n" for i in range(60)))
    monkeypatch.setattr(assembly, "INT32_NODES", 6)
    _, files, _ = same(source, ReadParams(directed=directed), 128)
    assert files["indices.npy"].dtype == "<i8"
    monkeypatch.setattr(assembly, "INT32_NODES", 7)
    assert same(source, ReadParams(directed=directed), 128)[1]["indices.npy"].dtype == "<i4"


def large(folder: Path, options: str = "", n_edges: int = 160_000) -> Config:
    """A config whose text is three chunks of the least size."""
    random_ends = np.random.default_rng(5)
    src, dst = random_ends.integers(10**9, 10**9 + 9_000, (2, n_edges))
    folder.mkdir(parents=True, exist_ok=True)
    np.savetxt(folder / "edges.txt", np.stack((src, dst), axis=1), fmt="%d")
    (folder / "small.toml").write_text(
        f'name = "small"\n[graph]\nsource = "edges.txt"\n{options}[runtime]\npart_nodes = 1\n'
    )
    return read_config(folder / "small.toml")


def manifest(store: Store) -> Any:
    (name,) = (path.name for path in store.objects.iterdir())
    return store.manifest(name)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Store]:
    """A large source, and a store with the graph that reading it whole gives."""
    folder = tmp_path_factory.mktemp("large")
    config = large(folder / "source")
    store = Store.create(folder / "store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "LEAST_BYTES", 1 << 40)
        (report,) = run_build(config, store).stages
    assert report.n_parts == 0
    return folder / "source" / "small.toml", store


@pytest.mark.parametrize("runtime", [[], ["runtime.workers=2"], ["runtime.workers=2", "runtime.processes=true"]])
def test_workers_make_the_same_artifact(undisturbed: tuple[Path, Store], tmp_path: Path, runtime: list[str]) -> None:
    config, whole = undisturbed
    store = Store.create(tmp_path / "store")
    (report,) = run_build(read_config(config, runtime), store).stages
    assert report.n_parts == 4 + 1 + 4
    assert manifest(store) == manifest(whole)
    assert not list((store.root / "work").iterdir())
    (name,) = (path for path in store.objects.iterdir())
    assert open_graph(name).n_nodes == 9_000


def mapped() -> int:
    """Bytes of files that this process maps and holds now."""
    fields = Path("/proc/self/statm").read_text().split()
    return int(fields[2]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_of_the_chunks_no_more_is_mapped_at_a_time_than_a_partition_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Dask counts against a worker's limit, mapped files among it."""
    ends = np.random.default_rng(2).integers(10**9, 2 * 10**9, (2, 600_000))
    pl.DataFrame({"src": ends[0], "dst": ends[1]}).write_csv(tmp_path / "e.txt", separator=" ", include_header=False)
    asked = dataclasses.asdict(ReadParams())
    job = Job(
        inputs={}, sources={"edges": str(tmp_path / "e.txt")}, params=asked, work=tmp_path, part_nodes=1, part_docs=1
    )
    chunks, numbering, row_ranges = stage.split(job)
    most = [0]

    def watch(module: Any, name: str) -> None:
        plain = getattr(module, name)

        def watched(*given: Any) -> Any:
            result = plain(*given)
            most[0] = max(most[0], mapped())
            return result

        monkeypatch.setattr(module, name, watched)

    watch(range_numbering, "unite_ids")
    watch(range_numbering.Spill, "put")
    watch(rows, "append_rows")

    def make(number: int, spans: list[tuple[int, int]]) -> int:
        """The most that was mapped beyond what was before, the last time that the partitions were made."""
        for _ in range(2):  # the first time maps libraries as well
            before = most[0] = mapped()
            for start, stop in spans:
                output = stage.partition(job, number, start, stop)
                write_part(
                    Directory(tmp_path), f"parts/{number}-{start}-{stop}", start, stop, output.arrays, output.stats
                )
                most[0] = max(most[0], mapped())
        return most[0] - before

    make(stage.CHUNKS, chunks)
    n_bytes = sum(path.stat().st_size for path in tmp_path.glob("parts/0-*/*.npy"))
    assert len(chunks) >= 10
    assert make(stage.NUMBERING, numbering) < n_bytes / 4
    n_row_bytes = sum(path.stat().st_size for path in tmp_path.glob("parts/1-*/rows.*.npy"))
    assert make(stage.ROWS, row_ranges[:2]) < (n_bytes + n_row_bytes) / 4


@pytest.mark.parametrize(("point", "n_kept"), [("part", 1), ("part 3", 3), ("part 6", 6), ("assemble", 9)])
def test_a_build_killed_in_any_round_goes_on_from_the_parts_that_are_there(
    undisturbed: tuple[Path, Store], tmp_path: Path, kill: Kill, point: str, n_kept: int
) -> None:
    config, whole = undisturbed
    store = Store.create(tmp_path / "store")
    kill(config, store.root, "graph", point)
    assert not list(store.root.glob("objects/*"))
    (report,) = run_build(read_config(config), store).stages
    assert n_kept <= report.n_parts_reused <= n_kept + 1  # a second worker may have ended one as well
    assert manifest(store) == manifest(whole)


@pytest.mark.parametrize("n_written", [0, 5, 20, 40, 46])
def test_a_disk_that_fills_up_leaves_nothing_that_can_be_opened(
    undisturbed: tuple[Path, Store], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_written: int
) -> None:
    config, whole = undisturbed
    store = Store.create(tmp_path / "store")
    left, sync = [n_written], os.fsync

    def full(descriptor: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StoreUnavailable, match="no space left"):
            run_build(read_config(config, ["runtime.processes=false"]), store)
    assert not list(store.root.glob("objects/*"))
    for path in store.root.glob("work/*/parts/[0-9]*"):
        read_part(path).arrays()
    run_build(read_config(config), store)
    assert manifest(store) == manifest(whole)
