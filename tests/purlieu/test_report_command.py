"""What an operator sees of reports, of the gate and of retention on the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from artifacts.locks import locked
from purlieu.main import main
from tests.purlieu.said import files, refused, said


@pytest.fixture
def store(small_store: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return Path(shutil.copytree(small_store, tmp_path / "store"))


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    """A config of two edges, cheap to build in many versions."""
    (tmp_path / "edges.tsv").write_text("a\tb\nb\tc\n")
    config = tmp_path / "g.toml"
    config.write_text('name = "g"\n[graph]\nsource = "edges.tsv"\n[communities]\nnum_perm = 16\n')
    return config


def build(config: Path, store: Path, seed: int, *settings: str) -> list[str]:
    """Words of a build of the version with this seed."""
    words = ["build", str(config), "--no-prefect", "--store", str(store), "--set", f"communities.seed={seed}"]
    return words + [word for setting in settings for word in ("--set", setting)]


def versions(capsys: pytest.CaptureFixture[str], store: Path) -> dict[str, str]:
    """Every version with its state."""
    rows = json.loads(said(capsys, "ls", "--store", store, "--json").out)["versions"]
    return {row["version"]: "served" if row["current"] else "withheld" if row["withheld"] else "" for row in rows}


def test_the_report_is_printed_written_and_told_as_facts(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    version = next((store / "indexes" / "small" / "versions").glob("*.json")).stem
    got = said(capsys, "report", "small", "--store", store)
    assert got.out.startswith(f"# small@{version}\n")
    assert said(capsys, "report", f"small@{version[:5]}", "--store", store).out == got.out
    target = tmp_path / "night.html"
    assert said(capsys, "report", "small", "--html", target, "--store", store).out == f"wrote {target}\n"
    assert target.read_text().startswith("<!doctype html>")
    facts = json.loads(said(capsys, "report", "small", "--json", "--store", store).out)
    assert (facts["version"], facts["outcome"]) == (version, "published")
    assert f"purlieu report small@{version}" in said(capsys, "show", "small", "--store", store).out


def test_a_version_without_a_report_and_a_place_that_is_none_are_refused(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(store)
    assert "no version 'ffff' in index small" in refused(capsys, 3, "report", "small@ffff", "--store", store)
    words = ("report", "small", "--html", tmp_path / "none" / "r.html", "--store", store)
    assert "a file in a directory that exists" in refused(capsys, 2, *words)
    assert "a file in a directory that exists" in refused(capsys, 2, *words[:3], tmp_path, *words[4:])
    assert files(store) == before
    shutil.rmtree(store / "indexes" / "small" / "reports")
    for more in ((), ("--html", tmp_path / "r.html"), ("--json",)):
        error = refused(capsys, 4, "report", "small", "--store", store, *more)
        assert "there is no report of this version; purlieu show small@" in error
    assert not (tmp_path / "r.html").exists()
    assert said(capsys, "ls", "--store", store).code == 0


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff"])
def test_damaged_facts_are_refused_and_hide_nothing_else(
    store: Path, capsys: pytest.CaptureFixture[str], text: bytes
) -> None:
    next((store / "indexes" / "small" / "reports").glob("*.json")).write_bytes(text)
    refused(capsys, 4, "report", "small", "--store", store, "--json")
    assert said(capsys, "report", "small", "--store", store).code == 0
    assert said(capsys, "ls", "--store", store).code == 0


def test_a_withheld_version_is_one_line_is_listed_and_can_be_served(
    graph: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "store"
    assert main(build(graph, store, 0)) == 0
    error = refused(capsys, 1, *build(graph, store, 1, "gate.min_nodes=4"), "--json")
    assert "the gate found: nodes 3 (min_nodes = 4); read purlieu report g@" in error
    version = error.rpartition(" ")[2]
    assert sorted(versions(capsys, store).values()) == ["served", "withheld"]
    assert versions(capsys, store)[version] == "withheld"
    assert ", withheld by the quality gate\n" in said(capsys, "show", f"g@{version}", "--store", store).out
    assert "**withheld**" in said(capsys, "report", f"g@{version}", "--store", store).out
    assert said(capsys, *error.rpartition("with: purlieu ")[2].split(), "--store", store).code == 0
    assert versions(capsys, store)[version] == "served"


def test_gc_takes_the_reports_of_what_it_removes(
    graph: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "store"
    for seed in range(3):
        assert main(build(graph, store, seed)) == 0
    assert said(capsys, "gc", "--keep", 1, "--store", store).code == 0
    left = {path.stem for path in (store / "indexes" / "g" / "reports").iterdir()}
    assert left == set(versions(capsys, store))
    assert "served" in versions(capsys, store).values()


def test_retention_follows_a_build_and_says_what_went(
    graph: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "store"
    for seed in range(2):
        assert main(build(graph, store, seed, "retention.keep=1")) == 0
    (first,) = (version for version, state in versions(capsys, store).items() if state != "served")
    assert main(build(graph, store, 2, "retention.keep=1")) == 0
    assert f"note: retention removed {first}: " in capsys.readouterr().err
    assert sorted(versions(capsys, store).values()) == ["", "served"]
    assert said(capsys, "verify", "g", "--store", store).code == 0
    assert main(build(graph, store, 0, "retention.keep=1")) == 0  # its shared graph was kept
    assert {path.name.partition("-")[0] for path in (store / "objects").iterdir()} == {"graph", "signatures", "lsh"}
    assert len(list((store / "objects").iterdir())) == 5


def test_retention_gives_way_to_another_build(graph: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = tmp_path / "store"
    for seed in range(2):
        assert main(build(graph, store, seed)) == 0
    capsys.readouterr()
    with locked(store / "locks" / "gc", "build", shared=True):
        assert main(build(graph, store, 2, "retention.keep=1")) == 0
    assert "note: retention was left to the next build: " in capsys.readouterr().err
    assert len(versions(capsys, store)) == 3
    assert main(build(graph, store, 2, "retention.keep=1")) == 0  # nothing new to build, and the store is free
    assert len(versions(capsys, store)) == 2


def test_a_damaged_release_stops_retention_and_not_the_build(
    graph: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "store"
    for seed in range(2):
        assert main(build(graph, store, seed)) == 0
    (store / "indexes" / "g" / "versions" / "0123456789ab.json").write_text("{")
    objects = set((store / "objects").iterdir())
    capsys.readouterr()
    assert main(build(graph, store, 2, "retention.keep=1")) == 0
    assert "note: retention removed nothing: " in capsys.readouterr().err
    assert objects < set((store / "objects").iterdir())
