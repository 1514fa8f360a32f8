"""``purlieu health``: what monitoring gets to see."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from purlieu.commands.health import duration
from purlieu.main import main
from tests.purlieu.said import refused, said
from tests.small import write_small

GRAPH_ONLY = 'name = "tiny"\n[graph]\nsource = "edges.tsv"\ntype_weights = { strong = 1.0, weak = 0.25, never = 0.0 }\n'


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one good build of ``tiny``, beside its config."""
    directory = tmp_path_factory.mktemp("health")
    config = write_small(directory).with_name("tiny.toml")
    config.write_text(GRAPH_ONLY)
    assert main(["build", str(config), "--no-prefect", "--store", str(directory / "store")]) == 0
    return directory


@pytest.fixture
def home(built: Path, tmp_path: Path) -> Path:
    return shutil.copytree(built, tmp_path / "home")


def test_a_fresh_index_is_healthy(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    got = said(capsys, "health", "tiny", "--max-age", "26h", "--store", home / "store")
    assert got.code == 0
    assert "tiny: serving " in got.out
    assert "last build that succeeded: published, ended " in got.out
    document = json.loads(said(capsys, "health", "tiny", "--store", home / "store", "--json").out)
    assert document["healthy"]
    assert document["why"] == []
    assert document["success"]["outcome"] == "published"
    assert document["running"] is None


def test_a_failed_build_makes_it_unhealthy_and_the_next_one_mends_it(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "edges.tsv").rename(home / "away.tsv")
    for _ in range(2):
        assert main(["build", str(home / "tiny.toml"), "--no-prefect", "--store", str(home / "store")]) == 3
    got = said(capsys, "health", "tiny", "--store", home / "store")
    assert got.code == 1
    assert got.error.startswith("tiny is not healthy: the last build failed: ")
    assert "edges.tsv: no such file" in got.error
    assert "failed since then: 2" in got.out
    assert "serving" in got.out
    (home / "away.tsv").rename(home / "edges.tsv")
    assert main(["build", str(home / "tiny.toml"), "--no-prefect", "--store", str(home / "store")]) == 0
    document = json.loads(said(capsys, "health", "tiny", "--store", home / "store", "--json").out)
    assert (document["healthy"], document["failed_since"]) == (True, 0)
    assert document["success"]["outcome"] == "unchanged"


def test_success_that_is_too_old_is_unhealthy(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal = home / "store" / "indexes" / "tiny" / "journal.json"
    document = json.loads(journal.read_text())
    document["attempts"][0]["started"] = "2020-01-01T00:00:00+00:00"
    journal.write_text(json.dumps(document))
    assert said(capsys, "health", "tiny", "--store", home / "store").code == 0
    got = said(capsys, "health", "tiny", "--max-age", "26h", "--store", home / "store")
    assert got.code == 1
    assert "26 h are allowed" in got.error


def test_an_index_that_is_not_there_is_named(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no index 'tony'" in refused(capsys, 3, "health", "tony", "--store", home / "store")


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("15min", 900), ("15m", 900), ("26h", 93600), ("1.5 d", 129600)]
)
def test_ages_may_have_units(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-1h", "1w", "nan"])
def test_what_is_no_age_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "health", "tiny", f"--max-age={text}").code == 2
