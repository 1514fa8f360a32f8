"""The quality gate: each threshold holds, and a version that misses one is kept and not served."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from artifacts.publish import current_version, damage, point_current, read_release, releases
from artifacts.reports import is_withheld, read_facts, read_report
from artifacts.store import Store
from flows.churn import Churn
from flows.drift import Counts, Drift
from flows.gate import NEEDS, GateParams, check_gate
from flows.run import run_build
from flows.settings import Config, parse_config, read_config
from foundation.errors import GateFailed, InvalidConfig, InvalidParams
from serving.engine import Engine
from tests.flows.conftest import Versions
from tests.flows.two_versions import change_sources

DRIFT = Drift(
    before="a" * 12,
    seconds=0.0,
    nodes=Counts(before=200, after=190, added=10, lost=20),
    edges=Counts(before=1000, after=1000, added=300, lost=300),
    documents=Counts(before=0, after=5, added=5),
    neighbours=Churn(mean=0.25, n_sampled=200),
    rankings=Churn(mean=0.125, n_sampled=50),
    communities=Churn(mean=0.2, n_sampled=190),
    similar_documents=Churn(mean=None, n_sampled=0),
)
# Found in the small index's release, or in DRIFT.
FOUND: dict[str, float | None] = {
    "max_nodes_lost": 0.1,
    "max_edges_lost": 0.3,
    "max_documents_lost": 0.0,
    "max_neighbour_churn": 0.25,
    "max_ranking_churn": 0.125,
    "max_community_churn": 0.2,
    "max_document_churn": None,
}
MEASURED = {
    "min_precision": ("powerwalk", "precision_at_50"),
    "min_modularity": ("labels", "modularity"),
    "min_retriever_recall": ("retriever", "recall_at_10"),
    "min_nodes": ("graph", "n_nodes"),
    "min_edges": ("graph", "n_edges"),
    "min_documents": ("corpus", "n_docs"),
}


def gate(**thresholds: Any) -> GateParams:
    return GateParams(**thresholds)


def test_without_thresholds_nothing_is_checked(versions: Versions) -> None:
    assert check_gate(GateParams(), versions.new, DRIFT) == []


@pytest.mark.parametrize("name", MEASURED)
def test_a_least_value_is_held(versions: Versions, name: str) -> None:
    stage, quality = MEASURED[name]
    found = {**versions.new.stats.get(stage, {}), **versions.new.measured.get(stage, {})}[quality]
    step = 1 if isinstance(found, int) else 0.001
    (exact,) = check_gate(gate(**{name: found}), versions.new, None)
    (less,) = check_gate(gate(**{name: found - step}), versions.new, None)
    assert (exact.found, exact.passed, less.passed) == (found, True, True)
    if found != 1.0:
        (more,) = check_gate(gate(**{name: found + step}), versions.new, None)
        assert not more.passed
        assert f"{found:.6g} ({name} = {found + step:.6g})" in str(more)


def test_least_recall_is_held_by_every_ann_stage(versions: Versions) -> None:
    measured = {**versions.new.measured, "ann.nodes": {"recall": 0.7}, "ann.documents": {"recall": 0.9}}
    release = dataclasses.replace(versions.new, measured=measured)
    checks = check_gate(gate(min_recall=0.8), release, None)
    assert {check.what: check.passed for check in checks} == {
        "recall of ann.nodes": False,
        "recall of ann.documents": True,
    }


def test_what_was_not_measured_fails_and_says_so(versions: Versions) -> None:
    release = dataclasses.replace(versions.new, measured={**versions.new.measured, "powerwalk": {"n_sources": 0}})
    (check,) = check_gate(gate(min_precision=0.0), release, None)
    assert not check.passed
    assert str(check) == "precision@50 of powerwalk was not measured (min_precision = 0)"


@pytest.mark.parametrize("name", FOUND)
def test_a_largest_drift_is_held(versions: Versions, name: str) -> None:
    found = FOUND[name]
    for allowed in (0.0, 0.05, 0.1, 0.125, 0.2, 0.25, 0.3, 1.0):
        (check,) = check_gate(gate(**{name: allowed}), versions.new, DRIFT)
        assert check.found == found
        assert check.passed == (found is None or found <= allowed)


@pytest.mark.parametrize("name", FOUND)
def test_drift_without_a_version_before_passes_and_says_so(versions: Versions, name: str) -> None:
    (check,) = check_gate(gate(**{name: 0.0}), versions.new, None, "this is the first version")
    assert check.passed
    assert str(check).endswith(f"this is the first version ({name} = 0)")


def test_every_threshold_has_a_check_and_says_what_it_needs(versions: Versions) -> None:
    names = [field.name for field in dataclasses.fields(GateParams)]
    assert list(NEEDS) == names
    everything = gate(**dict.fromkeys(names, 1))
    assert [
        check.name for check in check_gate(everything, versions.new, DRIFT) if check.what != "recall of ann.nodes"
    ] == names


@pytest.mark.parametrize(
    ("name", "value"),
    [("min_recall", 1.5), ("max_nodes_lost", -0.1), ("min_nodes", -1), ("max_ranking_churn", float("nan"))],
)
def test_a_threshold_nobody_can_mean_is_refused(name: str, value: float) -> None:
    with pytest.raises(InvalidParams, match=name):
        gate(**{name: value})


@pytest.mark.parametrize("name", NEEDS)
def test_a_threshold_without_its_table_is_refused(name: str, tmp_path: Path) -> None:
    other = {"corpus": {"source": "d.jsonl"}} if NEEDS[name] != ("corpus",) else {"graph": {"source": "e.tsv"}}
    with pytest.raises(InvalidConfig, match=rf"gate\.{name}: needs the table \[{NEEDS[name][0]}\]"):
        parse_config({"name": "g", "gate": {name: 1}, **other}, "g.toml", tmp_path)


def test_an_unknown_threshold_names_the_nearest(tmp_path: Path) -> None:
    raw = {"name": "g", "graph": {"source": "e.tsv"}, "gate": {"max_node_lost": 0.1}}
    with pytest.raises(InvalidConfig, match=r"gate\.max_node_lost: unknown key; did you mean 'max_nodes_lost'\?"):
        parse_config(raw, "g.toml", tmp_path)


def night(small_config: Path, small_store: Store, tmp_path: Path, *overrides: str) -> tuple[Store, Config]:
    """A store with the first version, and the config of a changed second one."""
    store = Store.open(shutil.copytree(small_store.root, tmp_path / "store"))
    shutil.copytree(small_config.parent, tmp_path / "sources")
    change_sources(tmp_path / "sources")
    return store, read_config(tmp_path / "sources" / small_config.name, overrides)


def test_a_withheld_version_is_kept_and_the_one_before_answers(
    small_config: Path, small_store: Store, tmp_path: Path
) -> None:
    store, config = night(
        small_config, small_store, tmp_path, "gate.max_nodes_lost=0.01", "gate.min_nodes=297", "gate.max_edges_lost=0.9"
    )
    before = current_version(store, "small")
    answer = Engine.open(store, "small").similar(["n001"])
    with pytest.raises(GateFailed) as caught:
        run_build(config, store)
    assert current_version(store, "small") == before
    assert Engine.open(store, "small").similar(["n001"]) == answer
    failed = caught.value
    assert failed.failed == ("nodes 295 (min_nodes = 297)", "nodes lost 0.0333333 (max_nodes_lost = 0.01)")
    assert str(failed).endswith(f"or serve it all the same with: purlieu rollback small {failed.version}")
    assert damage(store, read_release(store, "small", failed.version))[1] == []
    assert is_withheld(store, "small", failed.version)
    assert "**withheld** by the quality gate: nodes 295" in read_report(store, "small", failed.version, "md")
    assert {check["name"]: check["passed"] for check in read_facts(store, "small", failed.version)["gate"]} == {
        "min_nodes": False,
        "max_nodes_lost": False,
        "max_edges_lost": True,
    }


def test_a_withheld_version_is_held_against_the_gate_again_and_passes_a_looser_one(
    small_config: Path, small_store: Store, tmp_path: Path
) -> None:
    store, config = night(small_config, small_store, tmp_path, "gate.max_nodes_lost=0.01")
    ran: list[str] = []
    for _ in range(2):
        with pytest.raises(GateFailed) as caught:
            run_build(config, store)
        assert len(releases(store, "small")) == 2
    loose = dataclasses.replace(config, gate=gate(max_nodes_lost=0.1))
    report = run_build(loose, store, say=ran.append)
    assert all(stage.cached for stage in report.stages)
    assert report.published
    assert report.version == caught.value.version == current_version(store, "small")
    assert not is_withheld(store, "small", report.version)
    assert ran == []


def test_a_version_published_by_hand_is_not_withheld_again(
    small_config: Path, small_store: Store, tmp_path: Path
) -> None:
    store, config = night(small_config, small_store, tmp_path, "gate.max_nodes_lost=0.01")
    with pytest.raises(GateFailed) as caught:
        run_build(config, store)
    point_current(store, "small", caught.value.version)
    assert run_build(config, store).unchanged
    assert run_build(config, store, force=["lsh"]).version == caught.value.version


def test_the_first_version_meets_qualities_and_has_no_drift(
    small_config: Path, small_store: Store, tmp_path: Path
) -> None:
    store = Store.open(shutil.copytree(small_store.root, tmp_path / "store"))
    shutil.rmtree(store.root / "indexes")
    with pytest.raises(GateFailed, match=r"nodes 300 \(min_nodes = 500\)"):
        run_build(read_config(small_config, ("gate.min_nodes=500", "gate.max_nodes_lost=0")), store)
    assert current_version(store, "small") is None
    report = run_build(read_config(small_config, ("gate.min_nodes=100", "gate.max_nodes_lost=0")), store)
    assert current_version(store, "small") == report.version
    facts = read_facts(store, "small", report.version)
    assert [check["note"] for check in facts["gate"]] == ["", "this is the first version"]


def damage_bytes(artifact: Path) -> str:
    victim = artifact / "indices.npy"
    victim.write_bytes(victim.read_bytes()[:-8] + b"\xff" * 8)
    return f"is damaged ({victim}"


def damage_manifest(artifact: Path) -> str:
    manifest = artifact / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"query"', '"qvery"'))
    return f"is damaged ({manifest}: the manifest is not as it was written (its seal does not fit)"


@pytest.mark.parametrize(("stage", "harm"), [("graph", damage_bytes), ("powerwalk", damage_manifest)])
def test_a_damaged_served_version_does_not_keep_a_whole_one_from_being_served(
    small_config: Path, small_store: Store, tmp_path: Path, stage: str, harm: Callable[[Path], str]
) -> None:
    store, config = night(small_config, small_store, tmp_path, "gate.max_nodes_lost=0")
    what = harm(store.objects / read_release(store, "small").stages[stage])
    said: list[str] = []
    report = run_build(config, store, say=said.append)
    assert current_version(store, "small") == report.version
    assert len(said) == 1
    assert said[0].startswith(f"drift was not measured: the served version {what}")


def test_thresholds_do_not_change_what_a_version_is(small_config: Path, small_store: Store) -> None:
    report = run_build(read_config(small_config, ("gate.min_nodes=1", "retention.keep=9")), small_store)
    assert report.unchanged
