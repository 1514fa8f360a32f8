"""Whole builds of a small index: equal bytes whatever the machine does, and nothing lost when it dies."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from artifacts.manifest import MANIFEST
from artifacts.publish import current_version, damage, read_release
from artifacts.store import Store
from flows.run import BuildReport, run_build
from flows.settings import read_config
from tests.flows.killing import Kill

STAGES = (
    "graph",
    "graph.undirected",
    "fastrp",
    "ann.nodes",
    "powerwalk",
    "minhash",
    "lsh",
    "labels",
    "corpus",
    "tokens",
    "muvera",
    "ann.documents",
    "retriever",
    "link",
)
UNSPLIT = ("graph", "graph.undirected", "corpus", "link")


def contents(store: Store, index: str = "small") -> dict[str, str]:
    """Every manifest of the served version as text: it holds the checksum of every file."""
    release = read_release(store, index)
    assert damage(store, release)[1] == []
    return {stage: (store.objects / name / MANIFEST).read_text() for stage, name in release.stages.items()}


def build(config: Path, root: Path, *overrides: str) -> tuple[Store, BuildReport]:
    store = Store.create(root)
    return store, run_build(read_config(config, overrides), store)


@pytest.fixture(scope="module")
def config(small_config: Path) -> Path:
    return small_config


@pytest.fixture(scope="module")
def undisturbed(small_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store.open(shutil.copytree(small_store.root, tmp_path_factory.mktemp("undisturbed") / "store"))


def test_the_build_has_every_stage(undisturbed: Store) -> None:
    assert tuple(contents(undisturbed)) == tuple(sorted(STAGES))


def test_building_again_computes_nothing(config: Path, undisturbed: Store) -> None:
    before = contents(undisturbed)
    report = run_build(read_config(config), undisturbed)
    assert report.unchanged
    assert all(stage.cached for stage in report.stages)
    assert contents(undisturbed) == before
    assert not list((undisturbed.root / "work").iterdir())


@pytest.mark.parametrize(
    "overrides",
    [
        ("runtime.workers=1",),
        ("runtime.workers=3",),
        ("runtime.workers=2", "runtime.part_nodes=37", "runtime.part_docs=1000"),
        ("runtime.threads_per_worker=3", "runtime.part_nodes=1000", "runtime.part_docs=13"),
        ("runtime.workers=2", "runtime.processes=true"),
    ],
    ids=lambda overrides: " ".join(overrides),
)
def test_bytes_do_not_depend_on_workers_or_partitions(
    config: Path, undisturbed: Store, tmp_path: Path, overrides: tuple[str, ...]
) -> None:
    store, _ = build(config, tmp_path / "store", *overrides)
    assert contents(store) == contents(undisturbed)


def test_one_parameter_rebuilds_only_what_depends_on_it(config: Path, undisturbed: Store, tmp_path: Path) -> None:
    shutil.copytree(undisturbed.root, tmp_path / "store")
    _, report = build(config, tmp_path / "store", "fastrp.seed=1")
    assert {stage.name for stage in report.stages if not stage.cached} == {"fastrp", "ann.nodes"}


def test_a_changed_source_rebuilds_what_reads_it(config: Path, undisturbed: Store, tmp_path: Path) -> None:
    shutil.copytree(config.parent, tmp_path / "sources")
    shutil.copytree(undisturbed.root, tmp_path / "store")
    with (tmp_path / "sources" / "docs.jsonl").open("a") as file:
        file.write(json.dumps({"_id": "new", "title": "late", "text": "chess"}) + "\n")
    _, report = build(tmp_path / "sources" / config.name, tmp_path / "store")
    rebuilt = {stage.name for stage in report.stages if not stage.cached}
    assert rebuilt == {"corpus", "tokens", "muvera", "ann.documents", "retriever", "link"}


def test_only_builds_what_is_named_and_publishes_nothing(config: Path, tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    report = run_build(read_config(config), store, only=["lsh"])
    assert [stage.name for stage in report.stages] == ["graph", "minhash", "lsh"]
    assert not report.published
    assert current_version(store, "small") is None


def test_force_rebuilds_and_keeps_equal_bytes(config: Path, undisturbed: Store, tmp_path: Path) -> None:
    shutil.copytree(undisturbed.root, tmp_path / "store")
    store = Store.open(tmp_path / "store")
    report = run_build(read_config(config), store, force=["communities"])
    assert {stage.name for stage in report.stages if not stage.cached} == {"minhash", "lsh"}
    assert contents(store) == contents(undisturbed)
    assert all(path.suffix == ".0" for path in store.objects.iterdir())


def test_force_mends_a_damaged_artifact(config: Path, undisturbed: Store, tmp_path: Path) -> None:
    shutil.copytree(undisturbed.root, tmp_path / "store")
    store = Store.open(tmp_path / "store")
    victim = store.objects / read_release(store, "small").stages["fastrp"] / "embedding.npy"
    raw = bytearray(victim.read_bytes())
    raw[-5] ^= 4
    victim.write_bytes(raw)
    assert damage(store, read_release(store, "small"))[1]
    run_build(read_config(config), store, force=["fastrp"])
    assert contents(store) == contents(undisturbed)


@pytest.mark.parametrize(
    ("stage", "point"),
    [*((stage, "part") for stage in STAGES if stage not in UNSPLIT), *((stage, "assemble") for stage in STAGES)],
)
def test_a_build_killed_in_a_stage_is_finished_by_the_next(
    config: Path, undisturbed: Store, tmp_path: Path, kill: Kill, stage: str, point: str
) -> None:
    """All other stages are there already; after the graph's, none: then the next build makes everything else."""
    store = Store.create(tmp_path / "store")
    done = [] if stage == "graph" else [name for name in STAGES if name != stage]
    copy_stages(undisturbed, store, done)
    kill(config, store.root, stage, point)
    assert current_version(store, "small") is None
    report = run_build(read_config(config), store)
    by_name = {entry.name: entry for entry in report.stages}
    assert {name for name in STAGES if by_name[name].cached} == set(done)
    if point == "part":
        assert by_name[stage].n_parts_reused >= 1
    elif stage not in UNSPLIT:
        assert by_name[stage].n_parts_reused == by_name[stage].n_parts
    assert contents(store) == contents(undisturbed)
    assert not list((store.root / "work").iterdir())


@pytest.mark.parametrize("point", ["publish", "pointer"])
def test_a_build_killed_while_publishing_leaves_the_old_version(
    config: Path, undisturbed: Store, tmp_path: Path, kill: Kill, point: str
) -> None:
    shutil.copytree(undisturbed.root, tmp_path / "store")
    shutil.copytree(config.parent, tmp_path / "sources")
    store = Store.open(tmp_path / "store")
    old = contents(store)
    changed = tmp_path / "sources" / config.name
    changed.write_text(changed.read_text().replace("n_walks = 20", "n_walks = 21"))
    kill(changed, store.root, "", point)
    assert contents(store) == old
    report = run_build(read_config(changed), store)
    assert all(stage.cached for stage in report.stages)
    assert contents(store) != old


def copy_stages(source: Store, target: Store, names: list[str]) -> None:
    """Give ``target`` the finished artifacts of some stages, so that each kill test starts at its stage."""
    release = read_release(source, "small")
    target.objects.mkdir(exist_ok=True)
    for name in names:
        shutil.copytree(source.objects / release.stages[name], target.objects / release.stages[name])
