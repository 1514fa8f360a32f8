"""The flow on a real, embedded Prefect server: a build is a run with one task per stage, and leaves its artifacts."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.small import write_small

GRAPH_ONLY = """
name = "tiny"
[graph]
source = "edges.tsv"
type_weights = { strong = 1.0, weak = 0.25, never = 0.0 }
[communities]
num_perm = 32
"""


def run_build(config: Path, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """``purlieu build`` with a Prefect home of its own and no server to find."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return subprocess.run(
        [
            sys.executable,
            "-P",
            "-m",
            "purlieu.main",
            "build",
            str(config),
            "--store",
            str(home / "store"),
            "--json",
            *words,
        ],
        env={**environment, "PREFECT_HOME": str(home / "prefect"), "NO_PROXY": "*"},
        capture_output=True,
        text=True,
        timeout=240,
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prefect")


@pytest.fixture(scope="module")
def config(home: Path) -> Path:
    path = write_small(home / "sources").with_name("tiny.toml")
    path.write_text(GRAPH_ONLY)
    return path


@pytest.fixture(scope="module")
def first(config: Path, home: Path) -> subprocess.CompletedProcess[str]:
    return run_build(config, home)


def test_a_build_is_published_and_says_where_time_went(first: subprocess.CompletedProcess[str]) -> None:
    assert first.returncode == 0, first.stderr
    document = json.loads(first.stdout)
    assert document["published"]
    assert [stage["name"] for stage in document["stages"]] == ["graph", "minhash", "lsh"]
    assert "starting Prefect's embedded server" in first.stderr
    assert "--no-prefect runs the same stages without it" in first.stderr


def test_prefect_knows_the_run_its_tasks_and_its_artifacts(first: subprocess.CompletedProcess[str], home: Path) -> None:
    assert first.returncode == 0, first.stderr
    with closing(sqlite3.connect(home / "prefect" / "prefect.db")) as database:
        flows = [row[0] for row in database.execute("select state_type from flow_run")]
        tasks = {row[0].rpartition("-")[0]: row[1] for row in database.execute("select name, state_type from task_run")}
        artifacts = {row[0] for row in database.execute("select key from artifact where key is not null")}
        shown = database.execute("select key, data from artifact where type = 'progress' and task_run_id is not null")
        progress = {key: float(data) for key, data in shown}
    assert flows == ["COMPLETED"]
    assert tasks == {"graph": "COMPLETED", "minhash": "COMPLETED", "lsh": "COMPLETED"}
    assert artifacts == {"tiny-stages", "tiny-report", "tiny-graph", "tiny-minhash", "tiny-lsh"}
    assert progress == {"tiny-graph": 100.0, "tiny-minhash": 100.0, "tiny-lsh": 100.0}


def test_bad_data_is_one_line_and_is_not_retried(
    first: subprocess.CompletedProcess[str], config: Path, home: Path
) -> None:
    assert first.returncode == 0, first.stderr
    (config.parent / "bad.tsv").write_text("a\tb\nc\n")
    bad = config.with_name("bad.toml")
    bad.write_text('name = "bad"\n[graph]\nsource = "bad.tsv"\n')
    failed = run_build(bad, home)
    assert failed.returncode == 3
    errors = [line for line in failed.stderr.splitlines() if line.startswith("purlieu: ")]
    assert len(errors) == 1
    assert "bad.tsv, line 2" in errors[0]
    assert "Traceback" not in failed.stderr
    assert json.loads(failed.stdout)["error"]["exit_code"] == 3
    with closing(sqlite3.connect(home / "prefect" / "prefect.db")) as database:
        runs = [row[0] for row in database.execute("select run_count from task_run where state_type = 'FAILED'")]
    assert runs == [1]


def test_a_withheld_version_is_a_failed_run_that_leaves_its_report(
    first: subprocess.CompletedProcess[str], config: Path, home: Path
) -> None:
    assert first.returncode == 0, first.stderr
    failed = run_build(config, home, "--set", "communities.seed=1", "--set", "gate.min_nodes=1000")
    assert failed.returncode == 1
    error = json.loads(failed.stdout)["error"]
    assert error["type"] == "GateFailed"
    assert "nodes 300 (min_nodes = 1000)" in error["message"]
    assert "Traceback" not in failed.stderr
    with closing(sqlite3.connect(home / "prefect" / "prefect.db")) as database:
        states = [row[0] for row in database.execute("select state_type from flow_run order by created")]
        reports = [
            row[0] for row in database.execute("select data from artifact where key = 'tiny-report' order by created")
        ]
    assert states[-1] == "FAILED"
    assert [("**withheld**" in text, "**published**" in text) for text in reports] == [(False, True), (True, False)]
