"""An estimate is within a factor of two of what then happens; times are checked for what they must depend on."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from artifacts.store import Store
from flows import estimate, speed
from flows.estimate import estimate_build
from flows.history import last_build_name
from flows.run import run_build
from flows.settings import Config, read_config
from foundation.errors import InvalidParams
from tests.small import write_small

FACTOR = 2.0
ENGINES = """
[fastrp]
dim = 64
[powerwalk]
n_walks = 50
[communities]
num_perm = 64
[ann.nodes]
metric = "cosine"
"""


def graph_config(folder: Path, n_nodes: int, n_edges: int, options: str = "") -> Config:
    """Skewed random edges; the ids of the nodes are numbers."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(3)
    src, dst = (n_nodes * random.random(n_edges) ** 2).astype(int), random.integers(0, n_nodes, n_edges)
    np.savetxt(folder / "edges.txt", np.stack((src, dst), axis=1), fmt="%d")
    (folder / "graph.toml").write_text(f'name = "graph"\n[graph]\nsource = "edges.txt"\n{options}{ENGINES}')
    return read_config(folder / "graph.toml")


@pytest.mark.parametrize("which", ["directed", "undirected", "with documents", "powers kept"])
def test_disk_is_within_a_factor_of_two(tmp_path: Path, which: str) -> None:
    if which == "with documents":
        config = read_config(write_small(tmp_path / "small"))
    else:
        config = graph_config(tmp_path, 3_000, 20_000, "directed = false\n" if which == "undirected" else "")
    if which == "powers kept":
        config = read_config(tmp_path / "graph.toml", ["fastrp.keep_powers=true"])
    expected = estimate_build(config, str(tmp_path / "store"))
    assert not (tmp_path / "store").exists()
    report = run_build(config, Store.create(tmp_path / "store"))
    found = {stage.name: stage.n_bytes for stage in report.stages}
    assert [stage["name"] for stage in expected["stages"]] == list(found)
    for stage in expected["stages"]:
        if found[stage["name"]] > 100_000:  # of less, what a file costs besides its rows decides
            assert 1 / FACTOR <= stage["disk"] / found[stage["name"]] <= FACTOR, stage["name"]
    assert 1 / FACTOR <= expected["total"]["disk"] / sum(found.values()) <= FACTOR


def total(config: Config, store: Path) -> dict[str, float]:
    found: dict[str, float] = estimate_build(config, str(store))["total"]
    return found


def test_more_edges_take_more_of_everything(tmp_path: Path) -> None:
    sizes = [total(graph_config(tmp_path / str(n), n, 8 * n), tmp_path / "none") for n in (2_000, 20_000, 60_000)]
    for name in ("memory", "disk", "seconds"):
        assert 0 < sizes[0][name] < sizes[1][name] < sizes[2][name]


def test_workers_share_what_is_parallel_up_to_the_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = graph_config(tmp_path, 50_000, 200_000)

    def seconds(workers: int, cores: int) -> dict[str, float]:
        monkeypatch.setattr(estimate.os, "cpu_count", lambda: cores)
        runtime = dataclasses.replace(config.runtime, workers=workers, part_nodes=1_000)
        stages = estimate_build(dataclasses.replace(config, runtime=runtime), str(tmp_path / "none"))["stages"]
        return {stage["name"]: stage["seconds"] for stage in stages}

    one, four, held_back = seconds(1, 4), seconds(4, 4), seconds(4, 1)
    assert held_back == one
    assert four["graph"] <= one["graph"]
    assert one["powerwalk"] / 4 <= four["powerwalk"] < one["powerwalk"] / 2


def test_kernels_that_are_not_compiled_cost_their_compilation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = graph_config(tmp_path, 500, 2_000)
    seconds = []
    for compiled in (True, False):
        monkeypatch.setattr(estimate, "is_compiled", lambda kernels, compiled=compiled: compiled)
        seconds.append(total(config, tmp_path / "none")["seconds"])
    assert seconds[1] > seconds[0] + 1


def test_a_cache_of_kernels_is_found_where_numba_keeps_it() -> None:
    from graph.kernels.signs import fill_signs

    fill_signs(np.uint64(1), np.arange(4, dtype=np.uint64), 0, np.uint64(9), np.empty((4, 16), dtype=np.int8), 0)
    assert speed.is_compiled("graph.kernels.signs")
    assert not speed.is_compiled("json")


def test_the_last_build_is_believed_more_than_the_formulas(tmp_path: Path) -> None:
    config = graph_config(tmp_path, 3_000, 20_000)
    store = Store.create(tmp_path / "store")
    run_build(config, store)
    name = last_build_name("graph")
    document = json.loads(store.place.read(name))
    document["took"]["fastrp"]["seconds"] = 1_000.0
    store.place.write(name, json.dumps(document).encode())
    changed = read_config(tmp_path / "graph.toml", ["fastrp.seed=1"])
    (row,) = (stage for stage in estimate_build(changed, str(store.root))["stages"] if stage["name"] == "fastrp")
    assert 900 < row["seconds"] < 1_100
    twice = read_config(tmp_path / "graph.toml", ["fastrp.dim=128"])
    (wider,) = (stage for stage in estimate_build(twice, str(store.root))["stages"] if stage["name"] == "fastrp")
    assert wider["disk"] == pytest.approx(2 * row["disk"], rel=0.01)
    assert wider["seconds"] > row["seconds"]


def test_figures_of_a_stage_outlive_builds_that_find_it_cached(tmp_path: Path) -> None:
    config = graph_config(tmp_path, 500, 2_000)
    store = Store.create(tmp_path / "store")
    run_build(config, store)
    before = json.loads(store.place.read(last_build_name("graph")))["took"]
    assert run_build(config, store).unchanged
    assert json.loads(store.place.read(last_build_name("graph")))["took"] == before


def test_a_report_that_cannot_be_read_is_no_hindrance(tmp_path: Path) -> None:
    config = graph_config(tmp_path, 500, 2_000)
    store = Store.create(tmp_path / "store")
    run_build(config, store)
    store.place.write(last_build_name("graph"), b'{"took": [1]}')
    changed = read_config(tmp_path / "graph.toml", ["fastrp.seed=1"])
    assert total(changed, store.root)["seconds"] > 0


def test_stages_asked_for_and_forced_are_those_of_the_build(tmp_path: Path) -> None:
    config = graph_config(tmp_path, 300, 900)
    store = Store.create(tmp_path / "store")
    run_build(config, store)
    some = estimate_build(config, str(store.root), only=["fastrp"], force=["graph"])
    built = run_build(config, store, only=["fastrp"], force=["graph"])
    assert [row["name"] for row in some["stages"]] == [stage.name for stage in built.stages]
    assert [row["cached"] for row in some["stages"]] == [stage.cached for stage in built.stages]
    assert {row["name"]: row["why"] for row in some["stages"]}["graph"] == {s.name: s.why for s in built.stages}[
        "graph"
    ]
    for option in ("only", "force"):
        with pytest.raises(InvalidParams, match=rf"--{option} = 'fastrq' cannot be used; .*did you mean fastrp"):
            estimate_build(config, str(store.root), **{option: ["fastrq"]})  # type: ignore[arg-type]
