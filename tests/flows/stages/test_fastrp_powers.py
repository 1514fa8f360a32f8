"""Powers that are kept: the embedding they combine to, what rebuilds them, and nights after the graph changed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artifacts.graph import open_graph
from artifacts.manifest import MANIFEST
from artifacts.publish import current_version, damage, read_release
from artifacts.reports import read_report
from artifacts.store import Store
from flows.estimate import estimate_build
from flows.run import BuildReport, run_build
from flows.settings import read_config
from flows.stages import fastrp
from flows.stages.runner import StageReport
from foundation.errors import InvalidConfig
from graph.fastrp import FastRPParams
from graph.fastrp import fastrp as embed
from serving.engine import Engine
from tests.flows.killing import Kill

MODES = ("paper", "gds")
CONFIG = """
name = "kept"
[graph]
source = "edges.tsv"
[fastrp]
dim = 200
iteration_weights = [0.0, 1.0, 0.5]
keep_powers = true
[runtime]
workers = 1
part_nodes = 50
"""
Edges = list[tuple[int, int]]


def first_edges() -> Edges:
    """A long ring, so that changes do not reach everybody, and a hub with a few spokes."""
    return [(node, (node + 1) % 140) for node in range(140)] + [(150, node) for node in range(0, 40, 8)]


def write(directory: Path, edges: Edges) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "edges.tsv").write_text("".join(f"n{src:03d}\tn{dst:03d}\n" for src, dst in edges))
    config = directory / "kept.toml"
    if not config.exists():
        config.write_text(CONFIG)
    return config


def build(config: Path, root: Path, *overrides: str) -> tuple[Store, BuildReport]:
    store = Store.create(root)
    return store, run_build(read_config(config, overrides), store)


def contents(store: Store) -> dict[str, str]:
    """Every manifest of the served version: it holds the checksum of every file."""
    release = read_release(store, "kept")
    assert damage(store, release)[1] == []
    return {stage: (store.objects / name / MANIFEST).read_text() for stage, name in release.stages.items()}


def by_name(report: BuildReport) -> dict[str, StageReport]:
    return {stage.name: stage for stage in report.stages}


def made(report: BuildReport) -> set[str]:
    return {stage.name for stage in report.stages if not stage.cached}


@pytest.fixture(scope="module", params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def evening(mode: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sources, and in ``store`` the first night's build of them."""
    home = tmp_path_factory.mktemp("evening")
    config = write(home, first_edges())
    config.write_text(CONFIG.replace("dim = 200", f'dim = 200\nmode = "{mode}"'))
    build(config, home / "store")
    return home


@pytest.fixture
def night(evening: Path, tmp_path: Path) -> Path:
    """A copy of it to change."""
    shutil.copytree(evening, tmp_path / "night")
    return tmp_path / "night"


@pytest.mark.parametrize(
    "overrides",
    [
        (),
        ("fastrp.self_influence=0.5",),
        ("fastrp.iteration_weights=[]", "fastrp.self_influence=0.5"),
        ("fastrp.iteration_weights=[1.0, 0.0]", "fastrp.precision=int8"),
        ("fastrp.sparsity=30", "fastrp.precision=float32", "fastrp.self_influence=0.1"),
        ("fastrp.orientation=natural", "fastrp.normalization_strength=0.3"),
    ],
    ids=" ".join,
)
def test_the_embedding_is_the_one_that_is_made_without_keeping(
    evening: Path, tmp_path: Path, overrides: tuple[str, ...]
) -> None:
    kept, _ = build(evening / "kept.toml", tmp_path / "kept", *overrides)
    plain, _ = build(evening / "kept.toml", tmp_path / "plain", *overrides, "fastrp.keep_powers=false")
    with_powers, without = (json.loads(contents(store)["fastrp"]) for store in (kept, plain))
    for same in ("kind", "files", "stats", "params"):
        assert with_powers[same] == without[same]
    assert "fastrp.powers" not in contents(plain)
    release = read_release(kept, "kept")
    oriented = "graph" if "fastrp.orientation=natural" in overrides else "graph.undirected"
    expected = embed(open_graph(kept.objects / release.stages[oriented]), FastRPParams(**without["params"]))
    assert np.load(kept.objects / release.stages["fastrp"] / "embedding.npy").tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    ("override", "rebuilt"),
    [
        ("fastrp.iteration_weights=[3.0, 0.0, 0.0]", {"fastrp"}),
        ("fastrp.self_influence=2.5", {"fastrp"}),
        ("fastrp.iteration_weights=[3.0, 1.0]", {"fastrp", "fastrp.powers"}),
        ("fastrp.seed=1", {"fastrp", "fastrp.powers"}),
        ("fastrp.precision=int8", {"fastrp", "fastrp.powers"}),
        ("fastrp.sparsity=4", {"fastrp", "fastrp.powers"}),
        ("fastrp.normalization_strength=0.1", {"fastrp", "fastrp.powers"}),
    ],
)
def test_other_weights_rebuild_the_combination_only(night: Path, override: str, rebuilt: set[str]) -> None:
    _, report = build(night / "kept.toml", night / "store", override)
    assert made(report) == rebuilt
    assert all(stage.n_rows_reused == 0 for stage in report.stages)


def test_bytes_do_not_depend_on_workers_panels_or_ranges_of_rows(
    mode: str, evening: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = contents(Store.open(evening / "store"))
    for workers, width, part_nodes, n_panels in ((1, 256, 1000, 1), (2, 128, 37, 2), (3, 64, 60, 4)):
        monkeypatch.setattr(fastrp, "PANEL", width)
        options = (f"runtime.workers={workers}", f"runtime.part_nodes={part_nodes}")
        store, report = build(evening / "kept.toml", tmp_path / f"store-{workers}", *options)
        assert contents(store) == wanted
        stages = by_name(report)
        assert stages["fastrp.powers"].n_parts == n_panels * (3 if mode == "gds" else 1)
        assert stages["fastrp"].n_parts == 1 + -(-141 // part_nodes)


def cut(edges: Edges, place: int) -> None:
    """An arc goes."""
    del edges[place % len(edges)]


def tie(edges: Edges, place: int) -> None:
    """An arc comes between two nodes that are there."""
    edges.append(((place * 7) % 140, (place * 3) % 140))


def join(edges: Edges, place: int) -> None:
    """A node comes, somewhere among the ids; a second time its arc weighs more."""
    edges.append((141 + place % 70, place % 140))


def drop(edges: Edges, place: int) -> None:
    """A node goes with all of its arcs."""
    gone = edges[place % len(edges)][0]
    edges[:] = [arc for arc in edges if gone not in arc]


def point(edges: Edges, place: int) -> None:
    """A node comes that others point to and that points to nobody."""
    edges.append((place % 140, 300))


EDITS = (cut, tie, join, drop, point)


@settings(deadline=None, max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    edits=st.lists(st.tuples(st.sampled_from(EDITS), st.integers(0, 999)), min_size=1, max_size=4),
    orientation=st.sampled_from(["undirected", "natural"]),
    options=st.sampled_from(
        [(), ("fastrp.precision=int8", "fastrp.sparsity=25"), ("fastrp.normalization_strength=0",)]
    ),
    width=st.sampled_from([64, 128, 256]),
    workers=st.integers(1, 3),
)
def test_a_night_after_any_edit_gives_the_bytes_of_a_build_from_nothing(
    evening: Path,
    tmp_path_factory: pytest.TempPathFactory,
    edits: list[tuple[Callable[[Edges, int], None], int]],
    orientation: str,
    options: tuple[str, ...],
    width: int,
    workers: int,
) -> None:
    home = tmp_path_factory.mktemp("edited")
    shutil.copy(evening / "kept.toml", home / "kept.toml")
    options = (*options, f"fastrp.orientation={orientation}")
    edges = first_edges()
    build(write(home, edges), home / "store", *options)
    for edit, place in edits:
        edit(edges, place)
    config = write(home, edges)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fastrp, "PANEL", width)
        store, _ = build(config, home / "store", *options, f"runtime.workers={workers}")
    fresh, anew = build(config, home / "fresh", *options)
    assert contents(store) == contents(fresh)
    assert by_name(anew)["fastrp.powers"].n_rows_reused == 0
    shutil.rmtree(home)


def test_only_rows_within_reach_are_computed(mode: str, night: Path) -> None:
    edges = first_edges()
    edges.remove((100, 101))
    _, report = build(write(night, edges), night / "store", "runtime.workers=2")
    stage = by_name(report)["fastrp.powers"]
    # two panels of three powers; in paper mode a node also hears the degree of its neighbours
    reach = (2 + 4 + 6) if mode == "gds" else (4 + 6 + 8)
    assert (stage.n_rows, stage.n_rows_reused) == (2 * 3 * 141, 2 * (3 * 141 - reach))
    assert stage.why.startswith(f"refreshed: {stage.n_rows_reused:,} of 846 rows kept; its input graph.undirected")


def test_nothing_is_taken_from_powers_that_were_made_differently(night: Path) -> None:
    edges = first_edges()
    cut(edges, 5)
    _, report = build(write(night, edges), night / "store", "fastrp.iteration_weights=[0.0, 1.0]")
    assert by_name(report)["fastrp.powers"].n_rows_reused == 0


@pytest.mark.parametrize(
    ("stage", "point"),
    [("fastrp.powers", "hop"), ("fastrp.powers", "part"), ("fastrp.powers", "assemble"), ("fastrp", "part")],
)
def test_a_night_killed_in_a_panel_is_finished_by_the_next(
    night: Path, tmp_path: Path, kill: Kill, stage: str, point: str
) -> None:
    edges = first_edges()
    cut(edges, 70)
    join(edges, 9)
    config = write(night, edges)
    store = Store.open(night / "store")
    before = current_version(store, "kept")
    kill(config, store.root, stage, point)
    assert current_version(store, "kept") == before
    _, report = build(config, night / "store")
    if point != "hop":
        assert by_name(report)[stage].n_parts_reused >= 1
    assert contents(store) == contents(build(config, tmp_path / "fresh")[0])
    assert not list((store.root / "work").iterdir())


@pytest.mark.parametrize("mode", ["gds"], indirect=True)  # paper mode has one round
def test_rounds_of_an_interrupted_night_serve_another_night(mode: str, night: Path, tmp_path: Path, kill: Kill) -> None:
    """The parts it left were made beside one version; those that follow are made beside another."""
    first, second = first_edges(), first_edges()
    cut(first, 70)
    drop(second, 71)
    config = write(night, first)
    kill(config, night / "store", "fastrp.powers", "part")
    build(write(night, second), night / "store")
    store, report = build(write(night, first), night / "store")
    assert by_name(report)["fastrp.powers"].n_parts_reused == 1
    assert contents(store) == contents(build(config, tmp_path / "fresh")[0])


@pytest.mark.parametrize("mode", ["paper"], indirect=True)
def test_a_version_with_powers_answers_and_is_compared_with_the_next(mode: str, night: Path) -> None:
    config = night / "kept.toml"
    config.write_text(config.read_text() + '[ann.nodes]\nkind = "flat"\n')
    answers = []
    for override in ("fastrp.keep_powers=true", "fastrp.keep_powers=false"):
        store, _ = build(config, night / override, override)
        answers.append(Engine.open(store, "kept").similar([f"n{node:03d}" for node in range(0, 100, 10)], k=5))
    assert answers[0]["results"] == answers[1]["results"]
    edges = first_edges()
    cut(edges, 50)
    write(night, edges)
    root = night / "fastrp.keep_powers=true"
    (planned,) = (
        row for row in estimate_build(read_config(config), str(root))["stages"] if row["name"] == "fastrp.powers"
    )
    assert planned["why"] == "rebuilt: its input graph.undirected changed"
    store, report = build(config, root)
    facts = json.loads(read_report(store, "kept", report.version, "json"))
    (row,) = (row for row in facts["stages"] if row["name"] == "fastrp.powers")
    assert (row["bytes"], row["rows_reused"]) == (planned["disk"], by_name(report)["fastrp.powers"].n_rows_reused)
    assert facts["drift"]["neighbours"]["n_sampled"] > 0


def test_something_else_than_true_or_false_is_refused(evening: Path) -> None:
    with pytest.raises(InvalidConfig, match=r"fastrp\.keep_powers: 'yes' cannot be used; allowed: true or false"):
        read_config(evening / "kept.toml", ["fastrp.keep_powers=yes"])
